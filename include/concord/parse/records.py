"""Finds records in blocks of bytes: which lines belong together, and what is wrong with them.

Quoting is RFC 4180: a field is quoted from its first byte to its last, a quote in
it is doubled, and a quoted field may hold delimiters and line ends. A line with an
odd number of quotes opens a record that the next such line closes. When that does
not give a sound record — it never closes within ``MAX_JOINED_LINES`` lines or
``MAX_JOINED_BYTES`` bytes, has another number of fields than the header, or a quote
stands inside an unquoted field — the opening line alone is refused and reading
resumes at the line after it: one stray quote costs one line, never its neighbours.
The outcome does not depend on where blocks begin.

Whole blocks are judged at once with numpy; only lines with an odd number of quotes,
and lines with bytes beyond ASCII, are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concord.parse.blocks import Block, BlockReader
from concord.parse.flaws import Layout, View
from concord.parse.marks import CR, LF, Positions, marks

MAX_JOINED_LINES = 50
MAX_JOINED_BYTES = 64 << 10


@dataclass(frozen=True)
class Records:
    """Records that tile ``data``, one entry each in every array.

    ``line`` first physical line from 1, ``lines`` how many; ``start`` and ``end``
    bound the content (no line end) and ``stop`` is where the next record starts;
    ``flaws`` are :class:`~concord.parse.flaws.Flaw` bits. ``offset`` is each record's
    place in the stream, ``fields`` how many it has, ``kind`` which of the layout's kinds
    it is (-1: none).
    """

    data: bytes
    line: Positions
    lines: Positions
    start: Positions
    end: Positions
    stop: Positions
    flaws: NDArray[np.uint16]
    offset: Positions
    fields: Positions
    kind: NDArray[np.int16]

    @classmethod
    def none(cls) -> Records:
        """No record at all."""
        empty = np.zeros(0, dtype=np.int64)
        flaws, kind = empty.astype(np.uint16), empty.astype(np.int16)
        return cls(b"", empty, empty, empty, empty, empty, flaws, empty, empty, kind)

    def __len__(self) -> int:
        return len(self.start)

    def part(self, first: int, last: int) -> Records:
        """Records ``first`` to ``last`` (exclusive), over the same data."""
        cut = slice(first, last)
        return Records(
            self.data, self.line[cut], self.lines[cut], self.start[cut], self.end[cut], self.stop[cut],
            self.flaws[cut], self.offset[cut], self.fields[cut], self.kind[cut],
        )  # fmt: skip

    def content(self, position: int) -> bytes:
        """The bytes of one record without its line end. PHI."""
        return self.data[int(self.start[position]) : int(self.end[position])]


def records(reader: BlockReader, layout: Layout, *, first_line: int) -> Iterator[Records]:
    """The records of everything ``reader`` has left, block by block; nothing is dropped or repeated."""
    line = first_line
    while True:
        block = reader.next()
        if block.data:
            found, used = split(block, layout, line)
            reader.give_back(block.data[used:])
            line += int(found.lines.sum())
            if len(found):
                yield found
        if block.at_end:
            return


def split(block: Block, layout: Layout, first_line: int) -> tuple[Records, int]:
    """Records of ``block`` and how many of its bytes they use (the rest waits for the next block)."""
    buffer = np.frombuffer(block.data, dtype=np.uint8)
    stops = np.flatnonzero(buffer == LF) + 1
    found_marks = marks(buffer, layout.dialect, stops)
    joined, isolated, used_lines = join_lines(block, layout, stops, _count(found_marks.quotes, stops))
    begins = np.ones(used_lines, dtype=bool)
    for first, last in joined:
        begins[first + 1 : last + 1] = False
    line_starts = np.concatenate(([0], stops[: used_lines - 1])) if used_lines else stops[:0]
    number = np.flatnonzero(begins)
    start = line_starts[begins]
    used = int(stops[used_lines - 1]) if used_lines else 0
    stop = np.append(start[1:], used)[: len(start)]
    end = stop - 1
    end -= (end > start) & (buffer[np.maximum(end - 1, 0)] == CR)
    view = View(buffer[:used], layout, start, end, found_marks.until(used))
    flaws = view.flaws(np.searchsorted(number, isolated))
    offset = block.offset + start
    offset[1:] += block.dropped
    lines = np.diff(np.append(number, used_lines))
    found = Records(
        block.data, first_line + number, lines, start, end, stop,
        flaws, offset, view.fields, view.kind,
    )  # fmt: skip
    return found, used


def _count(positions: Positions, stops: Positions) -> Positions:
    """How many of ``positions`` lie in each of the ranges that end at ``stops``."""
    return np.diff(np.searchsorted(positions, stops), prepend=0)


def join_lines(
    block: Block, layout: Layout, stops: Positions, quotes: Positions
) -> tuple[list[tuple[int, int]], list[int], int]:
    """Which lines (from 0) are joined, which are isolated, and how many lines can be decided yet."""
    odd = np.flatnonzero(quotes & 1).tolist()
    if layout.literal:
        return [], odd, len(stops)
    joined: list[tuple[int, int]] = []
    isolated: list[int] = []
    position = 0
    while position < len(odd):
        first = odd[position]
        start = int(stops[first - 1]) if first else 0
        if layout.comment and block.data.startswith(layout.comment, start):
            position += 1
            continue
        if position + 1 < len(odd):
            last = odd[position + 1]
            if _joins(block.data[start : int(stops[last])], last - first + 1, layout):
                joined.append((first, last))
                position += 2
                continue
        elif not _hopeless(block, layout, len(stops) - first, len(block.data) - start):
            return joined, isolated, first
        isolated.append(first)
        position += 1
    return joined, isolated, len(stops)


def _hopeless(block: Block, layout: Layout, lines: int, size: int) -> bool:
    """Whether no line that is still to come can close a record that is open for ``lines`` lines."""
    return block.at_end or lines >= MAX_JOINED_LINES or size + block.tail_bytes >= max_joined(layout)


def max_joined(layout: Layout) -> int:
    """How many bytes a record over several lines may have."""
    return min(MAX_JOINED_BYTES, layout.max_record_bytes)


def _joins(raw: bytes, lines: int, layout: Layout) -> bool:
    if lines > MAX_JOINED_LINES or len(raw) > max_joined(layout):
        return False
    return layout.fits(raw.removesuffix(b"\n").removesuffix(b"\r"))
