"""One pool per partner: how many of our tasks may talk to a partner's systems at a time.

A DAG only names its pool; a task whose pool does not exist is never queued. Whoever sets
Airflow up creates the pools (``python -m concord.pools > pools.json``, ``airflow pools
import pools.json``, or each of :func:`pools` by POST to ``/api/v2/pools``), and again
after a new partner. No import of Airflow: launchers use it too.
"""

from __future__ import annotations

import json
import sys
from typing import TypedDict

from concord.catalogue import feeds

SLOTS = 2
"""Partners' SFTP servers commonly allow a handful of sessions per account."""


class Pool(TypedDict):
    """One pool as Airflow's API takes it."""

    name: str
    slots: int
    description: str


def pool_name(partner: str) -> str:
    """The pool of ``partner``."""
    return f"partner_{partner}"


def pools() -> list[Pool]:
    """The pools of all partners, by name; raises :class:`ContractError` as :func:`feeds` does."""
    partners = sorted({feed.partner for feed in feeds().values()})
    return [
        Pool(name=pool_name(partner), slots=SLOTS, description=f"tasks that talk to {partner} at a time")
        for partner in partners
    ]


def pools_file() -> str:
    """The text of the file that ``airflow pools import`` reads."""
    wanted = {
        pool["name"]: {"slots": pool["slots"], "description": pool["description"], "include_deferred": False}
        for pool in pools()
    }
    return json.dumps(wanted, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(pools_file())
