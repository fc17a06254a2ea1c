"""How a file's lines are spoiled, each way by its name in :class:`concord.sandbox.fhir.faults.Faults`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

Lines = Iterable[bytes]
"""NDJSON lines with their line feeds."""


def damaged(lines: Lines, names: Iterable[str], *, huge_mb: float) -> Iterator[bytes]:
    """``lines`` spoiled in every way of ``names``."""
    for name in names:
        lines = WAYS[name](lines) if name != "huge" else _first(lines, lambda line: _huge(line, huge_mb))
    yield from lines


def _first(lines: Lines, change: Callable[[bytes], bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        yield line if number else change(line)


def _short(lines: Lines) -> Iterator[bytes]:
    before: bytes | None = None
    for line in lines:
        if before is not None:
            yield before
        before = line


def _duplicate(lines: Lines) -> Iterator[bytes]:
    return _first(lines, lambda line: line + line)


def _bad_syntax(line: bytes) -> bytes:
    return line[: len(line) // 2] + b"\n"


def _nan(line: bytes) -> bytes:
    return line.rstrip()[:-1] + b',"extension":[{"url":"urn:x","valueDecimal":NaN}]}\n'


def _duplicate_keys(line: bytes) -> bytes:
    return b'{"id":"0",' + line[1:]


def _wrong_type(line: bytes) -> bytes:
    return json.dumps(json.loads(line) | {"resourceType": "Device"}, separators=(",", ":")).encode() + b"\n"


def _wrong_charset(line: bytes) -> bytes:
    return line.rstrip()[:-1] + ',"language":"fran\xe7ais"}\n'.encode("latin-1")


def _huge(line: bytes, megabytes: float) -> bytes:
    padding = b"x" * int(megabytes * 1_000_000)
    return line.rstrip()[:-1] + b',"text":{"status":"additional","div":"<div>' + padding + b'</div>"}}\n'


WAYS: dict[str, Callable[[Lines], Iterator[bytes]]] = {
    "short": _short,
    "duplicate_lines": _duplicate,
    "bad_syntax": lambda lines: _first(lines, _bad_syntax),
    "nan": lambda lines: _first(lines, _nan),
    "duplicate_keys": lambda lines: _first(lines, _duplicate_keys),
    "wrong_type": lambda lines: _first(lines, _wrong_type),
    "wrong_charset": lambda lines: _first(lines, _wrong_charset),
}
