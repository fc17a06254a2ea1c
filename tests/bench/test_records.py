"""How long an export of FHIR resources takes, as a ratio to a raw COPY of the same lines in the same run, and in how
much memory.

``CONCORD_BENCH_RESOURCES`` sets the size (default 1,000,000 Observations). Every step is a process of its own, as a
task is. Nothing is asserted about time; memory must not grow with the export: a quarter of it is measured beside it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from concord import ledger, steps
from concord.acquire import Fetched
from concord.catalogue import feed
from concord.contract import Feed, Guards, Limit
from concord.settings import Settings
from concord.steps.arriving import land
from tests.resources import updated, weight

if TYPE_CHECKING:
    from concord.steps import Site

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3_600)]

RESOURCES = int(os.environ.get("CONCORD_BENCH_RESOURCES", "1000000"))
RAW = "COPY stage.raw FROM STDIN (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')"
BATCH = 10_000
DAY = date(2026, 11, 18)
FLAT = 1.2
"""So much more memory may four times the resources take."""
CHANGED = 50
"""Of so many resources one has another value the next night."""


@dataclass
class Part:
    """One step: seconds of it alone, and the most memory its process had, in MB."""

    seconds: float
    peak_mb: float
    result: Any = field(repr=False)


def observations(count: int, *, first: int = 0, night: int = 1) -> Iterator[bytes]:
    """NDJSON of ``count`` Observations, a batch of lines at a time; each has a component of its own to flatten."""
    for start in range(first, first + count, BATCH):
        stop = min(start + BATCH, first + count)
        yield b"".join(json.dumps(observation(number, night)).encode() + b"\n" for number in range(start, stop))


def observation(number: int, night: int) -> dict[str, Any]:
    """A body weight as a server with versions says it, of one of many patients."""
    changed = night > 1 and number % CHANGED == 0
    doctor = [{"reference": f"Practitioner/d{number % 200}"}]
    vital = [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
    ]
    resource = weight(
        number, f"{60 + number % 400 / 10 + changed:.1f}", of=number % 20_000, category=vital,
        encounter={"reference": f"Encounter/e{number // 5}"}, performer=doctor,
    )  # fmt: skip
    return updated(resource, 1 + changed, f"2026-11-{18 + changed}T02:00:00Z")


def lax() -> Feed:
    """Northgate's contract with guards that trip for the first export alone."""
    northgate, limit = feed("northgate_ehr"), Limit(share=0.99, floor=1_000_000)
    return replace(
        northgate, policy=replace(northgate.policy, guards=Guards(ends=limit, rejected=limit, minimum_rows=1))
    )


FEED = lax()


def test_exports_against_a_raw_copy_and_their_memory(site: Site, tmp_path: Path) -> None:
    quarter = max(RESOURCES // 4, 1)
    raw, size = copy_raw(site, RESOURCES, tmp_path / "raw")
    print(f"\n{RESOURCES} Observations, {size / 1e6:.0f} MB, COPY of the raw lines {raw:.2f} s")
    small = night(site, observations(quarter, first=RESOURCES), DAY)
    print(report(f"a quarter of it ({quarter})", small, quarter, None))
    large = night(site, observations(RESOURCES), DAY + timedelta(days=1))
    print(report("first export", large, RESOURCES, raw))
    again = night(site, observations(RESOURCES, night=2), DAY + timedelta(days=2))
    print(report(f"all of it again, one of {CHANGED} changed", again, RESOURCES, raw))
    growth = {name: large[name].peak_mb / small[name].peak_mb for name in small}
    print("memory, four times as much over a quarter: " + ", ".join(f"{n} {g:.2f}" for n, g in growth.items()))
    assert max(growth.values()) <= FLAT


def night(site: Site, content: Iterator[bytes], day: date) -> dict[str, Part]:
    """An export from landing to its end, a process for each step; a hold is approved at once."""
    delivery_id = landed(site, content, day)
    parts = {name: alone(name, delivery_id, site.settings) for name in ("stage", "plan")}
    planned = parts["plan"].result
    if planned["held"]:
        steps.decide(FEED, delivery_id, digest=planned["digest"], verdict="approve", by="bench", via="shell", site=site)
    parts["apply"] = alone("apply", delivery_id, site.settings)
    assert parts["apply"].result["state"] == "applied"
    assert steps.settle(FEED, delivery_id, 1, site)["state"] == "published"
    return parts


def landed(site: Site, content: Iterator[bytes], day: date) -> str:
    """The delivery of an export that has just been put together."""
    delivery_id = ledger.new_id()
    with site.database() as connection:
        ledger.register(connection, FEED)
        ledger.discover(
            connection, FEED, delivery_id=delivery_id, name_sealed=b"", name_token=delivery_id, size=0,
            modified_at=datetime.now(UTC), file_date=day, sequence=None,
        )  # fmt: skip
    with site.landing.begin(delivery_id, 1) as writer:
        for batch in content:
            writer.write(batch)
        manifest = writer.seal()
    land(FEED, delivery_id, Fetched(manifest.length, manifest.sha256, manifest), site)
    return delivery_id


def alone(step: str, delivery_id: str, settings: Settings) -> Part:
    """A step in a fresh process."""
    context = multiprocessing.get_context("spawn")
    pipe, sender = context.Pipe(duplex=False)
    process = context.Process(target=measured, args=(step, delivery_id, settings, sender))
    process.start()
    sender.close()
    try:
        return Part(*pipe.recv())
    finally:
        process.join()


def measured(step: str, delivery_id: str, settings: Settings, pipe: Pipe) -> None:
    """The process: what it imports is no part of the seconds, and is part of the memory."""
    import pandas  # noqa: F401
    import pyarrow.csv  # noqa: F401

    from concord.parse import fhir  # noqa: F401

    site = steps.open_site(settings)
    begun = time.perf_counter()
    result = getattr(steps, step)(FEED, delivery_id, 1, site)
    pipe.send((time.perf_counter() - begun, peak_mb(), result))


def peak_mb() -> float:
    """VmHWM of this process: ``ru_maxrss`` would begin with what its parent had."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def copy_raw(site: Site, count: int, file: Path) -> tuple[float, int]:
    """Seconds to COPY the lines into an unlogged table of one text column, as the loader; and how many bytes."""
    with file.open("wb") as sink:
        size = sum(sink.write(batch) for batch in observations(count))
    with psycopg.connect(site.settings.loader_url) as connection:
        connection.execute("CREATE UNLOGGED TABLE stage.raw (line text)")
        begun = time.perf_counter()
        with file.open("rb") as source, connection.cursor().copy(RAW) as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)
        connection.commit()
        seconds = time.perf_counter() - begun
        connection.execute("DROP TABLE stage.raw")
    file.unlink()
    return seconds, size


def report(name: str, parts: dict[str, Part], count: int, raw: float | None) -> str:
    total = sum(part.seconds for part in parts.values())
    ratio = f" = {total / raw:.1f} × COPY" if raw else ""
    each = "; ".join(
        f"{step} {part.seconds:.1f} s, {count / part.seconds:,.0f} resources/s, peak {part.peak_mb:.0f} MB"
        for step, part in parts.items()
    )
    return f"{name}: {total:.1f} s{ratio} ({each})"
