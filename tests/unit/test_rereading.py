"""Records read again by themselves come to what they came to in their file, and never to anything new."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from concord.contract import Feed
from concord.parse import Chunk, line_accounting
from concord.parse.delimited import DelimitedFile
from concord.parse.rereading import RereadRecords, header, places
from concord.validate import validate
from tests import tally
from tests.kinds import DELIMITED
from tests.unit.acme_rows import ACME, file, row

FOLDER = Path(__file__).parents[1] / "feeds"


def read_at_all(feed: Feed) -> Iterator[Path]:
    """The feed's named files that are not refused whole: rows of those are never in quarantine."""
    expected = tomllib.loads((FOLDER / feed.name / "expected.toml").read_text(encoding="utf-8"))
    for path in sorted((FOLDER / feed.name).iterdir()):
        wanted = expected.get(path.stem)
        if isinstance(wanted, dict) and "rejected" not in wanted:
            yield path


FILES = [
    pytest.param(feed, path, id=f"{feed.name}/{path.stem}") for feed in DELIMITED.values() for path in read_at_all(feed)
]
Verdict = tuple[str, ...] | dict[str, Any]
"""Reasons, or the accepted row."""


def as_of(feed: Feed) -> date:
    found: date = tomllib.loads((FOLDER / feed.name / "expected.toml").read_text(encoding="utf-8"))["as_of"]
    return found


def judged(feed: Feed, file: DelimitedFile) -> Iterator[tuple[int, bytes, Verdict]]:
    """Line, bytes and verdict of every record."""
    for chunk in file:
        yield from sorted(of_chunk(feed, file, chunk), key=lambda record: record[0])


def of_chunk(feed: Feed, file: DelimitedFile, chunk: Chunk) -> Iterator[tuple[int, bytes, Verdict]]:
    for refused in chunk.refused:
        yield refused.line, refused.raw, refused.reasons
    found = validate(feed, chunk.frame, as_of=as_of(feed), missing=frozenset(file.drift.missing_optional))
    for at, values in zip(found.positions, found.accepted.to_dict("records"), strict=True):
        yield int(chunk.line[at]), chunk.raw(int(at)), dict(values)
    for at, reasons in zip(found.rejected.position, found.rejected.reasons, strict=True):
        yield int(chunk.line[at]), chunk.raw(int(at)), reasons


@pytest.mark.full
@pytest.mark.parametrize(("feed", "path"), FILES)
def test_every_record_of_every_named_file_says_by_itself_what_it_said_in_its_file(feed: Feed, path: Path) -> None:
    whole = DelimitedFile(io.BytesIO(path.read_bytes()), feed)
    found = list(judged(feed, whole))
    again = RereadRecords(whole.columns, [raw for _, raw, _ in found], feed, chunk_rows=7)
    reread = list(judged(feed, again))
    assert [verdict for _, _, verdict in reread] == [verdict for _, _, verdict in found]
    assert [line for line, _, _ in reread] == [line for line, _ in places([raw for _, raw, _ in found])]
    assert again.drift == whole.drift


def halves() -> list[bytes]:
    """Two records that each open or close a quote: side by side they would be one sound record."""
    whole = file(row(STREET="1 Sample Way\nsecond floor")).split(b"\n", 1)[1].removesuffix(b"\n")
    first, second = whole.split(b"\n")
    return [first, second]


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_two_records_with_a_quote_too_many_never_become_one(chunk_rows: int) -> None:
    read = RereadRecords(tuple(row()), halves(), ACME, chunk_rows=chunk_rows)
    chunks = list(read)
    assert sum(len(chunk.frame) for chunk in chunks) == 0
    refused = sorted((each.line, each.lines, each.reasons) for chunk in chunks for each in chunk.refused)
    assert [(line, lines) for line, lines, _ in refused] == [(2, 1), (3, 1)], "each row has a fate of its own"
    assert all("record.quote" in reasons or "record.field_count" in reasons for _, _, reasons in refused)
    assert sum(sum(line_accounting(chunk).values()) for chunk in chunks) == read.line_count


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_a_sound_record_beside_one_with_a_quote_too_many_is_read(chunk_rows: int) -> None:
    sound = file(row(EMPID="E0000102")).splitlines()[1]
    chunks = list(RereadRecords(tuple(row()), [halves()[0], sound, halves()[1], sound], ACME, chunk_rows=chunk_rows))
    assert sorted(line for chunk in chunks for line in chunk.line.tolist()) == [3, 5]
    assert sorted(each.line for chunk in chunks for each in chunk.refused) == [2, 4]


def test_without_being_read_alone_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(RereadRecords, "_torn", lambda _self, _chunk: iter(()))
    (chunk,) = RereadRecords(tuple(row()), halves(), ACME, chunk_rows=100)
    tally.count("negative controls", tried=1, red=len(chunk.frame))
    assert len(chunk.frame) == 1


def test_names_that_need_quotes_get_them() -> None:
    assert header(("A,B", 'C"D', "E"), ACME) == b'"A,B","C""D",E\n'
