"""Airflow as four supervised processes on 127.0.0.1.

Not ``airflow standalone``: a SIGTERM to it leaves the scheduler and the API server
behind, and the next start finds the old one answering. The two log servers are left
out: they would listen on every interface, and on one machine the API server reads
the log files itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping

import httpx

from concord.airflow_api import AirflowApi, AirflowRefused, AirflowUnavailable
from concord.errors import ConcordError
from concord.sandbox.airflow_home import AirflowHome
from concord.sandbox.liveness import Liveness, healthy
from concord.sandbox.private import write_private
from concord.sandbox.processes import Child, ask, created, start, stop, wait

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}

HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")

EXISTS_ALREADY = 409
RESTART_PAUSE_S = 5.0
"""Between two starts of one process: what cannot start must not keep the machine busy."""
HANGING_PATIENCE_S = 5.0
"""What does nothing will hardly listen."""

Progress = Callable[[str], None]


class AirflowFailed(ConcordError):
    """Airflow's processes did not come up; the message has the end of the log."""


class LocalAirflow:
    """Starts, watches and stops the four processes of one :class:`AirflowHome`.

    ``extra`` joins the environment of every process (Concord's settings, connections).
    Logs of the processes are ``<home>/<component>.log``.
    """

    def __init__(self, home: AirflowHome, *, extra: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.environment = _clean_environment() | home.environment() | dict(extra or {})
        self.children: list[Child] = []
        self._started: dict[str, float] = {}
        self._liveness = Liveness(home.url)
        self._migration: Child | None = None

    def begin_migration(self) -> Child:
        """Starts creating or upgrading the metadata tables (5 to 15 s of processor time); returns at once."""
        self.home.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.home.home / "passwords.json", json.dumps(self.home.passwords))
        self._migration = self._start("migrate", ("db", "migrate"))
        return self._migration

    def finish_migration(self, *, within: float = 180) -> None:
        """Waits for the migration; raises :class:`AirflowFailed`."""
        migration = self._migration or self.begin_migration()
        try:
            code = migration.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AirflowFailed(f"airflow db migrate took longer than {within:.0f} s") from None
        if code:
            raise AirflowFailed(f"airflow db migrate failed with {code}:\n{migration.tail()}")

    def start(self) -> None:
        """Starts the four processes; returns at once. Call from a thread that lives on."""
        self.finish_migration()
        self.children = [self._start_component(name) for name in COMPONENTS]

    def restart_ended(self) -> list[str]:
        """Starts again what ended by itself, as ``restart: always`` does in compose; returns the names.

        What is left of its session goes first: the workers of a dead scheduler serve nobody. Call it every
        few seconds, from the thread that called :meth:`start`.
        """
        return self._restart([child for child in self.children if not child.alive() and self._may_start(child.name)])

    def restart_hung(self) -> list[str]:
        """Starts again what lives and has done nothing for long, as a liveness probe has done; returns the names."""
        hung = self._liveness.hung()
        return self._restart([child for child in self.children if child.name.removeprefix("airflow ") in hung])

    def _restart(self, children: list[Child]) -> list[str]:
        stop(children, patience=HANGING_PATIENCE_S)
        for child in children:
            self.children[self.children.index(child)] = self._start_component(child.name.removeprefix("airflow "))
        return [child.name for child in children]

    def wait_until_healthy(self, *, within: float = 240, progress: Progress | None = None) -> None:
        """Returns when all four report healthy; raises :class:`AirflowFailed` when one ends or time is up."""
        waiting, until = set(HEALTHY), time.monotonic() + within
        with httpx.Client(base_url=self.home.url, timeout=10) as client:
            while waiting:
                self.raise_if_ended()
                well = healthy(client)
                for part in sorted(waiting & well):
                    (progress or _ignore)(part)
                waiting -= well
                if waiting and time.monotonic() > until:
                    raise AirflowFailed(f"after {within:.0f} s not healthy: {', '.join(sorted(waiting))}")
                time.sleep(0.5 if waiting else 0)

    def wait_for_dags(self, dags: Iterable[str], *, within: float = 180) -> None:
        """Returns when every DAG is parsed ("healthy" does not mean that); raises :class:`AirflowFailed`."""
        missing, until = list(dags), time.monotonic() + within
        with self.api() as api:
            while missing := [dag for dag in missing if not _known(api, dag)]:
                self.raise_if_ended()
                if errors := _import_errors(api):
                    raise AirflowFailed(f"these DAG files could not be imported: {', '.join(errors)}")
                if time.monotonic() > until:
                    raise AirflowFailed(f"after {within:.0f} s not parsed: {', '.join(missing)}")
                time.sleep(1)

    def make_pools(self, pools: Iterable[Mapping[str, object]]) -> None:
        """Creates pools that are not there; a task whose pool does not exist is never queued."""
        with self.api() as api, httpx.Client(base_url=self.home.url, timeout=30) as client:
            for pool in pools:
                headers = {"Authorization": f"Bearer {api.token()}"}
                answer = client.post("/api/v2/pools", json=dict(pool), headers=headers)
                if answer.is_error and answer.status_code != EXISTS_ALREADY:
                    raise AirflowFailed(f"Airflow answered {answer.status_code} to a new pool")

    def api(self, user: str = "admin") -> AirflowApi:
        """A REST client that acts as ``user``."""
        return AirflowApi(self.home.url, user, self.home.passwords[user])

    def pids(self) -> dict[str, tuple[int, float]]:
        """(pid, creation time) of each running process, for a later session to find them."""
        found = {child.name: (child.pid, created(child.pid)) for child in self._all() if child.alive()}
        return {name: (pid, since) for name, (pid, since) in found.items() if since is not None}

    def stop(self) -> list[str]:
        """Stops everything that was started; returns the names of those that had to be killed.

        The API server goes last: running tasks report to it. The scheduler waits for them,
        and no longer when it is asked a second time.
        """
        children, self.children, self._migration = self._all(), [], None
        first = [child for child in children if not child.name.endswith("api-server")]
        ask(first)
        if not wait(first, within=8):
            ask(child for child in first if child.name.endswith("scheduler"))
            wait(first, within=5)
        return stop(children, patience=20)

    def _all(self) -> list[Child]:
        return [*self.children, *([self._migration] if self._migration else [])]

    def _may_start(self, name: str) -> bool:
        return time.monotonic() - self._started[name] > RESTART_PAUSE_S

    def _start_component(self, name: str) -> Child:
        child = self._start(name, COMPONENTS[name])
        self._started[child.name] = time.monotonic()
        return child

    def _start(self, name: str, arguments: tuple[str, ...]) -> Child:
        log = self.home.home / f"{name}.log"
        return start(
            f"airflow {name}", [sys.executable, "-m", "airflow", *arguments], log=log, environment=self.environment
        )

    def raise_if_ended(self) -> None:
        """Raises :class:`AirflowFailed` with the end of the log of a process that ended by itself."""
        for child in self.children:
            if not child.alive():
                raise AirflowFailed(f"{child.name} ended with {child.process.returncode}:\n{child.tail()}")


def _ignore(_: str) -> None:
    return None


def _known(api: AirflowApi, dag: str) -> bool:
    try:
        api.runs(dag, limit=1)
    except (AirflowRefused, AirflowUnavailable):
        return False
    return True


def _import_errors(api: AirflowApi) -> list[str]:
    try:
        return api.import_errors()
    except (AirflowRefused, AirflowUnavailable):
        return []


def _clean_environment() -> dict[str, str]:
    """Ours without another installation's variables."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CONCORD_", "PYTEST_"))
    }
