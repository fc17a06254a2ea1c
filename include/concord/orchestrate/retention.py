"""``concord_retention``: every night, destroys what the contracts say has been kept long enough.

A file goes by its data key: destroyed in the ledger and in the archive, then the ciphertext is removed.
Ledger row, counts, hash, reasons and every version in the tables stay. Legal holds, deliveries that have
not ended and the newest of each feed are left alone.

More of one feed than in an ordinary night (a shortened `retention_days` looks like that) is not destroyed:
the run is red, an incident says what to press, and the form's *confirm* takes the number that is due.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, get_current_context, task

from concord.orchestrate.callbacks import RunIsRed
from concord.orchestrate.contracts import readable
from concord.orchestrate.operations import care
from concord.orchestrate.tasks import Counts, opened, person

RETENTION = "concord_retention"
LIMIT = timedelta(hours=2)


def retention_dag() -> DAG:
    """Builds the retention DAG."""

    @task(multiple_outputs=False, execution_timeout=LIMIT)
    def retain() -> Counts:
        """Destroys what is due, and is red where more is due than usual."""
        params: Any = get_current_context()["params"]
        with opened() as site:
            from concord import steps

            outcome: Counts = steps.retain(
                readable().sound, site, dry_run=bool(params["dry_run"]), confirm=params["confirm"] or None,
                actor=person("concord retention"),
            )  # fmt: skip
        if outcome["stopped"]:
            names = ", ".join(outcome["stopped"])
            raise RunIsRed(f"{names}: more is due than usual, nothing of it was destroyed; see the incident")
        return outcome

    with DAG(
        dag_id=RETENTION,
        description="Destroys files and refused rows whose retention is over.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        params={
            "dry_run": Param(False, type="boolean", title="Dry run", description="Say what is due, destroy nothing."),
            "confirm": Param(
                0,
                type="integer",
                minimum=0,
                title="Confirm",
                description="Destroy more than an ordinary night's: the number of deliveries that is due.",
            ),
        },
        default_args=care(),
        tags=["operations"],
    ) as dag:
        retain()
    return dag
