"""What every task has: owner, retries with growing pauses, a time limit, and a failure callback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from concord.contract import Feed
from concord.orchestrate.callbacks import report_failure
from concord.orchestrate.retry import BY_REMEDY

RETRIES = 5

LIMITS = {
    "discover": timedelta(minutes=15),
    "wait": timedelta(minutes=15),
    "fetch": timedelta(hours=2),
    "due": timedelta(minutes=10),
    "stage": timedelta(hours=4),
    "plan": timedelta(hours=1),
    "apply": timedelta(hours=2),
    "settle": timedelta(minutes=30),
    "check": timedelta(hours=4),
}
"""Longest believable duration of each task; beyond it the task is stuck, and is tried again."""
USUAL_LIMIT = timedelta(minutes=10)


def patience(owner: str) -> dict[str, Any]:
    """``default_args`` for tasks of ``owner``: how often, how soon and how long is tried.

    Pauses are 30 s, 1, 2, 4 and 8 minutes: a partner's restart fits in.
    """
    return {
        "owner": owner,
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": BY_REMEDY,
        "execution_timeout": USUAL_LIMIT,
    }


def default_args(feed: Feed) -> dict[str, Any]:
    """``default_args`` for the DAGs of ``feed``."""
    return {**patience(feed.owner), "on_failure_callback": [report_failure(feed)]}
