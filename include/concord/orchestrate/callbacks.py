"""What happens when a task is out of retries: an incident in the ledger, and somebody is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from concord.contract import Feed
from concord.errors import TOLD
from concord.orchestrate.tasks import DELIVERY_ID, described, opened

log = logging.getLogger(__name__)

Callback = Callable[[Context], None]


class RunIsRed(AirflowFailException):
    """The run is red because the ledger says so: an outcome, told already, and no incident."""


def report_failure(feed: Feed) -> Callback:
    """A failure callback for the tasks of ``feed``. It never raises and tells no values."""

    def on_failure(context: Context) -> None:
        error = context.get("exception")
        if isinstance(error, (RunIsRed, *TOLD)):
            return
        try:
            _record(feed, context, described(error))
        except Exception as trouble:  # noqa: BLE001 — a callback that fails must not hide what it reports
            unrecorded(context, trouble)

    return on_failure


def _record(feed: Feed, context: Context, error: str) -> None:
    with opened() as site:
        from concord import steps

        steps.fail(feed, delivery_of(context), site, step=context["ti"].task_id, error=error)


def unrecorded(context: Context, trouble: Exception) -> None:
    """Tells people directly of a failure that could not be recorded: Postgres may be away."""
    from concord.orchestrate.channels import tell_directly

    ti, error = context["ti"], described(context.get("exception"))
    tell_directly(
        f"{ti.dag_id}: {ti.task_id} failed, and it could not be recorded",
        f"Task {ti.task_id} of {ti.dag_id} failed: {error}. There is no incident of it: {described(trouble)}.\n\n"
        "Safe: what was committed stays, what was not is not there; files stay in landing.\n\n"
        "Press: see to Postgres first; concord_reconciler mends what was left open.",
    )


def delivery_of(context: Context) -> str | None:
    """The delivery a failed task was about: its own argument, else its run's; None before there is one."""
    task: Any = context.get("task")
    own = (getattr(task, "op_kwargs", None) or {}).get("delivery_id")
    run: Any = context.get("dag_run")
    of_run = (getattr(run, "conf", None) or {}).get("delivery_id")
    return next((str(value) for value in (own, of_run) if DELIVERY_ID.match(str(value))), None)
