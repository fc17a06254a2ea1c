"""One record by itself, as regular expressions: whether its quoting is sound, and what its fields are.

For the few that whole blocks cannot judge: lines that may belong together, headers and control records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property


@dataclass(frozen=True)
class Dialect:
    """What tells fields in bytes: no quote and no escape are empty; ``literal`` quotes are not doubled in quotes."""

    delimiter: bytes
    quote: bytes = b""
    escape: bytes = b""
    literal: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether every byte of delimiter and quote means what it says wherever it stands."""
        return len(self.delimiter) == 1 and not self.escape and not self.literal

    @cached_property
    def grammar(self) -> Grammar:
        """The expressions of this dialect."""
        return _grammar(self.delimiter, self.quote, self.escape, self.literal)

    def value(self, field: bytes) -> bytes:
        """What a field of sound quoting says."""
        if self.quote and len(field) > 1 and field.startswith(self.quote):
            field = field[1:-1]
        return field if self.said is None else re.sub(self.said.encode(), rb"\1\2", field, flags=re.DOTALL)

    @property
    def said(self) -> str | None:
        """A pattern (``re``, RE2) of what is written in two characters and read as one of them; None: nothing is."""
        escaped = f"{re.escape(self.escape.decode())}(.)" if self.escape else ""
        quote = re.escape(self.quote.decode())
        doubled = f"{quote}({quote})" if self.quote and not self.literal else ""
        if escaped and doubled:
            return f"{escaped}|{doubled}"
        return f"{escaped}{doubled}()" if escaped or doubled else None


@dataclass(frozen=True)
class Grammar:
    """A record of sound quoting, one field of it, and what in it is no delimiter whatever it holds."""

    record: re.Pattern[bytes]
    field: re.Pattern[bytes]
    covered: re.Pattern[bytes]
    delimiter: bytes

    def count(self, content: bytes) -> int:
        """How many fields a record has; 0 where its quoting is broken."""
        if len(self.delimiter) > 1:
            return len(self.fields(content))
        if not self.record.fullmatch(content):
            return 0
        return self.covered.sub(b"", content).count(self.delimiter) + 1

    def fields(self, content: bytes) -> list[bytes]:
        """The fields as they were written, quotes and escapes included; none where the quoting is broken."""
        if not self.record.fullmatch(content):
            return []
        found, position = [], 0
        while (field := self.field.match(content, position)) is not None:
            found.append(field[0])
            if field.end() == len(content):
                break
            position = field.end() + len(self.delimiter)
        return found


@cache
def _grammar(delimiter: bytes, quote: bytes, escape: bytes, literal: bool) -> Grammar:
    """All of it atomic, so that it takes linear time."""
    q, d, e, first = (re.escape(mark) for mark in (quote, delimiter, escape, delimiter[:1]))
    escaped = b"%b." % e if escape else b""
    lone = b"(?!%b)%b" % (d, first) if len(delimiter) > 1 else b""
    unquoted = _any_of(escaped, b"[^%b%b%b]++" % (q, e, first), lone)
    if literal:
        inside = _any_of(b"[^%b]++" % q, rb"(?<!%b)%b(?!%b|\Z)" % (d, q, d))
    else:
        inside = _any_of(b"[^%b%b]++" % (q, e), escaped, q + q)
    quoted = q + inside + q
    field = b"(?:%b|%b)" % (quoted, unquoted) if quote else unquoted
    covered = b"|".join(filter(None, [quote and quoted, escaped])) or rb"(?!)"
    record = field + _any_of(d + field)
    compiled = [re.compile(each, re.DOTALL) for each in (record, field, covered)]
    return Grammar(compiled[0], compiled[1], compiled[2], delimiter)


def _any_of(*parts: bytes) -> bytes:
    """As many of ``parts`` as there are, given back to nobody.

    An atomic group and no possessive repeat: in that an assertion that fails ends the match (CPython 3.11.2).
    """
    return b"(?>(?:%b)*)" % b"|".join(filter(None, parts))
