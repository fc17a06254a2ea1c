"""An independent count: bytes split at line feeds, Python's own csv module, and sets of line numbers.

Nothing of Concord's parser is used here. Each function gives what is wrong, as sentences
without a value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from concord.contract import Feed
from tests.fuzz.reader import Outcome, Record

csv.field_size_limit(1 << 24)


def wrong(feed: Feed, data: bytes, outcome: Outcome) -> Iterator[str]:
    """Everything that does not add up in what became of ``data``."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if outcome.line_count != len(lines):
        yield f"{outcome.line_count} lines counted, {len(lines)} are there"
    yield from accounts(len(lines), outcome)
    for record in outcome.records:
        yield from _record(feed, lines, outcome, record)


def accounts(count: int, outcome: Outcome) -> Iterator[str]:
    """Lines 1 to ``count`` that became nothing or two things, and others that are not there."""
    seen: dict[int, int] = {}
    for record in outcome.records:
        for line in range(record.line, record.line + record.lines):
            seen[line] = seen.get(line, 0) + 1
    lost, twice = sorted(set(range(1, count + 1)) - set(seen)), sorted(line for line, n in seen.items() if n > 1)
    stray = sorted(set(seen) - set(range(1, count + 1)))
    yield from (
        f"lines {those[:5]} are {what}" for what, those in (("lost", lost), ("twice", twice), ("stray", stray)) if those
    )


def _record(feed: Feed, lines: list[bytes], outcome: Outcome, record: Record) -> Iterator[str]:
    raw = b"\n".join(lines[record.line - 1 : record.line - 1 + record.lines])
    raw = raw.removesuffix(b"\r")
    if record.became == "ignored" and raw.strip(b"\r \t\xef\xbb\xbf\x1a"):
        yield f"line {record.line} is not blank and was ignored"
    if record.raw is not None and not _same(feed, record.raw, raw):
        yield f"line {record.line}: the bytes kept are not the bytes of its lines"
    if record.values is not None and _fields(feed, raw, outcome.columns) != record.values:
        yield f"line {record.line}: other values were read than Python's csv module reads"


def _same(feed: Feed, kept: bytes, raw: bytes) -> bool:
    """Of a record that is too long the beginning is kept (the whole is in landing)."""
    return kept == raw or (len(raw) > feed.format.max_record_bytes and bool(kept) and raw.startswith(kept))


def _fields(feed: Feed, raw: bytes, columns: tuple[str, ...]) -> dict[str, str] | None:
    """The values of the contract's columns as the csv module reads them; None where it does not."""
    form = feed.format
    text = io.StringIO(raw.decode(form.encoding), newline="")
    try:
        rows = list(csv.reader(text, delimiter=form.delimiter, quotechar=form.quote, strict=True))
    except csv.Error:
        return None
    if len(rows) != 1:
        return None
    fields = rows[0]
    if len(fields) != len(columns) or (columns[-1] == "" and fields[-1]):
        return None
    sources = {mapping.source for mapping in feed.columns.values()}
    return {name: value for name, value in zip(columns, fields, strict=True) if name in sources}
