"""Delimited text with a header line: chunks of text columns, and an account of every line.

pyarrow reads the values: all columns as text, nothing is null, nothing is guessed.
It only sees records that :mod:`concord.parse.records` found sound, so it cannot
stumble, skip a line or glue two together.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pandas import DataFrame
from pyarrow import csv

from concord.contract import Feed
from concord.errors import ContractError, DeliveryRejected
from concord.landing import Checkpoint
from concord.parse import BLANK_LINE, Chunk, Ignored, Refused, Said
from concord.parse.blocks import BLOCK_BYTES, BlockReader
from concord.parse.control import ControlTotals
from concord.parse.flaws import Flaw, Layout, begins_with, reasons
from concord.parse.header import column_names, drift, fields, skip_byte_order_mark, sources, take_line
from concord.parse.records import Records, records

CHECKPOINT_RECORDS = 1 << 16


class DelimitedFile:
    """One delivery of ``feed`` in delimited text; iterate it once for its :class:`Chunk` values.

    ``file_date`` and ``sequence`` are what its name says, for the control header to agree
    with. Construction reads the header: ``columns`` (all of them, in file order) and
    ``drift`` are known then. ``line_count`` and ``checkpoints`` are complete after the
    last chunk. Raises :class:`DeliveryRejected`: on construction ``structure.empty``,
    ``.encoding``, ``.line_ends``, ``.delimiter``, ``.duplicate_column``,
    ``.missing_column``, ``.too_many_columns``, ``.header``, ``control.header``, ``.sender``,
    ``.date``, ``.sequence``; at the end ``structure.no_rows``,
    ``structure.no_final_terminator``, ``control.header``, ``.trailer``, ``.record_count``
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
        )
        self.line_count = 0
        self.checkpoints: list[Checkpoint] = []
        self._control: list[int] = []
        self._ignored: list[Ignored] = []
        skip_byte_order_mark(self._reader, feed.layout)
        self.columns = self._read_header()
        self.drift = drift(feed, self.columns)
        self._records = 0
        self._broken_until = 0

    @property
    def said(self) -> Said:
        """What it says of itself: nothing that its name does not say."""
        return Said()

    def _read_header(self) -> tuple[str, ...]:
        names, control = self._feed.layout.names, self._feed.layout.control
        if names and (control is None or control.header is None):
            return names
        line = self._next_control_line()
        if self._totals.check_header(line) and not names:
            line = self._next_control_line()
        return names or column_names(self._feed, fields(line, self._feed.layout))

    def _next_control_line(self) -> bytes:
        """The next line that is not blank; blank lines before it are ignored, with their number."""
        while True:
            line = take_line(self._reader, self._feed.layout)
            self.line_count += 1
            if line:
                self._control.append(self.line_count)
                return line
            self._ignored.append(Ignored(self.line_count, 1, BLANK_LINE))

    def __iter__(self) -> Iterator[Chunk]:
        for block in records(self._reader, self._layout(), first_line=self.line_count + 1):
            self._add_checkpoints(block)
            self.line_count += int(block.lines.sum())
            for first in range(0, len(block), self._chunk_rows):
                yield self._chunk(block.part(first, first + self._chunk_rows))
        if self._reader.unfinished:
            raise DeliveryRejected("structure.no_final_terminator", "the last line has no end: the file was cut off")
        self._totals.check()

    def _layout(self) -> Layout:
        form = self._feed.layout
        marks = form.delimiter.encode(), form.quote.encode()
        return Layout(
            *marks, len(self.columns), form.encoding, form.max_record_bytes,
            marks=self._totals.detail_prefixes, blank_rows=form.spreadsheet,
        )  # fmt: skip

    def _add_checkpoints(self, block: Records) -> None:
        """Remembers every 65,536th record's place: a reader may start there (records counted after the header)."""
        first = -self._records % CHECKPOINT_RECORDS
        for position in range(first, len(block), CHECKPOINT_RECORDS):
            place = int(block.offset[position]), int(block.line[position]), self._records + position
            self.checkpoints.append(Checkpoint(*place))
        self._records += len(block)

    def _chunk(self, found: Records) -> Chunk:
        trailers = self._trailers(found)
        blank = found.flaws == Flaw.BLANK
        good = (found.flaws == 0) & ~trailers
        refused = tuple(_refused(found, int(at)) for at in np.flatnonzero(~good & ~blank & ~trailers))
        self._account(found, int(good.sum()), refused, trailers)
        ignored = [Ignored(int(line), 1, BLANK_LINE) for line in found.line[blank]]
        before, self._ignored = self._ignored, []
        control, self._control = self._control, []
        frame = read_text(found, good, self.columns, self._feed)
        self._totals.add(frame)
        return Chunk(
            frame=frame,
            line=found.line[good],
            lines=found.lines[good],
            refused=refused,
            ignored=(*before, *ignored),
            control=(*control, *(int(line) for line in found.line[trailers])),
            data=found.data,
            span=np.column_stack((found.start[good], found.end[good])),
        )

    def _trailers(self, found: Records) -> NDArray[np.bool_]:
        """Which records are control trailers, told by their first field; refuses a second header."""
        buffer = np.frombuffer(found.data, dtype=np.uint8)
        one_line = found.lines == 1
        if (begins_with(buffer, found.start, found.end, self._totals.header_prefixes) & one_line).any():
            self._totals.refuse_second_header()
        trailers = begins_with(buffer, found.start, found.end, self._totals.trailer_prefixes)
        trailers &= one_line
        return trailers

    def _account(self, found: Records, good: int, refused: tuple[Refused, ...], trailers: NDArray[np.bool_]) -> None:
        unsure = 0
        for record in refused:
            goes_on = record.line == self._broken_until
            unsure += goes_on
            if goes_on or "record.quote" in record.reasons:
                self._broken_until = record.line + record.lines
        self._totals.count(good + len(refused) - unsure, unsure, unread=len(refused))
        for at in np.flatnonzero(trailers):
            follows = bool((found.flaws[at + 1 :] != Flaw.BLANK).any())
            self._totals.read_trailer(found.content(int(at)), is_last=not follows)


def refuse_odd_layout(feed: Feed) -> None:
    """Raises :class:`ContractError` for layouts whose lines cannot be told by single ASCII bytes."""
    layout = feed.layout
    marks = f"{layout.delimiter}{layout.quote}\n\r"
    if not marks.isascii() or len(set(marks)) != 4 or "\0" in marks:
        raise ContractError(feed.name, "format", "delimiter and quote must be ASCII characters, and no line ends")
    if not _keeps_ascii(layout.encoding):
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


def _refused(found: Records, at: int) -> Refused:
    return Refused(int(found.line[at]), int(found.lines[at]), reasons(int(found.flaws[at])), found.content(at))


def read_text(found: Records, good: NDArray[np.bool_], columns: tuple[str, ...], feed: Feed) -> DataFrame:
    """The ``good`` records as a frame of the contract's source columns, dtype ``str``, blank = ``""``."""
    wanted = {str(columns.index(name)): name for name in sources(feed) if name in columns}
    table = pa.table({name: pa.array([], pa.large_string()) for name in wanted})
    if good.any():
        several_lines = bool((found.lines[good] > 1).any())
        try:
            table = _read_table(_sound_bytes(found, good), feed, len(columns), list(wanted), several_lines)
        except (pa.ArrowInvalid, UnicodeError):
            table = table.slice(0, 0)  # their messages quote the row
    if table.num_rows != good.sum():  # would shift every line number behind it
        raise RuntimeError(f"feed {feed.name}: {good.sum()} sound records were read as {table.num_rows} rows")
    frame: DataFrame = table.rename_columns(list(wanted.values())).to_pandas()
    return frame


def _read_table(data: bytes | memoryview, feed: Feed, count: int, wanted: list[str], several_lines: bool) -> pa.Table:
    """The columns ``wanted`` (numbered from 0, of ``count``) as text; raises ``ArrowInvalid`` quoting values."""
    form, names = feed.layout, [str(position) for position in range(count)]
    if codecs.lookup(form.encoding).name != "utf-8":
        data = str(data, form.encoding).encode()
    if bytes(data[:3]) == codecs.BOM_UTF8:
        data = codecs.BOM_UTF8 + bytes(data)  # Arrow takes one away, as if a file began here
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=names, block_size=len(data) + 1),
        csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote,
            newlines_in_values=several_lines,
            ignore_empty_lines=False,
        ),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            include_columns=wanted,
            null_values=[],
            strings_can_be_null=False,
        ),
    )


def _sound_bytes(found: Records, good: NDArray[np.bool_]) -> bytes | memoryview:
    """The bytes of the good records, without the one empty field too many that some end in."""
    if not len(found):
        return b""
    first, stop = int(found.start[0]), int(found.stop[-1])
    if good.all() and not found.trailing.any():
        return memoryview(found.data)[first:stop]
    keep = np.repeat(good, found.stop - found.start)
    keep[found.end[found.trailing & good] - 1 - first] = False
    return np.frombuffer(found.data, dtype=np.uint8)[first:stop][keep].tobytes()
