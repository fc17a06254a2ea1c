"""What analysts are given, and what they are kept from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.conftest import Database

COLUMNS = """
SELECT c.table_name || '.' || c.column_name AS name,
       col_description((c.table_schema || '.' || c.table_name)::regclass, c.ordinal_position) AS about
FROM information_schema.columns c WHERE c.table_schema = 'mart'
"""
DIRECT = {"last_name", "first_name", "middle_name", "birth_date", "address_line_1", "email", "phone", "ssn_sealed"}


def test_every_column_of_a_mart_says_what_it_holds(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        columns = connection.execute(COLUMNS).fetchall()
    assert len(columns) > 40
    assert [name for name, about in columns if not about] == []


def test_no_direct_identifier_is_in_a_mart(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        names = {name.partition(".")[2] for name, _ in connection.execute(COLUMNS)}
    assert names & DIRECT == set()


@pytest.mark.parametrize("relation", ["core.member", "core.eligibility", "ops.delivery", "ops.quarantine", "ops.audit"])
def test_an_analyst_reads_marts_and_nothing_beneath(database: Database, relation: str) -> None:
    with psycopg.connect(database.analyst_url) as connection:
        assert connection.execute("SELECT count(*) FROM mart.eligible_member").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT * FROM {relation}")


def test_the_loader_adds_to_audit_and_cannot_read_or_change_it(database: Database) -> None:
    with psycopg.connect(database.loader_url, autocommit=True) as connection:
        connection.execute("SELECT ops.append_audit('test', 'look', 'nothing')")
        for forbidden in ("SELECT * FROM ops.audit", "DELETE FROM ops.audit", "INSERT INTO ops.audit VALUES (DEFAULT)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
    with psycopg.connect(database.auditor_url) as connection:
        assert connection.execute("SELECT action, db_role FROM ops.audit").fetchall() == [("look", "concord_loader")]


@pytest.mark.parametrize(
    "statement", ["UPDATE ops.audit SET actor = 'x'", "DELETE FROM ops.audit", "TRUNCATE ops.audit"]
)
def test_not_even_the_owner_changes_audit(database: Database, statement: str) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("SELECT ops.append_audit('test', 'look', 'nothing')")
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute(statement)


def test_the_ledger_refuses_an_edge_the_specification_does_not_have(database: Database) -> None:
    with psycopg.connect(database.loader_url, autocommit=True) as connection:
        connection.execute("INSERT INTO ops.lease (feed, partner) VALUES ('f', 'p')")
        connection.execute(
            "INSERT INTO ops.delivery (delivery_id, feed, partner, mode) VALUES ('aaaaaaaa', 'f', 'p', 'full')"
        )
        with pytest.raises(psycopg.Error, match="no way from discovered to applied"):
            connection.execute("UPDATE ops.delivery SET state = 'applied' WHERE delivery_id = 'aaaaaaaa'")
        connection.execute("UPDATE ops.delivery SET state = 'landed' WHERE delivery_id = 'aaaaaaaa'")
        events = connection.execute("SELECT from_state, to_state FROM ops.delivery_event ORDER BY event_id").fetchall()
    assert events == [(None, "discovered"), ("discovered", "landed")]
