"""What can be wrong with a record, judged for a whole block at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from concord.parse import Reason

LF, CR, NUL = 10, 13, 0

Positions = NDArray[np.int64]


class Flaw(IntFlag):
    """What is wrong with a record, as bits; ``BLANK`` is no record at all."""

    FIELD_COUNT = 1
    QUOTE = 2
    ENCODING = 4
    NUL = 8
    TOO_LONG = 16
    LINE_END = 32
    BLANK = 64
    TYPE = 128


REASONS = tuple((flaw, Reason[flaw.name or ""].value) for flaw in Flaw if flaw is not Flaw.BLANK)


def reasons(flaws: int) -> tuple[str, ...]:
    """The reason codes of a record's ``flaws``, in a fixed order."""
    return tuple(code for flaw, code in REASONS if flaws & flaw)


@dataclass(frozen=True)
class Layout:
    """What a record must look like: bytes of delimiter and quote, fields, encoding, longest record.

    ``marks`` are how a detail record may begin, where that was promised. ``blank_rows``
    makes a record of nothing but delimiters as blank as an empty line.
    """

    delimiter: bytes
    quote: bytes
    fields: int
    encoding: str
    max_record_bytes: int
    marks: tuple[bytes, ...] = ()
    blank_rows: bool = False


def begins_with(
    buffer: NDArray[np.uint8], start: Positions, end: Positions, prefixes: Iterable[bytes]
) -> NDArray[np.bool_]:
    """Which of the ranges ``start`` to ``end`` of ``buffer`` begin with one of ``prefixes``."""
    result = np.zeros(len(start), dtype=bool)
    for prefix in prefixes:
        match = end - start >= len(prefix)
        for place, byte in enumerate(prefix):
            match &= buffer[np.minimum(start + place, len(buffer) - 1)] == byte
        result |= match
    return result


class View:
    """The bytes of a block seen as records: who owns a byte, and whether it stands inside quotes."""

    def __init__(self, buffer: NDArray[np.uint8], layout: Layout, start: Positions, end: Positions) -> None:
        self._buffer, self._layout, self._start, self._end = buffer, layout, start, end
        self._quotes = np.flatnonzero(buffer == layout.quote[0])
        self._first_quote = np.searchsorted(self._quotes, start)
        self._fields = self._count_fields()
        one_more = self._fields == layout.fields + 1
        self.trailing: NDArray[np.bool_] = one_more & (buffer[np.maximum(end - 1, start)] == layout.delimiter[0])

    def flaws(self, isolated: Positions) -> NDArray[np.uint8]:
        """:class:`Flaw` bits of every record; records ``isolated`` were cut off from a broken record."""
        flaws = np.zeros(len(self._start), dtype=np.uint8)
        flaws[(self._fields != self._layout.fields) & ~self.trailing] |= np.uint8(Flaw.FIELD_COUNT)
        flaws[self._misplaced_quotes()] |= np.uint8(Flaw.QUOTE)
        flaws[isolated] |= np.uint8(Flaw.QUOTE)
        broken = (flaws & np.uint8(Flaw.QUOTE)) > 0
        flaws[broken] &= ~np.uint8(Flaw.FIELD_COUNT)  # meaningless where quoting is broken
        flaws[self._owner(np.flatnonzero(self._buffer == NUL))] |= np.uint8(Flaw.NUL)
        flaws[self._end - self._start > self._layout.max_record_bytes] |= np.uint8(Flaw.TOO_LONG)
        flaws[self._stray_returns()] |= np.uint8(Flaw.LINE_END)
        flaws[self._undecodable()] |= np.uint8(Flaw.ENCODING)
        if self._layout.marks:
            marked = begins_with(self._buffer, self._start, self._end, self._layout.marks)
            flaws[~marked & ~broken] |= np.uint8(Flaw.TYPE)
        flaws[self._blank()] = np.uint8(Flaw.BLANK)
        return flaws

    def _blank(self) -> NDArray[np.bool_]:
        """Records without content: as many bytes as delimiters, if that counts."""
        size = self._end - self._start
        blank: NDArray[np.bool_] = size == (self._fields - 1 if self._layout.blank_rows else 0)
        return blank

    def _owner(self, positions: Positions) -> Positions:
        return np.searchsorted(self._start, positions, side="right") - 1

    def _is_inside(self, positions: Positions, owner: Positions) -> NDArray[np.bool_]:
        """Whether each byte stands inside quotes: an odd number of quotes of its record come before it."""
        inside: NDArray[np.bool_] = ((np.searchsorted(self._quotes, positions) - self._first_quote[owner]) & 1) == 1
        return inside

    def _count_fields(self) -> Positions:
        delimiters = np.flatnonzero(self._buffer == self._layout.delimiter[0])
        counts = np.diff(np.searchsorted(delimiters, self._start), append=len(delimiters))
        quoted = np.diff(self._first_quote, append=len(self._quotes)) > 0
        if quoted.any():
            suspects = delimiters[np.repeat(quoted, counts)]
            owner = np.repeat(np.flatnonzero(quoted), counts[quoted])
            hidden = owner[self._is_inside(suspects, owner)]
            counts = counts - np.bincount(hidden, minlength=len(counts))
        return counts + 1

    def _misplaced_quotes(self) -> Positions:
        """Records with a quote that opens inside a field, or closes before its end."""
        quotes, buffer = self._quotes, self._buffer
        if not len(quotes):
            return quotes
        owner = self._owner(quotes)
        rank = np.arange(len(quotes)) - self._first_quote[owner]
        partners = (self._layout.delimiter[0], self._layout.quote[0])
        opens = (quotes == self._start[owner]) | np.isin(buffer[np.maximum(quotes - 1, 0)], partners)
        closes = (quotes + 1 == self._end[owner]) | np.isin(buffer[np.minimum(quotes + 1, len(buffer) - 1)], partners)
        misplaced: Positions = owner[np.where(rank & 1, ~closes, ~opens)]
        return misplaced

    def _stray_returns(self) -> Positions:
        returns = np.flatnonzero(self._buffer == CR)
        owner = self._owner(returns)
        before_end = returns < self._end[owner]
        returns, owner = returns[before_end], owner[before_end]
        return owner[~self._is_inside(returns, owner)]

    def _undecodable(self) -> list[int]:
        suspects = np.unique(self._owner(np.flatnonzero(self._buffer >= 128)))
        return [int(record) for record in suspects if not self._decodes(record)]

    def _decodes(self, record: np.int64) -> bool:
        raw = self._buffer[self._start[record] : self._end[record]].tobytes()
        try:
            raw.decode(self._layout.encoding)
        except UnicodeDecodeError:
            return False
        return True
