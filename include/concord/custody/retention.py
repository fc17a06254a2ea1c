"""How long files and refused rows are kept, and their destruction by destroying their keys.

Retention is the contract's, from landing. A file goes with its data key: in the ledger first,
which makes it unreadable for everybody who goes by the ledger, then next to the object, then
the ciphertext. Ledger row, counts, hash, line accounts, plans and versions of core stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from concord import audit, ledger
from concord.contract import Feed, Limit
from concord.custody.resealing import Database
from concord.failpoint import failpoint
from concord.landing import Landing, Manifest
from concord.postgres import Connection, run

USUAL = Limit(share=0.05, floor=5)
"""Of one feed in one night: more than this, in deliveries that lose something, is no ordinary night."""

REASONS = {
    "is_on_hold": "legal hold",
    "is_undeclared": "no contract says how long",
    "is_unfinished": "not ended",
    "is_newest": "the feed's newest",
    "has_young_rows": "open rows are younger",
}
"""Why a file stays although its time is over; the first that applies is told."""
ROWS_STAY = ("is_on_hold", "is_undeclared", "is_unfinished")
SHARED = "its bytes are another delivery's too"


@dataclass(frozen=True)
class Kept:
    """A delivery of which something can still be read: a file of it, or the raw bytes of refused rows.

    One for the object that is read and the rows, and one for each file as it arrived that is another object.
    """

    delivery_id: str
    feed: str
    sha256: str | None
    object_url: str | None
    has_file: bool
    past_rows: int
    is_past: bool
    is_on_hold: bool
    is_undeclared: bool
    is_unfinished: bool
    is_newest: bool
    has_young_rows: bool

    @property
    def stays(self) -> str | None:
        """Why its file stays although its time is over; None where nothing speaks for it."""
        return next((text for name, text in REASONS.items() if getattr(self, name)), None)

    @property
    def loses_rows(self) -> bool:
        """Whether the raw bytes of refused rows go."""
        return self.past_rows > 0 and not any(getattr(self, name) for name in ROWS_STAY)


@dataclass(frozen=True)
class Night:
    """What retention asks for: objects by path with their deliveries, rows by delivery, and what stays by reason."""

    kept: Counter[str]
    objects: Mapping[str, list[Kept]] = field(default_factory=dict)
    rows: tuple[Kept, ...] = ()
    stays: Mapping[str, Counter[str]] = field(default_factory=dict)

    @property
    def due(self) -> Counter[str]:
        """By feed: deliveries that lose something."""
        files = {(k.feed, k.delivery_id) for deliveries in self.objects.values() for k in deliveries}
        return Counter(feed for feed, _ in files | {(k.feed, k.delivery_id) for k in self.rows})

    @property
    def unusual(self) -> list[str]:
        """Feeds of which more is due than in an ordinary night: a shortened retention looks like that."""
        due = self.due
        return sorted(f for f, n in due.items() if n >= USUAL.floor and n > USUAL.share * self.kept[f])

    def without(self, feeds: Iterable[str]) -> Night:
        """The same, but for objects and rows of ``feeds``."""
        left = set(feeds)
        objects = {url: group for url, group in self.objects.items() if not left & {k.feed for k in group}}
        return replace(self, objects=objects, rows=tuple(k for k in self.rows if k.feed not in left))


def judge(rows: Iterable[Kept]) -> Night:
    """What goes and what stays. Pure: ``rows`` are everything that is kept, of all feeds."""
    everything = list(rows)
    sharing: defaultdict[str, list[Kept]] = defaultdict(list)
    for kept in everything:
        if kept.has_file and kept.object_url:
            sharing[kept.object_url].append(kept)
    goes = {url: group for url, group in sharing.items() if all(k.is_past and k.stays is None for k in group)}
    stays: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kept in everything:
        if kept.has_file and kept.is_past and kept.object_url not in goes:
            stays[kept.feed][kept.stays or SHARED] += 1
    deliveries = {(kept.feed, kept.delivery_id) for kept in everything}
    return Night(
        Counter(feed for feed, _ in deliveries), goes, tuple(k for k in everything if k.loses_rows), dict(stays)
    )


def survey(connection: Connection, feeds: Iterable[Feed], now: datetime, only: list[str] | None = None) -> Night:
    """What the contracts ask for at ``now``, of every delivery or of ``only`` these."""
    keeps = {feed.name: timedelta(days=feed.retention_days) for feed in feeds}
    values = {"feeds": list(keeps), "keeps": list(keeps.values()), "now": now, "only": only}
    rows = run(connection, "custody/list_kept", values)
    return judge(Kept(**row) for row in rows)


def shred(
    database: Database, landing: Landing, feeds: Iterable[Feed], night: Night, *, now: datetime, actor: str
) -> Counter[str]:
    """Destroys what ``night`` names, each after asking once more; returns how many files and rows.

    One object, one transaction. Killed anywhere, the next run finishes: what has no key any
    more is erased first.
    """
    feeds = list(feeds)
    done: Counter[str] = Counter(files=0, rows=0)
    erase(database, landing)
    for url, group in night.objects.items():
        done["files"] += _shred_object(database, feeds, url, str(group[0].sha256), now, actor)
        failpoint("retention.key_destroyed")
        erase(database, landing)
    keeps = {feed.name: timedelta(days=feed.retention_days) for feed in feeds}
    for kept in night.rows:
        done["rows"] += _shred_rows(database, feeds, kept, keeps[kept.feed], now, actor)
        failpoint("retention.rows_destroyed")
    return done


def _shred_object(database: Database, feeds: list[Feed], url: str, sha256: str, now: datetime, actor: str) -> int:
    """Zero where it was put on hold, or entered again, since the survey."""
    with database(actor) as connection:
        run(connection, "custody/lock_custody")
        ledger.hold_object(connection, sha256)
        equal = [row["delivery_id"] for row in run(connection, "custody/list_equal", {"sha256": sha256})]
        if url not in survey(connection, feeds, now, equal).objects:
            return 0
        shredded = run(connection, "custody/destroy_key", {"sha256": sha256, "object_url": url, "now": now})
        gone = {"delivery_ids": [row["delivery_id"] for row in shredded]}
        run(connection, "custody/forget_names", gone)
        run(connection, "custody/forget_outgoing", gone)
        for row in shredded:
            _note(connection, actor, row["delivery_id"], "file", 1)
        return len(shredded)


def _shred_rows(database: Database, feeds: list[Feed], kept: Kept, keep: timedelta, now: datetime, actor: str) -> int:
    with database(actor) as connection:
        run(connection, "custody/lock_custody")
        if not survey(connection, feeds, now, [kept.delivery_id]).rows:
            return 0
        values: dict[str, Any] = {"delivery_id": kept.delivery_id, "keep": keep, "now": now}
        count = len(run(connection, "custody/destroy_rows", values))
        _note(connection, actor, kept.delivery_id, "rows", count)
        return count


def _note(connection: Connection, actor: str, delivery_id: str, what: str, count: int) -> None:
    audit.record(
        connection, actor=actor, action="shred", object_id=delivery_id, purpose="retention", count=count, what=what
    )


def erase(database: Database, landing: Landing) -> int:
    """Removes from the archive whatever has no key in the ledger any more; returns how many objects."""
    with database("retention") as connection:
        pending = [Manifest.from_json(row["manifest"]) for row in run(connection, "custody/list_unerased")]
    for manifest in pending:
        with database("retention") as connection:
            ledger.hold_object(connection, manifest.sha256)
            landing.keeper.shred(manifest)
            failpoint("retention.erased")
            run(connection, "custody/mark_erased", {"sha256": manifest.sha256, "object_url": manifest.object_url})
    return len(pending)
