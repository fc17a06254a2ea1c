"""Where the values of a JSON document stand in its text, so that a resource can be kept as its server wrote it.

Read and written again, a decimal would lose its last zeros, which say how exactly it was
measured (R4 datatypes.html#decimal), and a name that stands twice would be hidden from who
judges the resource. PURE. ``text`` has to be JSON: it was read once already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

BLANK = re.compile(r"[ \t\r\n]*")
LINE_ENDS = str.maketrans("\r\n", "  ")
"""Between values only: inside a text JSON has them escaped (RFC 8259 7)."""


class Span(NamedTuple):
    """A value from ``start`` up to ``end``; ``name`` is its name in an object, "" in an array."""

    name: str
    value: Any
    start: int
    end: int


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant)


def parsed(text: str) -> Any:
    """The document; raises ``ValueError`` where it is no JSON, ``RecursionError`` where it is too deep."""
    return DECODER.decode(text)


def members(text: str, at: int) -> Iterator[Span]:
    """The members of the object that begins at ``at``."""
    at = _next(text, at + 1)
    while text[at] != "}":
        name, at = DECODER.raw_decode(text, at)
        start = _next(text, _next(text, at) + 1)
        value, end = DECODER.raw_decode(text, start)
        yield Span(name, value, start, end)
        at = _after_comma(text, end)


def items(text: str, at: int) -> Iterator[Span]:
    """The elements of the array that begins at ``at``."""
    at = _next(text, at + 1)
    while text[at] != "]":
        value, end = DECODER.raw_decode(text, at)
        yield Span("", value, at, end)
        at = _after_comma(text, end)


def line(text: str, span: Span) -> bytes:
    """The value as one line, with its end."""
    return text[span.start : span.end].translate(LINE_ENDS).encode() + b"\n"


def _after_comma(text: str, at: int) -> int:
    at = _next(text, at)
    return _next(text, at + 1) if text[at] == "," else at


def _next(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at
