"""The sandbox's employer: what its files promise to the demo and the tests."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date

import pytest

from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer, Roster
from feeds.acme_eligibility import FEED

START = date(2026, 11, 18)
MEMBERS = 2_000


@pytest.fixture(scope="module")
def employer() -> Employer:
    employer = Employer(seed=3, members=MEMBERS, start=START)
    employer.day(3)
    return employer


def read(roster: Roster) -> list[dict[str, str]]:
    text = roster.content().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_same_seed_writes_the_same_bytes() -> None:
    first, second = (Employer(seed=5, members=300, start=START) for _ in range(2))
    assert first.day(2).content() == second.day(2).content()


def test_another_seed_writes_other_people() -> None:
    names = [{row["FIRSTNAME"] for row in read(Employer(seed=seed, members=50, start=START).day(1))} for seed in (1, 2)]
    assert names[0].isdisjoint(names[1])


def test_an_earlier_day_stays_as_it_was_after_a_later_one(employer: Employer) -> None:
    fresh = Employer(seed=3, members=MEMBERS, start=START)
    assert fresh.day(1).content() == employer.day(1).content()


@pytest.mark.parametrize("members", [1, 7, 100, 1_234])
def test_any_number_of_members_is_met_exactly(members: int) -> None:
    assert Employer(seed=1, members=members, start=START).day(1).manifest.persons == members


def test_the_columns_are_those_of_the_contract(employer: Employer) -> None:
    header = employer.day(1).content().decode().split("\r\n", 1)[0].split(",")
    assert {mapping.source for mapping in FEED.columns.values()} == set(header)


def test_file_dates_are_weekdays_and_the_name_fits_the_contract() -> None:
    employer = Employer(seed=1, members=5, start=date(2026, 11, 19))
    assert [employer.file_date(n) for n in (1, 2, 3)] == [date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 23)]
    assert employer.day(2).file_name == "ELIG_20261120.csv"


def test_every_person_carries_canaries_that_nobody_else_has(employer: Employer) -> None:
    rows = [row for row in read(employer.day(1)) if CANARY.search(row["FIRSTNAME"] or "")]
    owners: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        owners.setdefault(CANARY.findall(row["FIRSTNAME"])[0], set()).add((row["EMPID"], row["PERSON"]))
    assert len(owners) > MEMBERS * 0.98
    assert all(len({person for person in people if person[0].startswith("E")}) == 1 for people in owners.values())


def test_social_security_numbers_are_valid_and_belong_to_one_person(employer: Employer) -> None:
    owners: dict[str, set[tuple[str, str]]] = {}
    for row in read(employer.day(1)):
        number = (row["SSN"] or "").replace("-", "")
        if len(number) == 9 and row["EMPID"].startswith("E"):
            owners.setdefault(number, set()).add((row["EMPID"], row["PERSON"]))
    assert all(len(people) == 1 for people in owners.values())
    assert all(773 <= int(n[:3]) <= 899 and n[3:5] != "00" and n[5:] != "0000" for n in owners)


def test_streets_have_line_breaks_and_quotes_inside_quotes(employer: Employer) -> None:
    streets = [row["STREET"] for row in read(employer.day(1)) if row["STREET"]]
    assert any("\n" in street for street in streets)
    assert any('"' in street for street in streets)


def test_there_are_twins_rehires_and_names_that_look_like_missing_values(employer: Employer) -> None:
    rows = read(employer.day(1))
    spans = Counter((row["EMPID"], row["PERSON"], row["COVERAGE"]) for row in rows if row["COVEND"] and row["COVERAGE"])
    assert employer.day(1).manifest.twins > 10
    assert {row["BIRTHSEQ"] for row in rows} >= {"1", "2"}
    assert spans
    assert any(row["LASTNAME"] in ("Na", "Null", "None", "True") for row in rows)


def test_a_day_has_every_kind_of_event(employer: Employer) -> None:
    assert set(employer.day(2).manifest.events) == {
        "join", "leave", "dependent_leaves", "correct_start", "end_told", "end_taken_back", "birth", "learn_ssn",
        "change_plan", "move",
    }  # fmt: skip


def test_bad_rows_are_counted_by_the_reason_they_must_get(employer: Employer) -> None:
    roster = employer.day(2)
    assert roster.manifest.dirty["record.field_count"] == sum(len(record) != 24 for record in roster.records)
    assert roster.manifest.dirty["birth_date.date"] == sum(row["DOB"] == "02/30/1991" for row in read(roster))
    assert roster.manifest.dirty["subscriber_id.pattern"] == sum(row["EMPID"] == "1.00E+06" for row in read(roster))


@pytest.mark.parametrize("members", [100, 300, 2_000, 20_000])
def test_ordinary_days_stay_below_the_guards_of_the_feed(members: int) -> None:
    employer, guards = Employer(seed=2, members=members, start=START), FEED.policy.guards
    held = employer.day(1).manifest.expected["added"]
    for day in (2, 3):
        manifest = employer.day(day).manifest
        expected, refused = manifest.expected, sum(manifest.dirty.values())
        assert expected["ended"] < max(guards.ends.floor, guards.ends.share * held)
        assert expected["added"] + expected.get("reinstated", 0) < max(guards.adds.floor, guards.adds.share * held)
        assert refused < max(guards.rejected.floor, guards.rejected.share * manifest.rows)
        assert manifest.rows >= guards.minimum_rows


def test_losses_are_not_at_the_tail_of_the_file(employer: Employer) -> None:
    last = [record[0] for record in employer.day(1).records[-FEED.policy.guards.tail_losses :]]
    assert set(last) <= {record[0] for record in employer.day(2).records}


def test_spans_that_stay_are_expected_unchanged(employer: Employer) -> None:
    expected = employer.day(2).manifest.expected
    assert expected["unchanged"] > 0.95 * employer.day(1).manifest.expected["added"]
    assert all(expected[name] > 0 for name in ("added", "ended", "changed", "corrected", "reinstated"))


def test_a_truncated_file_ends_with_a_complete_record_and_lacks_the_share(employer: Employer) -> None:
    whole = employer.day(3)
    cut = whole.truncated_at_record_boundary(0.35)
    assert len(cut.records) == pytest.approx(0.65 * len(whole.records), abs=1)
    assert cut.content().endswith(b"\r\n")
    assert whole.content().startswith(cut.content())


def test_no_value_shows_in_the_representation_of_a_roster(employer: Employer) -> None:
    assert not CANARY.search(repr(employer.day(1)))


def test_three_days_of_twenty_thousand_members_are_made_quickly() -> None:
    employer = Employer(seed=9, members=20_000, start=START)
    assert len(employer.day(3).content()) > 5_000_000
