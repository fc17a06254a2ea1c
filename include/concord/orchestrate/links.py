"""``concord_links``: every hour, finds out who the patients of health systems are among the members of partners.

Links are planned like deliveries: what is new is applied by itself; a link that would go or move waits for a
person (`concord links plan`, `approve`, `decline`), and what rules cannot tell is put to one
(`concord links reviews`). A run in which something waits is green: the incident says what to press.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from concord.orchestrate.operations import care
from concord.orchestrate.tasks import Counts, opened

LINKS = "concord_links"
MAY_TAKE = timedelta(hours=2)


def links_dag() -> DAG:
    """Builds the DAG that links persons."""

    @task(multiple_outputs=False, execution_timeout=MAY_TAKE)
    def link() -> Counts:
        """Plans everybody's links and applies what may be applied."""
        with opened() as site:
            from concord import steps

            return steps.link(site)

    with DAG(
        dag_id=LINKS,
        description="Links patients to members, every hour.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("20 * * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        default_args=care(),
        tags=["operations"],
    ) as dag:
        link()
    return dag
