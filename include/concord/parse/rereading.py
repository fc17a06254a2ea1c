"""Refused records of a file, read again by themselves: a file of their own, with the header of theirs."""

from __future__ import annotations

import io
import sys
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from concord.contract import Control, Delimited, Feed
from concord.parse import Chunk, Reason, Refused
from concord.parse.delimited import DelimitedFile

HEADER_LINES = 1


Place = tuple[int, int]
"""First line, and how many."""


class UnderHeader(DelimitedFile):
    """Records under a line of names, also where the format has none."""

    def _read_header(self) -> tuple[str, ...]:
        if not self._feed.layout.types:
            return super()._read_header()
        self._next_control_line()
        return self._feed.layout.stated

    def _refuse_returns(self, rest: bytes) -> None:
        """How the lines of their file end is known."""


class RereadRecords(UnderHeader):
    """``records`` (bytes without line end, as they were refused) under a header of ``columns``.

    Line 1 is the header, also of a format without one; each record takes as many lines as
    it has (``line_counts``): one with a parent has the parent's lines before its own, and
    those are nobody's. There is no control record: what the partner counted was the whole file.
    Two records with a quote too many were far apart in their file; side by side they would
    close each other's quotes, and make a person out of two. So whatever reaches over more
    than one record is read again, each record alone. Raises what its base raises.
    """

    def __init__(
        self,
        columns: Sequence[str],
        records: Sequence[bytes],
        feed: Feed,
        *,
        chunk_rows: int,
        line_counts: Sequence[int] | None = None,
    ) -> None:
        self._alone = replace(feed, format=by_themselves(feed.layout))
        self._header = header(columns, feed)
        self._places = list(places(records))
        self._own = Own(self._places, line_counts) if line_counts and feed.layout.types else None
        self._raw = dict(zip(self._places, records, strict=True))
        text = b"".join([self._header, *(record + b"\n" for record in records)])
        super().__init__(io.BytesIO(text), self._alone, chunk_rows=chunk_rows)

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._read():
            yield self._own.of(chunk) if self._own is not None else chunk
        if self._own is not None:
            self.line_count = self._own.line_count

    def _read(self) -> Iterator[Chunk]:
        chunks = list(super().__iter__())
        torn = {place for chunk in chunks for place in self._torn(chunk)}
        lines = {line for first, count in torn for line in range(first, first + count)}
        yield from (without(chunk, lines) for chunk in chunks)
        for place in sorted(torn):
            yield from self._by_itself(place)

    def _torn(self, chunk: Chunk) -> Iterator[Place]:
        """The records that something read from ``chunk`` reaches over, where it is more than one."""
        read = [*zip(chunk.line.tolist(), chunk.lines.tolist(), strict=True)]
        for line, lines in (*read, *((refused.line, refused.lines) for refused in chunk.refused)):
            first = bisect_right(self._places, (line, sys.maxsize)) - 1
            last = bisect_right(self._places, (line + lines - 1, sys.maxsize))
            if last - first > 1:
                yield from self._places[max(first, 0) : last]

    def _by_itself(self, place: Place) -> Iterator[Chunk]:
        alone = UnderHeader(io.BytesIO(self._header + self._raw[place] + b"\n"), self._alone)
        yield from (shifted(chunk, place[0] - HEADER_LINES - 1) for chunk in alone)


class Own:
    """Which lines of records that were written with their parents are their own, and how those are counted."""

    def __init__(self, found: Sequence[Place], line_counts: Sequence[int]) -> None:
        own = [min(count, lines) for (_, lines), count in zip(found, line_counts, strict=True)]
        self._parents = {
            line
            for (first, lines), count in zip(found, own, strict=True)
            for line in range(first, first + lines - count)
        }
        self.line_count = HEADER_LINES + sum(own)
        everything = range(1, HEADER_LINES + 1 + sum(lines for _, lines in found))
        self._number = np.cumsum([0, *(line not in self._parents for line in everything)])

    def of(self, chunk: Chunk) -> Chunk:
        """``chunk`` without what was read from parents' lines alone, its lines counted without those."""
        glued = [
            self._refused(line, lines)
            for line, lines in zip(chunk.line.tolist(), chunk.lines.tolist(), strict=True)
            if self._is_glued(line, lines)
        ]
        refused = [
            self._refused(each.line, each.lines, each)
            for each in chunk.refused
            if each.line not in self._parents or self._is_glued(each.line, each.lines)
        ]
        left = without(chunk, self._parents)
        return replace(
            left,
            line=self._number[left.line],
            refused=(*refused, *glued),
            ignored=tuple(replace(each, line=int(self._number[each.line])) for each in left.ignored),
        )

    def _is_glued(self, line: int, lines: int) -> bool:
        """Whether a parent's lines and its child's were read as one record: a person made out of two."""
        return line in self._parents and line + lines - 1 not in self._parents

    def _refused(self, line: int, lines: int, why: Refused | None = None) -> Refused:
        own = [each for each in range(line, line + lines) if each not in self._parents]
        reasons, raw = (why.reasons, why.raw) if why is not None else ((Reason.QUOTE.value,), b"")
        return Refused(int(self._number[own[0]]), len(own), reasons, raw)


def by_themselves(form: Delimited) -> Delimited:
    """The format of records that stand alone: of what control records promise, only how a record begins is left."""
    mark = form.control.detail if form.control is not None else None
    control = Control(detail=mark) if mark is not None else None
    return replace(form, control=control, names=(), preamble_lines=0, comment=None)


def header(columns: Sequence[str], feed: Feed) -> bytes:
    """A header line as the feed's format has it."""
    form = feed.layout
    return form.delimiter.join(_written(name, form) for name in columns).encode(form.encoding) + b"\n"


def _written(name: str, form: Delimited) -> str:
    """A name, escaped or quoted where it needs to be."""
    if form.escape is not None:
        special = {*form.delimiter, form.quote, form.escape}
        return "".join(f"{form.escape}{sign}" if sign in special else sign for sign in name)
    if form.quote is None or not (form.delimiter in name or form.quote in name):
        return name
    doubled = name if form.inner_quotes == "literal" else name.replace(form.quote, 2 * form.quote)
    return f"{form.quote}{doubled}{form.quote}"


def places(records: Sequence[bytes]) -> Iterator[Place]:
    """First line and how many lines, of each record below the header."""
    line = HEADER_LINES + 1
    for record in records:
        lines = record.count(b"\n") + 1
        yield line, lines
        line += lines


def without(chunk: Chunk, lines: Collection[int]) -> Chunk:
    """``chunk`` without anything that was read from a record that begins in one of ``lines``."""
    if not lines:
        return chunk
    own = np.array([line not in lines for line in chunk.line.tolist()], dtype=bool)
    return replace(
        chunk,
        frame=chunk.frame[own].reset_index(drop=True),
        line=chunk.line[own],
        lines=chunk.lines[own],
        span=chunk.span[own],
        refused=tuple(refused for refused in chunk.refused if refused.line not in lines),
        ignored=tuple(ignored for ignored in chunk.ignored if ignored.line not in lines),
    )


def shifted(chunk: Chunk, by: int) -> Chunk:
    """``chunk`` of a file of one record, ``by`` lines further down; the header is not its own."""
    return replace(
        chunk,
        line=chunk.line + by,
        refused=tuple(replace(refused, line=refused.line + by) for refused in chunk.refused),
        ignored=tuple(replace(ignored, line=ignored.line + by) for ignored in chunk.ignored),
        control=(),
    )
