"""Refused records of a file, read again by themselves: a file of their own, with the header of theirs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from concord.contract import Control, Delimited, Feed
from concord.parse import Chunk, Reason, Refused
from concord.parse.delimited import DelimitedFile

HEADER_LINES = 1


class RereadRecords(DelimitedFile):
    """``records`` (bytes without line end, as they were refused) under a header of ``columns``.

    Line 1 is the header, also of a format without one; each record takes as many lines as
    it has. There is no control record: what the partner counted was the whole file.
    Raises what its base raises.
    """

    def __init__(self, columns: Sequence[str], records: Sequence[bytes], feed: Feed, *, chunk_rows: int) -> None:
        alone = replace(feed, format=by_themselves(feed.format))
        text = b"".join([header(columns, feed), *(record + b"\n" for record in records)])
        self._places = frozenset(places(records))
        super().__init__(io.BytesIO(text), alone, chunk_rows=chunk_rows)

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in super().__iter__():
            yield kept_apart(chunk, self._places)


def by_themselves(form: Delimited) -> Delimited:
    """The format of records that stand alone: of what control records promise, only how a record begins is left."""
    mark = form.control.detail if form.control is not None else None
    return replace(form, control=Control(detail=mark) if mark is not None else None, names=())


def header(columns: Sequence[str], feed: Feed) -> bytes:
    """A header line as the feed's format has it."""
    text = io.StringIO()
    form = feed.format
    csv.writer(text, delimiter=form.delimiter, quotechar=form.quote, lineterminator="\n").writerow(columns)
    return text.getvalue().encode(form.encoding)


def places(records: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """First line and how many lines, of each record below the header."""
    line = HEADER_LINES + 1
    for record in records:
        lines = record.count(b"\n") + 1
        yield line, lines
        line += lines


def kept_apart(chunk: Chunk, known: frozenset[tuple[int, int]]) -> Chunk:
    """``chunk`` with every record refused that is none of ``known``.

    Two records with a quote too many were far apart in their file; side by side they
    would close each other's quotes, and make a person out of two.
    """
    own = np.array([(int(a), int(n)) in known for a, n in zip(chunk.line, chunk.lines, strict=True)], dtype=bool)
    if own.all():
        return chunk
    torn = [_torn(chunk, int(at)) for at in np.flatnonzero(~own)]
    refused = tuple(sorted((*chunk.refused, *torn), key=lambda record: record.line))
    return _only(chunk, own, refused)


def _torn(chunk: Chunk, at: int) -> Refused:
    return Refused(int(chunk.line[at]), int(chunk.lines[at]), (Reason.QUOTE.value,), chunk.raw(at))


def _only(chunk: Chunk, own: NDArray[np.bool_], refused: tuple[Refused, ...]) -> Chunk:
    frame = chunk.frame[own].reset_index(drop=True)
    return replace(
        chunk, frame=frame, line=chunk.line[own], lines=chunk.lines[own], span=chunk.span[own], refused=refused
    )
