"""Errors of the database: what is kept of them, and what must never be."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from concord.errors import ConcordError, DatabaseUnavailable, Fenced
from concord.postgres import StatementFailed, statement, without_values

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "Key (ssn)=(123-45-6789) already exists"


class RaisedByUs(psycopg.Error):
    sqlstate = "CC002"


def printed(raised: psycopg.Error) -> str:
    """What a traceback of the converted error prints, through two context managers as in real use."""

    @contextmanager
    def outer() -> Iterator[None]:
        with without_values():
            yield

    try:
        with outer():
            raise raised
    except ConcordError as error:
        return "".join(traceback.format_exception(error))
    return ""


def test_a_database_error_keeps_its_state_and_loses_its_values() -> None:
    text = printed(psycopg.errors.UniqueViolation(SECRET))
    assert "23505 UniqueViolation" in text
    assert "123-45-6789" not in text


def test_without_the_guard_the_value_would_be_printed() -> None:
    with pytest.raises(psycopg.Error) as caught:
        raise psycopg.errors.UniqueViolation(SECRET)
    assert "123-45-6789" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DeadlockDetected,
        psycopg.errors.LockNotAvailable,
        psycopg.OperationalError,
        psycopg.errors.SerializationFailure,
        psycopg.errors.IdleInTransactionSessionTimeout,
        psycopg.errors.ReadOnlySqlTransaction,
        psycopg.errors.DiskFull,
        psycopg.errors.TooManyConnections,
    ],
)
def test_what_may_succeed_later_is_told_from_what_will_not(error: type[psycopg.Error]) -> None:
    with pytest.raises(DatabaseUnavailable), without_values():
        raise error(SECRET)


def test_a_broken_statement_is_not_tried_again() -> None:
    with pytest.raises(StatementFailed), without_values():
        raise psycopg.errors.UndefinedColumn(SECRET)


def test_our_own_states_become_our_own_errors() -> None:
    with pytest.raises(Fenced), without_values():
        raise RaisedByUs("fenced")


def test_a_statement_is_a_file() -> None:
    assert "ops.lease" in statement("ledger/take_fence")
