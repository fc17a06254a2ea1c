"""Fixed-width files of any size, as a mainframe job writes them: text, zoned and packed fields, any code page.

    layout = (Field("TYPE", 1), Field("ID", 7, Kind.ZONED), Field("PAY", 4, Kind.PACKED, decimals=2))
    write(out, layout, rows, encoding="cp037", line_end=None)

Packed decimals are written nibble by nibble (IBM z/Architecture Principles of Operation, chapter 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO

OVERPUNCH = {False: "{ABCDEFGHI", True: "}JKLMNOPQR"}
"""The last digit of a signed zoned number, by whether it is negative."""


class Kind(StrEnum):
    """How a field is written."""

    TEXT = "text"
    NUMBER = "number"
    """Digits behind zeros."""
    ZONED = "zoned"
    PACKED = "packed"


@dataclass(frozen=True)
class Field:
    """One field: ``length`` in positions (bytes for packed)."""

    name: str
    length: int
    kind: Kind = Kind.TEXT
    signed: bool = True

    def encoded(self, value: str, encoding: str) -> bytes:
        """The field's bytes; raises ``ValueError`` for what does not fit."""
        if self.kind is Kind.PACKED:
            return packed(int(value or 0), 2 * self.length - 1, signed=self.signed)
        text = WRITTEN[self.kind](self, value)
        if len(text) != self.length:
            raise ValueError(f"{self.name} has {self.length} positions")
        return text.encode(encoding)


def _text(field: Field, value: str) -> str:
    return value.ljust(field.length)


def _number(field: Field, value: str) -> str:
    return value.rjust(field.length, "0") if value else " " * field.length


def _zoned(field: Field, value: str) -> str:
    number = int(value or 0)
    digits = f"{abs(number):0{field.length}d}"
    return digits[:-1] + OVERPUNCH[number < 0][int(digits[-1])] if field.signed else digits


WRITTEN: dict[Kind, Callable[[Field, str], str]] = {Kind.TEXT: _text, Kind.NUMBER: _number, Kind.ZONED: _zoned}


def packed(number: int, digits: int, *, signed: bool = True) -> bytes:
    """COMP-3: two digits a byte, the last half byte C or D (F where there is no sign); raises for too many digits."""
    sign = "F" if not signed else "D" if number < 0 else "C"
    text = f"{abs(number):0{digits}d}"
    if len(text) != digits:
        raise ValueError(f"more than {digits} digits")
    return bytes.fromhex(text + sign)


def record(layout: Sequence[Field], values: Sequence[str], encoding: str) -> bytes:
    """One record without a line end."""
    return b"".join(field.encoded(value, encoding) for field, value in zip(layout, values, strict=True))


def write(
    out: IO[bytes],
    layout: Sequence[Field],
    rows: Iterable[Sequence[str]],
    *,
    encoding: str = "utf-8",
    line_end: str | None = "\n",
    header: bytes = b"",
    trailer: Callable[[int], bytes] | None = None,
) -> int:
    """Header, one record a row, trailer (made of the number of rows); returns that number.

    ``line_end`` None writes records without anything between them (RECFM=F).
    """
    end, count = (line_end or "").encode(encoding), 0
    if header:
        out.write(header + end)
    for values in rows:
        out.write(record(layout, values, encoding) + end)
        count += 1
    if trailer is not None:
        out.write(trailer(count) + end)
    return count
