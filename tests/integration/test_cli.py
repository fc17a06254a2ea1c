"""The command's statements on a real Postgres, through the roles they run as."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from concord import stage
from concord.catalogue import feed
from concord.cli import app
from concord.postgres import Connection, connect

KEY = "k1:" + "A" * 43 + "="
DELIVERY = "7k2m9xab"
DIGEST = "ab" * 32


@pytest.fixture
def installed(database: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The command's environment; gives the loader's URL."""
    monkeypatch.setenv("CONCORD_LOADER_URL", database.loader_url)
    monkeypatch.setenv("CONCORD_OWNER_URL", database.owner_url)
    monkeypatch.setenv("CONCORD_ANALYST_URL", database.analyst_url)
    monkeypatch.setenv("CONCORD_LANDING_URL", "file:///nowhere")
    monkeypatch.setenv("CONCORD_SEAL_KEYS", KEY)
    monkeypatch.setenv("CONCORD_TOKEN_KEYS", KEY)
    return str(database.loader_url)


@pytest.fixture
def held(installed: str) -> str:
    """A held delivery with a plan: one change of plan and one inferred end."""
    with connect(installed) as connection:
        add_delivery(connection)
        row_id = add_span(connection)
        plan_id = add_plan(connection, add_staged(connection))
        add_plan_rows(connection, plan_id, row_id)
    return DELIVERY


def add_delivery(connection: Connection) -> None:
    connection.execute("INSERT INTO ops.lease (feed, partner) VALUES ('acme_eligibility', 'acme')")
    connection.execute(
        "INSERT INTO ops.delivery (delivery_id, feed, partner, mode, file_date, line_count)"
        " VALUES (%s, 'acme_eligibility', 'acme', 'full', '2026-11-20', 12)",
        [DELIVERY],
    )
    for state in ("landed", "staged", "held"):
        connection.execute(
            "UPDATE ops.delivery SET state = %s, state_reason = 'guard.ends' WHERE delivery_id = %s", [state, DELIVERY]
        )
    connection.execute(
        "INSERT INTO ops.line_account VALUES (%s, 0, 'consumed', '', '{[2,12)}', 10)",
        [DELIVERY],
    )


def add_span(connection: Connection) -> int:
    row = connection.execute(
        "INSERT INTO core.eligibility (partner, subscriber_id, person_code, coverage_line, effective_from, group_id,"
        " plan_code, content_hash, feed, delivery_id, line, known_from) VALUES ('acme', 'E1234567', '01', 'HLT',"
        " '2026-01-01', 'ACME01', 'PPO1', 1, 'acme_eligibility', %s, 2, now()) RETURNING row_id",
        [DELIVERY],
    ).fetchone()
    assert row is not None
    return int(row["row_id"])


def add_staged(connection: Connection) -> int:
    number = stage.begin(connection, feed("acme_eligibility"), DELIVERY, 1)
    statement = sql.SQL(
        "INSERT INTO {} (line, lines, refused, subscriber_id, person_code, coverage_line, plan_code)"
        " VALUES (5, 1, false, 'E1234567', '01', 'HLT', 'HMO2')"
    )
    connection.execute(statement.format(stage.table(DELIVERY, number)))
    return number


def add_plan(connection: Connection, stage_no: int) -> int:
    row = connection.execute(
        "INSERT INTO ops.plan (delivery_id, attempt, stage_no, base_seq, contract_hash, as_of_date, digest, verdict,"
        " counts, finished_at) VALUES (%s, 1, %s, 0, 'x', '2026-11-20', %s, 'hold',"
        """ '{"eligibility": {"incoming": 1234, "end": 7}, "member": {"incoming": 9}}', now()) RETURNING plan_id""",
        [DELIVERY, stage_no, DIGEST],
    ).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO ops.plan_guard VALUES (%s, 'ends', '', 7, 21, 0.3333, 0.05, 10, true, '7 of 21 spans would end')",
        [row["plan_id"]],
    )
    return int(row["plan_id"])


def add_plan_rows(connection: Connection, plan_id: int, row_id: int) -> None:
    connection.execute(
        "INSERT INTO ops.plan_row (plan_id, entity, action, part, key, held_row_id, line, from_before, from_after,"
        " changed) VALUES (%s, 'eligibility', 'change', 'grant', %s, %s, 5, '2026-01-01', '2026-01-01', %s)",
        [plan_id, ["E1234567", "01", "HLT"], row_id, ["plan_code"]],
    )
    connection.execute(
        "INSERT INTO ops.plan_row (plan_id, entity, action, part, key, from_before, to_after, inferred)"
        " VALUES (%s, 'eligibility', 'end', 'loss', %s, '2026-01-01', '2026-12-01', true)",
        [plan_id, ["E7654321", "02", "DEN"]],
    )


def concord(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_migrating_twice_changes_nothing(installed: str) -> None:
    first, second = concord("migrate"), concord("migrate")
    assert (first.exit_code, first.stdout) == (0, second.stdout)


def test_deliveries_are_listed_and_filtered(held: str) -> None:
    assert held in concord("deliveries").stdout
    assert held not in concord("deliveries", "--state", "published").stdout


def test_a_plan_is_shown_with_what_changes_and_without_who(held: str) -> None:
    shown = concord("plan", held)
    assert shown.exit_code == 0, shown.stderr
    for text in ("1,234", "HOLDS", "33.33%", "PPO1 → HMO2 (1)", "inferred", "HLT", DIGEST):
        assert text in shown.stdout
    assert "1234567" not in shown.stdout
    assert "7654321" not in shown.stdout


def test_the_envelopes_of_an_834_are_shown_with_their_numbers(held: str, installed: str) -> None:
    with connect(installed) as connection:
        connection.execute(
            "INSERT INTO ops.interchange VALUES (%s, 1, 'interchange', '000000905', 'ACME', 'CONCORD', '00501', 'P',"
            " NULL, NULL, NULL, NULL, NULL, false, '{}'), (%s, 2, 'set', '0007', 'ACME', 'CONCORD', '005010X220A1',"
            " NULL, '00', 'RX', 'REF1', 12, 20, true, '{x12.segment_count}')",
            [DELIVERY, DELIVERY],
        )
    shown = concord("plan", held).output
    assert "000000905" in shown, shown
    assert "x12.segment_count" in shown


def test_without_its_stage_table_a_plan_is_shown_by_counts(held: str, installed: str) -> None:
    with connect(installed) as connection:
        connection.execute(sql.SQL("DROP TABLE {}").format(stage.table(DELIVERY, 1)))
    shown = concord("plan", held)
    assert shown.exit_code == 0, shown.stderr
    assert "plan_code" in shown.stdout
    assert "HMO2" not in shown.stdout


def test_incidents_are_listed(installed: str) -> None:
    with connect(installed) as connection:
        connection.execute(
            "INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('late', 'late:x', 'no file yet', 'call')"
        )
    assert "no file yet" in concord("incidents").stdout


def test_an_incident_is_shown_and_acknowledged(installed: str) -> None:
    with connect(installed) as connection:
        connection.execute(
            "INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('late', 'late:x', 'no file yet', 'call')"
        )
    shown = concord("incidents", "show", "1")
    assert all(words in shown.stdout for words in ("no file yet", "call", "opened")), shown.stderr
    assert "stays open" in concord("incidents", "ack", "1", "--by", "ann").stdout
    assert "ann was first" in concord("incidents", "ack", "1", "--by", "bob").stderr
    assert "ann" in concord("incidents").stdout
    missing = concord("incidents", "ack", "2", "--by", "ann")
    assert (missing.exit_code, "no open incident 2" in missing.stderr) == (2, True)


def test_the_analyst_asks_the_marts(held: str) -> None:
    shown = concord("sql", "SELECT delivery_id, '100%' AS share FROM mart.delivery_reconciliation;")
    assert held in shown.stdout
    assert "1 row\n" in shown.stdout


def test_an_answer_too_wide_to_read_is_turned_on_its_side(held: str) -> None:
    shown = concord("sql", "SELECT * FROM mart.delivery_reconciliation").stdout
    assert held in shown
    assert "quarantined_share" in shown


def test_a_long_answer_is_cut(installed: str) -> None:
    assert "there are more" in concord("sql", "SELECT generate_series(1, 500)", "--limit", "2").stdout


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nope FROM mart.delivery_reconciliation", 'column "nope" does not exist'),
        ("SELECT * FROM core.member", "permission denied"),
        ("SELECT * FROM ops.quarantine", "permission denied"),
        ("UPDATE ops.delivery SET feed = 'x'", "syntax error"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SELECT 'Smith'::int", "22P02"),
        ("SELECT pg_sleep(5)", "57014"),
        ("SELECT set_config('transaction_read_only', 'off', false), 1/0", "concord:"),
    ],
)
def test_a_question_that_is_wrong_or_forbidden_is_one_line(query: str, says: str, installed: str) -> None:
    result = concord("sql", query, "--timeout", "1")
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Smith" not in result.stderr
