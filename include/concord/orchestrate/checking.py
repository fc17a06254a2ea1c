"""``concord_check``: every night, asks whether what must hold of tables, ledger, accounting and archive does.

The night before Monday it reads every byte of the archive as well; the form does so at any time.
A run is red when a rule is broken. The incident of that rule names the ids and what to press, and closes
by itself when a later run finds nothing. Nothing is repaired here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, get_current_context, task

from concord.orchestrate.callbacks import RunIsRed
from concord.orchestrate.defaults import LIMITS
from concord.orchestrate.operations import care
from concord.orchestrate.tasks import Counts, opened

CHECK = "concord_check"
SUNDAY = 6


def check_dag() -> DAG:
    """Builds the check DAG."""

    @task(multiple_outputs=False, execution_timeout=LIMITS["check"])
    def check() -> Counts:
        """Reports every broken rule, and is red where there is one."""
        with opened() as site:
            from concord import steps

            outcome: Counts = steps.check(site, deep=is_deep(get_current_context()))
        if outcome["findings"]:
            codes = ", ".join(f"{code} {count}" for code, count in outcome["codes"].items())
            raise RunIsRed(f"{outcome['findings']} findings: {codes}; `concord incidents` has ids and what to press")
        return outcome

    with DAG(
        dag_id=CHECK,
        description="Checks at night that what must hold does: red where it does not.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("30 23 * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        params={
            "deep": Param(False, type="boolean", title="Deep", description="Read every byte of the archive."),
        },
        default_args=care(),
        tags=["operations"],
    ) as dag:
        check()
    return dag


def is_deep(context: Any) -> bool:
    """Whether the form asks for every byte, or the clock does (Sunday's scheduled run)."""
    run = context["dag_run"]
    return bool(context["params"]["deep"]) or (run.run_type == "scheduled" and run.run_after.weekday() == SUNDAY)
