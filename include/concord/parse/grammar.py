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
    """All of it possessive, so that it takes linear time."""
    q, d, e = re.escape(quote), re.escape(delimiter), re.escape(escape)
    other = b"[^%b%b%b]++" % (q, e, d) if len(delimiter) == 1 else b"(?!%b)[^%b%b]" % (d, q, e)
    if not (quote or escape) and len(delimiter) > 1:
        other = b"(?!%b)." % d
    unquoted = b"(?:%b)*+" % b"|".join(filter(None, [escape and b"%b." % e, other]))
    inside = b"|".join(filter(None, [b"[^%b%b]++" % (q, e), escape and b"%b." % e, b"%b%b" % (q, q)]))
    if literal:
        inside = rb"[^%b]++|(?<!%b)%b(?!%b|\Z)" % (q, d, q, d)
    quoted = b"%b(?:%b)*+%b" % (q, inside, q)
    field = b"(?:%b|%b)" % (quoted, unquoted) if quote else unquoted
    covered = b"|".join(filter(None, [quote and quoted, escape and b"%b." % e])) or rb"(?!)"
    record = b"%b(?:%b%b)*+" % (field, d, field)
    compiled = [re.compile(each, re.DOTALL) for each in (record, field, covered)]
    return Grammar(compiled[0], compiled[1], compiled[2], delimiter)
