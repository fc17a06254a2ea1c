"""Refused rows: kept raw and encrypted, with stable reasons and never a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from concord.postgres import Connection, run
from concord.protect import KeyRing

COPY = "COPY ops.quarantine (delivery_id, feed, line, line_count, found_by, reasons, raw_sealed) FROM STDIN"


@dataclass(frozen=True)
class RefusedRow:
    """One refused record: its first physical line, how many lines it has, why, and its bytes."""

    line: int
    lines: int
    found_by: str
    reasons: tuple[str, ...]
    raw: bytes = field(repr=False)


def context(delivery_id: str, line: int) -> str:
    """What the raw bytes of a row are sealed to: they open for no other row."""
    return f"ops.quarantine|raw|{delivery_id}|0|{line}"


def forget(connection: Connection, delivery_id: str, *, found_by: tuple[str, ...]) -> None:
    """Removes open rows of an earlier attempt at the same delivery, so that a repeat finds them anew."""
    run(connection, "stage/forget_quarantine", {"delivery_id": delivery_id, "found_by": list(found_by)})


def keep(connection: Connection, keys: KeyRing, feed: str, delivery_id: str, rows: Iterable[RefusedRow]) -> int:
    """Copies refused rows into quarantine, sealed; returns how many."""
    count = 0
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            sealed = keys.seal(row.raw, context=context(delivery_id, row.line))
            copy.write_row((delivery_id, feed, row.line, row.lines, row.found_by, list(row.reasons), sealed))
            count += 1
    return count


# ── what waits ──

Obstacle = Literal["in_replay", "not_written", "shredded", "kept_in_part", "poison", "header"]
"""Why a refused row cannot be replayed now; in words in :data:`OBSTACLES`."""
OBSTACLES: dict[str, str] = {
    "in_replay": "in a replay that goes on",
    "not_written": "of a delivery that is not in the tables: open that one again, or waive",
    "shredded": "whose retention is over: their bytes are destroyed",
    "kept_in_part": "too long to be kept whole: only the partner can send it again",
    "poison": "set apart: refused as often as the contract allows (--poison takes them up)",
    "header": "of a file whose header today's contract refuses",
}


@dataclass(frozen=True)
class Selection:
    """Which refused rows of a feed are meant; what is None does not choose."""

    feed: str
    delivery_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    poison: bool = False
    """Take up those that were set apart as well."""


@dataclass(frozen=True)
class Kept:
    """A row in quarantine. No value of it: those are sealed, and opened by :func:`raw` only."""

    quarantine_id: int
    delivery_id: str
    line: int
    line_count: int
    reasons: tuple[str, ...]
    state: str
    attempts: int
    first_seen_at: datetime
    obstacle: Obstacle | None
    raw_sealed: bytes = field(repr=False)


def waiting(connection: Connection, selection: Selection) -> list[Kept]:
    """The open and poison rows of a selection, by delivery in order of arrival and line."""
    rows = run(connection, "quarantine/list_waiting", asdict(selection))
    return [Kept(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]


def raw(keys: KeyRing, row: Kept) -> bytes:
    """The bytes of a row as they arrived, without the line end. PHI."""
    return keys.open(row.raw_sealed, context=context(row.delivery_id, row.line))


def in_replay(connection: Connection, delivery_id: str) -> list[Kept]:
    """The rows that a replay takes up, in its order."""
    rows = run(connection, "replay/list_rows", {"delivery_id": delivery_id})
    return [Kept(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]


def unheard(connection: Connection, delivery_ids: Sequence[str]) -> list[Kept]:
    """Refused rows of these deliveries that never counted: open, poison, or waived by a person."""
    rows = run(connection, "replay/list_unheard", {"delivery_ids": list(delivery_ids)})
    return [Kept(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]


def take_up(connection: Connection, replay_id: str, rows: Sequence[Kept], *, first_line: int) -> None:
    """Makes ``rows`` the lines of a replay; a row that another replay has is refused by the database."""
    values = {
        "delivery_id": replay_id,
        "quarantine_ids": [row.quarantine_id for row in rows],
        "line_counts": [row.line_count for row in rows],
        "first_line": first_line,
    }
    run(connection, "replay/insert_rows", values)


def refuse_again(
    connection: Connection, replay_id: str, refused: Iterable[RefusedRow], *, found_by: tuple[str, ...]
) -> None:
    """Remembers why rows of a replay are refused now, instead of what ``found_by`` found before."""
    run(connection, "replay/forget_reasons", {"delivery_id": replay_id, "found_by": list(found_by)})
    for row in refused:
        values = {"delivery_id": replay_id, "line": row.line, "found_by": row.found_by, "reasons": list(row.reasons)}
        run(connection, "replay/note_reasons", values)
