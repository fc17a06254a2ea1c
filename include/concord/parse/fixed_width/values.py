"""From positions to values: the text of a column for all records at once.

A column is a matrix of units, one row a record, and a mask of which units are kept; what is kept is copied into an
Arrow column in one go. Units are bytes of UTF-8 (``uint8``), or code points (``uint32``) where that is not what the
file is written in.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from concord.contract import Coding, FixedColumn, Side
from concord.contract.fixed import NEGATIVE, OVERPUNCHED, is_utf8

Units = NDArray[np.uint8] | NDArray[np.uint32]
Mask = NDArray[np.bool_]

BLANK, ZERO, MINUS, POINT = b" 0-."
UNREADABLE = "=X'"
"""How the text of a number that is none begins; no other number's does."""
NO_ASCII = 255
NO_DIGIT = 10
FIRST_SIGN = 0x0A
"""The smallest half byte that is a sign."""
MINUS_SIGNS = (0x0B, 0x0D)


def _digits() -> NDArray[np.uint8]:
    table = np.full(256, NO_DIGIT, np.uint8)
    table[ZERO : ZERO + 10] = range(10)
    return table


def _last_digits() -> NDArray[np.uint8]:
    table = _digits()
    for character, digit in OVERPUNCHED.items():
        table[character] = int(chr(digit))
    return table


DIGIT_OF, LAST_DIGIT_OF = _digits(), _last_digits()
"""The digit that a character of a zoned number means, of its last one with a sign punched over it."""
IS_NEGATIVE = np.isin(np.arange(256), [ord(character) for character in NEGATIVE])


class Alphabet:
    """What bytes of ``encoding`` mean."""

    def __init__(self, encoding: str) -> None:
        self.is_utf8 = is_utf8(encoding)
        letters = bytes(range(256)).decode("latin-1" if self.is_utf8 else encoding, "replace")
        self.code_points: NDArray[np.uint32] = np.array([ord(letter) for letter in letters], np.uint32)
        self._ascii = np.where(self.code_points < 128, self.code_points, NO_ASCII).astype(np.uint8)

    def read(self, units: Units) -> Units:
        """Bytes as bytes of UTF-8 if they can be, else as code points; code points stay what they are."""
        if self.is_utf8 or units.dtype != np.uint8:
            return units
        plain = self._ascii[units]
        return self.code_points[units] if (plain == NO_ASCII).any() else plain


def kept(units: Units, column: FixedColumn) -> Mask:
    """What is left of a text without its padding; of one that is blank, nothing."""
    pad = ord(column.padding)
    content = units != pad
    mask = np.ones(units.shape, dtype=bool)
    if column.side is not Side.LEFT:
        mask &= np.logical_or.accumulate(content[:, ::-1], axis=1)[:, ::-1]
    if column.side is not Side.RIGHT:
        mask &= np.logical_or.accumulate(content, axis=1)
    if pad != BLANK:
        mask &= ((units != BLANK) & mask).any(axis=1)[:, np.newaxis]
    return mask


def gathered(units: Units, mask: Mask) -> pa.Array:
    """The units of each row that ``mask`` keeps, as text."""
    stops = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    flat = units[mask]
    if flat.dtype == np.uint8:
        return _strings(stops, flat.tobytes())
    sizes = 1 + (flat > 0x7F).astype(np.int64) + (flat > 0x7FF) + (flat > 0xFFFF)
    in_bytes = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return _strings(in_bytes[stops], flat.astype("<u4").tobytes().decode("utf-32-le").encode())


def _strings(offsets: NDArray[np.int64], data: bytes) -> pa.Array:
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def text(units: Units, column: FixedColumn, alphabet: Alphabet) -> pa.Array:
    """The texts of ``column``, whose positions are ``units``: padding taken away, blank as ``""``."""
    if column.coding is Coding.TEXT:
        read = alphabet.read(units)
        return gathered(read, kept(read, column))
    if column.coding is Coding.ZONED:
        return _zoned(units, column, alphabet)
    return _packed(units, column, alphabet)


def _zoned(units: Units, column: FixedColumn, alphabet: Alphabet) -> pa.Array:
    read = np.minimum(alphabet.read(units), NO_ASCII).astype(np.uint8)
    digits = DIGIT_OF[read]
    digits[:, -1] = LAST_DIGIT_OF[read[:, -1]]
    valid = (digits != NO_DIGIT).all(axis=1)
    return _numbers(units, column, digits, IS_NEGATIVE[read[:, -1]], valid, blank=(read == BLANK).all(axis=1))


def _packed(units: Units, column: FixedColumn, alphabet: Alphabet) -> pa.Array:
    """A half byte that is no digit, or a last one that is no sign, makes the value unreadable."""
    halves = np.empty((len(units), 2 * units.shape[1]), np.uint8)
    halves[:, 0::2], halves[:, 1::2] = units >> 4, units & 0x0F
    digits, sign = halves[:, :-1], halves[:, -1]
    valid = (digits < NO_DIGIT).all(axis=1) & (sign >= FIRST_SIGN)
    blank = (alphabet.code_points[units] == BLANK).all(axis=1)
    return _numbers(units, column, digits, np.isin(sign, MINUS_SIGNS), valid, blank=blank)


def _numbers(
    units: Units, column: FixedColumn, digits: NDArray[np.uint8], negative: Mask, valid: Mask, *, blank: Mask
) -> pa.Array:
    """Digits as text with a minus and a decimal point where they belong; what is no number as its bytes."""
    whole = digits.shape[1] - column.decimals
    keep = np.ones(digits.shape, dtype=bool)
    if column.padding == "0":
        keep[:, : whole - 1] = np.logical_or.accumulate(digits[:, : whole - 1] != 0, axis=1)
    signed = (negative & (digits != 0).any(axis=1))[:, np.newaxis]
    always = np.ones_like(signed)
    one = np.ones((len(digits), 1), np.uint8)
    characters, shown = [one * MINUS, digits[:, :whole] + ZERO], [signed, keep[:, :whole]]
    if column.decimals:
        characters += [one * POINT, digits[:, whole:] + ZERO]
        shown += [always, keep[:, whole:]]
    mask = np.hstack(shown) & (valid & ~blank)[:, np.newaxis]
    numbers = gathered(np.hstack(characters), mask)
    broken = ~valid & ~blank
    return pc.replace_with_mask(numbers, pa.array(broken), _unreadable(units[broken])) if broken.any() else numbers


def _unreadable(units: Units) -> pa.Array:
    """Bytes as a hexadecimal literal of COBOL behind an equals sign: no reader of a contract accepts that.

    So the row is refused by the column's own rule, and whoever looks at it sees what stood there.
    """
    shown = [f"{UNREADABLE}{bytes(row.astype(np.uint8)).hex().upper()}'" for row in units]
    return pa.array(shown, pa.large_string())
