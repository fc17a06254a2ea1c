"""What newer deliveries said since: a replay never overwrites it (reconcile §9).

A row is moot when a newer delivery that is in the tables spoke of its key: by a version
it opened or closed, by stating what was held already, or, a full, by being about
everybody in scope. A full in which the member's own row was refused said nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from concord.postgres import Connection, run

NEWER_TRUTH = "newer_truth"


@dataclass(frozen=True)
class Unheard:
    """A refused row of a newer full: whom it shows, as far as it can be read. PHI."""

    delivery_id: str
    who: tuple[str | None, ...]
    """Subscriber, person code, coverage line, birth date (ISO)."""
    hints: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Unheard({self.delivery_id})"


@dataclass(frozen=True)
class Since:
    """What stands in the tables of the original itself (and its replays), and of deliveries newer than it.

    ``fulls`` are those of the newer ones whose silence counts.
    """

    same: tuple[str, ...]
    newer: tuple[str, ...]
    fulls: tuple[str, ...]
    unheard: tuple[Unheard, ...] = field(repr=False)

    @property
    def values(self) -> dict[str, list[str]]:
        """What the statements of ``sql/replay`` ask for."""
        return {"same": list(self.same), "newer": list(self.newer), "fulls": list(self.fulls)}


def note_unheard(connection: Connection, since: Since) -> None:
    """The temporary table ``unheard``, for this transaction."""
    run(connection, "replay/create_unheard")
    with connection.cursor() as cursor, cursor.copy("COPY unheard FROM STDIN") as copy:
        for row in since.unheard:
            copy.write_row((row.delivery_id, *row.who, list(row.hints)))


def decide_moot(connection: Connection, values: Mapping[str, Any], composed: Mapping[str, sql.Composable]) -> None:
    """Rows that newer deliveries made moot stand in the plan as ignored."""
    run(connection, "replay/decide_moot", values, **composed)


def keep_members(connection: Connection, values: Mapping[str, Any], composed: Mapping[str, sql.Composable]) -> None:
    """Members of whom a newer delivery spoke stay as they are."""
    run(connection, "replay/keep_newer_members", {**values, "entity": "member"}, **composed)
