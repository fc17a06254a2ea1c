"""What a record is, and what is wrong with it: judged for a block of records at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from concord.contract import Coding, FixedWidth
from concord.parse import Reason
from concord.parse.fixed_width.framing import Records, is_ebcdic
from concord.parse.fixed_width.values import Alphabet, Mask, Units, kept
from concord.parse.flaws import begins_with

Flaws = NDArray[np.uint8]


class Flaw(IntFlag):
    """What is wrong with a record, as bits."""

    ENCODING = 1
    NUL = 2
    TOO_LONG = 4
    LINE_END = 8
    TYPE = 16
    LENGTH = 32


REASONS = tuple((flaw, Reason[flaw.name or ""].value) for flaw in Flaw)
TAB, UNDEFINED = 9, 0xFFFD
CONTINUES, LEADS = 0x80, 0xC0
"""The upper two bits of a byte that goes on with a character of UTF-8 are 10."""


def reasons(flaws: int) -> tuple[str, ...]:
    """The reason codes of a record's ``flaws``, in a fixed order."""
    return tuple(code for flaw, code in REASONS if flaws & flaw)


@dataclass(frozen=True)
class Judged:
    """What records are: control, blank, or details; of these their flaws, and the units of the sound ones.

    ``header``, ``trailer``, ``blank`` and ``flaws`` have one entry for each record; ``units`` one row for each
    detail without a flaw, of the layout's length.
    """

    header: Mask
    trailer: Mask
    blank: Mask
    flaws: Flaws
    units: Units

    @property
    def detail(self) -> Mask:
        """Which records are neither control nor blank."""
        detail: Mask = ~(self.header | self.trailer | self.blank)
        return detail

    @property
    def good(self) -> Mask:
        """Which records are details without a flaw."""
        good: Mask = self.detail & (self.flaws == 0)
        return good


class Judge:
    """Judges records of ``form``."""

    def __init__(self, form: FixedWidth) -> None:
        self._form, self.alphabet = form, Alphabet(form.encoding)
        self._blank = " ".encode(form.encoding)
        self._bits = self._bits_of_units()
        self._looked_at = np.zeros(form.length, dtype=bool)
        for column in form.columns:
            self._looked_at[column.place.first : column.place.stop] = column.coding in (Coding.TEXT, Coding.ZONED)
        self._padded = [c for c in form.columns if c.coding is Coding.TEXT and c.padding == "\0"]
        self._firsts = [column.place.first for column in form.columns if column.place.first]

    def _bits_of_units(self) -> Flaws:
        """Flaw bits by unit: of a byte, and of a code point below 256 where positions count characters."""
        bits, points = np.zeros(256, np.uint8), self.alphabet.code_points
        bits[points == 0] = Flaw.NUL
        bits[points == TAB] = Flaw.LENGTH
        line_ends = [10, 13, 0x85] if is_ebcdic(self._form) else [10, 13]
        bits[np.isin(points, line_ends)] = Flaw.LINE_END
        bits[points == UNDEFINED] = Flaw.ENCODING
        return bits

    def judge(self, found: Records) -> Judged:
        """What ``found`` are."""
        buffer = np.frombuffer(found.data, dtype=np.uint8)
        control = self._form.control
        header, trailer, detail = (
            self._marked(buffer, found, mark)
            for mark in ((control.header, control.trailer, control.detail) if control else (None, None, None))
        )
        blank = self._blanks(found, buffer) & ~header & ~trailer
        flaws = np.zeros(len(found), np.uint8)
        if control is not None and control.detail is not None:
            flaws[~detail] = Flaw.TYPE
        sizes = self._sizes(found, buffer, flaws)
        shortest = 1 if self._form.short_ok else self._form.length
        flaws[(sizes > self._form.length) | (sizes < shortest)] |= np.uint8(Flaw.LENGTH)
        flaws[found.sizes > self._form.max_record_bytes] |= np.uint8(Flaw.TOO_LONG)
        return self._look(found, buffer, Judged(header, trailer, blank, flaws, np.empty((0, 0), np.uint8)))

    def _marked(self, buffer: NDArray[np.uint8], found: Records, mark: str | None) -> Mask:
        """Which records have ``mark`` where one stands; none where it was not promised."""
        if mark is None or self._form.control is None:
            return np.zeros(len(found), dtype=bool)
        start = found.start + (self._form.control.mark_at - 1)
        return begins_with(buffer, start, found.end, [mark.encode(self._form.encoding)])

    def _blanks(self, found: Records, buffer: NDArray[np.uint8]) -> Mask:
        """Records of nothing, or of nothing but blanks."""
        blank: Mask = found.sizes == 0
        ends = np.minimum(found.start, len(buffer) - 1), np.maximum(found.end - 1, 0)
        likely = ~blank & np.logical_and(*(buffer[end] == self._blank[0] for end in ends))
        for at in np.flatnonzero(likely):
            blank[at] = not found.content(int(at)).strip(self._blank)
        return blank

    def _sizes(self, found: Records, buffer: NDArray[np.uint8], flaws: Flaws) -> NDArray[np.int64]:
        """How many positions each record has; marks those that are not text in UTF-8."""
        if not self.alphabet.is_utf8 or not (buffer & CONTINUES).any():
            return found.sizes
        beyond = np.concatenate([[0], np.cumsum(buffer >= CONTINUES)])
        for at in np.flatnonzero(beyond[found.end] > beyond[found.start]):
            flaws[at] |= np.uint8(0 if _is_utf8(found.content(int(at))) else Flaw.ENCODING)
        if not self._form.by_characters:
            return found.sizes
        leads = np.concatenate([[0], np.cumsum((buffer & LEADS) != CONTINUES)])
        sizes: NDArray[np.int64] = leads[found.end] - leads[found.start]
        return sizes

    def _look(self, found: Records, buffer: NDArray[np.uint8], judged: Judged) -> Judged:
        """Looks into the details that have the right length."""
        rows = np.flatnonzero(judged.good)
        units = self._units(found.start[rows], found.end[rows], buffer)
        bits = self._flaws_within(units)
        judged.flaws[rows] |= bits
        sound = units[bits == 0] if bits.any() else units
        return Judged(judged.header, judged.trailer, judged.blank, judged.flaws, sound)

    def _units(self, start: NDArray[np.int64], end: NDArray[np.int64], buffer: NDArray[np.uint8]) -> Units:
        """One row for each range of ``buffer``, filled up with blanks to the layout's length."""
        length, sizes = self._form.length, end - start
        steps = np.diff(start)
        if len(start) and (sizes == length).all() and (not len(steps) or (steps == steps[0]).all()):
            stride = int(steps[0]) if len(steps) else length
            return np.lib.stride_tricks.as_strided(buffer[start[0] :], (len(start), length), (stride, 1))
        stops = np.cumsum(sizes)
        flat: Units = buffer[np.arange(sizes.sum()) + np.repeat(start - (stops - sizes), sizes)]
        if self._form.by_characters and (flat >= CONTINUES).any():
            leads = np.concatenate([[0], np.cumsum((flat & LEADS) != CONTINUES)])
            sizes = np.diff(leads[np.concatenate([[0], stops])])
            flat = np.frombuffer(flat.tobytes().decode().encode("utf-32-le"), np.uint32)
        units = np.full((len(start), length), self._blank[0], flat.dtype)
        units[np.arange(length) < sizes[:, np.newaxis]] = flat
        return units

    def _flaws_within(self, units: Units) -> Flaws:
        """Flaw bits of each row; columns that may hold any byte, and what is not read, are not looked at."""
        bits = self._bits[units if units.dtype == np.uint8 else np.minimum(units, 255)]
        bits[:, ~self._looked_at] = 0
        for column in self._padded:
            part = slice(column.place.first, column.place.stop)
            bits[:, part] *= kept(self.alphabet.read(units[:, part]), column)
        flaws: Flaws = np.bitwise_or.reduce(bits, axis=1)
        if self.alphabet.is_utf8 and units.dtype == np.uint8 and not self._form.by_characters:
            torn = ((units[:, self._firsts] & LEADS) == CONTINUES).any(axis=1)
            flaws[torn] |= np.uint8(Flaw.ENCODING)
        return flaws


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
