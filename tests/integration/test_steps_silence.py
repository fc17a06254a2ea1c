"""No value of a row leaves the tables: not in a log, an error, an incident, a state, or what travels between tasks."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from concord import stage as staging
from concord import steps
from concord.contract import Limit
from concord.errors import BaseMoved, ConcordError, DeliveryRejected
from concord.postgres import connect
from concord.steps import rows
from tests.rosters import BASE, FRI, MON, THU, Driver, Row, child, employee, guarded, next_day, without
from tests.unit.acme_rows import file

CANARY: dict[str, str] = {
    "EMPID": "E7654321", "LASTNAME": "Quetzalcoatlus", "FIRSTNAME": "Zephyrine", "MIDDLE": "Xanthippe",
    "DOB": "07/23/1977", "SSN": "512-83-7746", "STREET": "98 Ouroboros Crescent", "CITY": "Whimsyville",
    "ZIP": "87654", "EMAIL": "zephyrine@canary.example", "PHONE": "555-867-5309",
}  # fmt: skip
FORMS = ("512837746", "5558675309", "1977-07-23", "(1977, 7, 23)", "7746")
VALUES = (*CANARY.values(), *FORMS)

TEXTS = {
    "incidents": "SELECT subject || ' ' || text || ' ' || cause AS said FROM ops.incident",
    "states": "SELECT state_reason || ' ' || drift::text AS said FROM ops.delivery",
    "events": "SELECT reason || ' ' || actor AS said FROM ops.delivery_event",
    "guards": "SELECT text || ' ' || scope AS said FROM ops.plan_guard",
    "reasons": "SELECT array_to_string(reasons, ' ') AS said FROM ops.quarantine",
    "accounts": "SELECT reason AS said FROM ops.line_account",
    "plans": "SELECT counts::text || ' ' || balance::text AS said FROM ops.plan",
    "evidence": "SELECT evidence::text || ' ' || coalesce(reason, '') AS said FROM ops.plan_row",
    "outbox": "SELECT outbox::text AS said FROM ops.outbox",
    "reconciliation": "SELECT r::text AS said FROM mart.delivery_reconciliation r",
}
"""Where people and other systems read."""


def person(**values: str) -> Row:
    """The person whose values must not be seen anywhere."""
    return employee(11, **(CANARY | values))


def leaks(*texts: object) -> list[str]:
    """The canary's values that stand in ``texts``."""
    said = "\n".join(str(text) for text in texts)
    return [value for value in VALUES if value in said]


BAD_ROWS = [
    person(COVEFF="02/30/2026"), person(DOB="1977-13-45"), person(EMPID="7.65E+06"), person(PERSON="?"),
    person(PLAN="HMO-2"), person(PLAN="HMO-3"), person(COVEND="06/30/2025"), person(LASTNAME="=Quetzalcoatlus()"),
    person(SSN="512-83-77466"), person(STREET='98 "Ouroboros" Crescent'),
]  # fmt: skip
RECORD = file(person()).split(b"\n")[1]
BROKEN = b"\n".join([RECORD[:120], RECORD.replace(b"98 Our", b'98" Our'), RECORD.replace(b"Whim", b"Wh\0im"), b""])


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All loggers at their most talkative."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def a_bad_week(acme: Driver) -> list[Any]:
    """Everything that can happen to a person's row; gives what the steps returned and raised."""
    said: list[Any] = []
    acme.feed = guarded(ends=Limit(share=0.01, floor=1), rejected=Limit(share=0.01, floor=3))
    family = [person(), child(11, "02", **{k: v for k, v in CANARY.items() if k not in ("DOB", "SSN")})]
    said.append(acme.day([*BASE, *family], THU))
    held = acme.planned(acme.deliver(file(*BASE, *BAD_ROWS) + BROKEN, FRI))
    said += [held, steps.hold_text(acme.feed, held.delivery_id, acme.site)]
    acme.decide(held, "decline")
    said.append(acme.finished(held))
    said.append(acme.day([*BASE, person(PLAN="HMO-2", LASTNAME="Quetzalcoatlus-New")], MON, "approve"))
    said.append(acme.day([*BASE, *family, person(PLAN="HMO-3")], FRI))
    truncated = acme.day(file(*BASE, person()).removesuffix(b"\n"), next_day(MON))
    said += [truncated, *traceback.format_exception(truncated.rejection)]
    said.append(acme.day(file(*BASE, person(), header=tuple(CANARY)), next_day(MON, 2)))
    drifted = [values | {"Quetzalcoatlus": "Zephyrine"} for values in [*BASE, person()]]
    said.append(acme.day(drifted, next_day(MON, 3), "approve"))
    said.append(steps.reconcile_ledger([acme.feed], acme.site))
    return said


def test_after_a_bad_week_no_value_stands_in_logs_texts_errors_or_what_travels_between_tasks(
    acme: Driver, everything_logged: pytest.LogCaptureFixture
) -> None:
    said = a_bad_week(acme)
    assert {row["state"] for row in acme.all("SELECT state FROM ops.delivery")} >= {"published", "declined", "rejected"}
    assert len(acme.all("SELECT 1 FROM ops.quarantine")) >= 10
    stored = {where: [row["said"] for row in acme.all(query)] for where, query in TEXTS.items()}  # type: ignore[arg-type]
    assert all(stored[where] for where in ("incidents", "states", "events", "guards", "reasons"))
    assert {where: leaks(*texts) for where, texts in stored.items() if leaks(*texts)} == {}
    assert leaks(everything_logged.text, *acme.told, json.dumps(said, default=repr)) == []


def test_the_audit_trail_has_no_value_either(acme: Driver) -> None:
    a_bad_week(acme)
    with connect(str(acme.site.settings.auditor_url)) as connection:
        entries = connection.execute(
            "SELECT actor || action || object || detail::text AS said FROM ops.audit"
        ).fetchall()
    assert leaks(*(entry["said"] for entry in entries)) == []
    assert len(entries) >= 4


def test_a_planted_leak_is_found(
    acme: Driver, everything_logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a careless log line, a careless reason."""
    careless = logging.getLogger("concord.careless")

    def talk(raw: bytes) -> None:
        careless.debug("row %s", raw.decode(errors="replace"))

    hints = rows.hints
    monkeypatch.setattr(rows, "hints", lambda feed, raw: talk(raw) or hints(feed, raw))
    run = acme.day([*BASE, person(COVEFF="02/30/2026")], THU)
    assert {"Quetzalcoatlus", "E7654321", "512-83-7746"} <= set(leaks(everything_logged.text))
    assert leaks("delivery rejected: Whimsyville", run) == ["Whimsyville"]


# ── errors of the database ──


def collide(connection: Any, person: Row) -> None:
    """A second row of a member: Postgres' DETAIL quotes the key."""
    connection.execute(
        "INSERT INTO core.member OVERRIDING SYSTEM VALUE"
        " SELECT (jsonb_populate_record(m, jsonb_build_object('row_id', m.row_id + 1000))).*"
        " FROM core.member m WHERE subscriber_id = %s",
        (person["EMPID"],),
    )


def test_an_error_of_the_database_names_the_constraint_and_no_value(acme: Driver) -> None:
    acme.day([*BASE, person()], THU)
    with pytest.raises(BaseMoved) as caught, connect(acme.site.settings.loader_url) as connection:
        collide(connection, person())
    shown = "".join(traceback.format_exception(caught.value))
    assert "core.member" in str(caught.value).replace(", ", ".")
    assert "member_key" in str(caught.value)
    assert (leaks(shown), "DETAIL" in shown, caught.value.__cause__) == ([], False, None)


def test_as_it_comes_from_the_driver_the_same_error_quotes_the_row(acme: Driver) -> None:
    """Negative control."""
    acme.day([*BASE, person()], THU)
    with psycopg.connect(acme.site.settings.loader_url) as raw, pytest.raises(psycopg.errors.UniqueViolation) as caught:
        collide(raw, person())
    assert "E7654321" in leaks("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("where", ["a word", "a day that is none"])
def test_an_accident_in_a_step_carries_no_value_when_our_error_is_printed(
    acme: Driver, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A wrong type reaches Postgres: its message (``invalid input syntax for type date: …``) quotes the value."""
    delivery_id = acme.deliver([*BASE, person()], THU)
    copy = staging.to_copy_text

    def spoiled(frame: Any) -> bytes:
        return copy(frame).replace(b"1977-07-23", b"Quetzalcoatlus" if where == "a word" else b"1977-07-93")

    monkeypatch.setattr(staging, "to_copy_text", spoiled)
    with pytest.raises(ConcordError) as caught:
        steps.stage(acme.feed, delivery_id, 1, acme.site)
    assert leaks("".join(traceback.format_exception(caught.value)), repr(caught.value)) == []


def test_a_rejection_keeps_no_third_party_error_behind_it(acme: Driver) -> None:
    delivery_id = acme.deliver(file(*BASE, person(), header=tuple(CANARY)), THU)
    with pytest.raises(DeliveryRejected) as caught:
        steps.stage(acme.feed, delivery_id, 1, acme.site)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_names_dates_and_numbers_are_in_core_where_they_belong(acme: Driver) -> None:
    """Negative control of the canary itself: the person did arrive, but for the number."""
    acme.day([*BASE, person()], THU)
    (member,) = acme.all("SELECT * FROM core.member WHERE subscriber_id = 'E7654321'")
    assert (member["last_name"], member["birth_date"]) == ("Quetzalcoatlus", date(1977, 7, 23))
    assert leaks(*member.values()).count("512837746") == leaks(*member.values()).count("512-83-7746") == 0


def test_a_run_of_a_person_who_left_says_nothing_about_who_it_was(acme: Driver) -> None:
    acme.day([*BASE, person()], THU)
    run = acme.day(without(3), FRI)
    assert leaks(json.dumps([run.plan, run.applied, run.settled], default=str)) == []
