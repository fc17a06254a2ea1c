"""``concord_expectations``: every quarter of an hour, asks the ledger whether every feed has what was promised.

What is late, missing or stale becomes an incident, one per feed and cause, and closes by itself when the
delivery arrives. No partner is asked; but while a delivery is awaited, the feed's watch is started again
every hour, since its own schedule looks once a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from concord.orchestrate.contracts import readable
from concord.orchestrate.operations import care
from concord.orchestrate.runs import open_run
from concord.orchestrate.tasks import Counts, opened
from concord.orchestrate.watch import watch_id

EXPECTATIONS = "concord_expectations"


def expectations_dag() -> DAG:
    """Builds the expectations DAG."""

    @task(multiple_outputs=False)
    def expect() -> Counts:
        """Opens and closes the incidents, and starts the watch of every feed whose delivery is awaited."""
        with opened() as site:
            from concord import steps

            found: Counts = steps.expect(readable().sound, site)
        return {**found, "opened": open_watches(found["look"], datetime.now(UTC))}

    with DAG(
        dag_id=EXPECTATIONS,
        description="Tells what is late, missing or stale, and looks again while it may still come.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        default_args={**care(), "retries": 1},
        tags=["operations"],
    ) as dag:
        expect()
    return dag


def open_watches(feeds: Iterable[str], now: datetime) -> int:
    """Opens a watch run of each feed, at most one an hour; returns how many were new."""
    return sum(open_run(watch_id(feed), f"again_{now:%Y-%m-%dT%H}", {}) for feed in feeds)
