"""Refused rows read again under today's contract: chosen, rehearsed, and opened as deliveries of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from concord import audit, incidents, ledger, quarantine
from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, connect, one
from concord.quarantine import Kept, Selection
from concord.steps.planning import plan
from concord.steps.reading import stage
from concord.steps.rereading import shown
from concord.steps.site import Site

FIRST_LINE = 2
"""A replay begins with the header of its original."""


@dataclass(frozen=True)
class Choice:
    """Rows of one delivery that a replay would take up."""

    original: Delivery
    rows: tuple[Kept, ...]

    @property
    def by_reason(self) -> dict[str, int]:
        """Rows by reason, most first; a row with two reasons counts under both."""
        return dict(Counter(reason for row in self.rows for reason in row.reasons).most_common())


@dataclass(frozen=True)
class Chosen:
    """What a selection comes to: a replay for each delivery, and why other rows stay (obstacle → rows)."""

    choices: tuple[Choice, ...]
    left: dict[str, int]

    @property
    def rows(self) -> int:
        """How many rows are taken up."""
        return sum(len(choice.rows) for choice in self.choices)


def choose(feed: Feed, selection: Selection, site: Site) -> Chosen:
    """What a replay of ``selection`` would take up; nothing is written."""
    with site.database("replay") as connection:
        return _choose(connection, feed, selection, site)


def replay(feed: Feed, selection: Selection, *, by: str, site: Site) -> dict[str, Any]:
    """Opens a replay of each delivery that has rows to take up; returns their ids as ``replays``, ``rows``, ``left``.

    Their runs are opened like those of files (``open_runs``). Of two at once, one takes a row up.
    """
    with site.database(by) as connection:
        ledger.register(connection, feed)
        ledger.be_alone(connection, feed)
        chosen = _choose(connection, feed, selection, site)
        opened = [_open(connection, feed, choice, by) for choice in chosen.choices]
        failpoint("replay.before_commit")
    failpoint("replay.committed")
    return {"replays": opened, "rows": chosen.rows, "left": chosen.left}


def rehearse(feed: Feed, selection: Selection, site: Site) -> list[dict[str, Any]]:
    """What each replay would do to the tables as they are now: its original, plan counts, guards. Writes nothing."""
    chosen = choose(feed, selection, site)
    return [_rehearse(feed, choice, site) for choice in chosen.choices]


# ── choosing ──


def _choose(connection: Connection, feed: Feed, selection: Selection, site: Site) -> Chosen:
    kept = quarantine.waiting(connection, selection)
    left = Counter(row.obstacle for row in kept if row.obstacle)
    choices = []
    for delivery_id in dict.fromkeys(row.delivery_id for row in kept if not row.obstacle):
        original = ledger.find_of(connection, feed, delivery_id)
        picked = frozenset(row.quarantine_id for row in kept if row.delivery_id == delivery_id and not row.obstacle)
        rows = _with_families(connection, feed, original, picked, selection, site)
        left["header"] += 0 if rows else len(picked)
        choices += [Choice(original, rows)] if rows else []
    choices.sort(key=lambda choice: choice.original.order)
    return Chosen(tuple(choices), {obstacle: count for obstacle, count in left.items() if count})


def _with_families(
    connection: Connection, feed: Feed, original: Delivery, picked: frozenset[int], selection: Selection, site: Site
) -> tuple[Kept, ...]:
    """The picked rows and every other one of their families: a family is one unit (reconcile §4).

    Empty where today's contract refuses the header they stood under. Records have neither families nor a header.
    """
    if feed.is_of_records:
        return tuple(row for row in quarantine.waiting(connection, selection) if row.quarantine_id in picked)
    everyone = replace(selection, delivery_id=original.delivery_id, reason=None, since=None)
    rows = [row for row in quarantine.waiting(connection, everyone) if not row.obstacle]
    try:
        who = shown(feed, original, rows, site)
    except DeliveryRejected:
        return ()
    families = {who[number][0] for number in picked} - {None}
    return tuple(row for row in rows if row.quarantine_id in picked or who[row.quarantine_id][0] in families)


# ── opening ──


def _open(connection: Connection, feed: Feed, choice: Choice, by: str) -> str:
    replay_id = ledger.enter_replay(connection, feed, choice.original, len(choice.rows))
    quarantine.take_up(connection, replay_id, choice.rows, first_line=FIRST_LINE)
    incidents.resolve_rejected_replays(connection, choice.original.delivery_id)
    audit.record(
        connection, actor=by, action="replay", object_id=choice.original.delivery_id, count=len(choice.rows),
        purpose="replay", replay=replay_id, reasons=choice.by_reason,
    )  # fmt: skip
    return replay_id


# ── rehearsing ──


@dataclass(frozen=True)
class Rehearsal(Site):
    """The installation inside one transaction, which is rolled back."""

    connection: list[Connection] = field(default_factory=list, repr=False)

    @contextmanager
    def database(self, actor: str = "concord") -> Iterator[Connection]:
        """The one connection, in a savepoint."""
        (connection,) = self.connection
        with connection.transaction():
            connection.execute("SELECT set_config('concord.actor', %s, true)", (actor,))
            yield connection


@contextmanager
def rehearsing(site: Site) -> Iterator[Rehearsal]:
    """A rehearsal of ``site``; a plan wants one snapshot, so that all of it sees one."""
    with connect(site.settings.loader_url, application="concord rehearsal") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            yield Rehearsal(site.settings, site.keys, site.landing, [connection])
        finally:
            connection.rollback()


def _rehearse(feed: Feed, choice: Choice, site: Site) -> dict[str, Any]:
    with rehearsing(site) as rehearsal:
        with rehearsal.database() as connection:
            replay_id = _open(connection, feed, choice, "rehearsal")
        stage(feed, replay_id, 1, rehearsal)
        outcome = plan(feed, replay_id, 1, rehearsal)
        with rehearsal.database() as connection:
            counted = fate(connection, replay_id)
    return {"original": choice.original.delivery_id, "rows": len(choice.rows), "fate": counted, **outcome}


def fate(connection: Connection, replay_id: str) -> dict[str, int]:
    """Rows of a replay by what its newest plan makes of them: ``replayed``, ``refused`` again, ``newer_truth``."""
    return dict(one(connection, "replay/count_fates", {"delivery_id": replay_id}) or {})
