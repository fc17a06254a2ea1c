"""Where columns begin in records of one length, by the kinds of characters that stand at each position."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from concord.contract import Coding
from concord.onboarding.recognised import Piece

BLANK, DIGIT, LETTER, MARK, OTHER = KINDS = range(5)
"""Kinds of characters; other is what no text has: packed numbers."""
ALIKE = 0.75
"""Records stand in columns where the commonest kind has this share of a position, over all positions."""
PURE = 0.95
ROSE = 0.05
"""Text ends now here, now there; where more rows have something again, the next column begins."""
DAY = 8
MOST_CODES = 50
LONGEST_NUMBER_OF_A_CODE = 4
"""A state with its five digits of a postal code is no code."""
RECORDS_LOOKED_AT = 5_000


@cache
def kinds_of_bytes(encoding: str) -> bytes:
    """The kind of each byte."""
    return bytes(_kind(bytes([byte]).decode(encoding, "replace")) for byte in range(256))


def _kind(char: str) -> int:
    if char == " ":
        return BLANK
    if char in string.digits:
        return DIGIT
    if char.isalpha():
        return LETTER
    return MARK if char in string.punctuation else OTHER


@dataclass(frozen=True)
class Grid:
    """Records as a matrix of bytes (record × position), and of the kinds of their characters."""

    chars: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of(cls, records: Sequence[bytes], encoding: str) -> Grid:
        """Of records of one length."""
        looked_at = records[:RECORDS_LOOKED_AT]
        chars = np.frombuffer(b"".join(looked_at), dtype=np.uint8).reshape(len(looked_at), -1)
        return cls(chars, np.frombuffer(kinds_of_bytes(encoding), dtype=np.uint8)[chars])

    @cached_property
    def filled(self) -> np.ndarray:
        """The share of records that have something at each position."""
        return np.asarray((self.kinds != BLANK).mean(axis=0))

    @cached_property
    def kind(self) -> list[int]:
        """The kind of (nearly) all that stands at each position; MARK where it is now this, now that."""
        share = [
            ((self.kinds == kind).sum(axis=0) / np.maximum((self.kinds != BLANK).sum(axis=0), 1)) for kind in KINDS
        ]
        return [
            BLANK if self.filled[at] == 0 else next((k for k in (DIGIT, LETTER, OTHER) if share[k][at] >= PURE), MARK)
            for at in range(self.chars.shape[1])
        ]

    def distinct(self, start: int, stop: int) -> int:
        """How many different values stand from ``start`` to before ``stop``."""
        return len(np.unique(self.chars[:, start:stop], axis=0))

    def continues(self, at: int) -> bool:
        """Whether what stands at ``at`` goes on with a word before: long names have one blank in them."""
        has = self.kinds[:, at] != BLANK
        before = (self.kinds[has, at - 2] != BLANK).mean() if at > 1 and has.any() else 0
        return bool(before > 0.8 and self.filled[at] < 0.2)


def pieces(records: Sequence[bytes], encoding: str, mark: int = 0) -> tuple[Piece, ...]:
    """The columns of ``records`` (bytes of one length); the first ``mark`` positions are one of their own."""
    grid = Grid.of(records, encoding)
    packed = list(_packed(grid))
    found: list[Piece] = [Piece(0, mark)] if mark else []
    at = mark
    for piece in (*packed, Piece(grid.chars.shape[1], grid.chars.shape[1])):
        found += _text(grid, at, piece.start) if piece.start > at else []
        found += [piece] if piece.stop > piece.start else []
        at = max(at, piece.stop)
    return tuple(found)


def _packed(grid: Grid) -> Iterator[Piece]:
    """Packed numbers: digits in all half bytes but the last, which is a sign (z/Architecture Principles, chapter 8).

    Blanks and lower-case letters have such half bytes too: somewhere there has to be what no text has.
    """
    high, low = grid.chars >> 4, grid.chars & 15
    digits, signed = (np.all((high < 10) & last, axis=0) for last in (low < 10, low > 11))
    has_other = (grid.kinds == OTHER).any(axis=0)
    end = 0
    for at in np.flatnonzero(signed):
        start = int(at)
        while start > end and digits[start - 1] and not (grid.kinds[:, start - 1] == BLANK).all():
            start -= 1
        if has_other[start : at + 1].any():
            end = int(at) + 1
            yield Piece(start, end, Coding.PACKED)


# ── text ──


def _text(grid: Grid, start: int, stop: int) -> list[Piece]:
    """The columns of a stretch without packed numbers."""
    parts = list(_split(grid, start, stop))
    parts = [part for one in parts for part in _dates(grid, *one)]
    parts = [part for one in parts for part in _independent(grid, *one)]
    return [Piece(*part) for part in _joined(grid, parts)]


def _split(grid: Grid, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Where something stands behind blanks, where digits follow letters or letters digits, where a text is over."""
    begin, lowest = start, 1.0
    for at in range(start + 1, stop):
        before, here = grid.kind[at - 1], grid.kind[at]
        lowest = min(lowest, grid.filled[at - 1]) if at - 1 > begin else grid.filled[at - 1]
        fell = grid.filled[begin:at].max() - lowest > ROSE
        rose = fell and grid.filled[at] - grid.filled[at - 1] > ROSE
        is_behind = (rose or before == BLANK != here) and not grid.continues(at)
        if is_behind or {before, here} == {DIGIT, LETTER}:
            yield begin, at
            begin = at
    yield begin, stop


def _dates(grid: Grid, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Digits with the dates in them cut out: ``YYYYMMDD`` first, since a number before may look like a month."""
    for is_date in (_year_first, _year_last):
        for at in range(start, stop - DAY + 1):
            if stop - start > DAY - 1 and is_date(grid, at):
                yield from _dates(grid, start, at) if at > start else ()
                yield at, at + DAY
                yield from _dates(grid, at + DAY, stop) if at + DAY < stop else ()
                return
    yield start, stop


def _year_first(grid: Grid, at: int) -> bool:
    return _is_date(grid, at, (0, 4), (4, 2), (6, 2))


def _year_last(grid: Grid, at: int) -> bool:
    return _is_date(grid, at, (4, 4), (0, 2), (2, 2))


def _is_date(grid: Grid, at: int, year: tuple[int, int], month: tuple[int, int], day: tuple[int, int]) -> bool:
    """Whether what stands there are dates, blanks, or only zeros or nines that mean none."""
    kinds, digits = grid.kinds[:, at : at + DAY], (grid.chars[:, at : at + DAY] & 15).astype(np.int64)
    whole = (kinds == DIGIT).all(axis=1)
    y, m, d = (_number(digits, *place) for place in (year, month, day))
    real = whole & (y >= 1900) & (y <= 2100) & (m >= 1) & (m <= 12) & (d >= 1) & (d <= 31)
    never = whole & ((digits == 0).all(axis=1) | (y > 2100) & (m == 12) & (d == 31))
    blank = (kinds == BLANK).all(axis=1)
    return bool((real | never | blank).mean() >= PURE and (real.any() or never.any()))


def _number(digits: np.ndarray, start: int, count: int) -> np.ndarray:
    return digits[:, start : start + count] @ (10 ** np.arange(count - 1, -1, -1))


def _independent(grid: Grid, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Letters of two columns of codes that touch: each code of the one stands beside each of the other."""
    whole = grid.distinct(start, stop)
    if {grid.kind[at] for at in range(start, stop)} == {LETTER} and 1 < whole <= MOST_CODES:
        for at in range(start + 1, stop):
            left, right = grid.distinct(start, at), grid.distinct(at, stop)
            if left > 1 < right and left * right == whole:
                yield start, at
                yield from _independent(grid, at, stop)
                return
    yield start, stop


def _joined(grid: Grid, parts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Letters with the digits behind them, where they are one code (``PPO500``) or a number's prefix (``E000001``)."""
    at = 0
    while at < len(parts):
        start, stop = parts[at]
        while at + 1 < len(parts) and _is_one(grid, (start, stop), parts[at + 1]):
            at += 1
            stop = parts[at][1]
        yield start, stop
        at += 1


def _is_one(grid: Grid, one: tuple[int, int], other: tuple[int, int]) -> bool:
    touches = grid.kind[one[1] - 1] == LETTER and grid.kind[other[0]] == DIGIT and one[1] == other[0]
    is_date = other[1] - other[0] == DAY and (_year_first(grid, other[0]) or _year_last(grid, other[0]))
    if not touches or is_date:
        return False
    first, second, both = grid.distinct(*one), grid.distinct(*other), grid.distinct(one[0], other[1])
    is_code = other[1] - other[0] <= LONGEST_NUMBER_OF_A_CODE and both <= MOST_CODES
    return first == 1 or (is_code and both == max(first, second))
