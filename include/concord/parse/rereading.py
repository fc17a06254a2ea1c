"""Refused records of a file, read again by themselves: a file of their own, with the header of theirs."""

from __future__ import annotations

import csv
import io
import sys
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from concord.contract import Control, Delimited, Feed
from concord.parse import Chunk
from concord.parse.delimited import DelimitedFile

HEADER_LINES = 1


Place = tuple[int, int]
"""First line, and how many."""


class RereadRecords(DelimitedFile):
    """``records`` (bytes without line end, as they were refused) under a header of ``columns``.

    Line 1 is the header, also of a format without one; each record takes as many lines as
    it has. There is no control record: what the partner counted was the whole file.
    Two records with a quote too many were far apart in their file; side by side they would
    close each other's quotes, and make a person out of two. So whatever reaches over more
    than one record is read again, each record alone. Raises what its base raises.
    """

    def __init__(self, columns: Sequence[str], records: Sequence[bytes], feed: Feed, *, chunk_rows: int) -> None:
        self._alone = replace(feed, format=by_themselves(feed.layout))
        self._header = header(columns, feed)
        self._places = list(places(records))
        self._raw = dict(zip(self._places, records, strict=True))
        text = b"".join([self._header, *(record + b"\n" for record in records)])
        super().__init__(io.BytesIO(text), self._alone, chunk_rows=chunk_rows)

    def __iter__(self) -> Iterator[Chunk]:
        chunks = list(super().__iter__())
        torn = {place for chunk in chunks for place in self._torn(chunk)}
        yield from (without(chunk, torn) for chunk in chunks)
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
        alone = DelimitedFile(io.BytesIO(self._header + self._raw[place] + b"\n"), self._alone)
        yield from (shifted(chunk, place[0] - HEADER_LINES - 1) for chunk in alone)


def by_themselves(form: Delimited) -> Delimited:
    """The format of records that stand alone: of what control records promise, only how a record begins is left."""
    mark = form.control.detail if form.control is not None else None
    return replace(form, control=Control(detail=mark) if mark is not None else None, names=())


def header(columns: Sequence[str], feed: Feed) -> bytes:
    """A header line as the feed's format has it."""
    text = io.StringIO()
    form = feed.layout
    csv.writer(text, delimiter=form.delimiter, quotechar=form.quote, lineterminator="\n").writerow(columns)
    return text.getvalue().encode(form.encoding)


def places(records: Sequence[bytes]) -> Iterator[Place]:
    """First line and how many lines, of each record below the header."""
    line = HEADER_LINES + 1
    for record in records:
        lines = record.count(b"\n") + 1
        yield line, lines
        line += lines


def without(chunk: Chunk, torn: Collection[Place]) -> Chunk:
    """``chunk`` without anything that was read from the lines of ``torn``."""
    if not torn:
        return chunk
    lines = {line for first, count in torn for line in range(first, first + count)}
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
