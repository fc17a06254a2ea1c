"""Refused rows: kept raw and encrypted, with stable reasons and never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
