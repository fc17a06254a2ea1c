"""How often a partner refused our login in a row: after two, nobody knocks any more.

Partners lock accounts, and a watch comes by on schedule. So refused logins are counted
per connection, over all tasks, retries and runs; a person (``concord unblock``) or a pause
lets the next one be tried. It is counted *before* it is tried, in a transaction of its own:
whoever dies while logging in has been counted. Logins of one connection take turns, for a
second one under way would look like a second refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from concord.errors import LoginRefused, LoginsBlocked
from concord.postgres import Connection, one, run

MOST_REFUSED = 2
PAUSE = timedelta(hours=12)
"""Afterwards one login is tried; refused again, it begins anew. Accounts are unlocked sooner, or by a person."""


@contextmanager
def one_login(connection: Connection, conn_id: str) -> Iterator[None]:
    """Inside it, and only there, a login at ``conn_id`` may be tried; raises :class:`LoginsBlocked` instead.

    Leaving without an error forgets refusals, :class:`LoginRefused` is one more, any other
    error says nothing about the login. Commits on ``connection``.
    """
    with _alone(connection, conn_id):
        before = _count(connection, conn_id)
        try:
            yield
        except LoginRefused:
            raise
        except BaseException:
            _take_back(connection, conn_id, before)
            raise
        forget(connection, conn_id)
        connection.commit()


def refused(connection: Connection, conn_id: str) -> int:
    """How many logins in a row were refused."""
    row = _get(connection, conn_id)
    return int(row["refused"]) if row else 0


def forget(connection: Connection, conn_id: str) -> int:
    """Forgets the refusals, so that a login may be tried; returns how many there were."""
    row = one(connection, "circuit/forget_refusals", {"conn_id": conn_id})
    return int(row["refused"]) if row else 0


@contextmanager
def _alone(connection: Connection, conn_id: str) -> Iterator[None]:
    run(connection, "circuit/lock_login", {"conn_id": conn_id})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        run(connection, "circuit/unlock_login", {"conn_id": conn_id})
        connection.commit()


def _count(connection: Connection, conn_id: str) -> dict[str, Any] | None:
    """Counts a login as refused until it is known better; returns what was counted before."""
    before = _get(connection, conn_id)
    if before is not None and before["is_open"]:
        raise LoginsBlocked(
            f"connection {conn_id}: {before['refused']} logins in a row were refused, so none is tried until somebody "
            f"mends it and says concord unblock {conn_id}, or {PAUSE.total_seconds() / 3600:.0f} hours have passed"
        )
    run(connection, "circuit/count_login", {"conn_id": conn_id})
    connection.commit()
    return before


def _get(connection: Connection, conn_id: str) -> dict[str, Any] | None:
    return one(connection, "circuit/get_circuit", {"conn_id": conn_id, "most": MOST_REFUSED, "pause": PAUSE})


def _take_back(connection: Connection, conn_id: str, before: dict[str, Any] | None) -> None:
    if before is None:
        forget(connection, conn_id)
    else:
        run(connection, "circuit/restore_refusals", {**before, "conn_id": conn_id})
    connection.commit()
