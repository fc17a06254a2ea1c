"""Delimited text with a header line: chunks of text columns, and an account of every line.

:mod:`concord.parse.records` tells records apart and judges them, :mod:`concord.parse.values`
reads those that are sound, :mod:`concord.parse.families` gives records what their parents say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from concord.contract import Feed
from concord.errors import ContractError, DeliveryRejected
from concord.landing import Checkpoint
from concord.parse import BLANK_LINE, COMMENT, END_MARK, PREAMBLE, Chunk, Ignored, Refused, Said
from concord.parse.blocks import BLOCK_BYTES, BlockReader
from concord.parse.control import ControlTotals, forms
from concord.parse.families import Families
from concord.parse.flaws import NO_RECORD, Flaw, Kind, Layout, begins_with, reasons
from concord.parse.header import (
    BARE_RETURNS,
    column_names,
    dialect,
    drift,
    ends_open,
    fields,
    skip_byte_order_mark,
    take_line,
)
from concord.parse.records import Records, records
from concord.parse.values import read_text

CHECKPOINT_RECORDS = 1 << 16
END_OF_FILE = b"\x1a"
MOST_GLUED = 2
"""So many whole records in a line, with carriage returns between them, are an accident; where there are more, lines
end so."""
IGNORED = {int(Flaw.BLANK): BLANK_LINE, int(Flaw.COMMENT): COMMENT}


class DelimitedFile:
    """One delivery of ``feed`` in delimited text; iterate it once for its :class:`Chunk` values.

    ``file_date`` and ``sequence`` are what its name says, for the control header to agree
    with. Construction reads the header: ``columns`` (all of them, in file order) and
    ``drift`` are known then. ``line_count`` and ``checkpoints`` are complete after the
    last chunk. Raises :class:`DeliveryRejected`: on construction ``structure.empty``,
    ``.encoding``, ``.line_ends``, ``.delimiter``, ``.duplicate_column``,
    ``.missing_column``, ``.too_many_columns``, ``.header``, ``control.header``, ``.sender``,
    ``.date``, ``.sequence``; at the end ``structure.no_rows``,
    ``.no_final_terminator``, ``.line_ends``, ``control.header``, ``.trailer``, ``.record_count``
    and ``.hash_total`` — so nothing counts before iteration has finished.
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
        refuse_odd_layout(feed)
        self._feed, self._chunk_rows = feed, chunk_rows
        self._totals = ControlTotals(feed.layout, file_date=file_date, sequence=sequence)
        self._reader = BlockReader(
            stream,
            max_line_bytes=feed.layout.max_record_bytes,
            block_bytes=block_bytes,
            final_newline=feed.layout.final_newline,
            end_mark=END_OF_FILE,
        )
        self.line_count = 0
        self.checkpoints: list[Checkpoint] = []
        self._control: list[int] = []
        self._ignored: list[Ignored] = []
        skip_byte_order_mark(self._reader, feed.layout)
        self.columns = self._read_header()
        self.drift = drift(feed, self.columns)
        self._layout = _layout(feed, self.columns, self._totals.detail_prefixes)
        self._families = Families(feed.layout.types)
        self._records = 0
        self._broken_until = 0
        self._glued = 0

    @property
    def said(self) -> Said:
        """What it says of itself: nothing that its name does not say."""
        return Said()

    def _read_header(self) -> tuple[str, ...]:
        form = self._feed.layout
        for _ in range(form.preamble_lines):
            take_line(self._reader, form)
            self.line_count += 1
            self._ignored.append(Ignored(self.line_count, 1, PREAMBLE))
        if form.stated and (form.control is None or form.control.header is None):
            return form.stated
        line = self._next_control_line()
        if self._totals.check_header(line) and not form.stated:
            line = self._next_control_line()
        return form.stated or column_names(self._feed, fields(line, form))

    def _next_control_line(self) -> bytes:
        """The next line with content; what is before it is ignored, with its number."""
        form = self._feed.layout
        while True:
            line = take_line(self._reader, form)
            self.line_count += 1
            is_comment = form.comment is not None and line.startswith(form.comment.encode())
            if line and not is_comment:
                self._control.append(self.line_count)
                return line
            self._ignored.append(Ignored(self.line_count, 1, COMMENT if is_comment else BLANK_LINE))

    def __iter__(self) -> Iterator[Chunk]:
        for block in records(self._reader, self._layout, first_line=self.line_count + 1):
            self._add_checkpoints(block)
            self._look_for_returns(block)
            self.line_count += int(block.lines.sum())
            for first in range(0, len(block), self._chunk_rows):
                yield self._chunk(block.part(first, first + self._chunk_rows))
        rest = self._reader.peek(bool)
        self._refuse_returns(rest)
        if rest == END_OF_FILE:
            self.line_count += 1
            self._ignored.append(Ignored(self.line_count, 1, END_MARK))
        elif self._reader.unfinished:
            raise DeliveryRejected("structure.no_final_terminator", "the last line has no end: the file was cut off")
        self._totals.check()
        if self._ignored:
            yield self._chunk(Records.none())

    def _add_checkpoints(self, block: Records) -> None:
        """Remembers every 65,536th record's place: a reader may start there (records counted after the header)."""
        first = -self._records % CHECKPOINT_RECORDS
        for position in range(first, len(block), CHECKPOINT_RECORDS):
            place = int(block.offset[position]), int(block.line[position]), self._records + position
            self.checkpoints.append(Checkpoint(*place))
        self._records += len(block)

    def _look_for_returns(self, found: Records) -> None:
        """Remembers how many records one line holds, at most: an old Mac's line is a whole file."""
        for at in np.flatnonzero(found.flaws & (Flaw.LINE_END | Flaw.QUOTE)).tolist():
            if self._glued <= MOST_GLUED:
                self._glued = max(self._glued, self._layout.records_between_returns(found.content(at)))

    def _refuse_returns(self, rest: bytes) -> None:
        """Raises ``structure.line_ends`` where carriage returns end lines, or all there are; ``rest`` has no end."""
        glued = max(self._glued, self._layout.records_between_returns(rest))
        is_only = self._records + bool(rest) == 1
        if glued > MOST_GLUED or (is_only and glued > 1):
            raise DeliveryRejected(*BARE_RETURNS)

    def _chunk(self, found: Records) -> Chunk:
        trailers = self._trailers(found)
        no_record = (found.flaws & NO_RECORD) > 0
        good = (found.flaws == 0) & ~trailers
        parents = self._families.bind(found, good, trailers)
        good &= found.flaws == 0
        bad = np.flatnonzero(~good & ~no_record & ~trailers)
        self._account(found, good, bad, trailers)
        ignored = [Ignored(int(found.line[at]), 1, IGNORED[int(found.flaws[at])]) for at in np.flatnonzero(no_record)]
        before, self._ignored = self._ignored, []
        control, self._control = self._control, []
        frame = read_text(found, good, self.columns, self._feed, self._layout)
        self._totals.add(frame, [self._mark(kind) for kind in found.kind[good]] if self._layout.kinds else ())
        return Chunk(
            frame=self._families.carry(frame, found, good),
            line=found.line[good],
            lines=found.lines[good],
            refused=tuple(_refused(found, int(at), parents) for at in bad),
            ignored=(*before, *ignored),
            control=(*control, *(int(line) for line in found.line[trailers])),
            data=found.data,
            span=np.column_stack((found.start[good], found.end[good])),
            parents=parents,
        )

    def _mark(self, kind: int) -> str:
        return self._feed.layout.types[kind].mark

    def _trailers(self, found: Records) -> NDArray[np.bool_]:
        """Which records are control trailers, told by their first field; refuses a second header."""
        buffer = np.frombuffer(found.data, dtype=np.uint8)
        one_line = found.lines == 1
        if (begins_with(buffer, found.start, found.end, self._totals.header_prefixes) & one_line).any():
            self._totals.refuse_second_header()
        trailers = begins_with(buffer, found.start, found.end, self._totals.trailer_prefixes)
        trailers &= one_line
        return trailers

    def _account(
        self, found: Records, good: NDArray[np.bool_], bad: NDArray[np.int64], trailers: NDArray[np.bool_]
    ) -> None:
        unsure = untold = 0
        told: list[int] = found.kind[good].tolist() if self._layout.kinds else []
        for at in bad.tolist():
            line, is_torn = int(found.line[at]), bool(found.flaws[at] & Flaw.QUOTE)
            goes_on = line == self._broken_until
            unsure += goes_on
            if goes_on or is_torn:
                self._broken_until = line + int(found.lines[at])
            if goes_on or is_torn or found.kind[at] < 0:
                untold += 1
            else:
                told.append(int(found.kind[at]))
        self._totals.count(int(good.sum()) + len(bad) - unsure, unsure, unread=len(bad))
        if self._layout.kinds:
            self._totals.count_types(map(self._mark, told), untold=untold)
        for at in np.flatnonzero(trailers):
            follows = bool(((found.flaws[at + 1 :] & NO_RECORD) == 0).any())
            self._totals.read_trailer(found.content(int(at)), is_last=not follows)


def _layout(feed: Feed, columns: Sequence[str], marks: tuple[bytes, ...]) -> Layout:
    form, spoken = feed.layout, dialect(feed.layout)
    return Layout(
        spoken.delimiter, spoken.quote, len(columns), form.encoding, form.max_record_bytes,
        marks=marks, blank_rows=form.spreadsheet, escape=spoken.escape, literal=spoken.literal,
        comment=(form.comment or "").encode(), kind_field=form.type_field,
        kinds=tuple(Kind(forms(kind.mark, form), len(kind.names), ends_open(kind.names)) for kind in form.types),
        ends_open=ends_open(columns),
    )  # fmt: skip


def refuse_odd_layout(feed: Feed) -> None:
    """Raises :class:`ContractError` for an encoding in which lines and fields cannot be told by single ASCII bytes."""
    if not _keeps_ascii(feed.layout.encoding):
        raise ContractError(feed.name, "format.encoding", "must be UTF-8 or a single-byte extension of ASCII")


def _keeps_ascii(encoding: str) -> bool:
    """Whether an ASCII byte always means itself, whatever byte stands before it (not so in UTF-16, GBK, Shift-JIS)."""
    ascii_text = "".join(map(chr, range(128)))
    try:
        alone = ascii_text.encode(encoding) == ascii_text.encode()
    except (LookupError, UnicodeError):
        return False
    pairs = (bytes([high]) + b"|" for high in range(128, 256))
    return alone and all(pair.decode(encoding, "replace").endswith("|") for pair in pairs)


def _refused(found: Records, at: int, parents: Mapping[int, bytes]) -> Refused:
    start, own = int(found.start[at]), found.content(at)
    raw = b"\n".join((parents[start], own)) if start in parents else own
    return Refused(int(found.line[at]), int(found.lines[at]), reasons(int(found.flaws[at])), raw)
