"""One step in a process of its own, as Airflow runs a task: forked from a parent that has imported everything.

The parent is ``multiprocessing``'s fork server, so that a process costs some hundredths
of a second instead of three; what it dies of is real.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pandas  # noqa: F401 — in the fork server, so that no child has to
import pandera.pandas  # noqa: F401
import pyarrow.csv  # noqa: F401

from concord import failpoint, steps
from concord.acquire import sftp
from concord.incidents import Severity
from concord.landing import Landing
from concord.parse import delimited  # noqa: F401
from concord.publish.notify import Channel
from concord.settings import Settings
from concord.steps import by_hand, rereading
from concord.validate import validate
from tests import unwrapping
from tests.faults.controls import CONTROLS
from tests.rosters import THU, quick
from tests.unit.acme_rows import ACME, frame

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "pytest", "execnet"])
CHUNK_BYTES = 512
"""Of landed objects: a small file still has a middle."""
CHUNK_ROWS = 10
NO_PAUSE = sftp.StabilityProbe(pause=timedelta(0), sleep=lambda _: None)


@dataclass(frozen=True)
class Job:
    """What a process is asked to do. ``controls`` names the checks that are switched off in it."""

    step: str
    arguments: Mapping[str, Any] = field(repr=False)
    settings: Settings = field(repr=False)
    log: str
    told: str
    failpoints: str = ""
    controls: tuple[str, ...] = ()
    chunk_rows: int = CHUNK_ROWS


@dataclass(frozen=True)
class Outcome:
    """How a process ended: ``done`` with a value, ``raised`` an error, or ``died`` of a signal or an exit."""

    step: str
    ended: str
    value: Any = None
    error: type[BaseException] | None = None
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.ended == "done"


class Process:
    """A running step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.pipe, sender = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=run, args=(job, sender), daemon=True)
        self._process.start()
        sender.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def finished(self, within: float = 60) -> bool:
        """Whether it ended, or says so, ``within`` seconds."""
        return self.pipe.poll(within)

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        with suppress(ProcessLookupError):  # it was only slow, and has ended
            os.kill(self.pid, signal.SIGCONT)

    def outcome(self, within: float = 60) -> Outcome:
        """Waits for its end."""
        if not self.finished(within):
            self.kill()
            raise TimeoutError(f"{self.job.step} did not end")
        try:
            ended, value, error, text = self.pipe.recv()
        except EOFError:
            ended, value, error, text = "died", None, None, ""
        self._process.join()
        return Outcome(self.job.step, ended, value, error, text)


def run(job: Job, pipe: Pipe) -> None:
    """The process: does the step and says how it ended, unless it dies first."""
    logging.disable(logging.CRITICAL)
    os.environ |= {failpoint.FAULTS: job.failpoints, failpoint.LOG: job.log}
    sftp.StabilityProbe = lambda: NO_PAUSE  # type: ignore[assignment, misc]
    rereading.CHUNK_ROWS = job.chunk_rows
    unwrapping.stand_in()
    for name in job.controls:
        CONTROLS[name]()
    try:
        pipe.send(("done", performed(job), None, ""))
    except Exception as error:  # noqa: BLE001 — whatever it is, the one who waits has to hear of it
        pipe.send(("raised", None, type(error), str(error)))


def performed(job: Job) -> Any:
    """What the step returns; people are told at its end what was reported in it, as in every task."""
    site = site_of(job)
    try:
        return getattr(steps, job.step, getattr(by_hand, job.step, None))(**job.arguments, site=site)
    finally:
        with Path(job.told).open("a", encoding="utf-8") as file:
            steps.tell(site, [Channel("file", Severity.NOTE, lambda message: print(message.subject, file=file))])


def site_of(job: Job) -> steps.Site:
    """The installation, with small chunks."""
    site = steps.open_site(job.settings)
    landing = Landing(job.settings.landing_url, site.keys, chunk_bytes=CHUNK_BYTES)
    return quick(replace(site, landing=landing))


# pandera takes most of a second for its first frame: the fork server spends it once.
validate(ACME, frame(), as_of=THU, missing=frozenset())
