"""Delimited text in any dialect: what the csv module can write, and what it cannot.

Rows are written as they come. A dialect without quotes and without an escape cannot write a delimiter or a line end
within a value: there they become blanks, as the systems that write so do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO


@dataclass(frozen=True)
class Dialect:
    """``quote`` None writes none; ``escape`` stands before what would mean something; ``always`` quotes every value."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    line_end: str = "\n"
    encoding: str = "utf-8"
    always: bool = False

    @cached_property
    def _special(self) -> tuple[str, ...]:
        marks = (self.delimiter, self.quote or "", self.escape or "", "\n", "\r")
        return tuple(mark for mark in marks if mark)

    def line(self, values: Sequence[str]) -> str:
        """One record with its line end."""
        return self.delimiter.join(map(self._value, values)) + self.line_end

    def _value(self, value: str) -> str:
        is_special = any(mark in value for mark in self._special)
        if self.quote is None:
            return self._bare(value) if is_special else value
        return self._quoted(value) if self.always or is_special else value

    def _quoted(self, value: str) -> str:
        assert self.quote is not None
        if self.escape is None:
            return self.quote + value.replace(self.quote, self.quote * 2) + self.quote
        escaped = value.replace(self.escape, self.escape * 2).replace(self.quote, self.escape + self.quote)
        return self.quote + escaped + self.quote

    def _bare(self, value: str) -> str:
        if self.escape is None:
            for mark in self._special:
                value = value.replace(mark, " ")
            return value
        marks = (*self.delimiter, self.escape, "\n", "\r")
        return "".join(self.escape + each if each in marks else each for each in value)


def write(out: IO[bytes], dialect: Dialect, rows: Iterable[Sequence[str]]) -> int:
    """Rows (the first is the header) to ``out``; returns their number."""
    count = 0
    for row in rows:
        out.write(dialect.line(row).encode(dialect.encoding))
        count += 1
    return count
