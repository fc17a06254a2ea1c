"""Heads of the audit chain, kept in landing: whoever can write the database anew cannot write these.

One small file per anchored entry, written once (``audit/<stream>/<seq>.anchor``) and
authenticated under the token key, which the database never sees. What was anchored
cannot be altered or cut off unnoticed; what came after the newest anchor can. Before a
stream is anchored again, its newest anchor must still be in the chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from concord.errors import ConcordError
from concord.landing.store import Store, open_store
from concord.postgres import Connection, one, run
from concord.protect import KeyRing

FOLDER: Final = "audit"
KIND: Final = "audit_anchor"


class TrailBroken(ConcordError):
    """The audit trail is not what was anchored: a security event, for a person to look into."""


@dataclass(frozen=True)
class Anchor:
    """An entry as it was: its stream, number and hash."""

    stream: str
    seq: int
    hash: bytes

    @property
    def path(self) -> str:
        """Where it is kept."""
        return f"{FOLDER}/{self.stream}/{self.seq:012d}.anchor"

    @property
    def text(self) -> str:
        """What is authenticated."""
        return f"{self.stream} {self.seq} {self.hash.hex()}"


@dataclass(frozen=True)
class Kept:
    """The anchors that are kept, as far as they prove genuine.

    ``aged`` are those under a token key that is on its way out; ``doubtful`` the paths
    of those that do not open, but for those of a key that is gone with a newer anchor
    of the stream: whatever they said, that one says too.
    """

    genuine: tuple[Anchor, ...]
    aged: frozenset[Anchor]
    doubtful: tuple[str, ...]
    key_ids: tuple[str, ...]
    """The token key of each, genuine or not."""

    def newest(self) -> dict[str, Anchor]:
        """The last one of each stream."""
        return {anchor.stream: anchor for anchor in sorted(self.genuine, key=lambda anchor: anchor.seq)}


class Anchors:
    """The anchors in the landing at ``url``."""

    def __init__(self, url: str, keys: KeyRing) -> None:
        self._store: Store = open_store(url)
        self._keys = keys

    def write(self, anchor: Anchor) -> bool:
        """Keeps it; False where that entry is anchored already. Raises ``OSError`` where the store does not take it."""
        return self._store.put_new(anchor.path, self._told(anchor))

    def renew(self, anchor: Anchor) -> bool:
        """Keeps it under the token key in use, so that an older key can go."""
        self._store.replace(anchor.path, self._told(anchor))
        return True

    def kept(self) -> Kept:
        """All of them."""
        return self._read(file.path for file in self._store.files(FOLDER))

    def newest(self) -> Kept:
        """The last one of each stream, as their names say."""
        last = {path.rpartition("/")[0]: path for path in sorted(file.path for file in self._store.files(FOLDER))}
        return self._read(last.values())

    def _told(self, anchor: Anchor) -> bytes:
        return json.dumps({"anchor": anchor.text, "mac": self._keys.token(anchor.text, kind=KIND)}).encode()

    def _read(self, paths: Iterable[str]) -> Kept:
        found = {path: self._found(path) for path in sorted(paths)}
        genuine = {path: anchor for path, (anchor, _) in found.items() if anchor is not None}
        aged = frozenset(anchor for path, anchor in genuine.items() if found[path][1] != self._keys.token_key_id)
        last = {path.rpartition("/")[0]: path for path in genuine}
        doubtful = (
            path
            for path, (anchor, key_id) in found.items()
            if anchor is None and (self._keys.has_token_key(key_id) or path > last.get(path.rpartition("/")[0], ""))
        )
        return Kept(tuple(genuine.values()), aged, tuple(doubtful), tuple(key_id for _, key_id in found.values()))

    def _found(self, path: str) -> tuple[Anchor | None, str]:
        """The anchor at ``path``, None where it is not genuine; and the token key it says it is under."""
        try:
            told = json.loads(self._store.read(path))
            stream, seq, digest = str(told["anchor"]).split(" ")
            anchor, mac = Anchor(stream, int(seq), bytes.fromhex(digest)), str(told["mac"])
        except (ValueError, KeyError, TypeError):
            return None, self._keys.token_key_id
        macs = self._keys.tokens_under_every_key(anchor.text, kind=KIND)
        return anchor if anchor.path == path and mac in macs else None, mac.partition(":")[0]


def heads(connection: Connection) -> Iterator[Anchor]:
    """The last entry of each stream, as the database has it now."""
    for row in run(connection, "audit/select_heads"):
        yield Anchor(row["stream"], row["seq"], bytes(row["hash"]))


def is_in_chain(connection: Connection, anchor: Anchor) -> bool:
    """Whether the chain still has the anchored entry; asked as any role that may check."""
    found = (one(connection, "audit/get_hash", {"stream": anchor.stream, "seq": anchor.seq}) or {})["hash"]
    return found is not None and bytes(found) == anchor.hash


def anchor_heads(connection: Connection, anchors: Anchors) -> int:
    """Anchors every stream that grew; returns how many. Raises :class:`TrailBroken` where one is not what it was.

    The others are anchored all the same: one broken stream must not leave the rest unwatched.
    """
    kept = anchors.newest()
    newest, written, broken = kept.newest(), 0, []
    for head in heads(connection):
        before = newest.pop(head.stream, None)
        if before is not None and not is_in_chain(connection, before):
            broken.append(head.stream)
        elif before != head:
            written += anchors.write(head)
        elif before in kept.aged:
            written += anchors.renew(head)
    broken += newest
    if broken:
        raise TrailBroken(f"audit streams {', '.join(sorted(broken))} are not what was anchored: concord audit verify")
    return written
