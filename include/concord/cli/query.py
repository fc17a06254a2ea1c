"""``concord sql``: a question of an analyst, as the analyst role, read-only, with a row limit."""

from __future__ import annotations

from typing import Annotated, Any

import psycopg
import typer

from concord.cli import environment, show
from concord.errors import ConcordError

OWN_MISTAKE = "42"
"""SQLSTATE class of syntax errors and unknown names: the message speaks of the question, not of data."""


class QueryRefused(ConcordError):
    """The question itself is wrong; the text says where."""


def sql(
    query: Annotated[str, typer.Argument(metavar="SQL", help="One query, for example over the views of schema mart.")],
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 100,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds until it is given up.")] = 60,
) -> None:
    """Runs one read-only query as the analyst role."""
    url = environment.required(environment.settings().analyst_url, "CONCORD_ANALYST_URL")
    columns, rows = ask(url, query, limit=limit, timeout_s=timeout)
    show.answer(columns, rows[:limit])
    more = (
        f"first {limit} rows, there are more (--limit)"
        if len(rows) > limit
        else "1 row"
        if len(rows) == 1
        else f"{len(rows)} rows"
    )
    show.say(more)


def ask(url: str, query: str, *, limit: int, timeout_s: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and up to ``limit`` + 1 rows; raises :class:`QueryRefused` and what :mod:`concord.postgres` raises.

    A server-side cursor takes one statement only and never brings a whole table over.
    """
    from concord.postgres import connect

    mistake = ""
    with connect(url, application="concord sql") as connection:
        connection.read_only = True
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{timeout_s}s"])
        try:
            with psycopg.ServerCursor(connection, "question", row_factory=psycopg.rows.tuple_row) as cursor:
                cursor.execute(query.strip().rstrip(";").encode())
                return [column.name for column in cursor.description or ()], cursor.fetchmany(limit + 1)
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith(OWN_MISTAKE):
                raise
            mistake = error.diag.message_primary or "the query is wrong"
    raise QueryRefused(mistake)
