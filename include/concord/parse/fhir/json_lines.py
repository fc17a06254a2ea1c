"""One line of NDJSON to a tree: what two readers could read in two ways is refused.

Numbers keep the text they were written in, so 1.10 is not 1.1 (FHIR R4, datatypes, decimal:
the precision has a meaning). Of a line that is no JSON nothing is told but why: the
library's errors hold the line.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from concord.parse import Reason

DEEPEST = 64
"""Objects and lists within each other; no resource of FHIR R4 has half as many."""

Tree = dict[str, Any]
"""A JSON object: values are text, :class:`Number`, bool, None, lists and objects."""


class Number(str):
    """A JSON number as it was written; its ``type`` tells it from a text."""

    __slots__ = ()


class NotJson(ValueError):
    """A line is not one JSON value; ``code`` says why, and nothing of the line is in it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


INVALID, NOT_A_NUMBER, DUPLICATE_KEY, TOO_DEEP = "record.json", "json.number", "json.duplicate_key", "json.depth"

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*+\\u0000")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(raw: bytes) -> object:
    """The value that ``raw``, one line, is. Raises :class:`NotJson`.

    Codes: ``record.nul`` (also as an escape: Postgres cannot keep it), ``record.encoding``
    (no UTF-8, or half of a surrogate pair), ``json.depth``, ``json.number`` (NaN, Infinity),
    ``json.duplicate_key`` and ``record.json`` for everything else.
    """
    text = _text(raw)
    if text.count("{") + text.count("[") > DEEPEST and _depth(text) > DEEPEST:
        raise NotJson(TOO_DEEP)
    value, flaw = _decoded(text)
    if flaw is not None:
        raise NotJson(flaw)
    if _ESCAPED_SURROGATE.search(text) and not _is_text(value):
        raise NotJson(Reason.ENCODING)
    return value


def _text(raw: bytes) -> str:
    if b"\x00" in raw:
        raise NotJson(Reason.NUL)
    text = _as_utf_8(raw)
    if text is None:
        raise NotJson(Reason.ENCODING)
    if "\\u0000" in text and _ESCAPED_NUL.search(text):
        raise NotJson(Reason.NUL)
    return text


def _as_utf_8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:  # it holds the line: nothing is raised from it
        return None


def _decoded(text: str) -> tuple[object, str | None]:
    """The value, or why there is none; never the library's error, which holds the line."""
    try:
        return _DECODER.decode(text), None
    except NotJson as flaw:
        return None, flaw.code
    except ValueError:
        return None, INVALID
    except RecursionError:
        return None, TOO_DEEP


def _object(pairs: list[tuple[str, Any]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise NotJson(DUPLICATE_KEY)
    return tree


def _constant(_name: str) -> NoReturn:
    raise NotJson(NOT_A_NUMBER)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_constant, strict=True
)


def _depth(text: str) -> int:
    """How deep brackets stand within each other outside of strings; of broken JSON the deepest that is opened."""
    depth = deepest = 0
    for bracket in _NOT_A_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _is_text(value: object) -> bool:
    """Whether all strings can be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
