"""Cuts a stream into records: by line ends, by their length, or by the descriptor words before them.

Nothing is judged here. What cannot be cut at all rejects the delivery: after a descriptor word that is none, or in
records without line ends of which the last is not whole, nobody knows where a record begins. What fills the last block
up with bytes of end-of-file is no record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from concord.contract import FixedWidth, Framing
from concord.errors import DeliveryRejected
from concord.parse.blocks import BlockReader
from concord.parse.header import BOM, OTHER_BOMS

Positions = NDArray[np.int64]

BLOCK_BYTES = 4 << 20
CR = 13
END_OF_FILE = b"\x1a"
"""Ctrl-Z, which DOS and transfers from it leave at the end (Illinois DHS 141802 demands it)."""
EBCDIC_END_OF_FILE = b"\x1a\x3f"
"""The same, and SUB, to which a translation makes it."""
DESCRIPTOR_BYTES = 4
LONGEST_FILL = 1 << 20
"""Bytes of end-of-file that are held back until it is known if a record follows: more than any block has."""


@dataclass(frozen=True)
class Records:
    """Consecutive records in ``data``: content from ``start`` to ``end`` of each, and the number of the first.

    ``is_end`` marks what stands after the last record and is none: bytes of end-of-file.
    """

    data: bytes
    line: int
    start: Positions
    end: Positions
    is_end: bool = False

    def __len__(self) -> int:
        return len(self.start)

    @property
    def lines(self) -> Positions:
        """The number of each record: its line, or where there are none, its place among the records."""
        return np.arange(self.line, self.line + len(self), dtype=np.int64)

    @property
    def sizes(self) -> Positions:
        """Bytes of each record."""
        return self.end - self.start

    def part(self, first: int, last: int) -> Records:
        """Records ``first`` to ``last`` (exclusive), over the same data."""
        return replace(self, line=self.line + first, start=self.start[first:last], end=self.end[first:last])

    def content(self, position: int) -> bytes:
        """The bytes of one record. PHI."""
        return self.data[int(self.start[position]) : int(self.end[position])]


def records(stream: BinaryIO, form: FixedWidth, block_bytes: int = BLOCK_BYTES) -> Iterator[Records]:
    """The records of ``stream``, block by block.

    Raises :class:`DeliveryRejected`: ``structure.empty``, ``.encoding``, ``.no_final_terminator`` where the last record
    is not whole, ``.end_of_file``, ``.record_descriptor``.
    """
    if form.framing is Framing.LINES:
        yield from _by_lines(_reader(stream, form, block_bytes), form)
    elif form.framing is Framing.LENGTH:
        yield from _by_length(stream, form, block_bytes)
    else:
        yield from _by_descriptor(stream, form, block_bytes)


def given(contents: Sequence[bytes], line: int) -> Records:
    """Records that were cut before, the first of them at ``line``."""
    ends = np.cumsum([len(content) for content in contents], dtype=np.int64)
    return Records(b"".join(contents) + b"\n", line, np.concatenate([[0], ends[:-1]]).astype(np.int64), ends)


def _reader(stream: BinaryIO, form: FixedWidth, block_bytes: int) -> BlockReader:
    plain = BlockReader(stream, max_line_bytes=form.max_record_bytes, block_bytes=block_bytes)
    ends = line_ends(form)
    start = plain.peek(lambda known: any(end in known for end in ends) or len(known) > form.max_record_bytes)
    _refuse_empty(start)
    plain.line_end = min(ends, key=(start + b"".join(ends)).find)
    if start.startswith(OTHER_BOMS) and form.is_multibyte:
        raise DeliveryRejected("structure.encoding", "the file is in UTF-16")
    if start.startswith(BOM) and not is_ebcdic(form):
        if not form.is_multibyte:
            raise DeliveryRejected("structure.encoding", f"the file says it is UTF-8, agreed is {form.encoding}")
        plain.take(len(BOM))
    return plain


def is_ebcdic(form: FixedWidth) -> bool:
    """Whether letters are written as mainframes do."""
    return b"\x25".decode(form.encoding, "replace") == "\n"


def line_ends(form: FixedWidth) -> tuple[bytes, ...]:
    """The bytes in which lines may end: NEL and LF in EBCDIC."""
    return (b"\x15", b"\x25") if is_ebcdic(form) else (b"\n",)


def end_of_file(form: FixedWidth) -> bytes:
    """The bytes that say nothing but that the file ends here."""
    return EBCDIC_END_OF_FILE if is_ebcdic(form) else END_OF_FILE


def _refuse_empty(start: bytes) -> None:
    if not start:
        raise DeliveryRejected("structure.empty", "the file has no byte of content")


def _by_lines(reader: BlockReader, form: FixedWidth) -> Iterator[Records]:
    line, at_end = 1, False
    while not at_end:
        block = reader.next()
        at_end = block.at_end
        if block.data:
            found = _lines(block.data, line, reader.line_end[0])
            line += len(found)
            yield found
    tail = reader.peek(bool)
    if tail and not reader.is_shortened and not tail.strip(end_of_file(form)):
        yield replace(given([tail], line), is_end=True)
    elif tail:
        if form.final_newline:
            raise DeliveryRejected("structure.no_final_terminator", "the last line has no end: the file was cut off")
        yield given([tail], line)


def _lines(data: bytes, line: int, line_end: int) -> Records:
    buffer = np.frombuffer(data, dtype=np.uint8)
    stops = np.flatnonzero(buffer == line_end)
    start = np.concatenate([[0], stops[:-1] + 1]).astype(np.int64)
    returned = (stops > start) & (buffer[np.maximum(stops - 1, 0)] == CR)
    return Records(data, line, start, stops - returned)


def _by_length(stream: BinaryIO, form: FixedWidth, block_bytes: int) -> Iterator[Records]:
    """Whole records of nothing but end-of-file are held back: they are records only if another follows them."""
    size, line, held, at_end = form.length, 1, b"", False
    wanted = max(block_bytes // size, 1) * size
    while not at_end:
        fresh = _read(stream, wanted)
        at_end = len(fresh) < wanted
        data = held + fresh
        if line == 1:
            _refuse_empty(data)
        start = np.arange(0, _before_fill(data, size, end_of_file(form)), size, dtype=np.int64)
        if len(start):
            yield Records(data, line, start, start + size)
        line += len(start)
        held = data[len(start) * size :]
        if len(held) > LONGEST_FILL:
            raise DeliveryRejected("structure.end_of_file", "bytes of end-of-file go on for more than a megabyte")
    yield from _rest(held, line, form)


def _before_fill(data: bytes, size: int, end: bytes) -> int:
    """Where the last whole record of ``size`` ends that has another byte than those of ``end``."""
    records = -(-len(data.rstrip(end)) // size)
    return min(records, len(data) // size) * size


def _rest(tail: bytes, line: int, form: FixedWidth) -> Iterator[Records]:
    """What is left after the last whole record: nothing, an end of the file, or a record that was cut off."""
    if tail.strip(end_of_file(form) + b"\r" + b"".join(line_ends(form))):
        raise DeliveryRejected("structure.no_final_terminator", "the last record is not whole: the file was cut off")
    if tail:
        yield replace(given([tail], line), is_end=True)


def _by_descriptor(stream: BinaryIO, form: FixedWidth, block_bytes: int) -> Iterator[Records]:
    line, carry, at_end, marks = 1, b"", False, end_of_file(form)
    while not at_end:
        fresh = _read(stream, block_bytes)
        at_end = len(fresh) < block_bytes
        data = carry + fresh
        if line == 1:
            _refuse_empty(data)
        found, used = _described(data, line, marks)
        if len(found):
            if line == 1:
                _refuse_blocks(found.content(0))
            yield found
        line += len(found)
        carry = data[used:] if data[used:].strip(marks) else data[used : used + DESCRIPTOR_BYTES]
    yield from _rest(carry, line, form)


def _described(data: bytes, line: int, end: bytes) -> tuple[Records, int]:
    """The whole records of ``data`` before nothing but bytes of ``end`` is left, and how many bytes they take."""
    starts, ends, at = [], [], 0
    while at + DESCRIPTOR_BYTES <= len(data):
        size = _described_size(data, at)
        if not size and data[at:].strip(end):
            raise DeliveryRejected("structure.record_descriptor", "where a record's length should stand there is none")
        if not size or at + size > len(data):
            break
        starts.append(at + DESCRIPTOR_BYTES)
        at += size
        ends.append(at)
    return Records(data, line, np.array(starts, np.int64), np.array(ends, np.int64)), at


def _described_size(data: bytes, at: int) -> int:
    """What the word at ``at`` says (DFSMS: length with descriptor, two zero bytes); 0 where there is none."""
    size = int.from_bytes(data[at : at + 2], "big")
    return size if size >= DESCRIPTOR_BYTES and data[at + 2 : at + DESCRIPTOR_BYTES] == b"\0\0" else 0


def _refuse_blocks(first: bytes) -> None:
    """A block descriptor word is written as a record's (DFSMS): its block looks like a record full of records."""
    at = 0
    while size := _described_size(first, at):
        at += size
    if first and at == len(first):
        raise DeliveryRejected("structure.record_descriptor", "block descriptor words stand before those of records")


def _read(stream: BinaryIO, wanted: int) -> bytes:
    parts = []
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
