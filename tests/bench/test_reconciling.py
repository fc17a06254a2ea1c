"""How long a full file takes, as a ratio to a raw COPY of the same file in the same run.

``CONCORD_BENCH_MEMBERS`` sets the size (default 60,000 members, some 97,000 rows). Nothing
is asserted about time: figures go to docs/performance.md with machine and command.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from concord import ledger, steps
from concord.acquire import Fetched
from concord.catalogue import feed
from concord.sandbox.roster import Employer
from concord.steps.arriving import land

if TYPE_CHECKING:
    from concord.steps import Site

pytestmark = pytest.mark.bench

MEMBERS = int(os.environ.get("CONCORD_BENCH_MEMBERS", "60000"))
FEED = feed("acme_eligibility")
RAW = "COPY stage.raw FROM STDIN (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')"


@dataclass
class Clock:
    """Seconds by part."""

    parts: dict[str, float] = field(default_factory=dict)

    def time(self, part: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = work()
        self.parts[part] = time.perf_counter() - begun
        return result

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def test_full_files_against_a_raw_copy(site: Site) -> None:
    employer = Employer(seed=1, members=MEMBERS, start=date(2026, 11, 18))
    first, second = employer.day(1), employer.day(2)
    raw = copy_raw(site, first.content())
    lines = [f"{first.manifest.rows} rows, COPY of the raw lines {raw:.2f} s; imports before {imports():.2f} s"]
    lines.append(report("first full", reconcile(site, first.content(), first.manifest.file_date), raw))
    again = reconcile(site, second.content(), second.manifest.file_date)
    lines.append(report("second full, ordinary changes", again, raw))
    lines.append(f"peak RSS of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    print("\n" + "\n".join(lines))


def imports() -> float:
    """Seconds until a process can judge its first row: pandas and pandera are imported where they are needed.

    A task pays them once, whatever the size of its file, so they are no part of the ratio. Here they are
    dearer than in a task: pandera also imports hypothesis, which only development has.
    """
    from pandas import DataFrame

    begun = time.perf_counter()
    from concord.transform import transform
    from concord.validate import validate

    nothing = DataFrame({column.source: [""] for column in FEED.columns.values()}, dtype="str")
    transform(FEED, validate(FEED, nothing, as_of=date(2026, 11, 18)).accepted)
    return time.perf_counter() - begun


def copy_raw(site: Site, content: bytes) -> float:
    """Seconds to COPY the lines into an unlogged table of one text column, as the loader."""
    with psycopg.connect(site.settings.loader_url) as connection:
        connection.execute("CREATE UNLOGGED TABLE stage.raw (line text)")
        begun = time.perf_counter()
        with connection.cursor().copy(RAW) as copy:
            copy.write(content.replace(b"\r\n", b"\n"))
        connection.commit()
        return time.perf_counter() - begun


def reconcile(site: Site, content: bytes, day: date) -> Clock:
    """Landed file to applied and accounted; a hold is approved at once."""
    clock, delivery_id = Clock(), ledger.new_id()
    with site.database() as connection:
        ledger.register(connection, FEED)
        ledger.discover(
            connection, FEED, delivery_id=delivery_id, name_sealed=b"", name_token=delivery_id, size=len(content),
            modified_at=datetime.now(UTC), file_date=day, sequence=None,
        )  # fmt: skip
    clock.time("land", lambda: archive(site, delivery_id, content))
    clock.time("stage", lambda: steps.stage(FEED, delivery_id, 1, site))
    planned = clock.time("plan", lambda: steps.plan(FEED, delivery_id, 1, site))
    if planned["held"]:
        steps.decide(FEED, delivery_id, digest=planned["digest"], verdict="approve", by="bench", via="shell", site=site)
    assert clock.time("apply", lambda: steps.apply(FEED, delivery_id, 1, site))["state"] == "applied"
    clock.time("settle", lambda: steps.settle(FEED, delivery_id, 1, site))
    return clock


def archive(site: Site, delivery_id: str, content: bytes) -> None:
    with site.landing.begin(delivery_id, 1) as writer:
        writer.write(content)
        manifest = writer.seal()
    land(FEED, delivery_id, Fetched(len(content), manifest.sha256, manifest), site)


def report(name: str, clock: Clock, raw: float) -> str:
    parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in clock.parts.items())
    return f"{name}: {clock.total:.2f} s = {clock.total / raw:.1f} × COPY ({parts})"
