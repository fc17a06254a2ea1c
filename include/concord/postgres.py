"""Postgres, spoken to in SQL files: connections, statements, errors without values.

psycopg's messages carry row values (``DETAIL: Key (ssn)=(...)``), so every
statement runs inside :func:`without_values`, which keeps SQLSTATE and the names
of the objects concerned and drops the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from concord.errors import (
    BaseMoved,
    ConcordError,
    DatabaseUnavailable,
    Fenced,
    IllegalTransition,
    RevealRefused,
    StageLost,
    Unbalanced,
)

Connection = psycopg.Connection[DictRow]

RAISED_BY_US = {
    "CC001": IllegalTransition,
    "CC002": Fenced,
    "CC003": Unbalanced,
    "CC004": StageLost,
    "CC005": RevealRefused,
}
"""SQLSTATEs our own functions and triggers raise, whose messages we wrote ourselves."""

TRANSIENT = ("08", "40", "53", "55", "57", "58", "25006", "25P03", "25P04")
"""SQLSTATEs, or classes of them, after which the same transaction may succeed: connection, rollback, resources, lock,
operator, system; read-only (a standby, before it takes over); a transaction that was idle or ran for too long."""

PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_transaction_isolation": r"read\ committed",
    "search_path": "public",
}
"""What changes the meaning of a statement or the text of a value, and with it a plan's digest. Given when connecting,
it goes before what ALTER DATABASE and ALTER ROLE say."""

WATCHED = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server that went away without a word is noticed within a minute (seconds; the last is in milliseconds). What
the URL says goes before."""

KEY_TAKEN = "23505"
"""Two feeds of a partner may bring the same new person at once: one comes first, the other looks again."""


class StatementFailed(ConcordError):
    """A statement failed for a reason that trying again does not change."""


@contextmanager
def connect(url: str, *, application: str = "concord") -> Iterator[Connection]:
    """A connection that commits on success and rolls back on an error; errors carry no values."""
    with without_values(), _opened(url, application) as connection:
        yield connection


def _opened(url: str, application: str) -> Connection:
    given = conninfo_to_dict(url)
    options = " ".join([str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in PINNED.items())])
    watched = {name: value for name, value in WATCHED.items() if name not in given}
    whole = make_conninfo(url, application_name=application, connect_timeout=15, options=options, **watched)
    return psycopg.connect(whole, row_factory=dict_row)


@contextmanager
def without_values() -> Iterator[None]:
    """Turns psycopg's errors into ours: SQLSTATE and object names, never a value."""
    try:
        yield
    except psycopg.Error as error:
        # from None: a traceback must not print the original, whose DETAIL quotes a row.
        raise _ours(error) from None


def _ours(error: psycopg.Error) -> ConcordError:
    # Without a SQLSTATE the server did not answer (or the client could not read what it said).
    state = error.sqlstate or ("08000" if isinstance(error, psycopg.OperationalError) else "XX000")
    if state in RAISED_BY_US:
        return RAISED_BY_US[state](error.diag.message_primary or state)
    where = ", ".join(filter(None, (error.diag.schema_name, error.diag.table_name, error.diag.constraint_name)))
    text = f"SQLSTATE {state} {type(error).__name__}" + (f" at {where}" if where else "")
    if state == KEY_TAKEN:
        return BaseMoved(f"{text}: somebody else wrote that key first")
    transient = state.startswith(TRANSIENT)
    return DatabaseUnavailable(text) if transient else StatementFailed(text)


@cache
def statement(name: str) -> str:
    """Text of ``sql/<name>.sql``; ``name`` is verb_object, with its folder."""
    return files("concord.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def compose(name: str, **parts: sql.Composable) -> sql.Composed:
    """The statement ``name`` with its ``{placeholders}`` filled by identifiers and composed lists."""
    return sql.SQL(statement(name)).format(**parts)


def run(
    connection: Connection, name: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable
) -> list[DictRow]:
    """Runs statement ``name``; returns its rows (empty for a statement without any)."""
    cursor = connection.execute(compose(name, **parts), values)
    return cursor.fetchall() if cursor.description else []


def one(
    connection: Connection, name: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable
) -> DictRow | None:
    """Runs statement ``name``; returns its first row, or None."""
    rows = run(connection, name, values, **parts)
    return rows[0] if rows else None


def identifiers(names: tuple[str, ...] | list[str]) -> sql.Composed:
    """``"a", "b", "c"``."""
    return sql.SQL(", ").join(map(sql.Identifier, names))
