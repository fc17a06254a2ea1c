"""Drives one feed's steps as its two DAGs and the reconciler would, each task a process of its own.

A task that dies or raises is tried again where the retry table of ``orchestrate`` says
so; a run that ends red is opened again by the person who would. Faults are injected
until each has fired, once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from concord.acquire import SftpAccess
from concord.acquire.fhir_bulk.access import FhirAccess
from concord.contract import Feed, SftpDrop
from concord.orchestrate.defaults import RETRIES
from concord.orchestrate.retry import AGAIN, AT_ONCE
from concord.quarantine import Selection
from concord.settings import Settings
from tests.faults.worker import CHUNK_ROWS, Job, Outcome, Process

OF_NO_FEED = ("reconcile_ledger", "anchor_audit", "rewrap", "retoken", "retain", "link")
TASKS = ("stage", "plan", "apply", "settle")
ROUNDS = 4
"""How often the reconciler comes by, at most."""
LOOKS = 4
"""How often a watch run asks for an export before it is left for the next one."""


def tried_again(error: type[BaseException] | None) -> bool:
    """What the retry table says of ``error``; third parties' errors and deaths are tried again."""
    ours = next((kind for kind in (error.__mro__ if error else ()) if kind in AGAIN or kind in AT_ONCE), None)
    return ours is None or ours in AGAIN


@dataclass
class Clockwork:
    """One feed and its person.

    ``begin_at`` is the task at which an open run goes on, those before it having succeeded;
    so many ``unanswered`` runs find nobody; ``dead_end`` is a task that never works in attempt 1.
    """

    feed: Feed
    settings: Settings
    folder: Path
    access: SftpAccess | FhirAccess | None = None
    begin_at: str = "stage"
    verdict: str = "approve"
    unanswered: int = 0
    dead_end: str = ""
    faults: tuple[str, ...] = ()
    kill_after: float | None = None
    chunk_rows: int = CHUNK_ROWS
    fired: list[str] = field(default_factory=list)
    in_the_dark: list[str] = field(default_factory=list)
    seconds: float = 0.0
    queue: deque[dict[str, Any]] = field(default_factory=deque)
    opened: set[str] = field(default_factory=set)

    @property
    def log(self) -> Path:
        return self.folder / "fired"

    @property
    def told(self) -> list[str]:
        """Subjects of what people were told."""
        path = self.folder / "told"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    # ── tasks ──

    def task(self, step: str, /, **arguments: Any) -> Outcome:
        """One task of a DAG with its retries; on-call is told when they are exhausted."""
        for _ in range(1 + RETRIES):
            outcome = self.once(step, **arguments)
            if outcome.ok or not tried_again(outcome.error):
                break
        if not outcome.ok and step not in ("fail", "settle"):
            self.task("fail", delivery_id=arguments.get("delivery_id"), step=step, error="-")
        return outcome

    def once(self, step: str, /, **arguments: Any) -> Outcome:
        """One try of a task."""
        began = time.monotonic()
        process = Process(self.job(step, **arguments))
        if self.kill_after is not None and not process.finished(max(0.0, self.kill_after - self.seconds)):
            process.kill()
            self.fired.append(f"{step}=SIGKILL")
            self.kill_after = None
        outcome = process.outcome()
        self.seconds += time.monotonic() - began
        self.notice()
        return outcome

    def job(self, step: str, /, **arguments: Any) -> Job:
        """What a process is asked to do; the reconciler's ``reconcile_ledger`` takes all feeds."""
        own: dict[str, Any] = {} if step in OF_NO_FEED else {"feed": self.feed}
        own |= {"feeds": [self.feed]} if step == "reconcile_ledger" else {}
        faults = ";".join(self.faults)
        return Job(
            step,
            {**own, **arguments},
            self.settings,
            str(self.log),
            str(self.folder / "told"),
            faults,
            chunk_rows=self.chunk_rows,
        )

    def notice(self) -> None:
        """A fault that fired is over: the same process would otherwise die at every try."""
        fired = [f"{name}={action}" for name, action, _ in map(str.split, self.lines())]
        left = [fault for fault in self.faults if not any(fault.startswith(one) for one in fired)]
        self.fired += [fault for fault in self.faults if fault not in left]
        self.faults = tuple(left)

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    # ── DAGs ──

    def watch(self) -> None:
        """The watch DAG."""
        if not isinstance(self.feed.source, SftpDrop):
            self.export()
            return
        found = self.task("discover", access=self.access)
        for delivery_id in found.value or ():
            self.task("fetch", delivery_id=delivery_id, access=self.access)

    def export(self) -> None:
        """The watch DAG of a FHIR server."""
        asked = self.task("ask", access=self.access)
        for delivery_id in asked.value or ():
            if self.is_ready(delivery_id):
                self.task("fetch_export", delivery_id=delivery_id, access=self.access)

    def is_ready(self, delivery_id: str) -> bool:
        """Whether the server came to an end with it; a run that has asked long enough is stopped."""
        for _ in range(LOOKS):
            outcome = self.task("await_export", delivery_id=delivery_id, access=self.access)
            if not outcome.ok or outcome.value["state"] != "running":
                return outcome.ok
        return False

    def due(self) -> None:
        """What starts the runs that may start: the watch DAG's end, the reconciler's."""
        self.open(self.task("open_runs").value or [])

    def open(self, runs: list[dict[str, Any]]) -> None:
        """Airflow refuses a run id it has."""
        for run in runs:
            if run["trigger_run_id"] not in self.opened:
                self.opened.add(run["trigger_run_id"])
                self.queue.append(run["conf"])

    def work(self) -> None:
        """Runs what is open, in order."""
        while self.queue:
            self.run(**self.queue.popleft())

    def run(self, delivery_id: str, attempt: int) -> None:
        """The delivery DAG."""
        which = {"delivery_id": delivery_id, "attempt": attempt}
        for outcome in self.tasks(which):
            if not outcome.ok:
                break
        settled = self.task("settle", **which)
        self.open(settled.value["open"] if settled.ok else [])
        if settled.ok and not settled.value["ok"]:
            self.mend(settled.value["state"], which)

    def tasks(self, which: dict[str, Any]) -> Iterator[Outcome]:
        """Stage to apply, as far as each lets the next begin."""
        begin_at, self.begin_at = TASKS.index(self.begin_at), "stage"
        if begin_at <= TASKS.index("stage"):
            yield self.task("stage", **which)
        if begin_at <= TASKS.index("plan"):
            yield from self.planned(which)
        if self.dead_end == "apply" and which["attempt"] == 1:
            yield self.task("fail", delivery_id=which["delivery_id"], step="apply", error="-")
            yield Outcome("apply", "died")
        if begin_at <= TASKS.index("apply"):
            yield self.task("apply", **which)

    def planned(self, which: dict[str, Any]) -> Iterator[Outcome]:
        """The plan, and the person who is asked where it is held."""
        planned = self.task("plan", **which)
        yield planned
        if planned.ok and planned.value["held"]:
            if self.unanswered:
                self.unanswered -= 1
                yield Outcome("approve", "died")
            yield self.answer(which["delivery_id"], planned.value["digest"])

    def asked(self, delivery_id: str) -> None:
        """Nobody acts on what nobody was told of."""
        if not any(delivery_id in subject for subject in self.told):
            self.in_the_dark.append(delivery_id)

    def answer(self, delivery_id: str, digest: str) -> Outcome:
        """The person who is asked."""
        self.asked(delivery_id)
        return self.task("decide", delivery_id=delivery_id, digest=digest, verdict=self.verdict, by="ann", via="shell")

    def mend(self, state: str, which: dict[str, Any]) -> None:
        """The person who looks at a red run: bad bytes are skipped, a failed delivery is opened again."""
        self.asked(which["delivery_id"])
        if state == "rejected":
            self.task("skip", delivery_id=which["delivery_id"], by="ann", reason="not needed")
        elif state == "failed":
            self.run(which["delivery_id"], which["attempt"] + 1)

    def rotate(self) -> None:
        """An operator's evening."""
        for step in ("rewrap", "retoken"):
            assert self.task(step).ok

    def retain(self) -> None:
        """The retention DAG, when the time of everything there is over."""
        now = datetime.now(UTC) + timedelta(days=self.feed.retention_days + 1)
        assert self.task("retain", feeds=[self.feed], now=now).ok

    def with_refused_rows(self, deed: str) -> None:
        """A person replays or waives them, and the runs that this opens go on."""
        told = {"reason": "not needed"} if deed == "waive" else {}
        assert self.task(deed, selection=Selection(self.feed.name), by="ann", **told).ok
        self.due()
        self.work()

    def cancel(self, delivery_id: str) -> None:
        """A person gives an export up, and again where that seems to have failed; the next watch run asks anew."""
        told = {"access": self.access, "by": "ann", "reason": "not needed"}
        self.task("cancel", delivery_id=delivery_id, **told)
        self.watch()
        self.due()
        self.work()

    def open_again(self, delivery_id: str) -> None:
        """A person opens a rejected delivery again, as its incident says."""
        self.run(delivery_id, 2)
        self.work()

    def reconcile(self) -> bool:
        """The reconciler; whether there is anything left to do for it."""
        repaired = self.task("reconcile_ledger").value or {}
        lost = self.task("unattended").value or []
        for left in lost:
            self.open(self.task("revive", delivery_id=left["delivery_id"], attempt=left["attempt"]).value or [])
        self.due()
        busy = bool(self.queue or any(repaired.values()))
        self.work()
        return busy
