"""Where delimiters, quotes and escapes stand in a buffer of whole lines, by the rules of a dialect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concord.parse.grammar import Dialect

LF, CR = 10, 13

Positions = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Marks:
    """Ascending positions in a buffer: first bytes of delimiters (in quotes too), quotes and escapes that count."""

    delimiters: Positions
    quotes: Positions
    escapes: Positions

    def until(self, stop: int) -> Marks:
        """Those that stand before ``stop``."""
        return Marks(*(each[: np.searchsorted(each, stop)] for each in (self.delimiters, self.quotes, self.escapes)))


def marks(buffer: Bytes, dialect: Dialect, stops: Positions) -> Marks:
    """The marks of ``buffer``, whose lines end before ``stops``.

    What an escape takes is no mark. Delimiters of several bytes are told from the left and
    do not overlap. Of literal quotes those that neither open nor close are left out.
    """
    escapes = _escapes(buffer, dialect.escape)
    delimiters = _apart(_without(_occurrences(buffer, dialect.delimiter), escapes + 1), len(dialect.delimiter))
    quotes = _without(_occurrences(buffer, dialect.quote), escapes + 1)
    if dialect.literal:
        quotes = _structural(buffer, quotes, delimiters, stops, len(dialect.delimiter))
    return Marks(delimiters, quotes, escapes)


def _occurrences(buffer: Bytes, mark: bytes) -> Positions:
    if not mark:
        return np.zeros(0, dtype=np.int64)
    found: Positions = np.flatnonzero(buffer == mark[0])
    for place, byte in enumerate(mark[1:], 1):
        found = found[buffer[np.minimum(found + place, len(buffer) - 1)] == byte]
    return found


def _escapes(buffer: Bytes, escape: bytes) -> Positions:
    """Every other one of a row of escapes: the one between is taken by it."""
    found = _occurrences(buffer, escape)
    if not len(found):
        return found
    rank = np.arange(len(found))
    begins = np.diff(found, prepend=-2) > 1
    counts: Positions = found[(rank - np.maximum.accumulate(np.where(begins, rank, 0))) % 2 == 0]
    return counts


def among(places: Positions, found: Positions) -> NDArray[np.bool_]:
    """Which of ``places`` are in ``found``, both ascending: faster than ``np.isin``, which would sort them."""
    if not len(found):
        return np.zeros(len(places), dtype=bool)
    at = np.minimum(np.searchsorted(found, places), len(found) - 1)
    result: NDArray[np.bool_] = found[at] == places
    return result


def _without(positions: Positions, taken: Positions) -> Positions:
    return positions[~among(positions, taken)] if len(taken) else positions


def _apart(found: Positions, width: int) -> Positions:
    """Of occurrences that overlap, the leftmost, and what begins after it."""
    close = np.diff(found) < width if width > 1 else np.zeros(0, dtype=bool)
    if not close.any():
        return found
    keep = np.ones(len(found), dtype=bool)
    free = -1
    for at in np.flatnonzero(np.append(close, False) | np.insert(close, 0, False)).tolist():
        keep[at] = found[at] >= free
        free = found[at] + width if keep[at] else free
    return found[keep]


def _structural(buffer: Bytes, quotes: Positions, delimiters: Positions, stops: Positions, width: int) -> Positions:
    """Quotes that open a field or close it; of a line that breaks the rules those up to where it does."""
    line = np.searchsorted(stops, quotes, side="right")
    end = stops[line] - 1
    end = end - (buffer[np.maximum(end - 1, 0)] == CR)
    opens = (quotes == np.append(0, stops)[line]) | among(quotes, delimiters + width)
    closes = (quotes + 1 == end) | among(quotes + 1, delimiters)
    first = np.searchsorted(quotes, np.append(0, stops)[line])
    sound = np.where((np.arange(len(quotes)) - first) & 1, closes, opens)
    keep = np.ones(len(quotes), dtype=bool)
    for odd in np.unique(line[~sound]).tolist():
        own = slice(*np.searchsorted(line, [odd, odd + 1]))
        keep[own] = _kept(opens[own].tolist(), closes[own].tolist())
    return quotes[keep]


def _kept(opens: list[bool], closes: list[bool]) -> list[bool]:
    kept: list[bool] = []
    inside = False
    for may_open, may_close in zip(opens, closes, strict=True):
        is_ambiguous = inside and may_open and not may_close  # the value may have ended before it, unseen
        kept.append(not inside or may_close or is_ambiguous)
        if is_ambiguous or not (inside or may_open):
            break
        inside = not may_close if inside else True
    return kept + [False] * (len(opens) - len(kept))
