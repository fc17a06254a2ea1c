"""Source code with brackets, broken into lines as the formatter breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE = 120


@dataclass(frozen=True)
class Call:
    """``head(part, part)``; without a head a tuple."""

    head: str
    parts: tuple[Source, ...]


@dataclass(frozen=True)
class Told:
    """``name=value``."""

    name: str
    value: Source


Source = str | Call | Told


def call(head: str, *parts: Source) -> Call:
    """A call, or with an empty head a tuple."""
    return Call(head, parts)


def texts(values: Iterable[str]) -> Call:
    """A tuple of texts."""
    return Call("", tuple(json.dumps(value) for value in values))


def told(**values: Source | None) -> list[Told]:
    """Arguments by name, those that are None left out."""
    return [Told(name, value) for name, value in values.items() if value is not None]


def rendered(source: Source, indent: int = 0, ending: str = ",") -> str:
    """In one line where it fits with ``ending`` behind it, else one part a line."""
    line = _line(source)
    if indent + len(line) + len(ending) <= LINE or not _broken(source):
        return line
    return _lines(source, indent)


def _broken(source: Source) -> Sequence[Source]:
    """The parts between which a line can be broken."""
    if isinstance(source, Told):
        return _broken(source.value)
    return source.parts if isinstance(source, Call) else ()


def _line(source: Source) -> str:
    if isinstance(source, Told):
        return f"{source.name}={_line(source.value)}"
    if isinstance(source, str):
        return source
    comma = "," if not source.head and len(source.parts) == 1 else ""
    return f"{source.head}({', '.join(map(_line, source.parts))}{comma})"


def _lines(source: Source, indent: int) -> str:
    if isinstance(source, Told):
        return f"{source.name}={_lines(source.value, indent)}"
    if isinstance(source, str):
        return source
    inner = " " * (indent + 4)
    parts = "".join(f"\n{inner}{rendered(part, indent + 4)}," for part in source.parts)
    return f"{source.head}({parts}\n{' ' * indent})"
