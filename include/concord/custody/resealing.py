"""Sealed values of the database under the newest seal key, in small transactions.

What is sealed says the same afterwards, so nothing that compares content sees it: SSNs
are compared by token, and neither content hashes nor checksums cover a ciphertext.
A row that somebody else holds is left for the next pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from psycopg import sql
from psycopg.errors import UndefinedTable

from concord.custody.places import PLACES, Place, staged
from concord.failpoint import failpoint
from concord.postgres import Connection, run
from concord.protect import KeyRing, ProtectError

Database = Callable[[str], AbstractContextManager[Connection]]
BATCH = 2_000
"""Rows locked at a time: an apply that wants one of them waits for some hundredths of a second."""


def reseal(database: Database, keys: KeyRing) -> Counter[str]:
    """Seals everything anew that is under an older key; returns how many values, and how many do not open."""
    with database("keys") as connection:
        tables = staged(connection)
    done: Counter[str] = Counter(values=0, values_unreadable=0)
    for place in (*PLACES, *tables):
        done += _place(database, keys, place)
    return done


def is_due(database: Database, keys: KeyRing) -> bool:
    """Whether anything is sealed under an older key."""
    with database("keys") as connection:
        places = (*PLACES, *staged(connection))
        return any(_select(connection, place, keys.seal_key_id, None) for place in places)


def _place(database: Database, keys: KeyRing, place: Place) -> Counter[str]:
    done: Counter[str] = Counter()
    after: tuple[Any, ...] | None = None
    while True:
        with database("keys") as connection:
            rows = _select(connection, place, keys.seal_key_id, after)
            if not rows:
                return done
            done += _batch(connection, place, keys, rows)
            failpoint("keys.batch_resealed")
        after = tuple(rows[-1][name] for name in place.key)


def _select(connection: Connection, place: Place, key_id: str, after: tuple[Any, ...] | None) -> list[dict[str, Any]]:
    """The next rows under an older key, locked; none where a stage table was dropped meanwhile."""
    values = {"key_id": key_id, "most": BATCH, "after": after}
    try:
        return run(connection, "custody/select_sealed", values, beyond=_beyond(place, after), **place.parts())
    except UndefinedTable:
        connection.rollback()
        return []


def _beyond(place: Place, after: tuple[Any, ...] | None) -> sql.Composable:
    if after is None:
        return sql.SQL("")
    last = sql.SQL(", ").join(map(sql.Literal, after))
    return sql.SQL("AND ({}) > ({})").format(place.parts()["key"], last)


def _batch(connection: Connection, place: Place, keys: KeyRing, rows: list[dict[str, Any]]) -> Counter[str]:
    fresh: list[tuple[dict[str, Any], bytes]] = []
    for row in rows:
        try:
            fresh.append((row, keys.reseal(row["sealed"], context=place.context(row))))
        except ProtectError:
            continue  # the census tells of it; one value must not keep the others under an old key
    values = {
        "tables": [row["of_table"] for row, _ in fresh],
        "rows": [row["row"] for row, _ in fresh],
        "sealed": [sealed for _, sealed in fresh],
    }
    run(connection, "custody/update_sealed", values, **place.parts())
    return Counter(values=len(fresh), values_unreadable=len(rows) - len(fresh))
