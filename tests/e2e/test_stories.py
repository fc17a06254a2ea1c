"""The other employers' stories through a real Airflow: their numbers are those that were counted beforehand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from concord import catalogue, check, steps
from concord.postgres import connect
from concord.sandbox import story
from concord.sandbox.stories import STORIES

if TYPE_CHECKING:
    from concord.sandbox.installation import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.full, pytest.mark.timeout(600)]

TODAY = date(2026, 11, 23)
MEMBERS = 1_000


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    from concord.sandbox.installation import Installation
    from concord.sandbox.state import State

    root = Path(tempfile.mkdtemp(prefix="concord-stories-"))
    try:
        with Installation(State.create(root / "state", temporary=True), say=lambda _: None) as running:
            root.chmod(0o711)
            yield running
    finally:
        shutil.rmtree(root, ignore_errors=True)


def reconciled(installation: Installation, feed: str) -> dict[date, dict[str, Any]]:
    """The published deliveries of ``feed`` by file date, as analysts see them."""
    with connect(installation.settings.loader_url) as connection:
        rows = connection.execute("SELECT * FROM mart.delivery_reconciliation WHERE feed = %s", [feed]).fetchall()
    return {row["file_date"]: row for row in rows if row["state"] == "published"}


@pytest.mark.parametrize("name", ["delta", "messy", "formats"])
def test_a_story_comes_to_its_end_and_finds_what_was_done(installation: Installation, name: str) -> None:
    told = STORIES[name]
    installation.get_ready(told.feed, *told.others)
    chapters = told.chapters(MEMBERS, TODAY)
    for chapter in chapters:
        story.live_through(chapter, installation, lambda _: None)
    found = {name: reconciled(installation, name) for name in (told.feed, *told.others)}
    for feed, manifest in ((chapter.feed, chapter.roster.manifest) for chapter in chapters):
        row = found[feed][manifest.file_date]
        assert {each: int(row[each]) for each in manifest.expected} == manifest.expected
        assert (row["lines_balance"], row["spans_balance"]) == ("balanced", "balanced")


def test_the_gap_and_the_rejection_were_told_and_are_over(installation: Installation) -> None:
    with connect(installation.settings.loader_url) as connection:
        rows = connection.execute("SELECT kind, state FROM ops.incident WHERE kind IN ('gap', 'rejected')").fetchall()
    assert sorted((row["kind"], row["state"]) for row in rows) == [("gap", "resolved"), ("rejected", "resolved")]


def test_every_answer_lies_in_its_partners_folder(installation: Installation) -> None:
    """The health plan's acknowledgements and everybody's reports, each once and whole."""
    told = STORIES["formats"]
    out = StringIO()
    assert told.afterwards is not None
    told.afterwards(installation, lambda _: None, Console(file=out), told.chapters(MEMBERS, TODAY))
    with connect(installation.settings.loader_url) as connection:
        rows = connection.execute("SELECT feed, kind, file_name, state FROM ops.outgoing").fetchall()
    assert {row["state"] for row in rows} == {"sent"}
    assert {row["kind"] for row in rows if row["feed"] == told.feed} == {"ta1", "999", "csv", "html"}
    for name in (told.feed, *told.others):
        folder = installation.state.employer(catalogue.feed(name).partner) / "from_concord"
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            row["file_name"] for row in rows if row["feed"] == name
        )
    assert "IK5*A~" in out.getvalue()


def test_every_invariant_holds_for_all_feeds_together(installation: Installation) -> None:
    assert check.run(steps.open_site(installation.settings), deep=True) == []
