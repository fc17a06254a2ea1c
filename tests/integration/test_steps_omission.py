"""Missing from a full file: what that is worth is the contract's choice, and never the approval's date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from concord.contract import Limit, Omission
from tests.rosters import (
    BASE,
    DECEMBER,
    FRI,
    JANUARY,
    LAX_GUARDS,
    MON,
    THU,
    WED,
    Driver,
    employee,
    key,
    lax,
    next_day,
    without,
)

NOVEMBER = date(2026, 11, 1)


def gone(acme: Driver, day: date = FRI) -> dict[str, object]:
    """Employee 3's row of ``core.eligibility`` after a file of ``day`` without them."""
    run = acme.day(without(3), day, "approve")
    assert run.state == "published"
    return acme.all("SELECT * FROM core.eligibility WHERE subscriber_id = 'E0000003'")[0]


def test_by_default_omission_is_left_to_a_person(acme: Driver) -> None:
    acme.feed = lax(Omission.HOLD)
    run = acme.planned(acme.deliver(without(3), FRI))
    assert (run.state, run.plan["breaches"], acme.spans()[key(3)]) == ("held", ["omission"], [(JANUARY, None)])
    acme.decide(run)
    acme.finished(run)
    assert acme.spans()[key(3)] == [(JANUARY, FRI)]


ENDS = {
    "on the file's day": ({"omission": Omission.AS_OF_DATE}, FRI),
    "at the end of its month": ({"omission": Omission.END_OF_MONTH}, DECEMBER),
    "after the cutoff day, at the end of the month": ({"omission": Omission.CUTOFF_DAY, "cutoff_day": 19}, DECEMBER),
    "until it, at the end of the month before": ({"omission": Omission.CUTOFF_DAY, "cutoff_day": 20}, NOVEMBER),
    "not at all": ({"omission": Omission.KEEP}, None),
}  # fmt: skip


@pytest.mark.parametrize("when", ENDS)
def test_a_member_missing_from_a_full_file_ends(acme: Driver, when: str) -> None:
    policy, end = ENDS[when]
    acme.feed = lax(**policy)  # type: ignore[arg-type]
    row = gone(acme)
    assert (row["effective_to"], row["end_kind"]) == (end, end and "inferred")


def test_an_inferred_end_names_its_rule_and_where_the_member_was_last_seen(acme: Driver) -> None:
    run = acme.day(without(3), THU)
    (row,) = acme.all("SELECT * FROM core.eligibility WHERE subscriber_id = 'E0000003'")
    first = acme.all("SELECT delivery_id FROM ops.delivery ORDER BY arrival LIMIT 1")[0]["delivery_id"]
    assert row["end_evidence"] == {
        "rule": "omission.end_of_month", "delivery": run.delivery_id, "last_seen_delivery": first, "last_seen_line": 4,
    }  # fmt: skip
    assert (row["delivery_id"], row["line"]) == (first, 4)


# ── n of N ──


def test_an_end_stays_pending_until_enough_full_files_miss_the_member(acme: Driver) -> None:
    acme.feed = lax(absences=2)
    first = acme.day(without(3), THU)
    assert (first.counts["pending_end"], acme.spans()[key(3)]) == (1, [(JANUARY, None)])
    second = acme.day([*without(3), employee(11)], FRI)
    assert (second.counts["end"], acme.spans()[key(3)]) == (1, [(JANUARY, DECEMBER)])
    (row,) = acme.all("SELECT end_evidence FROM core.eligibility WHERE subscriber_id = 'E0000003'")
    assert row["end_evidence"]["last_seen_line"] == 4


def test_two_files_of_one_day_are_one_absence(acme: Driver) -> None:
    acme.feed = lax(absences=2)
    acme.day(without(3), THU)
    again = acme.day([*without(3), employee(11)], THU)
    assert (again.state, again.counts["pending_end"]) == ("published", 1)


def test_showing_up_again_starts_the_count_anew(acme: Driver) -> None:
    acme.feed = lax(absences=2)
    acme.day(without(3), THU)
    acme.day(BASE, FRI)
    assert acme.day([*without(3), employee(11)], MON).counts["pending_end"] == 1


def test_a_declined_file_is_no_absence(acme: Driver) -> None:
    acme.feed = lax(absences=2, guards=replace(LAX_GUARDS, adds=Limit(share=0.01, floor=2)))
    assert acme.day([*without(3), employee(11), employee(12)], THU, "decline").state == "declined"
    assert acme.day(without(3), FRI).counts["pending_end"] == 1


# ── dates decide before presence ──


def test_a_future_span_that_is_missing_never_was(acme: Driver) -> None:
    acme.day([*BASE, employee(11, COVEFF="01/01/2027")], THU)
    run = acme.day(BASE, FRI)
    assert (run.counts["void"], key(11) in acme.spans()) == (1, False)


def test_an_end_that_is_known_is_kept_by_absence(acme: Driver) -> None:
    acme.day([*without(3), employee(3, COVEND="12/31/2026")], THU)
    acme.day(without(3), FRI)
    assert acme.spans()[key(3)] == [(JANUARY, date(2027, 1, 1))]


def test_what_is_out_of_the_feeds_scope_is_not_judged(acme: Driver) -> None:
    acme.do("UPDATE core.eligibility SET group_id = 'ACME09' WHERE subscriber_id = 'E0000003'")
    run = acme.day(without(3), THU)
    assert (run.counts.get("end"), acme.spans()[key(3)]) == (None, [(JANUARY, None)])


# ── coming back ──


def test_coming_back_within_the_grace_voids_an_inferred_end_without_a_gap(acme: Driver) -> None:
    acme.feed = lax(Omission.AS_OF_DATE)
    gone(acme, THU)
    run = acme.day([*without(3), employee(3, COVEFF="11/23/2026")], MON)
    assert (run.counts["reinstate"], acme.spans()[key(3)]) == (1, [(JANUARY, None)])


def test_coming_back_after_the_grace_begins_a_span_and_the_gap_stays(acme: Driver) -> None:
    acme.feed = lax(Omission.AS_OF_DATE, grace=timedelta(days=10))
    gone(acme, THU)
    later = next_day(WED, 30)
    run = acme.day([*without(3), employee(3, COVEFF=f"{later:%m/%d/%Y}")], later)
    assert (run.counts["add"], acme.spans()[key(3)]) == (1, [(JANUARY, THU), (later, None)])


def test_coming_back_with_the_old_start_reinstates_after_an_explicit_end(acme: Driver) -> None:
    acme.day([*without(3), employee(3, COVEND="10/31/2026")], THU)
    run = acme.day([*BASE], FRI)
    assert (run.counts["reinstate"], acme.spans()[key(3)]) == (1, [(JANUARY, None)])


def test_a_rehire_after_an_explicit_end_leaves_the_gap(acme: Driver) -> None:
    acme.day([*without(3), employee(3, COVEND="09/30/2026")], THU)
    run = acme.day([*without(3), employee(3, COVEFF="11/16/2026")], FRI)
    assert run.counts["add"] == 1
    assert acme.spans()[key(3)] == [(JANUARY, date(2026, 10, 1)), (date(2026, 11, 16), None)]


def test_a_subscriber_who_is_missing_is_not_forgotten_as_a_person(acme: Driver) -> None:
    gone(acme)
    assert acme.all("SELECT count(*) AS n FROM core.member WHERE subscriber_id = 'E0000003'") == [{"n": 1}]
