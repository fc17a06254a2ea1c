"""What can be wrong with a record, judged for a whole block at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from concord.parse import Reason
from concord.parse.grammar import Dialect
from concord.parse.marks import CR, LF, Marks, Positions, among

NUL = 0
MOST_PIECES = 1_000
"""As many pieces of a line say whether carriage returns end its records."""


class Flaw(IntFlag):
    """What is wrong with a record, as bits; ``BLANK`` and ``COMMENT`` are no record at all."""

    FIELD_COUNT = 1
    QUOTE = 2
    ENCODING = 4
    NUL = 8
    TOO_LONG = 16
    LINE_END = 32
    BLANK = 64
    TYPE = 128
    ESCAPE = 256
    ORPHAN = 512
    COMMENT = 1024


NO_RECORD = Flaw.BLANK | Flaw.COMMENT
REASONS = tuple((flaw, Reason[flaw.name or ""].value) for flaw in Flaw if not flaw & NO_RECORD)


def reasons(flaws: int) -> tuple[str, ...]:
    """The reason codes of a record's ``flaws``, in a fixed order."""
    return tuple(code for flaw, code in REASONS if flaws & flaw)


@dataclass(frozen=True)
class Kind:
    """One kind of record: how the field that tells it is written, and how many fields it has.

    One that ``ends_open`` ends in a delimiter: its last field has no name, and nothing in it.
    """

    forms: tuple[bytes, ...]
    fields: int
    ends_open: bool = False


UNKNOWN = Kind((), 0)


@dataclass(frozen=True)
class Layout:
    """What a record must look like: bytes of delimiter and quote, fields, encoding, longest record.

    ``marks`` are how a detail record may begin, where that was promised. ``blank_rows``
    makes a record of nothing but delimiters as blank as an empty line; one that begins with
    ``comment`` is none. ``kinds`` (instead of ``fields`` and ``ends_open``) are told by the field at
    ``kind_field``.
    """

    delimiter: bytes
    quote: bytes
    fields: int
    encoding: str
    max_record_bytes: int
    marks: tuple[bytes, ...] = ()
    blank_rows: bool = False
    escape: bytes = b""
    literal: bool = False
    comment: bytes = b""
    kinds: tuple[Kind, ...] = ()
    kind_field: int = 0
    ends_open: bool = False

    @cached_property
    def dialect(self) -> Dialect:
        """What tells fields."""
        return Dialect(self.delimiter, self.quote, self.escape, self.literal)

    @cached_property
    def any_kind(self) -> Kind:
        """What a record is that is of none of the ``kinds``."""
        return Kind((), self.fields, self.ends_open)

    def fits(self, content: bytes) -> bool:
        """Whether a record is of sound quoting and has the fields that it should."""
        grammar, kind = self.dialect.grammar, self._kind(content)
        if not 0 < grammar.count(content) == kind.fields:
            return False
        return not kind.ends_open or not grammar.fields(content)[-1]

    def records_between_returns(self, content: bytes) -> int:
        """How many whole records a line has, with carriage returns between them; of very many the first are counted."""
        return sum(map(self.fits, content.split(b"\r", MOST_PIECES)))

    def _kind(self, content: bytes) -> Kind:
        if not self.kinds:
            return self.any_kind
        told = self.dialect.grammar.fields(content)[self.kind_field : self.kind_field + 1]
        return next((kind for kind in self.kinds if told and told[0] in kind.forms), UNKNOWN)


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
    """The bytes of a block seen as records: who owns a byte, and whether it stands inside quotes.

    ``fields`` is how many each record has, ``kind`` which of the layout's kinds it is (-1: none).
    """

    def __init__(
        self, buffer: NDArray[np.uint8], layout: Layout, start: Positions, end: Positions, found: Marks
    ) -> None:
        self._buffer, self._layout, self._start, self._end, self._marks = buffer, layout, start, end, found
        self._quotes = found.quotes
        self._first_quote = np.searchsorted(self._quotes, start)
        self.fields = self._count_fields()
        self.kind: NDArray[np.int16] = self._kinds()

    def flaws(self, isolated: Positions) -> NDArray[np.uint16]:
        """:class:`Flaw` bits of every record; records ``isolated`` were cut off from a broken record."""
        layout = self._layout
        flaws = np.zeros(len(self._start), dtype=np.uint16)
        flaws[self._misshapen()] |= np.uint16(Flaw.FIELD_COUNT)
        flaws[self._misplaced_quotes()] |= np.uint16(Flaw.QUOTE)
        flaws[isolated] |= np.uint16(Flaw.QUOTE)
        broken = (flaws & np.uint16(Flaw.QUOTE)) > 0
        flaws[broken] &= ~np.uint16(Flaw.FIELD_COUNT)  # meaningless where quoting is broken
        flaws[self._owner(np.flatnonzero(self._buffer == NUL))] |= np.uint16(Flaw.NUL)
        flaws[self._end - self._start > layout.max_record_bytes] |= np.uint16(Flaw.TOO_LONG)
        flaws[self._stray_returns()] |= np.uint16(Flaw.LINE_END)
        flaws[self._undecodable()] |= np.uint16(Flaw.ENCODING)
        flaws[self._idle_escapes()] |= np.uint16(Flaw.ESCAPE)
        if layout.marks:
            marked = begins_with(self._buffer, self._start, self._end, layout.marks)
            flaws[~marked & ~broken] |= np.uint16(Flaw.TYPE)
        if layout.kinds:
            unknown = (self.kind < 0) & ~broken
            flaws[unknown] &= ~np.uint16(Flaw.FIELD_COUNT)  # how many it should have depends on its type
            flaws[unknown] |= np.uint16(Flaw.TYPE)
        flaws[self._blank()] = np.uint16(Flaw.BLANK)
        if layout.comment:
            flaws[begins_with(self._buffer, self._start, self._end, (layout.comment,))] = np.uint16(Flaw.COMMENT)
        return flaws

    def _blank(self) -> NDArray[np.bool_]:
        """Records without content: as many bytes as delimiters have, if that counts."""
        size = self._end - self._start
        delimiters = (self.fields - 1) * len(self._layout.delimiter)
        blank: NDArray[np.bool_] = size == (delimiters if self._layout.blank_rows else 0)
        return blank

    def _owner(self, positions: Positions) -> Positions:
        return np.searchsorted(self._start, positions, side="right") - 1

    def _is_inside(self, positions: Positions, owner: Positions) -> NDArray[np.bool_]:
        """Whether each byte stands inside quotes: an odd number of quotes of its record come before it."""
        inside: NDArray[np.bool_] = ((np.searchsorted(self._quotes, positions) - self._first_quote[owner]) & 1) == 1
        return inside

    def _count_fields(self) -> Positions:
        delimiters = self._marks.delimiters
        counts = np.diff(np.searchsorted(delimiters, self._start), append=len(delimiters))
        quoted = np.diff(self._first_quote, append=len(self._quotes)) > 0
        if quoted.any():
            suspects = delimiters[np.repeat(quoted, counts)]
            owner = np.repeat(np.flatnonzero(quoted), counts[quoted])
            hidden = owner[self._is_inside(suspects, owner)]
            counts = counts - np.bincount(hidden, minlength=len(counts))
        return counts + 1

    @cached_property
    def _between(self) -> Positions:
        """The delimiters that are some: outside of quotes."""
        delimiters = self._marks.delimiters
        between: Positions = delimiters[~self._is_inside(delimiters, self._owner(delimiters))]
        return between

    def _misshapen(self) -> NDArray[np.bool_]:
        """Which records have more or fewer fields than they should, or something behind a delimiter that ends them."""
        kinds = (*self._layout.kinds, self._layout.any_kind)
        misshapen: NDArray[np.bool_] = self.fields != np.array([kind.fields for kind in kinds])[self.kind]
        if any(kind.ends_open for kind in kinds):
            misshapen |= np.array([kind.ends_open for kind in kinds])[self.kind] & ~self._ends_open()
        return misshapen

    def _ends_open(self) -> NDArray[np.bool_]:
        """Which records end in a delimiter."""
        layout = self._layout
        if layout.dialect.is_plain:
            last: NDArray[np.bool_] = self._buffer[np.maximum(self._end - 1, self._start)] == layout.delimiter[0]
            return last
        return among(self._end - len(layout.delimiter), self._between)

    def _kinds(self) -> NDArray[np.int16]:
        """The kind of each record, by the field that tells it."""
        found = np.full(len(self._start), -1, dtype=np.int16)
        if not self._layout.kinds:
            return found
        start, end = self._field(self._layout.kind_field)
        for number, kind in enumerate(self._layout.kinds):
            for form in kind.forms:
                found[(end - start == len(form)) & begins_with(self._buffer, start, end, (form,))] = number
        return found

    def _field(self, position: int) -> tuple[Positions, Positions]:
        """Where the field at ``position`` begins and ends; where there is none, at the record's end."""
        between, last = np.append(self._between, 0), len(self._between)
        first = np.searchsorted(self._between, self._start)
        there, closed = self.fields > position, self.fields > position + 1
        before = between[np.where(there, first + position - 1, last)] + len(self._layout.delimiter)
        start = np.where(there, before if position else self._start, self._end)
        return start, np.where(closed, between[np.where(closed, first + position, last)], self._end)

    def _misplaced_quotes(self) -> Positions:
        """Records with a quote that opens inside a field, or closes before its end."""
        quotes = self._quotes
        if not len(quotes):
            return quotes
        owner = self._owner(quotes)
        rank = np.arange(len(quotes)) - self._first_quote[owner]
        after, before = self._neighbours(quotes)
        opens = (quotes == self._start[owner]) | after
        closes = (quotes + 1 == self._end[owner]) | before
        misplaced: Positions = owner[np.where(rank & 1, ~closes, ~opens)]
        return misplaced

    def _neighbours(self, quotes: Positions) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which quotes stand after a delimiter or another quote, and which before one."""
        layout, buffer = self._layout, self._buffer
        if layout.dialect.is_plain:
            partners = (layout.delimiter[0], layout.quote[0])
            before = buffer[np.minimum(quotes + 1, len(buffer) - 1)]
            return np.isin(buffer[np.maximum(quotes - 1, 0)], partners), np.isin(before, partners)
        delimiters, others = self._marks.delimiters, quotes[:0] if layout.literal else quotes
        after = among(quotes, delimiters + len(layout.delimiter)) | among(quotes - 1, others)
        return after, among(quotes + 1, delimiters) | among(quotes + 1, others)

    def _idle_escapes(self) -> Positions:
        """Records with an escape that only a line end follows."""
        escapes = self._marks.escapes
        follows = self._buffer[np.minimum(escapes + 1, len(self._buffer) - 1)]
        return self._owner(escapes[(follows == CR) | (follows == LF)])

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
