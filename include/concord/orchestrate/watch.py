"""``<feed>_watch``: look, fetch, land, and open a run for every delivery that may start.

Level-triggered: ``due`` asks the ledger for all that may start, so what an earlier
run could not open is opened by the next, and one failed fetch holds up no other.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule, task

from concord.contract import Feed
from concord.orchestrate.deadlines import watch_deadline
from concord.orchestrate.defaults import LIMITS, default_args
from concord.orchestrate.documentation import headline, watch_page
from concord.orchestrate.exports import AwaitExport
from concord.orchestrate.tasks import Counts, opened
from concord.pools import pool_name

FETCHES_AT_A_TIME = 2


def watch_id(feed_name: str) -> str:
    """The id of the watch DAG of ``feed_name``."""
    return f"{feed_name}_watch"


def timetable(feed: Feed) -> CronTriggerTimetable:
    """The contract's schedule in its time zone. A new DAG waits for its first slot: it does not fire when unpaused."""
    return CronTriggerTimetable(feed.schedule.cron, timezone=feed.schedule.tz, run_immediately=timedelta(0))


def watch_dag(feed: Feed) -> DAG:
    """Builds the watch DAG of ``feed``."""
    pool = pool_name(feed.partner)

    @task(pool=pool, execution_timeout=LIMITS["discover"])
    def discover() -> list[str]:
        """Ids of the deliveries that are new at the partner, or of the exports that are on their way."""
        with opened() as site:
            from concord import steps
            from concord.orchestrate.access import fhir_access, sftp_access

            if feed.pulls:
                return steps.ask(feed, fhir_access(feed.source.conn_id), site)
            return steps.discover(feed, sftp_access(feed.source.conn_id), site)

    @task(
        multiple_outputs=False,
        pool=pool,
        execution_timeout=LIMITS["fetch"],
        max_active_tis_per_dag=FETCHES_AT_A_TIME,
        map_index_template="{{ task.op_kwargs['delivery_id'] }}",
    )
    def fetch(delivery_id: str) -> Counts:
        """Lands one delivery."""
        with opened() as site:
            from concord import steps
            from concord.orchestrate.access import fhir_access, pgp_access, sftp_access

            if feed.pulls:
                return steps.fetch_export(feed, delivery_id, fhir_access(feed.source.conn_id), site)
            return steps.fetch(feed, delivery_id, sftp_access(feed.source.conn_id), site, pgp_access(feed))

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE, execution_timeout=LIMITS["due"])
    def due() -> list[Counts]:
        """Every landed delivery that may start, as arguments of ``open_run``."""
        with opened() as site:
            from concord import steps

            return steps.open_runs(feed, site)

    with DAG(
        dag_id=watch_id(feed.name),
        description=f"Watches for deliveries: {headline(feed)}",
        doc_md=watch_page(feed),
        schedule=timetable(feed),
        catchup=False,
        max_active_runs=1,
        deadline=watch_deadline(feed),
        default_args=default_args(feed),
        tags=sorted({"watch", feed.partner, *feed.tags}),
    ) as dag:
        found = discover()
        ready = found
        if feed.pulls:  # the server works on it for hours or weeks; no worker is held meanwhile
            wait = AwaitExport.partial(task_id="wait", feed=feed, pool=pool, execution_timeout=LIMITS["wait"])
            ready = wait.expand(delivery_id=found).output
        fetched = fetch.expand(delivery_id=ready)
        wanted = due()
        open_run = TriggerDagRunOperator.partial(
            task_id="open_run",
            trigger_dag_id=feed.name,
            logical_date=None,
            skip_when_already_exists=True,
            openlineage_inject_parent_info=False,
            max_active_tis_per_dagrun=1,
            map_index_template="{{ task.trigger_run_id }}",
        ).expand_kwargs(wanted)
        # `due` runs after a failure as well, so without this leaf the run would be green after one.
        all_fetched = EmptyOperator(task_id="all_fetched", trigger_rule=TriggerRule.NONE_FAILED)
        fetched >> wanted >> open_run
        [found, fetched] >> all_fetched
    return dag
