"""The archive's data keys under the newest seal key: manifests change, ciphertext does not.

One object, one transaction: the manifest next to it is replaced whole, then the ledger's
copies. A crash between leaves one of each kind, both of which open; the next pass ends it.
"""

from __future__ import annotations

from collections import Counter

from concord import ledger
from concord.custody.resealing import Database
from concord.errors import DatabaseUnavailable, LandingDamaged
from concord.failpoint import failpoint
from concord.landing import Landing, Manifest
from concord.postgres import Connection, run
from concord.protect import KeyRing, ProtectError


def rewrap(database: Database, landing: Landing, keys: KeyRing) -> Counter[str]:
    """Wraps every data key anew that is under an older seal key; returns how many objects.

    ``objects_busy`` were being worked on, ``objects_unreadable`` do not open: ``concord check`` names those.
    """
    done: Counter[str] = Counter(objects=0, objects_busy=0, objects_unreadable=0)
    for sha256 in sorted(stale(database, landing, keys)):
        done[_tried(database, landing, sha256)] += 1
        failpoint("keys.object_rewrapped")
    return done


def stale(database: Database, landing: Landing, keys: KeyRing) -> set[str]:
    """Hashes of the objects whose data key is wrapped under an older seal key, in the ledger or in the archive."""
    with database("keys") as connection:
        known = {row["sha256"] for row in run(connection, "custody/list_stale", {"key_id": keys.seal_key_id})}
    return known.union(landing.keeper.stale())


def _tried(database: Database, landing: Landing, sha256: str) -> str:
    try:
        with database("keys") as connection:
            _rewrap(connection, landing, sha256)
    except DatabaseUnavailable:
        return "objects_busy"
    except (LandingDamaged, ProtectError):
        return "objects_unreadable"
    return "objects"


def _rewrap(connection: Connection, landing: Landing, sha256: str) -> None:
    ledger.hold_object(connection, sha256)
    for manifest in _copies(connection, landing, sha256).values():
        fresh = landing.keeper.rewrapped(manifest)
        failpoint("keys.before_manifest")
        landing.keeper.put_key(fresh)
        failpoint("keys.manifest_replaced")
        values = {"wrapped_key": fresh.wrapped_key, "object_url": fresh.object_url, "sha256": sha256}
        run(connection, "custody/replace_key", values)


def _copies(connection: Connection, landing: Landing, sha256: str) -> dict[str, Manifest]:
    """The objects of this hash that have a key, by path: as the ledger has them, or as only the archive does."""
    rows = run(connection, "custody/list_copies", {"sha256": sha256})
    manifests = [Manifest.from_json(row["manifest"]) for row in rows]
    stored = landing.keeper.stored(sha256)
    everything = [*manifests, *([stored] if stored else [])]
    gone = {manifest.object_url for manifest, row in zip(manifests, rows, strict=True) if row["shredded_at"]}
    return {m.object_url: m for m in reversed(everything) if m.wrapped_key and m.object_url not in gone}
