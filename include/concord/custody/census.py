"""What is still under which key: counted where it is, so that a key is only forgotten when nothing needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from concord.audit.anchors import Anchors
from concord.custody.places import PLACES, staged
from concord.landing import Landing
from concord.postgres import Connection, run
from concord.protect import KeyRing


@dataclass(frozen=True)
class Use:
    """How many things of a place are under a key; ``key_id`` is empty for what names none that is known."""

    kind: str
    key_id: str
    place: str
    count: int


@dataclass(frozen=True)
class Census:
    """Every use of a key, and the keys of the ring."""

    uses: tuple[Use, ...]
    seal_keys: tuple[str, ...]
    token_keys: tuple[str, ...]

    def removable(self, kind: str) -> list[str]:
        """Keys of the ring that nothing is under any more and nothing new is put under."""
        needed = {use.key_id for use in self.uses if use.kind == kind}
        return [key_id for key_id in self._ring(kind)[1:] if key_id not in needed]

    def missing(self, kind: str) -> list[str]:
        """Keys that something is under and the ring does not have: it cannot be read until they are put back."""
        return sorted({use.key_id for use in self.uses if use.kind == kind} - set(self._ring(kind)))

    def older(self, kind: str) -> int:
        """How many things are not under the newest key."""
        return sum(use.count for use in self.uses if use.kind == kind and use.key_id != self._ring(kind)[0])

    def _ring(self, kind: str) -> tuple[str, ...]:
        return self.seal_keys if kind == "seal" else self.token_keys


def take(connection: Connection, landing: Landing, keys: KeyRing, anchors: Anchors) -> Census:
    """Counts everything; reads every manifest of the archive."""
    sealed = ((place, key_id, count) for place, key_id, count in _sealed(connection, landing))
    tokens = ((row["place"], row["key_id"], row["uses"]) for row in run(connection, "custody/count_tokens"))
    uses = [*(Use("seal", *_ordered(use)) for use in sealed), *(Use("token", *_ordered(use)) for use in tokens)]
    # Of each audit stream the newest anchor vouches for the others; the reconciler puts it under the key in use.
    vouching = Counter(anchors.newest().key_ids)
    uses += [Use("token", key_id, "anchors of the audit trail", count) for key_id, count in vouching.items()]
    return Census(tuple(use for use in uses if use.count), keys.seal_key_ids, keys.token_key_ids)


def _ordered(use: tuple[str, str, int]) -> tuple[str, str, int]:
    place, key_id, count = use
    return key_id, place, count


def _sealed(connection: Connection, landing: Landing) -> Iterator[tuple[str, str, int]]:
    found: Counter[tuple[str, str]] = Counter()
    for place in (*PLACES, *staged(connection)):
        for row in run(connection, "custody/count_sealed", table=place.table, sealed=place.parts()["sealed"]):
            found[place.name, row["key_id"]] += row["uses"]
    for row in run(connection, "custody/count_wrapped"):
        found["landing, in the ledger", row["key_id"]] += row["uses"]
    for key_id in landing.keeper.key_ids():
        found["landing, in the archive", key_id] += 1
    for (name, key_id), count in found.items():
        yield name, key_id, count
