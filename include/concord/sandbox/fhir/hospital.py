"""What one server knows: its population and day, its clients, its jobs, its faults."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock, Thread
from typing import Any

from concord.sandbox.fhir.faults import Faults
from concord.sandbox.fhir.kickoff import Refused, Selection
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import Profile
from concord.sandbox.fhir.shelf import Files, Shelf
from concord.sandbox.fhir.stats import Stats
from concord.sandbox.fhir.tokens import TokenDesk
from concord.sandbox.private import write_private


@dataclass
class Job:
    """One export, from its kick-off until it is DELETEd."""

    id: str
    client: str
    selection: Selection
    url: str
    """Of the kick-off; repeated in the manifest."""
    day: int
    transaction_time: datetime
    polls: int = 0
    complete: bool = False
    files: Files | None = field(default=None, repr=False)
    broken: bool = False


class Hospital:
    """Everything behind the server's addresses. ``base_url`` and ``store_url`` are set when the ports are known.

    ``folder`` keeps files and jobs: a server that is started again on it knows its jobs,
    its day and their files, but not its tokens.
    """

    def __init__(
        self, population: Population, folder: Path, *, faults: Faults, lines_per_file: int, day: int | None
    ) -> None:
        self.population, self.faults, self.stats = population, faults, Stats()
        self.folder = folder
        self.base_url = self.store_url = ""
        self.lock = RLock()
        self.desk = TokenDesk(faults, self.stats)
        self.shelf = Shelf(folder / "exports", population, lines_per_file)
        self.jobs: dict[str, Job] = {}
        self._day = 1
        self._started: dict[str, int] = {}
        """Exports by day (as text: it is kept as JSON)."""
        self._store_key = secrets.token_bytes(32)
        self._read()
        if day is not None:
            self._day = day

    @property
    def profile(self) -> Profile:
        """The maker's ways."""
        return self.population.profile

    @property
    def day(self) -> int:
        """The day it is; exports and searches show its end."""
        return self._day

    @day.setter
    def day(self, number: int) -> None:
        with self.lock:
            self._day = number
            self.write()

    def start(self, client: str, selection: Selection, url: str) -> Job:
        """A new export; raises :class:`Refused` while another one is in the way."""
        with self.lock:
            if self.hits("throttled_kickoffs"):
                raise Refused(429, "throttled", "Too many requests.")
            if any(self._collides(job, client, selection) for job in self.jobs.values()):
                raise Refused(self.profile.busy_status, self.profile.busy_code, self.profile.busy_text)
            job = Job(secrets.token_hex(8), client, selection, url, self._day, self._now())
            self.jobs[job.id] = job
            self.stats.note("kick_offs")
            self.write()
        self.prepare(job)
        return job

    def _now(self) -> datetime:
        """The end of the day, and a second later for every export of it: transaction times are different."""
        turn = self._started.get(str(self._day), 0)
        self._started[str(self._day)] = turn + 1
        return self.population.clock.end(self._day) + timedelta(seconds=turn)

    def _collides(self, job: Job, client: str, selection: Selection) -> bool:
        same = (job.selection.level, job.selection.group) == (selection.level, selection.group)
        in_the_way = not job.complete or self.profile.busy_until_deleted
        return in_the_way and job.client == client and (same or self.profile.busy_for == "client")

    def prepare(self, job: Job) -> None:
        """Writes the job's files, meanwhile."""
        Thread(target=self._prepare, args=(job,), name=f"export-{job.id}", daemon=True).start()

    def _prepare(self, job: Job) -> None:
        try:
            job.files = self.shelf.files(job.selection, job.day)
        except OSError:  # the folder is gone: the server was stopped meanwhile
            job.broken = True

    def drop(self, job: Job) -> None:
        """The job and its files are not found any more."""
        with self.lock:
            self.jobs.pop(job.id, None)
            self.stats.note("deletes")
            self.write()

    def hits(self, name: str, kind: str | None = None) -> bool:
        """Whether a counting fault, or one at files of ``kind``, meets this answer; counts it."""
        with self.lock:
            hit = self.faults.used(name) if kind is None else self.faults.hits(name, kind)
            self.fired(name, hit)
            return hit

    def fired(self, name: str, hit: object = True) -> None:
        """Counts a fault where it met somebody."""
        if hit:
            with self.lock:
                self.stats.fired[name] += 1

    def note(self, name: str) -> None:
        """Counts one more of a figure of :class:`Stats`."""
        with self.lock:
            self.stats.note(name)

    def signature(self, path: str) -> str:
        """What a presigned URL of the store carries."""
        return hmac.new(self._store_key, path.encode("ascii"), "sha256").hexdigest()

    def write(self) -> None:
        """Keeps day and jobs."""
        jobs = [_kept(job) for job in self.jobs.values()]
        write_private(
            self.folder / "server.json", json.dumps({"day": self._day, "started": self._started, "jobs": jobs})
        )

    def _read(self) -> None:
        path = self.folder / "server.json"
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self._day, self._started = kept["day"], kept["started"]
            self.jobs = {each["id"]: _job(each) for each in kept["jobs"]}
            for job in self.jobs.values():
                self.prepare(job)


def _kept(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "client": job.client,
        "selection": asdict(job.selection),
        "url": job.url,
        "day": job.day,
        "transaction_time": job.transaction_time.isoformat(),
        "polls": job.polls,
        "complete": job.complete,
    }


def _job(kept: dict[str, Any]) -> Job:
    chosen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept["selection"].items()
    }
    kept["selection"] = Selection(**chosen)
    kept["transaction_time"] = datetime.fromisoformat(kept["transaction_time"])
    return Job(**kept)
