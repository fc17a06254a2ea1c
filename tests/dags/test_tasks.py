"""What tasks do around a step: colours, openings, failures told without values, approvals."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException, ErrorType, TaskAwaitingInput
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

from concord import steps
from concord.airflow_api import AirflowRefused, RequiredAction
from concord.catalogue import feed as feed_of
from concord.errors import DeliveryRejected, NeedsDecision, SourceUnavailable
from concord.incidents import Severity
from concord.orchestrate import (
    access,
    approval,
    channels,
    checking,
    deadlines,
    delivery,
    expectations,
    operations,
    runs,
    tasks,
)
from concord.orchestrate.approval import Approve
from concord.orchestrate.callbacks import RunIsRed, report_failure
from concord.orchestrate.retry import AskAgain
from concord.orchestrate.tasks import Delivery, Unexpected, opened
from concord.publish.notify import Channel

FEED = feed_of("acme_eligibility")
ID = "7k2m9xab"
SECRET = "Jane Doe 123-45-6789"
SITE: Any = SimpleNamespace(settings=None)

Answers = Callable[..., Any]


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "settings", lambda: None)
    monkeypatch.setattr(steps, "open_site", lambda _settings: SITE)
    for module in (approval, delivery):
        monkeypatch.setattr(module, "this_delivery", lambda: Delivery(ID, 1, dry_run=False))


def run_of(delivery_id: str) -> dict[str, Any]:
    return {"trigger_run_id": f"2026-11-20_{delivery_id}_1", "conf": {"delivery_id": delivery_id, "attempt": 1}}


def answering(answer: Any) -> tuple[list[TriggerDagRun], Any]:
    sent: list[TriggerDagRun] = []

    def send(message: TriggerDagRun) -> Any:
        sent.append(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return sent, SimpleNamespace(send=send)


# ── settle ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("ok", "colour"), [(True, "green"), (False, "red")])
def test_the_next_run_is_opened_whatever_the_colour(monkeypatch: pytest.MonkeyPatch, ok: bool, colour: str) -> None:
    sent, comms = answering(None)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    outcome: dict[str, Any] = {"state": "declined", "ok": ok, "note": "declined by ann"}
    outcome["open"] = [run_of("8k2m9xab"), run_of("9k2m9xab")]
    monkeypatch.setattr(steps, "settle", lambda *_: outcome)
    if colour == "red":
        with pytest.raises(RunIsRed, match="declined by ann"):
            delivery.settled(FEED)
    else:
        assert delivery.settled(FEED)["opened"] == 2
    assert [(m.dag_id, m.run_id, m.logical_date) for m in sent] == [
        (FEED.name, "2026-11-20_8k2m9xab_1", None),
        (FEED.name, "2026-11-20_9k2m9xab_1", None),
    ]


def test_a_run_that_is_open_already_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _, comms = answering(ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS))
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    assert runs.open_all(FEED, [run_of(ID)]) == 0


@pytest.mark.parametrize("raised", [True, False])
def test_a_run_that_airflow_does_not_open_is_tried_again(monkeypatch: pytest.MonkeyPatch, raised: bool) -> None:
    refused = ErrorResponse(error=ErrorType.API_SERVER_ERROR)
    _, comms = answering(AirflowRuntimeError(refused) if raised else refused)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    with pytest.raises(SourceUnavailable):
        runs.open_all(FEED, [run_of(ID)])


def test_a_dry_run_settles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "this_delivery", lambda: Delivery(ID, 1, dry_run=True))
    with pytest.raises(AirflowSkipException):
        delivery.settled(FEED)


# ── errors ───────────────────────────────────────────────────────────────────


def test_a_third_partys_error_is_told_by_class_and_place_only() -> None:
    with pytest.raises(Unexpected) as caught, opened():
        raise ValueError(SECRET)
    assert str(caught.value).startswith("ValueError at ")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_third_partys_error_would_be_logged_if_its_chain_were_kept() -> None:
    """Negative control: what Airflow would log without ``from None``."""
    with pytest.raises(Unexpected) as caught, opened():
        raise ValueError(SECRET)
    caught.value.__suppress_context__ = False
    assert SECRET in "".join(traceback.format_exception(caught.value))


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(DeliveryRejected, match="line 1"), opened():
        raise DeliveryRejected("structure.no_rows", "line 1")


def context(error: Any, conf: dict[str, Any] | None = None, kwargs: dict[str, Any] | None = None) -> Any:
    return {
        "exception": error,
        "ti": SimpleNamespace(dag_id=FEED.name, task_id="stage"),
        "task": SimpleNamespace(op_kwargs=kwargs or {}),
        "dag_run": SimpleNamespace(conf=conf or {}),
    }


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str, str]]:
    calls: list[tuple[str | None, str, str]] = []
    monkeypatch.setattr(
        steps, "fail", lambda _feed, delivery_id, _site, *, step, error: calls.append((delivery_id, step, error))
    )
    return calls


def test_a_failure_becomes_an_incident_of_its_delivery(told: list[Any]) -> None:
    report_failure(FEED)(context(DeliveryRejected("structure.no_rows", "line 1"), conf={"delivery_id": ID}))
    assert told == [(ID, "stage", "DeliveryRejected: structure.no_rows: line 1")]


def test_a_failed_fetch_names_its_own_delivery_and_a_failed_listing_none(told: list[Any]) -> None:
    report_failure(FEED)(context(SourceUnavailable("gone"), kwargs={"delivery_id": ID}))
    report_failure(FEED)(context(SourceUnavailable("gone")))
    assert [delivery_id for delivery_id, _, _ in told] == [ID, None]


def test_a_value_in_a_form_does_not_reach_the_incident(told: list[Any]) -> None:
    report_failure(FEED)(context(ValueError(SECRET), conf={"delivery_id": SECRET}))
    assert told == [(None, "stage", "ValueError")]


def test_a_red_outcome_is_no_incident(told: list[Any]) -> None:
    report_failure(FEED)(context(RunIsRed("declined")))
    assert told == []


def test_a_callback_never_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(SECRET)

    told: list[str] = []
    monkeypatch.setattr(steps, "fail", broken)
    monkeypatch.setattr(channels, "channels", lambda _: [Channel("x", Severity.NOTE, lambda m: told.append(str(m)))])
    with caplog.at_level(logging.DEBUG):
        report_failure(FEED)(context("killed"))
    assert "could not be recorded" in told[0], "Postgres may be away: people are told all the same"
    assert SECRET not in caplog.text + told[0]


# ── approval ─────────────────────────────────────────────────────────────────


def planned(monkeypatch: pytest.MonkeyPatch, standing: str | None, **plan: Any) -> Any:
    monkeypatch.setattr(steps, "standing", lambda *_: standing)
    monkeypatch.setattr(steps, "hold_text", lambda *_: {"subject": "held", "body": "**why** {{ no_template }}"})
    ti = SimpleNamespace(id="ti", xcom_pull=lambda task_ids: plan)
    return {"ti": ti, "task_instance": ti}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    questions: list[dict[str, Any]] = []
    where = "airflow.providers.standard.operators.hitl.upsert_hitl_detail"
    monkeypatch.setattr(where, lambda **question: questions.append(question))
    return questions


def test_an_ordinary_plan_asks_nobody(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    with pytest.raises(AirflowSkipException):
        Approve(feed=FEED).execute(planned(monkeypatch, None, held=False))
    assert asked == []


def test_a_held_plan_waits_with_the_digest_that_was_shown(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    with pytest.raises(TaskAwaitingInput) as waiting:
        Approve(feed=FEED).execute(planned(monkeypatch, None, held=True, digest="d1"))
    assert (waiting.value.kwargs, waiting.value.timeout) == ({"digest": "d1"}, None)
    assert [(q["subject"], q["body"], q["defaults"]) for q in asked] == [("held", "**why** {{ no_template }}", None)]


def test_what_is_decided_already_is_not_asked(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    answer = Approve(feed=FEED).execute(planned(monkeypatch, "approve", held=True, digest="d1"))
    assert answer == {"verdict": "approve", "asked": False}
    assert asked == []


def pressed(option: str) -> Any:
    return {
        "chosen_options": [option],
        "params_input": {"ticket": "T-1", "reason": "looked"},
        "responded_at": datetime(2026, 11, 20, tzinfo=UTC),
        "responded_by_user": {"id": "7", "name": "ann"},
    }


@pytest.mark.parametrize(("option", "verdict"), [("Approve", "approve"), ("Reject", "decline")])
def test_an_answer_is_recorded_and_skips_nothing(monkeypatch: pytest.MonkeyPatch, option: str, verdict: str) -> None:
    recorded: list[dict[str, Any]] = []

    def decide(_feed: Any, delivery_id: str, **values: Any) -> dict[str, Any]:
        recorded.append({"delivery_id": delivery_id, **values})
        return {"verdict": values["verdict"], "standing": True, "by": values["by"]}

    monkeypatch.setattr(steps, "decide", decide)
    answer = Approve(feed=FEED).execute_complete({}, pressed(option), digest="d1")
    assert answer == {"verdict": verdict, "asked": True, "answered": verdict}
    assert recorded == [
        {"delivery_id": ID, "digest": "d1", "verdict": verdict, "by": "ann", "via": "airflow", "reason": "looked",
         "ticket": "T-1", "site": SITE}
    ]  # fmt: skip


def test_where_a_decision_stands_that_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "decide", lambda *_, **__: {"verdict": "decline", "standing": True, "by": "bob"})
    assert Approve(feed=FEED).execute_complete({}, pressed("Approve"), digest="d1")["verdict"] == "decline"


def test_a_second_person_is_asked_where_the_contract_asks_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "decide", lambda *_, **__: {"verdict": "approve", "standing": False, "by": "ann"})
    with pytest.raises(AskAgain):
        Approve(feed=FEED).execute_complete({}, pressed("Approve"), digest="d1")


def test_an_answer_that_comes_too_late_leaves_it_to_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(*_: Any, **__: Any) -> dict[str, Any]:
        raise NeedsDecision("superseded")

    monkeypatch.setattr(steps, "decide", decide)
    assert Approve(feed=FEED).execute_complete({}, pressed("Approve"), digest="d1")["verdict"] is None


# ── reconciler ───────────────────────────────────────────────────────────────


class Airflow:
    """An Airflow with waiting approvals."""

    def __init__(self, confs: dict[str, Any], refuses: int | None = None) -> None:
        self.confs, self.refuses = confs, refuses
        self.answers: list[tuple[str, str]] = []
        self.notes: dict[str, str] = {}

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None: ...

    def required_actions(self) -> list[RequiredAction]:
        return [RequiredAction(FEED.name, run, "approve", "?", ()) for run in self.confs]

    def run(self, _dag: str, run_id: str) -> dict[str, Any]:
        return {"conf": self.confs[run_id], "state": "failed"}

    def note(self, _dag: str, run_id: str, text: str) -> None:
        if self.refuses:
            raise AirflowRefused(self.refuses, "PATCH")
        self.notes[run_id] = text

    def answer(self, _dag: str, run_id: str, _task: str, option: str) -> None:
        if self.refuses:
            raise AirflowRefused(self.refuses, "PATCH")
        self.answers.append((run_id, option))


def test_approvals_that_the_ledger_decided_are_answered_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = {"aaaaaaa1": "approve", "aaaaaaa2": "decline", "aaaaaaa3": None}
    airflow = Airflow({f"run {i}": {"delivery_id": i} for i in verdicts} | {"by hand": {}})
    monkeypatch.setattr(operations, "airflow_api", lambda _: airflow)
    monkeypatch.setattr(steps, "standing", lambda _feed, delivery_id, _site: verdicts[delivery_id])
    assert operations.answer_decided(SITE) == 2
    assert airflow.answers == [("run aaaaaaa1", "Approve"), ("run aaaaaaa2", "Reject")]


def test_being_second_with_an_answer_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "airflow_api", lambda _: Airflow({"r": {"delivery_id": ID}}, refuses=409))
    monkeypatch.setattr(steps, "standing", lambda *_: "approve")
    assert operations.answer_decided(SITE) == 0


def test_a_refused_service_account_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "airflow_api", lambda _: Airflow({"r": {"delivery_id": ID}}, refuses=403))
    monkeypatch.setattr(steps, "standing", lambda *_: "approve")
    with pytest.raises(AirflowRefused):
        operations.answer_decided(SITE)


def revived(monkeypatch: pytest.MonkeyPatch, airflow: Airflow) -> int:
    """Revives the lost run ``lost`` of a delivery by a second attempt."""
    second = run_of(ID) | {"trigger_run_id": "its second attempt"}
    _, comms = answering(None)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    monkeypatch.setattr(operations, "airflow_api", lambda _: airflow)
    monkeypatch.setattr(operations, "readable", lambda: SimpleNamespace(sound=(FEED,)))
    lost = {"delivery_id": ID, "attempt": 1, "run_id": "lost"}
    monkeypatch.setattr(steps, "unattended", lambda *_: [lost])
    monkeypatch.setattr(steps, "revive", lambda *_: [second])
    return operations.revive_all(SITE)


def test_a_lost_run_stays_red_and_its_note_names_the_one_that_took_over(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow({"lost": {}})
    assert revived(monkeypatch, airflow) == 1
    assert "its second attempt" in airflow.notes["lost"]


def test_a_lost_run_that_is_gone_gets_no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    assert revived(monkeypatch, Airflow({"lost": {}}, refuses=404)) == 1


def test_one_feeds_trouble_does_not_keep_the_runs_of_another_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    other = SimpleNamespace(name="other_feed")
    monkeypatch.setattr(operations, "readable", lambda: SimpleNamespace(sound=(other, FEED)))

    def open_runs(feed: Any, _site: Any) -> list[Any]:
        if feed is other:
            raise SourceUnavailable("gone")
        return [run_of(ID)]

    sent, comms = answering(None)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    monkeypatch.setattr(steps, "open_runs", open_runs)
    with pytest.raises(operations.Unfinished, match="other_feed"):
        operations.open_due(SITE)
    assert [message.run_id for message in sent] == [f"2026-11-20_{ID}_1"]


def test_the_forms_delivery_is_the_runs_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"delivery_id": ID, "attempt": 3, "dry_run": False}
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"params": params})
    assert tasks.this_delivery() == Delivery(ID, 3, dry_run=False)


# ── check ────────────────────────────────────────────────────────────────────


def checked(monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any]) -> Any:
    run = SimpleNamespace(run_type="manual")
    monkeypatch.setattr(checking, "get_current_context", lambda: {"dag_run": run, "params": {"deep": True}})
    monkeypatch.setattr(steps, "check", lambda _site, *, deep: outcome | {"deep": deep})
    task: Any = checking.check_dag().get_task("check")
    return task.python_callable()


def test_a_check_that_finds_nothing_is_green(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = {"findings": 0, "codes": {}}
    assert checked(monkeypatch, sound) == sound | {"deep": True}


def test_a_check_that_finds_something_is_red_and_names_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunIsRed, match=r"2 findings: eligibility.reversed 2; `concord incidents`"):
        checked(monkeypatch, {"findings": 2, "codes": {"eligibility.reversed": 2}})


@pytest.mark.parametrize(("error", "calls"), [(RunIsRed("told already"), 0), (SourceUnavailable("gone"), 1)])
def test_only_trouble_of_an_operations_dag_itself_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, calls: int
) -> None:
    heard: list[tuple[str, ...]] = []
    monkeypatch.setattr(steps, "in_trouble", lambda _site, *told: heard.append(told))
    ti = SimpleNamespace(dag_id="concord_check", task_id="check")
    operations.on_failure({"ti": ti, "exception": error})
    assert heard == [("concord_check", "check", "SourceUnavailable: gone")][:calls]


# ── expectations ─────────────────────────────────────────────────────────────


def test_an_awaited_delivery_is_looked_for_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, comms = answering(None)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    at = datetime(2026, 11, 19, 12, 15, tzinfo=UTC)
    assert expectations.open_watches([FEED.name], at) == 1
    _, comms = answering(ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS))
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
    assert expectations.open_watches([FEED.name], at.replace(minute=45)) == 0
    assert [(message.dag_id, message.run_id) for message in sent] == [(f"{FEED.name}_watch", "again_2026-11-19T12")]


# ── deadlines ────────────────────────────────────────────────────────────────


def overdue(monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any] | None) -> list[tuple[str, int, str | None]]:
    calls: list[tuple[str, int, str | None]] = []
    monkeypatch.setattr(
        steps, "overdue", lambda _feed, dag, minutes, _site, *, delivery_id: calls.append((dag, minutes, delivery_id))
    )
    run = {"dag_id": FEED.name, "conf": conf}
    asyncio.run(deadlines.missed(FEED.name, 360, context={"dag_run": run}))
    return calls


def test_a_missed_deadline_is_recorded_with_its_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overdue(monkeypatch, {"delivery_id": ID}) == [(FEED.name, 360, ID)]
    assert overdue(monkeypatch, None) == [(FEED.name, 360, None)]


def test_a_value_typed_into_a_form_is_no_delivery_of_a_missed_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overdue(monkeypatch, {"delivery_id": SECRET}) == [(FEED.name, 360, None)]


def test_a_missed_deadline_that_cannot_be_recorded_raises_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The triggerer would log the traceback."""

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(steps, "overdue", broken)
    asyncio.run(deadlines.missed(FEED.name, 360, context={"dag_run": {"dag_id": FEED.name, "conf": {}}}))
    assert "could not be recorded" in caplog.text
    assert SECRET not in caplog.text
