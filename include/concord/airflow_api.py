"""Airflow's REST API in our words: the few calls that the shell and the demo make.

A DAG that is not parsed yet answers 404, and so does one with an import error
(see ``/importErrors``). Answering an approval a second time answers 409.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

import httpx
from tenacity import (
    RetryError,
    Retrying,
    retry_any,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from concord.errors import ConcordError

FINISHED = frozenset({"success", "failed"})
"""States in which a DAG run stays."""


class AirflowUnavailable(ConcordError):
    """Airflow's API server could not be reached, or took too long."""


class AirflowRefused(ConcordError):
    """Airflow answered with an error; ``status`` is the HTTP status."""

    def __init__(self, status: int, call: str) -> None:
        super().__init__(f"Airflow answered {status} to {call}")
        self.status = status


@dataclass(frozen=True)
class RequiredAction:
    """An approval that waits for an answer."""

    dag: str
    run_id: str
    task: str
    subject: str
    options: tuple[str, ...]


class AirflowApi:
    """A client of one Airflow; a context manager that closes its connections.

    Every call raises :class:`AirflowUnavailable` or :class:`AirflowRefused`.
    ``transport`` is for tests.
    """

    def __init__(
        self,
        base_url: str,
        user: str,
        password: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout_s, transport=transport)
        self._user, self._password = user, password
        self._token: str | None = None

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def token(self) -> str:
        """The bearer token, asked for once."""
        if self._token is None:
            body = {"username": self._user, "password": self._password}
            self._token = str(self._send("POST", "/auth/token", "a log-in", body=body)["access_token"])
        return self._token

    def unpause(self, dag: str) -> None:
        """Lets ``dag`` run. A scheduled DAG then runs its latest missed interval, even with ``catchup=False``."""
        self._call("PATCH", f"/dags/{_part(dag)}", body={"is_paused": False}, query={"update_mask": "is_paused"})

    def trigger(self, dag: str, run_id: str | None = None, conf: Mapping[str, Any] | None = None) -> str:
        """Starts a run of ``dag``; returns its id. 409 (:class:`AirflowRefused`) where ``run_id`` exists."""
        body = {"logical_date": None, "conf": dict(conf or {})} | ({"dag_run_id": run_id} if run_id else {})
        return str(self._call("POST", f"/dags/{_part(dag)}/dagRuns", body=body)["dag_run_id"])

    def run(self, dag: str, run_id: str) -> dict[str, Any]:
        """The run as Airflow describes it (``state``, ``start_date``, ...)."""
        return self._call("GET", f"/dags/{_part(dag)}/dagRuns/{_part(run_id)}")

    def runs(self, dag: str, *, limit: int = 50) -> list[dict[str, Any]]:
        """The runs of ``dag``, newest first."""
        query = {"limit": limit, "order_by": "-run_after"}
        return cast(list[dict[str, Any]], self._call("GET", f"/dags/{_part(dag)}/dagRuns", query=query)["dag_runs"])

    def note(self, dag: str, run_id: str, text: str) -> None:
        """Puts ``text`` beside the run, where on-call reads it; it replaces an earlier note."""
        path = f"/dags/{_part(dag)}/dagRuns/{_part(run_id)}"
        self._call("PATCH", path, body={"note": text}, query={"update_mask": "note"})

    def wait(self, dag: str, run_id: str, *, timeout_s: float = 600.0, every_s: float = 2.0) -> str:
        """State of the run once it is finished; :class:`AirflowUnavailable` after ``timeout_s`` seconds.

        An Airflow that does not answer for a while is asked again: a question costs nothing.
        """
        unfinished = retry_any(
            retry_if_result(lambda state: state not in FINISHED), retry_if_exception_type(AirflowUnavailable)
        )
        try:
            waiting = Retrying(stop=stop_after_delay(timeout_s), wait=wait_fixed(every_s), retry=unfinished)
            return str(waiting(lambda: str(self.run(dag, run_id)["state"])))
        except RetryError:
            raise AirflowUnavailable(f"run {run_id} of {dag} did not finish within {timeout_s:.0f} s") from None

    def task_instances(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run (``task_id``, ``state``, ``try_number``, ...)."""
        found = self._call("GET", f"/dags/{_part(dag)}/dagRuns/{_part(run_id)}/taskInstances")
        return cast(list[dict[str, Any]], found["task_instances"])

    def required_actions(self, dag: str | None = None, run_id: str | None = None) -> list[RequiredAction]:
        """The approvals that wait for an answer: everywhere, in one DAG, or in one run."""
        path = f"/dags/{_part(dag or '~')}/dagRuns/{_part(run_id or '~')}/hitlDetails"
        found = self._call("GET", path, query={"response_received": "false", "limit": 100})
        return [_action(detail) for detail in found["hitl_details"]]

    def answer(self, dag: str, run_id: str, task: str, option: str) -> None:
        """Answers an approval with ``option`` (``Approve``, ``Reject``)."""
        path = f"/dags/{_part(dag)}/dagRuns/{_part(run_id)}/taskInstances/{_part(task)}/-1/hitlDetails"
        self._call("PATCH", path, body={"chosen_options": [option], "params_input": {}})

    def import_errors(self) -> list[str]:
        """File names of the DAG files that could not be parsed."""
        return [str(error["filename"]) for error in self._call("GET", "/importErrors")["import_errors"]]

    def _call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token()}"}
        call = f"{method} {path}"
        return self._send(method, f"/api/v2{path}", call, body=body, query=query, headers=headers)

    def _send(
        self,
        method: str,
        url: str,
        call: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            response = self._client.request(method, url, json=body, params=query, headers=headers)
        except httpx.TransportError as error:
            raise AirflowUnavailable(f"Airflow cannot be reached ({type(error).__name__})") from None
        if response.is_error:
            raise AirflowRefused(response.status_code, call)
        return cast(dict[str, Any], response.json())


def _part(value: str) -> str:
    """A path segment; ids come from us, but a slash must not change the call."""
    return quote(value, safe="~:+")


def _action(detail: Mapping[str, Any]) -> RequiredAction:
    task = detail["task_instance"]
    options = tuple(detail["options"])
    return RequiredAction(task["dag_id"], task["dag_run_id"], task["task_id"], detail["subject"], options)
