"""The chain, computed again from the rows as they are: by other code than wrote it, outside the database.

``ops.find_audit_flaws`` says the same from inside, to those who may not read the rows;
whoever can alter the rows could alter that function as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from concord.audit.anchors import Anchor
from concord.postgres import Connection, run, statement

GENESIS: Final = bytes(32)
"""What stands before the first entry of a stream."""


@dataclass(frozen=True)
class Flaw:
    """Where a stream is not what was written, and how."""

    stream: str
    seq: int
    text: str


@dataclass(frozen=True)
class Verified:
    """What a verification saw: entries and, by stream, the last number; and every flaw."""

    entries: int
    heads: Mapping[str, int]
    flaws: tuple[Flaw, ...]


def link(previous: bytes, fields: Sequence[str | None]) -> bytes:
    """The hash of an entry: each field as ``<bytes>:<text>``, or ``-`` for null, after the hash before it."""
    parts = (b"-" if field is None else b"%d:%s" % (len(data := field.encode()), data) for field in fields)
    return sha256(previous + b"".join(parts)).digest()


def verify(connection: Connection, anchors: Iterable[Anchor]) -> Verified:
    """Follows every chain, as a role that reads ``ops.audit``, and holds it against its head and its anchors.

    ``connection`` must not have begun a transaction: heads and entries are read in one snapshot, or an entry
    that somebody appends in between looks like tampering.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    heads = {row["stream"]: row for row in run(connection, "audit/select_heads")}
    walk = _Walk({(anchor.stream, anchor.seq): anchor for anchor in anchors})
    with psycopg.ServerCursor(connection, "chain", row_factory=dict_row) as cursor:
        cursor.execute(statement("audit/select_links").encode())
        flaws = [flaw for row in cursor for flaw in walk.follow(row)]
    flaws += [*_other_heads(heads, walk), *walk.cut()]
    return Verified(walk.entries, {name: seq for name, (seq, _) in walk.last.items()}, tuple(flaws))


class _Walk:
    """Where we are in each stream."""

    def __init__(self, anchors: Mapping[tuple[str, int], Anchor]) -> None:
        self.anchors = dict(anchors)
        self.last: dict[str, tuple[int, bytes]] = {}
        self.entries = 0

    def follow(self, row: Mapping[str, Any]) -> Iterator[Flaw]:
        stream, seq, found = row["stream"], row["seq"], bytes(row["hash"])
        before, previous = self.last.get(stream, (0, GENESIS))
        if seq != before + 1:
            yield Flaw(stream, before + 1, "is missing" if seq > before else "is there twice")
        elif link(previous, row["fields"]) != found:
            yield Flaw(stream, seq, "was altered, or does not follow the entry before it")
        anchor = self.anchors.pop((stream, seq), None)
        if anchor is not None and anchor.hash != found:
            yield Flaw(stream, seq, "is not the entry that was anchored")
        self.last[stream] = seq, found
        self.entries += 1

    def cut(self) -> Iterator[Flaw]:
        """Anchors that no entry was found for: everything after the last entry was cut off."""
        gone: dict[str, int] = {}
        for stream, seq in self.anchors:
            gone[stream] = max(seq, gone.get(stream, 0))
        for stream, seq in sorted(gone.items()):
            last = self.last.get(stream, (0, GENESIS))[0]
            yield Flaw(stream, last + 1, f"is cut off: it was anchored up to {seq}, and ends at {last}")


def _other_heads(heads: Mapping[str, Mapping[str, Any]], walk: _Walk) -> Iterator[Flaw]:
    for stream in sorted(heads.keys() | walk.last.keys()):
        seq, found = walk.last.get(stream, (0, GENESIS))
        head = heads.get(stream)
        if head is None or (head["seq"], bytes(head["hash"])) != (seq, found):
            yield Flaw(stream, seq, "is not where its head says that it ends")
