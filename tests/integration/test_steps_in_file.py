"""Rows beside each other: repeats, contradictions, families, and spans of one key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from concord.contract import Blank, From, Text
from tests.rosters import BASE, FRI, JANUARY, MON, THU, Driver, Row, Run, child, employee, key, lax, without
from tests.unit.acme_rows import acme as contract

LAST = len(BASE) + 1
"""The last line of the first day's file; added rows begin at the next."""


def beside(acme: Driver, *rows: Row) -> Run:
    """The first day's people and these rows."""
    run = acme.day([*BASE, *rows], THU)
    assert run.state == "published"
    return run


# ── one key twice ──


def test_an_identical_row_counts_once(acme: Driver) -> None:
    before = acme.tables()
    run = beside(acme, employee(3))
    assert (acme.lines(run.delivery_id)["duplicate"], acme.reasons(run.delivery_id), acme.tables()) == (1, {}, before)


def test_overlapping_rows_that_differ_are_both_quarantined_and_counted_as_present(acme: Driver) -> None:
    before = acme.tables()
    run = beside(acme, employee(3, PLAN="HMO-2"))
    assert acme.reasons(run.delivery_id) == {4: ("ambiguous_key",), LAST + 1: ("ambiguous_key",)}
    assert (run.counts["keep"], acme.tables()) == (1, before)


def test_ambiguous_rows_of_a_new_member_add_nobody(acme: Driver) -> None:
    run = beside(acme, employee(11), employee(11, PLAN="HMO-2"))
    assert (len(acme.reasons(run.delivery_id)), key(11) in acme.spans()) == (2, False)


def test_an_end_and_an_active_row_that_overlap_are_ambiguous(acme: Driver) -> None:
    run = beside(acme, employee(3, COVEND="06/30/2026"))
    assert set(acme.reasons(run.delivery_id).values()) == {("ambiguous_key",)}
    assert acme.spans()[key(3)] == [(JANUARY, None)]


def test_disjoint_rows_of_one_key_are_spans(acme: Driver) -> None:
    run = beside(
        acme, employee(11, COVEND="03/31/2026"), employee(11, COVEFF="09/01/2026"),
    )  # fmt: skip
    assert run.counts["add"] == 2
    assert acme.spans()[key(11)] == [(JANUARY, date(2026, 4, 1)), (date(2026, 9, 1), None)]


def test_another_coverage_line_is_another_key(acme: Driver) -> None:
    beside(acme, employee(3, COVERAGE="DENTAL", PLAN="DEN-1"))
    assert acme.spans()[key(3)] == acme.spans()[key(3, line="DEN")] == [(JANUARY, None)]


def test_an_empty_span_of_a_covered_member_means_never_covered(acme: Driver) -> None:
    run = acme.day([*without(3), employee(3, COVEND="12/31/2025")], THU)
    assert (run.counts["void"], key(3) in acme.spans()) == (1, False)


def test_an_empty_or_long_expired_span_of_a_stranger_is_ignored_with_its_reason(acme: Driver) -> None:
    run = beside(
        acme, employee(11, COVEND="12/31/2025"), employee(12, COVEFF="01/01/2020", COVEND="12/31/2021"),
    )  # fmt: skip
    accounts = acme.all(
        "SELECT reason, line_total FROM ops.line_account WHERE delivery_id = %s AND disposition = 'ignored'",
        run.delivery_id,
    )
    assert {row["reason"]: row["line_total"] for row in accounts} == {"never_covered": 1, "expired": 1}


def test_a_correction_of_the_start_is_one_change_of_one_span(acme: Driver) -> None:
    run = acme.day([*without(3), employee(3, COVEFF="02/01/2026")], THU)
    assert (run.counts["correct_start"], acme.spans()[key(3)]) == (1, [(date(2026, 2, 1), None)])


def test_another_plan_from_a_later_day_leaves_the_days_before_as_they_were(acme: Driver) -> None:
    acme.day([*without(3), employee(3, PLAN="HMO-2", COVEFF="11/01/2026")], THU)
    rows = acme.all("SELECT * FROM core.eligibility WHERE subscriber_id = 'E0000003' ORDER BY effective_from")
    assert [(row["plan_code"], row["effective_from"], row["effective_to"]) for row in rows] == [
        ("PPO-1", JANUARY, date(2026, 11, 1)), ("HMO-2", date(2026, 11, 1), None),
    ]  # fmt: skip


# ── who a member is ──


def test_rows_of_one_member_that_disagree_on_who_that_is_are_quarantined(acme: Driver) -> None:
    before = acme.tables()
    dental = employee(1, COVERAGE="DENTAL", PLAN="DEN-1", LASTNAME="Other")
    run = acme.day([*BASE[:10], dental, *BASE[11:]], THU)
    assert acme.reasons(run.delivery_id) == {2: ("member.conflict",), 12: ("member.conflict",)}
    assert acme.tables() == before


def test_twins_with_person_codes_are_two_members(acme: Driver) -> None:
    beside(acme, child(2, "04", DOB="06/01/2026"), child(2, "05", FIRSTNAME="Kid04", DOB="06/01/2026"))
    assert {key(2, "04"), key(2, "05")} <= set(acme.spans())


def test_equal_children_that_nothing_tells_apart_may_be_twins(acme: Driver) -> None:
    """A partner that sends no person codes: every child is 02."""
    columns = {"person_code": From("PERSON", Text(), default="02")}
    acme.feed = contract(columns=columns, policy=lax().policy)
    baby = child(4, "", DOB="06/01/2026", FIRSTNAME="Baby")
    run = beside(acme, baby, baby)
    assert acme.reasons(run.delivery_id) == {
        LAST + 1: ("possible_multiple_birth",), LAST + 2: ("possible_multiple_birth",),
    }  # fmt: skip
    again = acme.day([*BASE, {**baby, "BIRTHSEQ": "1"}, {**baby, "BIRTHSEQ": "1"}], FRI)
    assert (acme.reasons(again.delivery_id), acme.lines(again.delivery_id)["duplicate"]) == ({}, 1)


# ── families ──


def test_dependents_of_a_known_subscriber_go_on_while_the_subscriber_is_quarantined(acme: Driver) -> None:
    rows = [*without(2), employee(2, STATE="?"), child(2, "02"), child(2, "03", PLAN="HMO-2"), child(2, "04")]
    run = acme.day(rows, THU)
    assert list(acme.reasons(run.delivery_id).values()) == [("state_code.pattern",)]
    assert (run.counts["change"], run.counts["add"], acme.spans()[key(2)]) == (1, 1, [(JANUARY, None)])


def test_the_family_of_a_new_subscriber_waits_in_quarantine_with_the_subscriber(acme: Driver) -> None:
    run = beside(acme, employee(11, STATE="?"), child(11, "02"), child(11, "03"))
    assert list(acme.reasons(run.delivery_id).values()) == [
        ("state_code.pattern",), ("subscriber_quarantined",), ("subscriber_quarantined",),
    ]  # fmt: skip
    assert not [name for name in acme.spans() if name[0] == "E0000011"]


def test_a_family_whose_subscriber_is_numbered_otherwise_waits_as_well(acme: Driver) -> None:
    run = beside(acme, employee(11, PERSON="00", STATE="?"), child(11, "01"))
    assert list(acme.reasons(run.delivery_id).values()) == [("state_code.pattern",), ("subscriber_quarantined",)]


def test_a_new_subscriber_without_a_readable_relationship_is_told_by_the_partners_code(acme: Driver) -> None:
    run = beside(acme, employee(11, RELATION="?"), child(11, "02"))
    assert list(acme.reasons(run.delivery_id).values()) == [("relationship_code.code",), ("subscriber_quarantined",)]


def test_a_dependent_numbered_01_is_no_subscriber(acme: Driver) -> None:
    """Neither in the file, where the row says so itself, nor among those held."""
    assert beside(acme, employee(11, PERSON="00"), child(11, "01", STATE="?"), child(11, "02")).counts["add"] == 2
    published = acme.day([*BASE, child(12, "01")], FRI)
    assert published.counts["add"] == 1
    run = acme.day([*BASE, child(12, "01"), employee(12, PERSON="00", STATE="?"), child(12, "02")], MON)
    waits = ("subscriber_quarantined",)
    assert list(acme.reasons(run.delivery_id).values()) == [waits, ("state_code.pattern",), waits]


def test_a_new_subscriber_with_one_usable_row_brings_the_family(acme: Driver) -> None:
    dental = employee(11, COVERAGE="DENTAL", PLAN="?")
    run = beside(acme, employee(11), dental, child(11, "02"))
    assert (list(acme.reasons(run.delivery_id).values()), run.counts["add"]) == ([("plan_code.pattern",)], 2)


def test_the_family_goes_through_together_once_the_subscriber_is_mended(acme: Driver) -> None:
    beside(acme, employee(11, STATE="?"), child(11, "02"))
    run = acme.day([*BASE, employee(11), child(11, "02")], FRI)
    assert run.counts["add"] == 2


# ── blanks ──


def test_a_blank_of_an_optional_column_clears_in_a_full_file(acme: Driver) -> None:
    acme.day([*without(3), employee(3, EMAIL="", SSN="")], THU)
    (member,) = acme.all("SELECT email, ssn_token, ssn_sealed FROM core.member WHERE subscriber_id = 'E0000003'")
    assert set(member.values()) == {None}


def test_a_blank_keeps_where_the_contract_says_so(acme: Driver) -> None:
    keeping = {name: replace(acme.feed.columns[name], blank=Blank.KEEP) for name in ("email", "ssn")}
    acme.feed = contract(columns=keeping, policy=lax().policy)
    run = acme.day([*without(3), employee(3, EMAIL="", SSN="")], THU)
    assert "change" not in run.plan["counts"]["member"]
    (member,) = acme.all("SELECT email, ssn_last_four FROM core.member WHERE subscriber_id = 'E0000003'")
    assert member == {"email": "tessa@example.com", "ssn_last_four": "0003"}
