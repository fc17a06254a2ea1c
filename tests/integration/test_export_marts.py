"""What analysts see of exports: what was declared, landed and became of every line, and what does not add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from concord.entities import CLINICAL, RESOURCE_TYPES
from tests.marts import Lakeview, opened
from tests.resources import Resource
from tests.rosters import Driver, Run
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground


@pytest.fixture
def lakeview(blank: Playground) -> Iterator[Lakeview]:
    yield from opened(blank, members=12)


DISPOSITIONS = ("consumed", "duplicate", "quarantined", "ignored", "control")


def test_what_the_server_declared_is_what_was_landed_and_read(lakeview: Lakeview) -> None:
    run = lakeview.day(1)
    rows = lakeview.export(run)
    assert {kind: row["declared"] for kind, row in rows.items()} == lakeview.truth.truth(1).counts
    for row in rows.values():
        assert row["declared"] == row["landed"] == row["lines"] == row["consumed"]
        assert (row["balanced"], row["asked"], row["files"] == row["files_landed"] > 0) == (True, True, True)
        assert (row["state"], row["export_state"], row["group_id"], row["since"]) == (
            "published",
            "over",
            "everyone",
            None,
        )
    assert rows["Observation"]["files"] > 1
    assert len({row["transaction_time"] for row in rows.values()} - {None}) == 1


def test_before_a_plan_says_so_nothing_is_balanced_or_not(lakeview: Lakeview) -> None:
    (delivery_id,) = lakeview.hospital.ask()
    rows = lakeview.export(delivery_id)
    assert set(rows) == set(RESOURCE_TYPES)
    assert {(row["files"], row["declared"], row["balanced"]) for row in rows.values()} == {(0, None, None)}
    lakeview.hospital.wait(delivery_id)
    waiting = lakeview.export(delivery_id)["Patient"]
    assert (waiting["declared"] > 0, waiting["files_landed"], waiting["landed"], waiting["balanced"]) == (
        True,
        0,
        0,
        None,
    )
    lakeview.hospital.fetch(delivery_id)
    landed = lakeview.export(delivery_id)["Patient"]
    assert (landed["files_landed"], landed["landed"], landed["balanced"]) == (1, landed["declared"], None)


def test_the_next_export_names_what_changed_and_what_is_gone(lakeview: Lakeview) -> None:
    first, second = lakeview.day(1), lakeview.day(2)
    rows = lakeview.export(second)
    assert {row["since"] for row in rows.values()} == {
        row["transaction_time"] for row in lakeview.export(first).values()
    }
    assert lakeview.unbalanced(second) == set()
    gone = lakeview.export(second, "deleted")["Bundle"]
    assert (gone["asked"], gone["balanced"], gone["lines"] > 0) == (False, True, True)
    assert rows["Organization"]["files"] == 0
    assert rows["Organization"]["balanced"] is True


def test_every_line_of_a_dirty_export_is_somewhere(lakeview: Lakeview) -> None:
    lakeview.faults.without_count = True
    lakeview.faults.duplicate_lines = {"Patient": 1}
    lakeview.faults.bad_syntax = {"Condition": 1}
    lakeview.faults.error_entries = 3
    run = lakeview.day(1)
    rows = lakeview.export(run)
    assert {row["declared"] for row in rows.values()} == {None}
    patients, conditions = rows["Patient"], rows["Condition"]
    assert (patients["duplicate"], patients["consumed"]) == (1, patients["lines"] - 1)
    assert (conditions["quarantined"], conditions["consumed"]) == (1, conditions["lines"] - 1)
    errors = lakeview.export(run, "error")["OperationOutcome"]
    assert (errors["control"], errors["lines"], errors["balanced"]) == (3, 3, True)
    assert lakeview.unbalanced(run) == set()
    for name in DISPOSITIONS:
        told = lakeview.one("SELECT sum(" + name + ") AS n FROM mart.export_reconciliation")["n"]
        assert told == lakeview.hospital.driver.lines(run.delivery_id).get(name, 0), name


def test_a_type_that_did_not_come_has_no_files(lakeview: Lakeview) -> None:
    lakeview.faults.missing_types = frozenset({"Immunization"})
    row = lakeview.export(lakeview.day(1))["Immunization"]
    assert (row["asked"], row["files"], row["landed"], row["balanced"]) == (True, 0, 0, True)


def account(lakeview: Lakeview, run: Run) -> Iterator[str]:
    """Spoils the accounts in each way, one after the other, and puts them back; yields what was done."""
    delivery = f"delivery_id = '{run.delivery_id}'"
    place = "(SELECT first_line FROM ops.export_file WHERE resource_type = 'Condition' AND " + delivery + " LIMIT 1)"
    one_line = f"int8multirange(int8range({place}, {place} + 1))"
    consumed = f"{delivery} AND disposition = 'consumed'"
    ways = {
        "a row is gone": f"DELETE FROM ops.line_account WHERE {consumed}",
        "a line is gone": f"UPDATE ops.line_account SET lines = lines - {one_line} WHERE {consumed}",
        "a line is there twice": "INSERT INTO ops.line_account (delivery_id, disposition, lines, line_total)"
        f" VALUES ('{run.delivery_id}', 'quarantined', {one_line}, 1)",
        "a line is gone and the next is there twice": "INSERT INTO ops.line_account"
        " (delivery_id, disposition, reason, lines, line_total)"
        f" VALUES ('{run.delivery_id}', 'consumed', 'again', int8multirange(int8range({place} + 1, {place} + 2)), 1);"
        f" UPDATE ops.line_account SET lines = lines - {one_line} WHERE {consumed} AND reason = ''",
        "a line is there twice under one word": "INSERT INTO ops.line_account"
        " (delivery_id, disposition, reason, lines, line_total)"
        f" VALUES ('{run.delivery_id}', 'consumed', 'again', {one_line}, 1)",
        "a file has another count": "UPDATE ops.export_file SET declared_count = declared_count + 1"
        f" WHERE resource_type = 'Condition' AND {delivery}",
        "a file is not landed": "UPDATE ops.export_file SET sha256 = NULL, byte_count = NULL, resource_count = NULL,"
        f" line_count = NULL, landed_at = NULL WHERE resource_type = 'Condition' AND {delivery}",
    }
    for name, statement in ways.items():
        with lakeview.place.connection.transaction():
            for table in ("line_account", "export_file"):
                lakeview.place.connection.execute(f"CREATE TABLE kept.sound_{table} AS SELECT * FROM ops.{table}")
            lakeview.place.connection.execute(statement)
        yield name
        with lakeview.place.connection.transaction():
            for table in ("line_account", "export_file"):
                lakeview.place.connection.execute(
                    f"DELETE FROM ops.{table}; INSERT INTO ops.{table} SELECT * FROM kept.sound_{table};"
                    f" DROP TABLE kept.sound_{table}"
                )


def test_accounts_that_do_not_add_up_are_not_balanced(lakeview: Lakeview) -> None:
    """Negative control: a row deleted, a line lost, a line twice, a count that differs, a file that never came."""
    run = lakeview.day(1)
    everything = set(lakeview.export(run))
    for name in account(lakeview, run):
        found = lakeview.unbalanced(run)
        count("negative controls", tried=1, red=int(bool(found)))
        assert found == (everything if name == "a row is gone" else {"Condition"}), name
    assert lakeview.unbalanced(run) == set()


def test_an_export_read_anew_is_not_judged_by_the_old_plan(lakeview: Lakeview) -> None:
    run = lakeview.day(1)
    lakeview.place.connection.execute(
        "INSERT INTO ops.stage_attempt (delivery_id, attempt, contract_hash, token_key_id)"
        " SELECT delivery_id, attempt + 1, contract_hash, token_key_id FROM ops.stage_attempt"
    )
    assert {row["balanced"] for row in lakeview.export(run).values()} == {None}


def test_what_each_delivery_changes_in_each_table_adds_up(lakeview: Lakeview) -> None:
    first, second = lakeview.day(1), lakeview.day(2)
    held = dict.fromkeys(lakeview.records(first), 0)
    for run in (first, second):
        for entity, row in lakeview.records(run).items():
            assert row["held_before"] == held.get(entity, 0)
            assert row["incoming"] == row["added"] + row["changed"] + row["unchanged"]
            assert (row["balanced"], row["state"]) == (True, "published")
            held[entity] = row["held_after"]
    for entity, rows in held.items():
        (found,) = lakeview.hospital.driver.all(f"SELECT count(*) AS n FROM core.{entity}")  # type: ignore[arg-type]
        assert found["n"] == rows, entity
    truth = lakeview.truth.truth(1).counts
    assert lakeview.records(first)["patient"]["added"] == truth["Patient"]
    changed = lakeview.records(second)["observation"]
    assert changed["changed"] > 0
    assert changed["deleted"] == lakeview.truth.truth(2).deleted["Observation"]


def test_a_plan_that_does_not_add_up_is_not_balanced(lakeview: Lakeview) -> None:
    """Negative control."""
    run = lakeview.day(1)
    lakeview.place.connection.execute("UPDATE ops.plan SET counts = jsonb_set(counts, '{patient,add}', '1')")
    unbalanced = {entity for entity, row in lakeview.records(run).items() if not row["balanced"]}
    count("negative controls", tried=1, red=len(unbalanced))
    assert unbalanced == {"patient"}


def test_members_have_no_row_among_the_records(acme: Driver) -> None:
    with acme.site.database("test") as connection:
        rows = connection.execute("SELECT entity FROM mart.record_reconciliation").fetchall()
    assert rows == []


def unresolved(resources: Iterable[Resource]) -> int:
    """Encounters whose attender is named by a search, or by an identifier alone."""
    people = [each["participant"][0]["individual"] for each in resources if each["resourceType"] == "Encounter"]
    return sum(1 for person in people if "?" in person.get("reference", "?"))


def test_references_without_an_id_are_counted_where_they_are(lakeview: Lakeview) -> None:
    run = lakeview.day(1)
    rows = lakeview.ask("SELECT * FROM mart.unresolved_reference WHERE delivery_id = %s", run.delivery_id)
    told = {(row["entity"], row["reference_column"]): row["unresolved"] for row in rows}
    assert told["encounter", "performer_reference"] == unresolved(lakeview.truth.resources(1)) > 0
    names = {(entity.name, column.name) for entity in CLINICAL for column in entity.columns}
    assert set(told) <= names
    assert {(row["feed"], row["partner"], row["state"]) for row in rows} == {("lakeview_ehr", "lakeview", "published")}
