"""Named files of every feed with columns go through every step (test_steps_named_files.py has Acme's)."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from concord.contract import Feed
from tests.kinds import DELIMITED
from tests.playground import Playground
from tests.rosters import LAX_GUARDS, Driver, quick

pytestmark = pytest.mark.full

FEEDS = [feed for name, feed in DELIMITED.items() if name != "acme_eligibility"]
FOLDER = Path(__file__).parents[1] / "feeds"
CASES = [
    pytest.param(feed, name, wanted, id=f"{feed.name}/{name}")
    for feed in FEEDS
    for name, wanted in tomllib.loads((FOLDER / feed.name / "expected.toml").read_text(encoding="utf-8")).items()
    if isinstance(wanted, dict)
]
CANARIES = re.compile("Testman|Tessa|40055|400-55|W-0001|Sample Way|tessa@example", re.IGNORECASE)
DAY = date(2026, 11, 20)


def expected(feed: Feed) -> dict[str, Any]:
    return tomllib.loads((FOLDER / feed.name / "expected.toml").read_text(encoding="utf-8"))


def content(feed: Feed, name: str) -> bytes:
    opened = Path(feed.source.pattern.removesuffix(".pgp"))
    return (FOLDER / feed.name / f"{name}{opened.suffix}").read_bytes()


def everybody_added(feed: Feed) -> bytes:
    """The change file of the day before: adds everybody the named files speak of."""
    names, control = feed.format.names, feed.format.control
    assert control is not None
    rows = list(csv.reader(io.StringIO(content(feed, "good").decode()), delimiter=feed.format.delimiter))[1:-1]
    place = {name: names.index(name) for name in ("ACT", "STOPDT", "WORKER")}
    for row in rows:
        row[place["ACT"]], row[place["STOPDT"]] = "A", ""
    total = sum(int(row[place["WORKER"]].removeprefix("W-")) for row in rows)
    before = DAY - timedelta(days=1)
    lines = [["H", control.sender or "", f"{before:%Y%m%d}", "41"], *rows, ["T", str(len(rows)), str(total)]]
    text = io.StringIO()
    csv.writer(text, delimiter=feed.format.delimiter, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


@pytest.fixture
def driver(blank: Playground, feed: Feed) -> Iterator[Driver]:
    """The feed with lax guards; a change feed has had its first file."""
    from concord.steps import open_site

    blank.empty()
    site = quick(open_site(blank.settings))
    driver = Driver(replace(feed, policy=replace(feed.policy, guards=LAX_GUARDS)), site)
    if feed.order.sequence:
        assert driver.day(everybody_added(feed), DAY - timedelta(days=1), "approve", sequence=41).state == "published"
        driver.told.clear()
    yield driver
    site.close()


@pytest.mark.parametrize(("feed", "name", "wanted"), CASES)
def test_a_named_file_is_applied_or_rejected_and_every_line_is_accounted_for(
    driver: Driver, feed: Feed, name: str, wanted: dict[str, Any]
) -> None:
    before, data = driver.tables(), content(feed, name)
    run = driver.day(data, DAY, "approve", sequence=expected(feed).get("sequence"))
    if code := wanted.get("rejected"):
        assert (run.state, run.rejection and run.rejection.code) == ("rejected", code)
        assert (driver.tables(), driver.reasons(run.delivery_id)) == (before, {})
        (incident,) = driver.incidents()
        assert code in incident["subject"]
        assert all(word in incident["text"] for word in (f"Partner {feed.partner}", "Safe: ", "Press: ", "attempt 2"))
        assert not CANARIES.search(incident["text"] + incident["subject"])
        return
    assert run.state == "published"
    reasons = Counter(code for codes in driver.reasons(run.delivery_id).values() for code in codes)
    assert reasons == Counter(wanted.get("reasons", {}))
    assert sum(driver.lines(run.delivery_id).values()) == data.count(b"\n")
    assert driver.lines(run.delivery_id).get("ignored", 0) >= wanted.get("ignored", 0)
