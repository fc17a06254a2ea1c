"""``concord_reconciler``: every five minutes, mends what a crash left open.

A worker that dies, a run marked failed by hand or an approval answered in the shell
leave ledger and Airflow apart. The ledger is right; this DAG brings Airflow after it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule, task

from concord.airflow_api import AirflowApi, AirflowRefused, RequiredAction
from concord.contract import Feed
from concord.errors import ConcordError
from concord.orchestrate.approval import Approve
from concord.orchestrate.callbacks import RunIsRed, unrecorded
from concord.orchestrate.contracts import readable
from concord.orchestrate.defaults import patience
from concord.orchestrate.runs import open_all
from concord.orchestrate.tasks import DELIVERY_ID, Counts, described, opened
from concord.settings import SettingMissing, Settings

if TYPE_CHECKING:
    from concord.steps import Site

log = logging.getLogger(__name__)

RECONCILER = "concord_reconciler"
OWNER = "operations"
ANSWERS = {"approve": Approve.APPROVE, "decline": Approve.REJECT}
TOO_LATE = (404, 409)
NOT_THERE = 404


class Unfinished(ConcordError):
    """Some feeds could not be seen to; the others were."""


def on_failure(context: Any) -> None:
    """Records that a DAG that looks after all feeds is itself in trouble. Never raises."""
    ti, error = context["ti"], context.get("exception")
    if isinstance(error, RunIsRed):
        return
    try:
        with opened() as site:
            from concord import steps

            steps.in_trouble(site, ti.dag_id, ti.task_id, described(error))
    except Exception as trouble:  # noqa: BLE001 — a callback that fails must not hide what it reports
        unrecorded(context, trouble)


def on_success(context: Any) -> None:
    """Closes what :func:`on_failure` opened. Never raises: the next success closes it."""
    ti = context["ti"]
    try:
        with opened() as site:
            from concord import steps

            steps.out_of_trouble(site, ti.dag_id, ti.task_id)
    except Exception as trouble:  # noqa: BLE001 — a callback that fails must not hide what it reports
        log.error("an incident could not be closed: %s", described(trouble))  # noqa: TRY400 — no traceback: it may quote values


def care() -> dict[str, Any]:
    """``default_args`` of the DAGs that look after all feeds."""
    return {**patience(OWNER), "on_failure_callback": [on_failure], "on_success_callback": [on_success]}


def reconciler_dag() -> DAG:
    """Builds the reconciler DAG."""

    @task(multiple_outputs=False)
    def repair_ledger() -> Counts:
        """Repairs what a crash left open and escalates what waits too long."""
        with opened() as site:
            from concord import steps

            contracts = readable()
            return steps.reconcile_ledger(contracts.sound, site, broken=contracts.broken)

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def answer_approvals() -> Counts:
        """Answers approvals in Airflow that the ledger has decided."""
        with opened() as site:
            return {"answered": answer_decided(site)}

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def revive_lost() -> Counts:
        """Opens a new attempt of every delivery whose run is gone, or ended without it."""
        with opened() as site:
            return {"revived": revive_all(site)}

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def open_runs() -> Counts:
        """Opens the runs that should be open and are not."""
        with opened() as site:
            return {"opened": open_due(site)}

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def answer_partners() -> Counts:
        """Sends what partners are owed and could not be given; who cannot be reached is told by an incident."""
        with opened() as site:
            return {"waiting": unanswered(site)}

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def tell_people() -> Counts:
        """Tells what no task could tell: a channel refused, or the task was killed."""
        with opened() as site:
            return {"told": told(site)}

    @task(multiple_outputs=False, trigger_rule=TriggerRule.ALL_DONE)
    def anchor_audit() -> Counts:
        """Keeps the heads of the audit trail outside the database; fails where the trail is not what was kept."""
        with opened() as site:
            from concord import steps

            return steps.anchor_audit(site)

    with DAG(
        dag_id=RECONCILER,
        description="Brings Airflow after the ledger, and tells who waits too long.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        default_args={**care(), "retries": 1},
        tags=["operations"],
    ) as dag:
        repair_ledger() >> answer_approvals() >> revive_lost() >> open_runs() >> answer_partners() >> tell_people()
        anchor_audit()
    return dag


def unanswered(site: Site) -> int:
    """Sends every partner what is due; returns of how many feeds it could not be sent."""
    from concord import steps
    from concord.orchestrate.access import sftp_access

    return len(steps.answer_all(readable().sound, lambda feed: sftp_access(feed.source.conn_id), site))


def told(site: Site) -> int:
    """Tells what is left to tell; returns how much. Raises :class:`Unfinished` where a channel refuses."""
    from concord import steps
    from concord.orchestrate.channels import channels

    outcome = steps.tell(site, channels(site.settings))
    if outcome.refusals:
        raise Unfinished("; ".join(f"{name} did not take a message: {why}" for name, why in outcome.refusals.items()))
    return outcome.notices


def answer_decided(site: Site) -> int:
    """Answers every waiting approval whose delivery the ledger has decided; returns how many."""
    from concord import steps

    by_name = {feed.name: feed for feed in readable().sound}
    answered = 0
    with airflow_api(site.settings) as airflow:
        for waiting in airflow.required_actions():
            feed = by_name.get(waiting.dag)
            delivery_id = feed and _delivery(airflow, waiting)
            verdict = steps.standing(feed, delivery_id, site) if feed and delivery_id else None
            if verdict is not None:
                answered += _answered(airflow, waiting, verdict)
    return answered


def airflow_api(settings: Settings) -> AirflowApi:
    """A client that acts as the service account: a task's own token cannot answer another run's approval."""
    if not (settings.airflow_url and settings.airflow_user and settings.airflow_password):
        raise SettingMissing("CONCORD_AIRFLOW_URL, CONCORD_AIRFLOW_USER or CONCORD_AIRFLOW_PASSWORD is not set")
    return AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password)


def _delivery(airflow: AirflowApi, waiting: RequiredAction) -> str | None:
    """The delivery of the run that waits; a run opened by hand has any id, so its form is asked."""
    conf = airflow.run(waiting.dag, waiting.run_id).get("conf") or {}
    return str(conf["delivery_id"]) if DELIVERY_ID.match(str(conf.get("delivery_id"))) else None


def _answered(airflow: AirflowApi, waiting: RequiredAction, verdict: str) -> bool:
    """Answers with ``verdict``; False where somebody was first, or the run is gone."""
    try:
        airflow.answer(waiting.dag, waiting.run_id, waiting.task, ANSWERS[verdict])
    except AirflowRefused as refused:
        if refused.status in TOO_LATE:
            return False
        raise
    return True


def revive_all(site: Site) -> int:
    """Replaces lost runs of every feed; returns how many."""
    from concord import steps

    revived = 0
    with airflow_api(site.settings) as airflow:
        for feed in readable().sound:
            for left in steps.unattended(feed, site):
                if _is_over(airflow, feed.name, left["run_id"]):
                    successors = steps.revive(feed, left["delivery_id"], left["attempt"], site)
                    revived += open_all(feed, successors)
                    _note_successors(airflow, feed.name, left["run_id"], successors)
    return revived


def _note_successors(airflow: AirflowApi, dag: str, run_id: str, successors: Iterable[Mapping[str, Any]]) -> None:
    """Says beside a lost run, which stays red, that another one took over; nothing where the run is gone."""
    for successor in successors:
        text = f"Lost. {RECONCILER} opened {successor['trigger_run_id']} in its place: nothing is to be done here."
        try:
            airflow.note(dag, run_id, text)
        except AirflowRefused as refused:
            if refused.status != NOT_THERE:
                raise


def _is_over(airflow: AirflowApi, dag: str, run_id: str) -> bool:
    """Whether no run works on it any more: it ended, or somebody deleted it."""
    try:
        return airflow.run(dag, run_id).get("state") in ("success", "failed")
    except AirflowRefused as refused:
        if refused.status == NOT_THERE:
            return True
        raise


def open_due(site: Site) -> int:
    """Opens due runs of every feed; one feed's trouble does not hold up another. Returns how many were new."""
    from concord import steps

    opened_runs, troubled = 0, []
    for feed in readable().sound:
        try:
            opened_runs += open_all(feed, steps.open_runs(feed, site))
        except ConcordError as error:
            troubled.append(_told(feed, error))
    if troubled:
        raise Unfinished("; ".join(troubled))
    return opened_runs


def _told(feed: Feed, error: ConcordError) -> str:
    return f"{feed.name}: {described(error)}"
