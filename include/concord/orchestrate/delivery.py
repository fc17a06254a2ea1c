"""``<feed>``: a run is one delivery, from landing to the tables.

``stage → plan → approve → apply → settle``. What a run comes to is decided by the
ledger: ``settle`` runs whatever happened before it, opens the runs that may start
now, and ends red where the delivery was rejected, declined or failed.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from concord.contract import Feed
from concord.orchestrate.answers import answer_partner
from concord.orchestrate.approval import Approve
from concord.orchestrate.assets import core_assets, tell_rows
from concord.orchestrate.callbacks import RunIsRed
from concord.orchestrate.deadlines import delivery_deadline
from concord.orchestrate.defaults import LIMITS, default_args
from concord.orchestrate.documentation import delivery_page, headline
from concord.orchestrate.runs import open_all
from concord.orchestrate.tasks import Counts, opened, this_delivery

OPEN_AT_A_TIME = 16
"""Runs of one feed: a hold keeps its run open, and must not keep the next from starting."""
WRITTEN = ("applied", "published")


def form() -> dict[str, Param]:
    """What a run is told: by the watch DAG, by ``settle``, or by a person who opens a delivery again."""
    return {
        "delivery_id": Param(
            type="string",
            pattern="^[0-9a-z]{8}$",
            title="Delivery",
            description="Its short id, as in `concord deliveries`.",
        ),
        "attempt": Param(1, type="integer", minimum=1, title="Attempt", description="One more than the last attempt."),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Plan only: ask nobody, write nothing."),
    }


def delivery_dag(feed: Feed) -> DAG:
    """Builds the delivery DAG of ``feed``."""

    @task(multiple_outputs=False, execution_timeout=LIMITS["stage"])
    def stage() -> Counts:
        """Reads, judges and stages every line."""
        delivery = this_delivery()
        with opened() as site:
            from concord import steps
            from concord.orchestrate.access import pgp_access

            keys = None if delivery.dry_run else pgp_access(feed)
            return steps.stage(feed, delivery.delivery_id, delivery.attempt, site, dry_run=delivery.dry_run, keys=keys)

    @task(multiple_outputs=False, execution_timeout=LIMITS["plan"])
    def plan() -> Counts:
        """Computes what the delivery would change, and whether that is ordinary."""
        planned = _planned(feed)
        answer_partner(feed)
        return planned

    @task(
        multiple_outputs=False,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        execution_timeout=LIMITS["apply"],
        outlets=core_assets(feed),
    )
    def apply() -> Counts:
        """Writes the plan, where the ledger allows it; skipped, and no asset event, where it does not."""
        delivery = this_delivery()
        if delivery.dry_run:
            raise AirflowSkipException("a dry run writes nothing")
        with opened() as site:
            from concord import steps

            outcome: Counts = steps.apply(feed, delivery.delivery_id, delivery.attempt, site)
        if outcome["state"] not in WRITTEN:
            get_current_context()["ti"].xcom_push(key="return_value", value=outcome)
            raise AirflowSkipException(f"nothing was written: {outcome['state']}")
        tell_rows(feed, delivery.delivery_id, outcome.get("rows", {}))
        return outcome

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE, execution_timeout=LIMITS["settle"])
    def settle() -> Counts:
        """Publishes, opens what may start now, and gives the run its colour."""
        return settled(feed)

    with DAG(
        dag_id=feed.name,
        description=headline(feed),
        doc_md=delivery_page(feed),
        schedule=None,
        catchup=False,
        max_active_runs=OPEN_AT_A_TIME,
        deadline=delivery_deadline(feed),
        params=form(),
        default_args=default_args(feed),
        tags=sorted({"delivery", feed.partner, *feed.tags}),
    ) as dag:
        planned, approved, applied = plan(), Approve(feed=feed), apply()
        stage() >> planned >> approved >> applied >> settle()
        planned >> applied
    return dag


def _planned(feed: Feed) -> Counts:
    """Plans the current run's delivery."""
    delivery = this_delivery()
    with opened() as site:
        from concord import steps

        planned: Counts = steps.plan(feed, delivery.delivery_id, delivery.attempt, site, dry_run=delivery.dry_run)
    return planned


def settled(feed: Feed) -> Counts:
    """Settles the current run's delivery; raises :class:`RunIsRed` after the next runs are open."""
    delivery = this_delivery()
    if delivery.dry_run:
        raise AirflowSkipException("a dry run settles nothing")
    with opened() as site:
        from concord import steps

        outcome: Counts = steps.settle(feed, delivery.delivery_id, delivery.attempt, site)
    opened_runs = open_all(feed, outcome["open"])
    answer_partner(feed)
    if not outcome["ok"]:
        raise RunIsRed(f"{outcome['state']}: {outcome['note']}")
    return {"state": outcome["state"], "note": outcome["note"], "opened": opened_runs}
