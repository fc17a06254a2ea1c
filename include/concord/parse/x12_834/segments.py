"""Segments in blocks of bytes: where each begins and ends, what its tag is, and between which separators.

Segments are counted 1..n through the file. Line ends and blanks after a terminator belong to no segment, and neither
do terminators with nothing between them. What stands outside of any interchange is one segment of its own kind.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from concord.parse.x12_834.separators import LONGEST_ISA, Separators, read_separators

Positions = NDArray[np.int64]
BLOCK_BYTES = 4 << 20
SPACE = b" \t\r\n\0\x1a\x0b\x0c"
"""What may stand between a terminator and the next segment."""
IS_SPACE = np.isin(np.arange(256), np.frombuffer(SPACE, dtype=np.uint8))
GARBAGE = -2
"""The tag of what stands outside of any interchange."""


def code(text: str) -> int:
    """A tag or qualifier of up to seven characters as a number."""
    return int.from_bytes(text.encode("latin-1"), "big")


ISA, GS, ST, SE, GE, IEA, INS = (code(tag) for tag in ("ISA", "GS", "ST", "SE", "GE", "IEA", "INS"))
INS_BREAKS = (INS, ISA, GS, ST, SE, GE, IEA)
"""What ends a member: the next, or anything of the envelope."""


@dataclass(frozen=True, eq=False)
class SegmentBlock:
    """Consecutive segments of one interchange (or one piece of garbage). ``end`` is that of the content."""

    data: bytes
    buffer: NDArray[np.uint8]
    start: Positions
    end: Positions
    first_line: int
    separators: Separators | None
    at_end: bool
    """Whether the interchange ends here, with IEA or because another begins or the file ends."""

    def __len__(self) -> int:
        return len(self.start)

    def part(self, count: int) -> SegmentBlock:
        """The first ``count`` segments."""
        return replace(self, start=self.start[:count], end=self.end[:count])

    @cached_property
    def marks(self) -> Positions:
        """Places of all element separators."""
        return np.flatnonzero(self.buffer == (self.separators.element if self.separators else 0))

    @cached_property
    def first_mark(self) -> Positions:
        """For each segment, how many element separators come before it."""
        return np.searchsorted(self.marks, self.start)

    @cached_property
    def elements(self) -> Positions:
        """How many elements each segment has."""
        return np.searchsorted(self.marks, self.end) - self.first_mark

    @cached_property
    def tags(self) -> Positions:
        """:func:`code` of each segment's tag, upper-case; -1 where there is none of two or three characters."""
        if self.separators is None:
            return np.full(len(self), GARBAGE, dtype=np.int64)
        start, stop = self.bounds(np.arange(len(self)), 0)
        tags = packed(self.buffer, start, stop)
        return np.where((stop - start >= 2) & (stop - start <= 3), tags, -1)

    def bounds(self, segments: Positions, element: int) -> tuple[Positions, Positions]:
        """Where element ``element`` (0 is the tag) of ``segments`` begins and ends; empty where there is none."""
        first, count = self.first_mark[segments], self.elements[segments]
        ends = self.end[segments]
        last = len(self.marks) - 1
        if last < 0:
            return (self.start[segments], ends) if element == 0 else (ends, ends)
        here = self.marks[np.clip(first + element - 1, 0, last)] + 1
        there = self.marks[np.clip(first + element, 0, last)]
        start = self.start[segments] if element == 0 else np.where(count >= element, here, ends)
        stop = np.where(count > element, there, ends)
        return start, np.maximum(stop, start)

    @cached_property
    def line_breaks(self) -> tuple[Positions, NDArray[np.bool_]]:
        """Segments with a line end inside (wrapped by somebody on the way), and whether it stands in the tag."""
        places = np.flatnonzero((self.buffer == 10) | (self.buffer == 13))
        owner = np.searchsorted(self.start, places, side="right") - 1
        inside = (owner >= 0) & (places < self.end[owner])
        owner, places = owner[inside], places[inside]
        return owner, places < self.bounds(owner, 0)[1]

    def codes(self, segments: Positions, element: int) -> Positions:
        """:func:`code` of an element of each of ``segments``; -1 where it has over seven bytes."""
        start, stop = self.bounds(segments, element)
        return np.where(stop - start <= 7, packed(self.buffer, start, stop), -1)

    def fields(self, segment: int) -> list[str]:
        """Tag and elements of one segment, in Latin-1: for envelopes, which are ASCII."""
        raw = self.data[int(self.start[segment]) : int(self.end[segment])]
        element = bytes([self.separators.element]) if self.separators else b"\0"
        return [part.decode("latin-1").strip() for part in raw.split(element)]

    def raw(self, first: int, last: int) -> bytes:
        """The bytes of segments ``first`` to ``last`` (exclusive), each with the terminator."""
        mark = bytes([self.separators.terminator]) if self.separators else b""
        pieces = (self.data[int(self.start[at]) : int(self.end[at])] for at in range(first, last))
        return b"".join(piece + mark for piece in pieces)


def packed(buffer: NDArray[np.uint8], start: Positions, stop: Positions) -> Positions:
    """Up to seven bytes of each range as a number, letters upper-case."""
    value = np.zeros(len(start), dtype=np.int64)
    length = np.minimum(stop - start, 7)
    for place in range(int(length.max(initial=0))):
        inside = place < length
        byte = buffer[np.where(inside, start + place, 0)].astype(np.int64)
        byte = np.where((byte >= 97) & (byte <= 122), byte - 32, byte)
        value = np.where(inside, (value << 8) | byte, value)
    return value


class SegmentReader:
    """Reads ``stream`` (seekable or not) as blocks; ``most`` is the longest segment that is waited for."""

    def __init__(self, stream: BinaryIO, *, most: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._stream, self._most, self._block_bytes = stream, most, block_bytes
        self._rest = stream.read(block_bytes).removeprefix(codecs.BOM_UTF8)
        self._at_end = not self._rest
        self._separators: Separators | None = None
        self._is_fresh = False
        """Whether the ISA of the present interchange is still to come."""
        self._is_cut = False
        """Whether what comes next is the rest of a segment that is too long."""
        self.lines = 0
        """Segments that were handed out."""

    def __iter__(self) -> Iterator[SegmentBlock]:
        while (block := self.read()) is not None:
            yield block

    def read(self) -> SegmentBlock | None:
        """The next block, or None at the end; always of at least one segment."""
        while True:
            if self._separators is None and not self._find_interchange():
                return None
            block = self._garbage() if self._separators is None else self._segments()
            if block is not None:
                self.lines += len(block)
                return block
            if self._at_end and self._separators is None and not self._rest:
                return None

    def give_back(self, block: SegmentBlock, segment: int) -> None:
        """Takes segments of the block just read back, from ``segment`` on: they come again, with more behind them."""
        behind = self._rest
        self._rest = block.data[int(block.start[segment]) :] + behind
        self._separators, self._is_fresh, self._is_cut = block.separators, False, False
        self.lines -= len(block) - segment
        is_more_there = len(behind) >= self._block_bytes and self._ends_a_segment(behind)
        if not is_more_there:  # two whole blocks at once would take twice the memory
            self._more()

    def _ends_a_segment(self, data: bytes) -> bool:
        return self._separators is not None and self._separators.terminator in data

    def _more(self) -> None:
        more = self._stream.read(max(self._block_bytes, 1))
        self._at_end = not more
        self._rest += more

    def _find_interchange(self) -> bool:
        """Goes to the next ISA; False at the end of the file."""
        self._rest = self._rest.lstrip(SPACE)
        while len(self._rest) < LONGEST_ISA and not self._at_end:
            self._more()
            self._rest = self._rest.lstrip(SPACE)
        if self._rest[:3].upper() == b"ISA":
            self._separators = read_separators(self._rest[:LONGEST_ISA])
            self._is_fresh = True
        return bool(self._rest)

    def _garbage(self) -> SegmentBlock:
        """What stands before the next ISA that can be read, as one segment; at most ``most`` bytes of it at a time."""
        while len(self._rest) < self._most + LONGEST_ISA and not self._at_end:
            self._more()
        head, at = self._rest[: self._most + LONGEST_ISA].upper(), 3
        while (at := head.find(b"ISA", at)) >= 0 and read_separators(head[at : at + LONGEST_ISA]) is None:
            at += 3
        cut = min(at if at >= 0 else len(head), self._most)  # wherever the blocks of the stream end
        piece, self._rest = self._rest[:cut], self._rest[cut:]
        content = len(piece.rstrip(SPACE))
        ends = np.array([content], dtype=np.int64)
        if not self._rest:
            self._more()
        return SegmentBlock(
            piece, np.frombuffer(piece, dtype=np.uint8), ends * 0, ends, self.lines + 1, None, at_end=True
        )

    def _skip(self, separators: Separators) -> bool:
        """Drops the rest of a segment that is too long, up to its terminator or an ISA; whether segments follow."""
        self._is_cut = False
        while True:
            glued = _glued(b"?" + self._rest, separators) - 1
            stop = self._rest.find(separators.terminator)
            if 0 <= stop < glued:
                self._rest = self._rest[stop + 1 :]
                return True
            if glued < len(self._rest) or self._at_end:
                self._rest, self._separators = self._rest[glued:], None
                return False
            self._rest = self._rest[-LONGEST_ISA:]
            self._more()

    def _cut(self, glued: int, separators: Separators) -> tuple[bytes, Positions, bool]:
        """What is there up to ``glued``, where its segments end, and whether the last one is cut as too long."""
        data = self._rest[:glued]
        stops = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == separators.terminator)
        left = len(data) - (int(stops[-1]) + 1 if len(stops) else 0)
        if left and (self._at_end or glued < len(self._rest)):
            return data, np.append(stops, len(data)), False
        if left > self._most + LONGEST_ISA:  # nobody knows where it ends; an ISA might begin in what is left
            data = data[:-LONGEST_ISA]
            return data, np.append(stops, len(data)), True
        return data, stops, False

    def _segments(self) -> SegmentBlock | None:
        assert self._separators is not None
        separators = self._separators
        if self._is_cut and not self._skip(separators):
            return None
        if not self._rest and not self._at_end:
            self._more()
        glued = _glued(self._rest, separators)
        data, stops, is_too_long = self._cut(glued, separators)
        if not len(stops):
            self._more()
            return None
        buffer = np.frombuffer(data, dtype=np.uint8)
        start, end = _bounds(buffer, stops)
        used = min(int(stops[-1]) + 1, len(data))
        block = SegmentBlock(data, buffer, start, end, self.lines + 1, separators, at_end=False)
        last = _last_of(block, is_fresh=self._is_fresh)
        self._is_fresh = False
        if last < len(start):
            used = int(start[last])
        self._rest = self._rest[used:]
        is_glued = used == glued and bool(self._rest)
        ended = last < len(start) or is_glued or (last and int(block.tags[last - 1]) == IEA)
        if not self._rest and not self._at_end:
            self._more()
        over = bool(ended or (self._at_end and not self._rest.strip(SPACE)))
        if over:
            self._separators = None
        if not last:
            return None
        self._is_cut = is_too_long and last == len(start)
        cut = slice(0, last)
        return SegmentBlock(data[:used], buffer[:used], start[cut], end[cut], self.lines + 1, separators, at_end=over)


MARKS_OF_ISA = (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)
"""Where the element separators of an ISA stand (X12.5: its elements have fixed lengths)."""


def _glued(data: bytes, separators: Separators) -> int:
    """Where a segment that was cut off runs into the next interchange; the length of ``data`` where none does."""
    element, mark = bytes([separators.element]), separators.terminator
    at = data.find(b"ISA" + element, 1)
    while at > 0:
        before = data[:at].rstrip(SPACE)[-1:] if at < LONGEST_ISA else data[at - LONGEST_ISA : at].rstrip(SPACE)[-1:]
        is_whole = all(data[at + place : at + place + 1] == element for place in MARKS_OF_ISA)
        if is_whole and before not in (b"", bytes([mark])):
            return at
        at = data.find(b"ISA" + element, at + 1)
    return len(data)


def _bounds(buffer: NDArray[np.uint8], stops: Positions) -> tuple[Positions, Positions]:
    """Begin and end of what stands before each of ``stops``, without blanks around; nothing for what is only blank."""
    begin = np.concatenate(([0], stops[:-1] + 1))
    is_solid = ~IS_SPACE[buffer]
    solid = np.flatnonzero(is_solid)
    count = np.concatenate(([0], np.cumsum(is_solid)))
    before, after = count[begin], count[stops]
    inside = after > before
    return solid[before[inside]].astype(np.int64), solid[after[inside] - 1].astype(np.int64) + 1


def _last_of(block: SegmentBlock, *, is_fresh: bool) -> int:
    """How many segments belong to this interchange: up to IEA, or to the next ISA."""
    ends = np.flatnonzero(block.tags == IEA)
    begins = np.flatnonzero(block.tags == ISA)
    own = int(is_fresh and len(begins) > 0 and begins[0] == 0)
    stops = [*(ends[:1] + 1).tolist(), *begins[own : own + 1].tolist()]
    return min(stops) if stops else len(block)
