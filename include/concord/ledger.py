"""The ledger: every delivery, its state, and which one may go next.

States and their legal edges live in Postgres (``ops.legal_edge``); a trigger
refuses any other and writes one ``ops.delivery_event`` per change.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from concord.contract import Feed, Mode, Stage
from concord.errors import ConcordError, Fenced
from concord.postgres import Connection, one, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RUNNING = frozenset({"staged", "planned"})
STARTABLE = frozenset({"landed", "waiting"})
WRITTEN = frozenset({"applied", "published"})
NOT_WRITTEN = frozenset({"landed", "waiting", "staged", "planned", "held"})
UNSETTLED = frozenset({"discovered", "failed", "rejected"})
"""Did not get into the tables, and nobody has said yet that it need not."""
ENDED = frozenset({"published", "duplicate", "compared", "rejected", "declined", "superseded", "failed", "reverted"})


class UnknownDelivery(ConcordError):
    """There is no delivery with this id."""


@dataclass(frozen=True)
class Delivery:
    """One row of ``ops.delivery``; ids, dates and counts only, so it is safe to print."""

    delivery_id: str
    feed: str
    partner: str
    kind: str
    mode: str
    is_pilot: bool
    state: str
    state_reason: str | None
    attempt: int
    arrival: int
    file_date: date | None
    file_sequence: int | None
    is_resubmission: bool
    as_of_date: date | None
    sha256: str | None
    byte_count: int | None
    line_count: int | None
    manifest: Mapping[str, Any] | None
    contract_hash: str | None
    drift: Mapping[str, Any]
    applied_seq: int | None
    replay_of: str | None

    @classmethod
    def from_row(cls, row: DictRow) -> Delivery:
        """A delivery from a row with at least these columns."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    @property
    def order(self) -> tuple[date, int, bool, int]:
        """What puts deliveries of a feed in order (reconcile §3): date, sequence, resubmission, arrival."""
        return (self.file_date or date.min, self.file_sequence or 0, self.is_resubmission, self.arrival)

    @property
    def speaks_of(self) -> date:
        """The day it speaks of: its dates are judged against it. Where nothing says one, the first there is."""
        return self.as_of_date or self.file_date or date.min

    @property
    def is_replay(self) -> bool:
        """Whether it takes up refused rows of another delivery, instead of bringing a file."""
        return self.kind == "replay"

    @property
    def run_id(self) -> str:
        """Name of the Airflow run that works on this attempt: file date, id, attempt."""
        day = self.file_date.isoformat() if self.file_date else "undated"
        return f"{day}_{self.delivery_id}_{self.attempt}"


def name_context(delivery_id: str) -> str:
    """What a delivery's file name is sealed to: it opens for no other delivery."""
    return f"ops.delivery|file_name|{delivery_id}"


def register(connection: Connection, feed: Feed) -> None:
    """Makes sure the feed has its lease row."""
    run(connection, "ledger/register_feed", {"feed": feed.name, "partner": feed.partner})


def discover(
    connection: Connection,
    feed: Feed,
    *,
    name_sealed: bytes,
    name_token: str,
    known_as: Iterable[str] = (),
    size: int,
    modified_at: datetime,
    file_date: date | None,
    sequence: int | None,
    delivery_id: str | None = None,
) -> str | None:
    """Enters a remote file; returns its new delivery id, or None when the ledger knows it already.

    ``known_as`` are the name's tokens under earlier keys.
    """
    values = {
        "delivery_id": delivery_id or new_id(),
        "feed": feed.name,
        "partner": feed.partner,
        "mode": feed.mode.value,
        "is_pilot": feed.stage is Stage.PILOT,
        "name_sealed": name_sealed,
        "name_token": name_token,
        "known_as": [name_token, *known_as],
        "size": size,
        "modified_at": modified_at,
        "file_date": file_date,
        "sequence": sequence,
    }
    row = one(connection, "ledger/insert_delivery", values)
    return row["delivery_id"] if row else None


def enter_replay(connection: Connection, feed: Feed, original: Delivery, rows: int) -> str:
    """Enters a replay of ``rows`` refused rows of ``original``, landed at once; returns its delivery id."""
    delivery_id = new_id()
    values = {"delivery_id": delivery_id, "original": original.delivery_id, "is_pilot": feed.stage is Stage.PILOT}
    run(connection, "ledger/insert_replay", values)
    move(connection, delivery_id, "landed", f"{rows} refused rows of delivery {original.delivery_id}")
    return delivery_id


def new_id() -> str:
    """Eight characters, 40 random bits; a clash is refused by the primary key."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(8))


def find(connection: Connection, delivery_id: str, *, lock: bool = False) -> Delivery:
    """The delivery, locked against changes of state on request; raises :class:`UnknownDelivery`."""
    row = one(connection, "ledger/lock_delivery" if lock else "ledger/get_delivery", {"delivery_id": delivery_id})
    if row is None:
        raise UnknownDelivery(f"no delivery {delivery_id}")
    return Delivery.from_row(row)


def find_of(connection: Connection, feed: Feed, delivery_id: str, *, lock: bool = False) -> Delivery:
    """Like :func:`find`, and refuses a delivery of another feed: an id typed into the wrong form must do nothing."""
    delivery = find(connection, delivery_id, lock=lock)
    if delivery.feed != feed.name:
        raise UnknownDelivery(f"delivery {delivery_id} is not of feed {feed.name}")
    return delivery


def deliveries(connection: Connection, feed: str, states: frozenset[str] | None = None) -> list[Delivery]:
    """Deliveries of a feed in order, all or those in ``states``."""
    rows = run(connection, "ledger/list_deliveries", {"feed": feed, "states": sorted(states) if states else None})
    return sorted(map(Delivery.from_row, rows), key=lambda delivery: delivery.order)


def undiscovered(connection: Connection, feed: str) -> list[Delivery]:
    """Deliveries that were seen at the partner and are not fetched yet."""
    return deliveries(connection, feed, frozenset({"discovered"}))


def move(connection: Connection, delivery_id: str, to: str, reason: str | None = None, **columns: Any) -> None:
    """Changes the state and, with it, ``columns``; raises IllegalTransition where there is no such edge."""
    assignments = sql.SQL("").join(
        sql.SQL(", {} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
    )
    bound = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in columns.items()}
    values = {"delivery_id": delivery_id, "to": to, "reason": reason, **bound}
    run(connection, "ledger/move_delivery", values, assignments=assignments)


def note_said(connection: Connection, delivery_id: str, **said: Any) -> None:
    """Remembers what a delivery says of itself: ``mode``, ``is_pilot``, ``control_number``, ``is_resubmission``."""
    run(connection, "ledger/note_said", {"delivery_id": delivery_id, **said})


def require_attempt(delivery: Delivery, attempt: int) -> None:
    """Raises :class:`Fenced` when a newer attempt of the delivery was opened meanwhile."""
    if delivery.attempt != attempt:
        raise Fenced(f"delivery {delivery.delivery_id}: attempt {attempt} is over, attempt {delivery.attempt} counts")


def hold_object(connection: Connection, sha256: str) -> None:
    """Until the transaction ends, nobody else enters, wraps anew or shreds the archived object of this hash."""
    run(connection, "ledger/lock_object", {"sha256": sha256})


def twin(connection: Connection, delivery: Delivery, sha256: str) -> str | None:
    """The delivery these bytes repeat: the feed's latest applied, held or pending one (reconcile §3)."""
    row = one(
        connection, "ledger/find_twin", {"delivery_id": delivery.delivery_id, "feed": delivery.feed, "sha256": sha256}
    )
    return row["delivery_id"] if row else None


def files(connection: Connection, feed: str, states: frozenset[str] | None = None) -> list[Delivery]:
    """What the partner sent, in order: :func:`deliveries` without replays, which have no place in it of their own."""
    return [delivery for delivery in deliveries(connection, feed, states) if not delivery.is_replay]


def latest_applied(connection: Connection, feed: str) -> Delivery | None:
    """The file with the highest order among those that are in the tables."""
    applied = files(connection, feed, WRITTEN)
    return applied[-1] if applied else None


def said_by(connection: Connection, replay: Delivery) -> tuple[list[Delivery], list[Delivery]]:
    """What is in the tables of the replay's original (itself, and its other replays), and what of newer deliveries.

    A replay speaks as its original did, so it stands in the original's place of the order (reconcile §9).
    """
    everything = {delivery.delivery_id: delivery for delivery in deliveries(connection, replay.feed)}
    written = [delivery for delivery in everything.values() if delivery.state in WRITTEN]
    original = everything[replay.replay_of or ""]
    same = [d for d in written if original.delivery_id in (d.delivery_id, d.replay_of)]
    newer = [d for d in written if everything[d.replay_of or d.delivery_id].order > original.order]
    return same, newer


def startable(connection: Connection, feed: Feed) -> Delivery | None:
    """The one delivery that may start now, or None (reconcile §3).

    A full starts when nothing before it is still running; it passes older ones that
    are held or failed. A delta never passes: everything before it must have come to an
    end that a person or a rule gave it, or have been sent again.
    """
    everything = files(connection, feed.name)
    blocking = RUNNING | (UNSETTLED | {"held"} if feed.never_passes else frozenset())
    for delivery in everything:
        if delivery.state in STARTABLE:
            return delivery
        if delivery.state in blocking and not _sent_again(delivery, everything):
            return None
    return None


def startable_replay(connection: Connection, feed: Feed) -> Delivery | None:
    """The replay that may start now, or None: one at a time, and never while a file is being worked on.

    It stops nothing: a file that comes meanwhile starts, and a replay whose base moved plans again.
    """
    everything = deliveries(connection, feed.name)
    if any(delivery.state in RUNNING for delivery in everything):
        return None
    return next((d for d in everything if d.is_replay and d.state in STARTABLE), None)


def _sent_again(delivery: Delivery, others: list[Delivery]) -> bool:
    """Whether a later arrival has the same date and sequence: of equal keys the later one counts (reconcile §3)."""
    key = (delivery.file_date, delivery.file_sequence)
    return delivery.state in UNSETTLED and any(
        (other.file_date, other.file_sequence) == key and other.arrival > delivery.arrival for other in others
    )


def be_alone(connection: Connection, feed: Feed) -> None:
    """Serialises who decides what starts next; until the transaction ends. Not the lease: an apply holds that long."""
    run(connection, "ledger/lock_opening", {"feed": feed.name})


def mark_waiting(connection: Connection, feed: Feed, starts: Delivery | None) -> None:
    """Landed deliveries that cannot start now are shown as waiting; the one that may is landed again."""
    for delivery in deliveries(connection, feed.name, STARTABLE):
        if starts is not None and delivery.delivery_id == starts.delivery_id:
            if delivery.state == "waiting":
                move(connection, delivery.delivery_id, "landed", "may start")
        elif delivery.state == "landed":
            move(connection, delivery.delivery_id, "waiting", "an earlier delivery goes first")


def sequence_gap(connection: Connection, feed: Feed, delivery: Delivery) -> int | None:
    """The first missing sequence number before ``delivery``, or None (reconcile §3)."""
    if not feed.order.sequence or delivery.file_sequence is None:
        return None
    row = one(connection, "ledger/get_last_sequence", {"feed": feed.name})
    last = row["last_sequence"] if row else None
    gap = last is not None and delivery.file_sequence > last + 1
    return last + 1 if gap and last is not None else None


def sequence_owner(connection: Connection, feed: Feed, delivery: Delivery) -> str | None:
    """The delivery of an earlier day that has the same sequence number already, or None.

    The same number of the same day is a resubmission (reconcile §3); of another day it
    is a mistake: one of the two was never meant, or a number in between is lost. What is
    older than the applied one is compared, whatever its number.
    """
    if not feed.order.sequence or delivery.file_sequence is None:
        return None
    latest = latest_applied(connection, feed.name)
    if latest is not None and delivery.order < latest.order:
        return None
    row = one(connection, "ledger/find_sequence_owner", {"delivery_id": delivery.delivery_id})
    return row["delivery_id"] if row else None


def reopen(connection: Connection, delivery: Delivery, reason: str) -> Delivery:
    """Begins a new attempt of a failed, rejected or held delivery; returns it."""
    to = {"held": "staged", "planned": "staged", "staged": "staged"}.get(delivery.state, "landed")
    move(connection, delivery.delivery_id, to, reason, attempt=delivery.attempt + 1)
    return find(connection, delivery.delivery_id)


def take_fence(connection: Connection, feed: str) -> int:
    """A new, higher fence for the feed: every older holder can no longer publish."""
    row = one(connection, "ledger/take_fence", {"feed": feed})
    if row is None:
        raise Fenced(f"feed {feed} has no lease")
    return int(row["fence"])


def supersede_older(connection: Connection, delivery: Delivery) -> list[str]:
    """Ends what an applied full takes the place of: older fulls, and deltas up to its as-of date; no replay."""
    if delivery.mode != Mode.FULL.value:
        return []
    ended = []
    for older in files(connection, delivery.feed, NOT_WRITTEN | {"failed"}):
        if older.order < delivery.order and older.delivery_id != delivery.delivery_id:
            reason = f"delivery {delivery.delivery_id} took its place"
            move(connection, older.delivery_id, "superseded", reason, superseded_by=delivery.delivery_id)
            ended.append(older.delivery_id)
    return ended
