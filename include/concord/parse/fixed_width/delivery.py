"""One delivery of fixed-width text, and refused records of one, read again by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from pandas import DataFrame

from concord.contract import Feed, FixedControl, FixedWidth
from concord.errors import DeliveryRejected
from concord.parse import BLANK_LINE, Chunk, Drift, Ignored, Refused, Said
from concord.parse.fixed_width.framing import BLOCK_BYTES, Records, given, records
from concord.parse.fixed_width.judging import Judge, Judged, reasons
from concord.parse.fixed_width.promises import FixedTotals
from concord.parse.fixed_width.values import Units, text
from concord.parse.header import sources

HEADER_LINE = 1
HEADER_WITHIN = 1_000
"""Records within which the header must stand; before it there may be blank lines."""


class FixedWidthFile:
    """One delivery of ``feed`` in fixed-width text; a :class:`~concord.parse.RowFile`.

    Lines are physical lines, or records counted from 1 where there are no line ends. ``file_date`` and ``sequence`` are
    what the file's name says. Raises :class:`DeliveryRejected`: on construction ``structure.empty``, ``.encoding``,
    ``.record_descriptor``, ``control.header``, ``.sender``, ``.date``, ``.sequence``; in iteration also
    ``structure.no_rows``, ``.no_final_terminator``, ``.end_of_file``, ``control.trailer``, ``.record_count`` and
    ``.hash_total`` — so nothing counts before iteration has finished.
    """

    def __init__(
        self,
        stream: BinaryIO,
        feed: Feed,
        *,
        file_date: date | None = None,
        sequence: int | None = None,
        chunk_rows: int = 100_000,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._start(feed, layout(feed), chunk_rows)
        self._totals = FixedTotals(self._form, file_date=file_date, sequence=sequence)
        blocks = records(stream, self._form, block_bytes)
        first = list(next_of(blocks))
        self._blocks: Iterable[Records] = chain(first, blocks)
        if self._form.control is not None and self._form.control.header is not None:
            self._check_header(first)

    def _start(self, feed: Feed, form: FixedWidth, chunk_rows: int) -> None:
        self._feed, self._form, self._chunk_rows = feed, form, chunk_rows
        self._judge = Judge(form)
        self._headers = 0
        self.columns = form.stated
        self.drift = Drift()
        self.line_count = 0

    @property
    def said(self) -> Said:
        """What it says of itself: nothing that its name does not say."""
        return Said()

    def _check_header(self, first: list[Records]) -> None:
        """Raises ``control.*`` where the first record that is not blank is not the promised header."""
        beginnings = [block.part(0, HEADER_WITHIN) for block in first]
        judged = [(block, self._judge.judge(block)) for block in beginnings]
        contents = (block.content(int(at)) for block, each in judged for at in np.flatnonzero(~each.blank))
        self._totals.check_header(next(contents, b""))

    def __iter__(self) -> Iterator[Chunk]:
        for block in self._blocks:
            self.line_count += len(block)
            if block.is_end:
                yield self._ended(block)
                continue
            for first in range(0, len(block), self._chunk_rows):
                yield self._chunk(block.part(first, first + self._chunk_rows))
        self._totals.check()

    def _ended(self, block: Records) -> Chunk:
        """No row: bytes of end-of-file are control."""
        nothing = block.part(0, 0)
        return self._filled(nothing, self._judge.judge(nothing), control=(block.line,))

    def _chunk(self, found: Records) -> Chunk:
        judged = self._judge.judge(found)
        self._account(found, judged)
        return self._filled(found, judged, control=tuple(found.lines[judged.header | judged.trailer].tolist()))

    def _account(self, found: Records, judged: Judged) -> None:
        self._headers += int(judged.header.sum())
        if self._headers > 1:
            self._totals.refuse_second_header()
        count = int(judged.detail.sum())
        self._totals.count(count, 0, unread=count - int(judged.good.sum()))
        for at in np.flatnonzero(judged.trailer):
            follows = bool((~judged.blank[at + 1 :]).any())
            self._totals.read_trailer(found.content(int(at)), is_last=not follows)

    def _filled(self, found: Records, judged: Judged, control: tuple[int, ...]) -> Chunk:
        good, lines = judged.good, found.lines
        frame = self._frame(judged.units)
        self._totals.add(frame)
        return Chunk(
            frame=frame,
            line=lines[good],
            lines=np.ones(int(good.sum()), dtype=np.int64),
            refused=tuple(self._refused(found, judged)),
            ignored=tuple(Ignored(int(line), 1, BLANK_LINE) for line in lines[judged.blank]),
            control=control,
            data=found.data,
            span=np.column_stack((found.start[good], found.end[good])),
        )

    def _refused(self, found: Records, judged: Judged) -> Iterator[Refused]:
        for at in np.flatnonzero(judged.detail & ~judged.good):
            why = reasons(int(judged.flaws[at]))
            yield Refused(found.line + int(at), 1, why, found.content(int(at)))

    def _frame(self, units: Units) -> DataFrame:
        """The contract's source columns, dtype ``str``, blank = ``""``."""
        wanted = sources(self._feed)
        columns = {
            column.name: text(units[:, column.place.first : column.place.stop], column, self._judge.alphabet)
            for column in self._form.columns
            if column.name in wanted
        }
        frame: DataFrame = pa.table(columns).to_pandas()
        return frame


def layout(feed: Feed) -> FixedWidth:
    """The layout of ``feed``; raises ``TypeError`` for a feed of another format."""
    if not isinstance(feed.format, FixedWidth):
        raise TypeError(f"the contract has {type(feed.format).__name__}, not FixedWidth")
    return feed.format


def next_of(blocks: Iterator[Records]) -> Iterator[Records]:
    """The first of ``blocks``, if there is one."""
    first = next(blocks, None)
    if first is not None:
        yield first


class RereadRecords(FixedWidthFile):
    """``contents`` (records without line end or descriptor, as they were refused), each read by itself.

    Line 1 is a header that is not there. There is no control record: what the partner counted was the whole file.
    """

    def __init__(self, contents: Sequence[bytes], feed: Feed, *, chunk_rows: int = 100_000) -> None:
        form = layout(feed)
        mark = form.control.detail if form.control is not None else None
        at = form.control.mark_at if form.control is not None else 1
        alone = replace(form, control=FixedControl(detail=mark, mark_at=at))
        self._start(feed, alone, chunk_rows)
        self._totals = FixedTotals(alone)
        self._blocks = [given(contents, HEADER_LINE + 1)] if contents else []

    def __iter__(self) -> Iterator[Chunk]:
        self.line_count = HEADER_LINE
        control: tuple[int, ...] = (HEADER_LINE,)
        for chunk in super().__iter__():
            yield replace(chunk, control=(*control, *chunk.control))
            control = ()


def reread(records: Sequence[bytes], line_counts: Sequence[int], feed: Feed) -> RereadRecords:
    """Refused ``records`` of one delivery, as they were kept; each takes one line (``line_counts``)."""
    if any(count != 1 for count in line_counts):
        raise DeliveryRejected("structure.line_ends", "a record of fixed width is one line")
    return RereadRecords(records, feed)
