"""Extracts of an EHR's report writer: rows under a mapping become records; refused, replayed, never overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from concord import check, steps
from concord.contract import Codes, Feed, From
from concord.protect import KeyRing
from concord.quarantine import Selection
from concord.stage import patient_ssn_context
from concord.steps import Site
from tests.reports import DEMOGRAPHICS, ENCOUNTERS
from tests.rosters import Driver, Run

FIRST = date(2026, 11, 1)
HEAD = "PAT_ID,LAST,FIRST,DOB,SEX,SSN,PHONE,TWIN,DEAD,DIED,ORG"
VISITS = "VISIT,CHANGED,STATUS,PAT_ID,ADMIT,DISCHARGE"


def row(number: int, **values: str) -> str:
    """Patient ``p<number>``."""
    own = {
        "PAT_ID": f"p{number}", "LAST": f"Sample{'abcdefghij'[number % 10]}", "FIRST": "Pat", "DOB": "03/02/1980",
        "SEX": "F", "SSN": f"400-55-{number:04d}", "PHONE": "(555) 010-0001", "TWIN": "", "DEAD": "N", "DIED": "",
        "ORG": "o1",
    }  # fmt: skip
    return ",".join((own | values)[name] for name in HEAD.split(","))


class Reports:
    """A report writer, whose extracts come one a day."""

    def __init__(self, site: Site, contract: Feed = DEMOGRAPHICS, head: str = HEAD) -> None:
        self.driver, self.today, self.head = Driver(contract, site), FIRST, head

    def send(self, *rows: str, verdict: str | None = None) -> Run:
        """The next extract; checked afterwards."""
        self.today += timedelta(days=1)
        text = "".join(f"{line}\n" for line in (self.head, *rows))
        run = self.driver.day(text.encode(), self.today, verdict)
        assert check.run(self.driver.site) == []
        return run

    def replay(self, contract: Feed | None = None) -> Run:
        """All refused rows, under today's contract."""
        self.driver.feed = contract or self.driver.feed
        steps.replay(self.driver.feed, Selection(self.driver.feed.name), by="operator", site=self.driver.site)
        (replay_id,) = self.driver.open()
        run = self.driver.run(replay_id)
        assert check.run(self.driver.site) == []
        return run

    def rows(self) -> dict[str, dict[str, Any]]:
        """What is believed now, by id."""
        (entity,) = self.driver.feed.entities
        found = self.driver.all(f"SELECT * FROM core.{entity.name} ORDER BY resource_id")  # type: ignore[arg-type]
        return {each["resource_id"]: each for each in found}

    def refused(self, run: Run) -> list[tuple[int, list[str]]]:
        """Line and reasons of refused rows."""
        found = self.driver.all("SELECT * FROM ops.quarantine WHERE delivery_id = %s ORDER BY line", run.delivery_id)
        return [(each["line"], list(each["reasons"])) for each in found]

    def lines(self, run: Run) -> dict[str, int]:
        """Lines of a delivery by disposition and reason."""
        found = self.driver.all("SELECT * FROM ops.line_account WHERE delivery_id = %s", run.delivery_id)
        return {f"{each['disposition']} {each['reason']}".strip(): each["line_total"] for each in found}


@pytest.fixture
def patients(site: Site) -> Reports:
    return Reports(site)


@pytest.fixture
def visits(site: Site) -> Reports:
    return Reports(site, ENCOUNTERS, VISITS)


# ── patients ──


def test_an_extract_fills_the_table_by_its_mapping(patients: Reports) -> None:
    run = patients.send(row(1), row(2, DEAD="yes", DIED="11/01/2026 01:30", TWIN="2"), verdict="approve")
    assert run.state == "published"
    one, two = patients.rows().values()
    assert (one["birth_date"], one["birth_precision"], one["phone"]) == (date(1980, 3, 2), "day", "5550100001")
    assert (one["managing_organization_reference"], one["deceased"]) == ("Organization/o1", False)
    assert (two["deceased"], two["multiple_birth"]) == (True, 2)
    assert two["deceased_at"].isoformat() == "2026-11-01T06:30:00+00:00", "the first of two half past ones"
    assert patients.lines(run) == {"consumed": 2, "control": 1}


def test_a_number_is_kept_sealed_to_its_patient(patients: Reports, site: Site) -> None:
    patients.send(row(1), verdict="approve")
    held = patients.rows()["p1"]
    keys: KeyRing = site.keys
    assert keys.open(held["ssn_sealed"], context=patient_ssn_context("hillcrest", "p1")) == b"400550001"
    assert held["ssn_last_four"] == "0001"


def test_a_blank_keeps_what_is_held_unless_the_contract_says_that_it_clears(patients: Reports) -> None:
    patients.send(row(1), verdict="approve")
    run = patients.send(row(1, FIRST="", SSN="", PHONE="", LAST="Sampleq"))
    held = patients.rows()["p1"]
    assert (held["first_name"], held["phone"], held["last_name"]) == ("Pat", None, "Sampleq")
    assert held["ssn_last_four"] == "0001"
    assert run.plan["counts"]["patient"]["change"] == 1


def test_what_is_stated_again_changes_nothing_and_absence_says_nothing(patients: Reports) -> None:
    patients.send(row(1), row(2), verdict="approve")
    run = patients.send(row(1))
    assert run.plan["counts"]["patient"] == {"incoming": 1, "unchanged": 1, "held": 2}
    assert len(patients.rows()) == 2


def test_columns_that_nothing_maps_to_keep_what_others_said(patients: Reports, site: Site) -> None:
    patients.send(row(1), verdict="approve")
    with site.database("test") as connection:
        connection.execute("UPDATE core.patient SET city = 'Springfield'")
    patients.send(row(1, LAST="Sampleq"))
    assert patients.rows()["p1"]["city"] == "Springfield"


def test_rows_that_break_a_promise_are_refused_with_every_reason(patients: Reports) -> None:
    run = patients.send(
        row(1),
        row(2, DOB="02/30/1980", SEX="X"),
        row(3, PAT_ID="", DEAD="maybe"),
        row(4, ORG="o 1", TWIN="0"),
        row(5, DIED="11/31/2026 10:00"),
        row(6, DIED="03/08/2026 02:30"),
        row(7, DOB="11/03/2027"),
        "p8,Samplei",
        row(9, SSN="40055"),
        verdict="approve",
    )
    assert list(patients.rows()) == ["p1"]
    assert patients.refused(run) == [
        (3, ["birth_date.date", "gender_code.code"]),
        (4, ["resource_id.required", "deceased.code"]),
        (5, ["multiple_birth.number", "managing_organization_reference.reference"]),
        (6, ["deceased_at.moment"]),
        (7, ["deceased_at.moment"]),
        (8, ["birth_date.in_future"]),
        (9, ["record.field_count"]),
        (10, ["ssn.format"]),
    ]
    assert patients.lines(run) == {"consumed": 1, "quarantined": 8, "control": 1}


def test_two_rows_of_one_patient_that_nothing_puts_in_order_are_both_refused(patients: Reports) -> None:
    run = patients.send(row(1), row(1, LAST="Sampleq"), row(2), row(2), verdict="approve")
    assert list(patients.rows()) == ["p2"]
    assert patients.refused(run) == [(2, ["ambiguous_key"]), (3, ["ambiguous_key"])]
    assert patients.lines(run) == {"consumed": 1, "duplicate": 1, "quarantined": 2, "control": 1}


def test_refused_rows_are_replayed_under_a_mended_contract(patients: Reports) -> None:
    patients.send(row(1), row(2, SEX="X"), row(3, SEX="X", DOB="13/13/1980"), verdict="approve")
    sex = From("SEX", Codes({"F": "F", "M": "M", "U": "U", "X": "U"}))
    run = patients.replay(replace(DEMOGRAPHICS, columns={**DEMOGRAPHICS.columns, "gender_code": sex}))
    assert run.state == "published"
    assert patients.rows()["p2"]["gender_code"] == "U"
    states = patients.driver.all("SELECT state, reasons FROM ops.quarantine ORDER BY line")
    assert [(each["state"], list(each["reasons"])) for each in states] == [
        ("replayed", ["gender_code.code"]),
        ("open", ["birth_date.date"]),
    ]


@pytest.mark.parametrize("second", [row(1, LAST="Sampleq"), row(1)])
def test_a_replay_never_goes_over_what_was_said_since(patients: Reports, second: str) -> None:
    patients.send(row(1), row(2), verdict="approve")
    patients.send(row(1, LAST="Sampler", SEX="X"), row(2))
    patients.send(second)
    before = patients.rows()["p1"]
    sex = From("SEX", Codes({"F": "F", "M": "M", "U": "U", "X": "U"}))
    patients.replay(replace(DEMOGRAPHICS, columns={**DEMOGRAPHICS.columns, "gender_code": sex}))
    assert patients.rows()["p1"] == before
    (kept,) = patients.driver.all("SELECT state, closed_reason FROM ops.quarantine")
    assert (kept["state"], kept["closed_reason"]) == ("waived", "newer_truth")


def test_negative_control_without_a_newer_word_the_replay_counts(patients: Reports) -> None:
    patients.send(row(1), row(2), verdict="approve")
    patients.send(row(1, LAST="Sampler", SEX="X"), row(2))
    patients.send(row(2))
    sex = From("SEX", Codes({"F": "F", "M": "M", "U": "U", "X": "U"}))
    patients.replay(replace(DEMOGRAPHICS, columns={**DEMOGRAPHICS.columns, "gender_code": sex}))
    assert patients.rows()["p1"]["last_name"] == "Sampler"


def test_rows_of_one_record_are_replayed_together(patients: Reports) -> None:
    run = patients.send(row(1), row(1, LAST="Sampleq"), row(2), verdict="approve")
    chosen = steps.choose(DEMOGRAPHICS, Selection(DEMOGRAPHICS.name), patients.driver.site)
    assert chosen.rows == 2
    patients.replay()
    assert list(patients.rows()) == ["p2"]
    assert {reasons[0] for _, reasons in patients.refused(run)} == {"ambiguous_key"}


# ── encounters ──


def test_visits_have_moments_in_utc_and_a_reference_to_their_patient(visits: Reports) -> None:
    run = visits.send("v1,2026-11-01T00:00:00Z,OPEN,p1,07/01/2026 08:00,", verdict="approve")
    assert run.state == "published"
    visit = visits.rows()["v1"]
    assert visit["subject_reference"] == "Patient/p1"
    assert (visit["started_at"].isoformat(), visit["started_precision"]) == ("2026-07-01T13:00:00+00:00", "time")
    assert (visit["status"], visit["ended_at"]) == ("in-progress", None)


def test_the_newer_of_two_rows_counts_and_an_older_one_never_goes_over_it(visits: Reports) -> None:
    visits.send(
        "v1,2026-11-02T00:00:00+00:00,CLOSED,p1,07/01/2026 08:00,07/02/2026 09:30",
        "v1,2026-11-01T00:00:00-05:00,OPEN,p1,07/01/2026 08:00,",
        verdict="approve",
    )
    assert visits.rows()["v1"]["status"] == "finished"
    run = visits.send("v1,2026-11-01T12:00:00Z,OPEN,p1,07/01/2026 08:00,", "v2,,OPEN,p2,07/01/2026,")
    assert visits.rows()["v1"]["status"] == "finished"
    assert visits.rows()["v2"]["started_at"].isoformat() == "2026-07-01T00:00:00+00:00"
    assert visits.lines(run) == {"ignored newer_truth": 1, "consumed": 1, "control": 1}


def test_patients_and_visits_of_one_partner_do_not_mix(patients: Reports, visits: Reports) -> None:
    patients.send(row(1), verdict="approve")
    visits.send("p1,,OPEN,p1,07/01/2026 08:00,", verdict="approve")
    assert list(patients.rows()) == list(visits.rows()) == ["p1"]
