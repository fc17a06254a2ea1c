"""What every DAG must have, for every contract: judged on the DAGs as they are built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, TriggerRule, task
from airflow.sdk._shared.module_loading import import_string

from concord.catalogue import feeds
from concord.contract import Feed, FhirBulk
from concord.orchestrate.approval import Approve
from concord.orchestrate.checking import check_dag, is_deep
from concord.orchestrate.connections import connections_dag
from concord.orchestrate.dags import feed_dags
from concord.orchestrate.deadlines import missed
from concord.orchestrate.delivery import delivery_dag
from concord.orchestrate.expectations import expectations_dag
from concord.orchestrate.keys import keys_dag
from concord.orchestrate.operations import reconciler_dag
from concord.orchestrate.replay import replay_dag
from concord.orchestrate.retention import retention_dag
from concord.orchestrate.retry import ByRemedy
from concord.orchestrate.watch import watch_dag
from concord.pools import pool_name, pools, pools_file

pytestmark = pytest.mark.filterwarnings("error:Passing `execution_timeout`")

FEEDS = list(feeds().values())
OPERATIONS = {
    "concord_check",
    "concord_connections",
    "concord_expectations",
    "concord_keys",
    "concord_reconciler",
    "concord_replay",
    "concord_retention",
}


def operations_dags() -> list[DAG]:
    """The DAGs that look after all feeds."""
    return [
        reconciler_dag(),
        check_dag(),
        connections_dag(),
        replay_dag(),
        expectations_dag(),
        keys_dag(),
        retention_dag(),
    ]


DAGS: dict[str, DAG] = {dag.dag_id: dag for dag in [*feed_dags(), *operations_dags()]}
every_feed = pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
every_dag = pytest.mark.parametrize("dag", DAGS.values(), ids=lambda dag: dag.dag_id)


def complaints(dag: DAG) -> Iterator[str]:
    """What ``dag`` lacks; empty for a DAG that keeps the policy."""
    if not dag.tags:
        yield "no tags"
    if not (dag.doc_md or "").strip() or not dag.description:
        yield "no documentation"
    if dag.catchup:
        yield "catches up: the ledger, not the calendar, knows what is missing"
    if dag.dagrun_timeout is not None:
        yield "a dagrun_timeout skips settle"
    for member in dag.tasks:
        yield from (f"{member.task_id}: {what}" for what in task_complaints(member))


def task_complaints(member: Any) -> Iterator[str]:
    if member.owner in ("", "airflow"):
        yield "no owner"
    if member.retries < 1:
        yield "no retries"
    if not isinstance(member.retry_policy, ByRemedy):
        yield "no retry policy"
    if not member.retry_exponential_backoff or not member.max_retry_delay:
        yield "pauses do not grow"
    if member.execution_timeout is None:
        yield "no time limit"
    if not member.on_failure_callback:
        yield "nobody is told of a failure"


@every_dag
def test_every_dag_keeps_the_policy(dag: DAG) -> None:
    assert list(complaints(dag)) == []


def test_a_careless_dag_would_be_found_out() -> None:
    """Negative control."""
    with DAG("careless", schedule=None, catchup=True, dagrun_timeout=timedelta(hours=1)) as dag:

        @task(retries=0)
        def work() -> None: ...

        work()
    assert len(list(complaints(dag))) == 10


@every_feed
def test_every_contract_has_its_two_dags(feed: Feed) -> None:
    assert {feed.name, f"{feed.name}_watch"} <= DAGS.keys()


def test_no_dag_is_without_a_contract() -> None:
    expected = {name for feed in FEEDS for name in (feed.name, f"{feed.name}_watch")}
    assert DAGS.keys() == expected | OPERATIONS


@every_feed
def test_dags_carry_the_contracts_owner_partner_and_text(feed: Feed) -> None:
    for dag in (DAGS[feed.name], DAGS[f"{feed.name}_watch"]):
        assert {feed.partner, *feed.tags} <= dag.tags
        assert {member.owner for member in dag.tasks} == {feed.owner}
        assert dag.doc_md is not None
        assert feed.about.strip().splitlines()[0] in dag.doc_md
        assert feed.source.conn_id in dag.doc_md


@every_feed
def test_a_delivery_is_five_tasks_in_a_row(feed: Feed) -> None:
    dag = DAGS[feed.name]
    assert [member.task_id for member in dag.topological_sort()] == ["stage", "plan", "approve", "apply", "settle"]
    assert [member.task_id for member in dag.leaves] == ["settle"]


@every_feed
def test_a_refusal_or_an_ordinary_plan_lets_apply_go_on_and_settle_always_runs(feed: Feed) -> None:
    dag = DAGS[feed.name]
    assert dag.get_task("apply").upstream_task_ids == {"plan", "approve"}
    assert dag.get_task("apply").trigger_rule == TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert dag.get_task("settle").trigger_rule == TriggerRule.ALL_DONE


@every_feed
def test_a_hold_keeps_no_other_run_from_starting(feed: Feed) -> None:
    assert DAGS[feed.name].max_active_runs >= 16
    assert DAGS[feed.name].timetable.__class__.__name__ == "NullTimetable"


@every_feed
def test_the_watch_runs_on_the_contracts_clock_one_at_a_time(feed: Feed) -> None:
    dag = DAGS[f"{feed.name}_watch"]
    assert dag.max_active_runs == 1
    timetable: Any = dag.timetable
    assert (timetable.expression, str(timetable.timezone)) == (feed.schedule.cron, feed.schedule.tz)


@every_feed
def test_runs_have_deadlines_whose_callback_the_triggerer_can_import(feed: Feed) -> None:
    schedule = feed.schedule
    promised = datetime.fromisoformat(f"2026-11-20T{schedule.expected_by}") - datetime.fromisoformat(
        f"2026-11-20T{schedule.at}"
    )
    waits = feed.source.patience if isinstance(feed.source, FhirBulk) else promised
    for dag_id, within in ((feed.name, timedelta(hours=6)), (f"{feed.name}_watch", waits)):
        (alert,) = DAGS[dag_id].deadline
        assert alert.interval == within
        assert import_string(alert.callback.path) is missed


@every_feed
def test_tasks_that_talk_to_a_partner_share_its_pool(feed: Feed) -> None:
    dag = DAGS[f"{feed.name}_watch"]
    names = ("discover", "wait", "fetch") if isinstance(feed.source, FhirBulk) else ("discover", "fetch")
    assert {dag.get_task(name).pool for name in names} == {pool_name(feed.partner)}
    assert pool_name(feed.partner) in {pool["name"] for pool in pools()}
    assert f'"{pool_name(feed.partner)}"' in pools_file()


@every_feed
def test_one_failed_fetch_holds_up_no_other_delivery_and_still_shows(feed: Feed) -> None:
    dag = DAGS[f"{feed.name}_watch"]
    assert dag.get_task("due").trigger_rule == TriggerRule.ALL_DONE
    assert {leaf.task_id for leaf in dag.leaves} == {"open_run", "all_fetched"}
    assert dag.get_task("all_fetched").upstream_task_ids == {"discover", "fetch"}


@every_feed
def test_runs_are_opened_one_after_the_other_and_never_twice(feed: Feed) -> None:
    open_run: Any = DAGS[f"{feed.name}_watch"].get_task("open_run")
    assert open_run.max_active_tis_per_dagrun == 1
    assert open_run.partial_kwargs["skip_when_already_exists"] is True
    assert open_run.partial_kwargs["trigger_dag_id"] == feed.name


@every_feed
def test_waiting_never_decides_an_approval(feed: Feed) -> None:
    approve: Any = DAGS[feed.name].get_task("approve")
    assert isinstance(approve, Approve)
    assert (approve.response_timeout, approve.defaults, approve.fail_on_reject) == (None, None, False)
    assert set(approve.params) == {"ticket", "reason"}


def test_airflows_own_operator_would_turn_a_time_limit_into_a_decision() -> None:
    """Negative control: why ``Approve`` keeps ``execution_timeout`` from it."""
    with pytest.warns(match="execution_timeout"):
        plain = ApprovalOperator(task_id="plain", subject="?", execution_timeout=timedelta(minutes=1))
    assert plain.response_timeout == timedelta(minutes=1)


@pytest.mark.parametrize("name", ["response_timeout", "execution_timeout", "defaults", "fail_on_reject"])
def test_an_approval_takes_no_time_out_and_no_default(name: str) -> None:
    with pytest.raises(ValueError, match="decides"):
        Approve(feed=FEEDS[0], **{name: "Approve"})


def test_the_dags_of_two_feeds_are_bound_to_their_own_contract() -> None:
    other = replace(FEEDS[0], name="other_feed", partner="other")
    built = [(feed, delivery_dag(feed), watch_dag(feed)) for feed in (FEEDS[0], other)]
    for feed, delivery, watch in built:
        stage: Any = delivery.get_task("stage")
        assert closure(stage.python_callable)["feed"] is feed
        open_run: Any = watch.get_task("open_run")
        assert open_run.partial_kwargs["trigger_dag_id"] == feed.name


def closure(function: Any) -> dict[str, Any]:
    cells = (cell.cell_contents for cell in function.__closure__ or ())
    return dict(zip(function.__code__.co_freevars, cells, strict=True))


@every_feed
def test_the_core_tables_are_assets_of_apply_and_of_nothing_else(feed: Feed) -> None:
    dag = DAGS[feed.name]
    outlets = {member.task_id: [asset.name for asset in member.outlets] for member in dag.tasks if member.outlets}
    assert outlets == {"apply": [f"core.{entity.name}" for entity in feed.entities]}


def test_the_reconciler_comes_every_five_minutes() -> None:
    timetable: Any = DAGS["concord_reconciler"].timetable
    assert timetable.expression == "*/5 * * * *"
    assert DAGS["concord_reconciler"].max_active_runs == 1


def asked(run_type: str, day: int, deep: bool = False) -> dict[str, Any]:
    """The context of a run of ``concord_check`` on the ``day`` of November 2026."""
    run = SimpleNamespace(run_type=run_type, run_after=datetime(2026, 11, day, 23, 30, tzinfo=UTC))
    return {"dag_run": run, "params": {"deep": deep}}


def test_every_byte_is_read_in_the_night_before_monday_and_where_the_form_says_so() -> None:
    saturday, sunday = 21, 22
    assert is_deep(asked("scheduled", sunday))
    assert not is_deep(asked("scheduled", saturday))
    assert is_deep(asked("manual", saturday, deep=True))
    assert not is_deep(asked("manual", sunday))


def test_dag_files_say_the_words_that_airflow_looks_for() -> None:
    """A file without "airflow" and "dag" is skipped in silence."""
    files = list((Path(__file__).parents[2] / "dags").glob("*.py"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8").lower()
        assert "airflow" in text
        assert "dag" in text
