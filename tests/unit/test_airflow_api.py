"""What we say to Airflow's REST API, and what its answers become."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from concord.airflow_api import AirflowApi, AirflowRefused, AirflowUnavailable, RequiredAction

Answer = Callable[[httpx.Request], httpx.Response]


def talking_to(answer: Answer) -> tuple[AirflowApi, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t0ken"})
        return answer(request)

    return AirflowApi("http://airflow/", "ada", "secret", transport=httpx.MockTransport(handle)), asked


def test_it_logs_in_once_and_shows_its_token() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={"task_instances": []}))
    api.task_instances("feed", "run")
    api.task_instances("feed", "run")
    assert [request.url.path for request in asked].count("/auth/token") == 1
    assert asked[-1].headers["Authorization"] == "Bearer t0ken"


def test_a_run_is_triggered_without_a_logical_date() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={"dag_run_id": "r1"}))
    assert api.trigger("feed", "r1", {"attempt": 1}) == "r1"
    assert json.loads(asked[-1].content) == {"logical_date": None, "dag_run_id": "r1", "conf": {"attempt": 1}}


def test_only_is_paused_is_changed_when_a_dag_is_let_run() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={}))
    api.unpause("feed")
    assert (asked[-1].method, asked[-1].url.query) == ("PATCH", b"update_mask=is_paused")


def test_a_note_changes_nothing_but_the_note() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={}))
    api.note("feed", "r1", "Lost.")
    assert (asked[-1].method, asked[-1].url.query) == ("PATCH", b"update_mask=note")
    assert json.loads(asked[-1].content) == {"note": "Lost."}


def test_a_slash_in_an_id_does_not_change_the_call() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={}))
    api.run("feed", "../../variables")
    assert asked[-1].url.raw_path == b"/api/v2/dags/feed/dagRuns/..%2F..%2Fvariables"


def test_the_approvals_that_wait_are_read() -> None:
    task = {"dag_id": "feed", "dag_run_id": "r1", "task_id": "approve"}
    detail = {"task_instance": task, "subject": "held", "options": ["Approve", "Reject"]}
    api, asked = talking_to(lambda _: httpx.Response(200, json={"hitl_details": [detail]}))
    assert api.required_actions("feed") == [RequiredAction("feed", "r1", "approve", "held", ("Approve", "Reject"))]
    assert asked[-1].url.params["response_received"] == "false"


def test_an_approval_is_answered() -> None:
    api, asked = talking_to(lambda _: httpx.Response(200, json={}))
    api.answer("feed", "r1", "approve", "Reject")
    assert asked[-1].url.path == "/api/v2/dags/feed/dagRuns/r1/taskInstances/approve/-1/hitlDetails"
    assert json.loads(asked[-1].content)["chosen_options"] == ["Reject"]


def test_a_refusal_keeps_its_status_and_not_its_text() -> None:
    api, _ = talking_to(lambda _: httpx.Response(409, json={"detail": "a value"}))
    with pytest.raises(AirflowRefused, match="409") as caught:
        api.answer("feed", "r1", "approve", "Approve")
    assert caught.value.status == 409
    assert "a value" not in str(caught.value)


def test_an_unreachable_server_is_unavailable() -> None:
    def fails(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    api, _ = talking_to(fails)
    with pytest.raises(AirflowUnavailable):
        api.run("feed", "r1")


def test_it_waits_until_a_run_is_finished() -> None:
    states = iter(("queued", "running", "success"))
    api, _ = talking_to(lambda _: httpx.Response(200, json={"state": next(states)}))
    assert api.wait("feed", "r1", every_s=0.0) == "success"


def test_an_airflow_that_is_silent_for_a_while_is_asked_again() -> None:
    answers = iter([None, None, "success"])

    def answer(request: httpx.Request) -> httpx.Response:
        state = next(answers)
        if state is None:
            raise httpx.ReadTimeout("busy", request=request)
        return httpx.Response(200, json={"state": state})

    api, _ = talking_to(answer)
    assert api.wait("feed", "r1", every_s=0.0) == "success"


def test_it_does_not_wait_for_ever() -> None:
    api, _ = talking_to(lambda _: httpx.Response(200, json={"state": "running"}))
    with pytest.raises(AirflowUnavailable, match="did not finish"):
        api.wait("feed", "r1", timeout_s=0.05, every_s=0.01)
