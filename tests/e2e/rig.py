"""One Airflow to break: real processes, an employer's files day by day, and applies that stop where a test wants.

Every process of ``apply`` stops itself (SIGSTOP) at failpoints, so that a test can break something
while it is there for certain; where nobody waits for it, it is sent on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import httpx
import psutil
import psycopg

from concord import check, steps
from concord.airflow_api import FINISHED, AirflowUnavailable
from concord.catalogue import feed
from concord.sandbox.roster import Employer, Roster
from tests import tally
from tests.rosters import Driver

if TYPE_CHECKING:
    from pathlib import Path

    from concord.sandbox.installation import Installation
    from concord.sandbox.processes import Child

Found = TypeVar("Found")

FEED = feed("acme_eligibility")
EMPLOYER = Employer(seed=33, members=600, start=date(2026, 11, 2))
FENCED, WRITTEN = "apply.fence_taken", "apply.before_commit"
"""Between taking the fence and beginning to write; and when all is written, right before the commit."""
STOPS = f"{FENCED}=stop;{WRITTEN}=stop"
LINGERS = f"{FENCED}=sleep:8;{WRITTEN}=stop"
"""A stopped process does not become an orphan: the kernel ends it (SIGHUP) when its supervisor dies."""
PATIENCE_S = 300.0

ASLEEP = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


@dataclass
class Rig:
    """The installation, and where its failpoints say that they fired."""

    installation: Installation
    fired: Path
    seen: int = 0
    days: int = 0
    files: list[Roster] = field(default_factory=list)

    # ── deliveries ──

    @property
    def driver(self) -> Driver:
        """Acme of this installation, driven by hand."""
        return Driver(FEED, steps.open_site(self.installation.settings))

    def next_file(self) -> Roster:
        """The employer's next day."""
        self.days += 1
        self.files.append(EMPLOYER.day(self.days))
        return self.files[-1]

    def open(self) -> Delivery:
        """Lands the next file and opens its run, as the watch DAG does."""
        roster = self.next_file()
        delivery_id = self.driver.deliver(roster.content(), roster.manifest.file_date)
        (wanted,) = steps.open_runs(FEED, self.driver.site)
        with self.installation.airflow.api() as api:
            run_id = api.trigger(FEED.name, wanted["trigger_run_id"], wanted["conf"])
        return Delivery(self, roster, delivery_id, run_id)

    # ── tables ──

    def spoil(self, statement: LiteralString, *values: Any) -> None:
        """Runs it as the superuser of Concord's database, past triggers and grants."""
        server: Any = self.installation._server
        with psycopg.connect(server.admin_url, dbname="concord") as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement, values)

    def checked(self) -> str:
        """How a run of ``concord_check`` ends, started by hand."""
        with self.installation.airflow.api() as api:
            return api.wait("concord_check", api.trigger("concord_check"), timeout_s=PATIENCE_S)

    # ── failpoints ──

    def at(self, point: str) -> psutil.Process:
        """The next process that comes to ``point``; those that stop elsewhere meanwhile are sent on."""

        def there() -> psutil.Process | None:
            for name, action, pid in self.news():
                if name == point:
                    return psutil.Process(pid)
                if action == "stop":
                    self.send_on(psutil.Process(pid))
            return None

        return self.until(there, f"nothing came to {point}", every_s=0.1)

    def send_on(self, process: psutil.Process) -> None:
        """Lets a process go on that stops; waits until it has stopped first."""
        with suppress(psutil.NoSuchProcess):
            self.until(lambda: process.status() in ASLEEP, "a process that should stop runs", every_s=0.01)
            process.send_signal(signal.SIGCONT)

    def send_all_on(self) -> None:
        """Lets everybody go on who stopped since somebody looked."""
        for _, action, pid in self.news():
            if action == "stop" and psutil.pid_exists(pid):
                self.send_on(psutil.Process(pid))

    def points_of(self, process: psutil.Process) -> list[str]:
        """Where this process came by, in order."""
        return [name for name, _, pid in self._lines() if pid == process.pid]

    def news(self) -> Iterator[tuple[str, str, int]]:
        """Failpoint, action and pid of every firing that nobody looked at yet."""
        for line in self._lines()[self.seen :]:
            self.seen += 1
            yield line

    def _lines(self) -> list[tuple[str, str, int]]:
        lines = self.fired.read_text().splitlines() if self.fired.exists() else []
        return [(name, action, int(pid)) for name, action, pid in map(str.split, lines)]

    # ── waiting ──

    def until(
        self, look: Callable[[], Found | None], otherwise: str, *, every_s: float = 0.5, tend: bool = False
    ) -> Found:
        """What ``look`` finds, as soon as it finds something; dead processes are started again with ``tend``."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := look():
                return found
            if tend:
                self.installation.restart_ended()
            time.sleep(every_s)
        raise AssertionError(f"after {PATIENCE_S:.0f} s: {otherwise}")

    # ── processes ──

    def component(self, name: str) -> Child:
        """One of Airflow's four processes."""
        return next(child for child in self.installation.airflow.children if child.name == f"airflow {name}")

    def kill(self, name: str) -> None:
        """SIGKILL to the process alone, as the OOM killer would; what it started lives on."""
        child = self.component(name)
        os.kill(child.pid, signal.SIGKILL)
        child.process.wait()

    def restart_dead(self) -> Sequence[str]:
        """Waits until what died is started again."""
        return self.until(self.installation.restart_ended, "nothing was started again", every_s=0.5)


@dataclass
class Delivery:
    """One delivery and the run that was opened for it."""

    rig: Rig
    roster: Roster
    delivery_id: str
    run_id: str

    @property
    def facts(self) -> dict[str, Any]:
        """The ledger's row."""
        return self.rig.driver.facts(self.delivery_id)

    def ended(self, run_id: str | None = None) -> tuple[str, dict[str, str]]:
        """State of the run once it has ended, and of its tasks; what stops is sent on, what died is restarted."""

        def over() -> str | None:
            self.rig.send_all_on()
            with suppress(AirflowUnavailable), self.rig.installation.airflow.api() as api:
                state = str(api.run(FEED.name, run_id or self.run_id)["state"])
                return state if state in FINISHED else None
            return None

        state = self.rig.until(over, f"run {run_id or self.run_id} did not end", tend=True)
        return state, {task["task_id"]: task["state"] for task in self.tasks(run_id)}

    def tasks(self, run_id: str | None = None) -> list[dict[str, Any]]:
        """The task instances of the run."""
        with self.rig.installation.airflow.api() as api:
            return api.task_instances(FEED.name, run_id or self.run_id)

    def tries(self, task: str) -> int:
        """How often a task of the run was tried."""
        return next(int(found["try_number"]) for found in self.tasks() if found["task_id"] == task)

    def request(self, method: str, path: str, **body: Any) -> httpx.Response:
        """A call of Airflow's API about this run that nobody but a person makes."""
        airflow = self.rig.installation.airflow
        with airflow.api() as api, httpx.Client(base_url=airflow.home.url, timeout=30) as client:
            headers = {"Authorization": f"Bearer {api.token()}"}
            url = f"/api/v2/dags/{FEED.name}/dagRuns/{self.run_id}{path}"
            return client.request(method, url, headers=headers, json=body or None)

    def assert_published_once(self) -> None:
        """It came to the end that it has without a fault: its changes are there, once, and nothing else is wrong."""
        driver, expected = self.rig.driver, self.roster.manifest.expected
        assert self.facts["state"] == "published"
        (found,) = driver.all("SELECT * FROM mart.delivery_reconciliation WHERE delivery_id = %s", self.delivery_id)
        assert {name: found[name] for name in expected} == expected
        events = driver.all("SELECT * FROM ops.delivery_event WHERE delivery_id = %s", self.delivery_id)
        assert [event["to_state"] for event in events].count("applied") == 1
        assert [incident for incident in driver.incidents() if incident["delivery_id"] == self.delivery_id] == []
        findings = check.run(driver.site)
        tally.count("faults", violations=len(findings))
        assert findings == []
