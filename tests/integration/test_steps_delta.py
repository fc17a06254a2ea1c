"""Change files: numbered, in order, and silent about whoever is not in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from concord import steps
from concord.contract import Limit
from concord.errors import NeedsDecision
from tests.rosters import (
    FRI,
    JANUARY,
    LAX_GUARDS,
    MON,
    THU,
    WED,
    Driver,
    Row,
    Run,
    acted,
    child,
    delta,
    employee,
    key,
    next_day,
    roster,
)

HOLDS = delta(guards=replace(LAX_GUARDS, adds=Limit(share=0.01, floor=2)))
"""Two new members hold a change file."""


@pytest.fixture
def changes(new_acme: Driver) -> Driver:
    """The feed of changes, after number 1 added four employees and a child."""
    new_acme.feed = delta()
    run = new_acme.day([acted("A", values) for values in [*roster(range(1, 5)), child(2, "02")]], WED, sequence=1)
    assert (run.state, run.counts["add"]) == ("published", 5)
    return new_acme


def second(changes: Driver, *rows: Row) -> Run:
    return changes.day(list(rows), THU, sequence=2)


def states(changes: Driver, *ids: str) -> list[str]:
    return [changes.facts(delivery_id)["state"] for delivery_id in ids]


# ── order ──


def test_a_gap_in_the_sequence_stops_the_feed_with_an_incident_until_it_is_filled(changes: Driver) -> None:
    third = changes.deliver([acted("E", employee(3, COVEND="11/25/2026"))], FRI, sequence=3)
    assert (changes.open(), changes.open()) == ([], [])
    (incident,) = changes.incidents()
    assert (incident["kind"], incident["delivery_id"], incident["times"], len(changes.told)) == ("gap", third, 2, 1)
    assert all(
        words in incident["text"] for words in ("2 has not arrived", "Safe: ", "Press: ask the partner for number 2")
    )
    filled = changes.deliver([acted("A", employee(5))], THU, sequence=2)
    assert (changes.open(), changes.incidents()) == ([filled], [])
    assert [run["conf"]["delivery_id"] for run in changes.run(filled).settled["open"]] == [third]
    assert changes.run(third).state == "published"


def test_the_next_number_opens_by_itself_and_waits_for_the_one_before(changes: Driver) -> None:
    fourth, third = (changes.deliver([acted("A", employee(n))], day, sequence=n) for n, day in ((4, MON), (3, FRI)))
    two = changes.deliver([acted("A", employee(2, PLAN="HMO-2"))], THU, sequence=2)
    assert changes.open() == [two]
    assert states(changes, two, third, fourth) == ["landed", "waiting", "waiting"]


def test_a_change_file_never_passes_one_that_is_held(changes: Driver) -> None:
    changes.feed = HOLDS
    held = changes.planned(changes.deliver([acted("A", employee(n)) for n in (11, 12)], THU, sequence=2))
    third = changes.deliver([acted("E", employee(3, COVEND="11/25/2026"))], FRI, sequence=3)
    assert (held.state, held.plan["breaches"][0], changes.open()) == ("held", "adds", [])
    changes.decide(held)
    assert [run["conf"]["delivery_id"] for run in changes.finished(held).settled["open"]] == [third]


def test_a_change_file_never_passes_one_that_failed_but_passes_one_that_was_declined(changes: Driver) -> None:
    changes.feed = HOLDS
    held = changes.planned(changes.deliver([acted("A", employee(n)) for n in (11, 12)], THU, sequence=2))
    third = changes.deliver([acted("E", employee(3, COVEND="11/25/2026"))], FRI, sequence=3)
    changes.decide(held, "decline")
    assert [run["conf"]["delivery_id"] for run in changes.finished(held).settled["open"]] == [third]
    steps.settle(changes.feed, third, 1, changes.site)
    changes.deliver([acted("A", employee(4, PLAN="HMO-2"))], MON, sequence=4)
    assert (states(changes, third), changes.open()) == (["failed"], [])


def test_a_change_file_older_than_the_applied_one_is_compared_and_never_written(changes: Driver) -> None:
    changes.day([acted("A", employee(5))], FRI, sequence=2)
    before = changes.tables()
    late = changes.day([acted("A", employee(6))], THU, sequence=1)
    assert (late.state, late.settled["ok"], changes.tables()) == ("compared", True, before)


# ── what a row says ──


def test_absence_from_a_change_file_means_nothing(changes: Driver) -> None:
    before = changes.spans()
    run = second(changes, acted("A", employee(5)))
    assert changes.spans() == before | {key(5): [(JANUARY, None)]}
    assert run.counts == {"incoming": 1, "held": 5, "add": 1}


def test_an_end_ends_on_its_date_past_or_future(changes: Driver) -> None:
    run = second(
        changes, acted("E", employee(1, COVEND="10/31/2026")), acted("E", employee(3, COVEND="12/31/2026"))
    )  # fmt: skip
    assert (run.state, run.counts["end"]) == ("published", 2)
    assert changes.spans()[key(1)] == [(JANUARY, date(2026, 11, 1))]
    assert changes.spans()[key(3)] == [(JANUARY, date(2027, 1, 1))]


def test_an_end_without_a_date_is_quarantined_and_ends_nobody(changes: Driver) -> None:
    before = changes.spans()
    run = second(changes, acted("E", employee(1)))
    assert (changes.reasons(run.delivery_id), changes.spans()) == ({2: ("end.no_date",)}, before)


@pytest.mark.parametrize("action", ["E", "C", "X", ""])
def test_an_end_change_or_cancel_of_somebody_never_seen_is_quarantined(changes: Driver, action: str) -> None:
    before = changes.tables()
    run = second(changes, acted(action, employee(77, COVEND="12/31/2026")))
    assert (run.state, changes.reasons(run.delivery_id)) == ("published", {2: ("unknown_member",)})
    assert changes.tables() == before


def test_a_cancel_means_never_covered(changes: Driver) -> None:
    run = second(changes, acted("X", employee(1)))
    assert (run.counts["void"], key(1) in changes.spans()) == (1, False)
    history = changes.all("SELECT closed_by_action FROM core.eligibility_history WHERE subscriber_id = 'E0000001'")
    assert history == [{"closed_by_action": "void"}]


def test_a_change_changes_what_it_says_and_a_blank_keeps(changes: Driver) -> None:
    run = second(changes, acted("C", employee(1, PLAN="HMO-2", CITY="", EMAIL="", PHONE="")))
    assert (run.state, run.counts["change"]) == ("published", 1)
    (span,) = changes.all("SELECT plan_code FROM core.eligibility WHERE subscriber_id = 'E0000001'")
    (member,) = changes.all("SELECT city, email, phone FROM core.member WHERE subscriber_id = 'E0000001'")
    assert (span["plan_code"], member["city"], member["email"], member["phone"]) == (
        "HMO-2", "Exampleton", "tessa@example.com", "5550100101",
    )  # fmt: skip


def test_an_add_of_somebody_covered_alike_changes_nothing(changes: Driver) -> None:
    before = changes.tables()
    run = second(changes, acted("A", employee(1)), acted("A", employee(3)))
    assert (run.counts["unchanged"], changes.tables()) == (2, before)


def test_an_add_after_an_explicit_end_is_a_span_of_its_own(changes: Driver) -> None:
    second(changes, acted("E", employee(1, COVEND="01/31/2026")))
    changes.day([acted("A", employee(1, COVEFF="11/01/2026"))], FRI, sequence=3)
    assert changes.spans()[key(1)] == [(JANUARY, date(2026, 2, 1)), (date(2026, 11, 1), None)]


def test_an_end_of_a_subscriber_alone_leaves_the_dependents_in_a_change_file(changes: Driver) -> None:
    second(changes, acted("E", employee(2, COVEND="11/30/2026")))
    assert changes.spans()[key(2, "02")] == [(JANUARY, None)]


def test_the_same_number_again_with_the_same_bytes_is_a_duplicate(changes: Driver) -> None:
    rows = [acted("A", employee(5))]
    second(changes, *rows)
    again = changes.deliver(rows, next_day(FRI), sequence=2)
    assert states(changes, again) == ["duplicate"]


def test_a_number_that_another_day_had_already_is_refused(changes: Driver) -> None:
    second(changes, acted("A", employee(5)))
    before = changes.tables()
    run = changes.day([acted("A", employee(6))], FRI, sequence=2)
    assert run.rejection is not None
    assert (run.state, run.rejection.code, changes.tables()) == ("rejected", "order.sequence_repeated", before)


def test_a_number_that_a_person_declined_is_free_for_the_corrected_file_of_another_day(changes: Driver) -> None:
    changes.feed = HOLDS
    held = changes.planned(changes.deliver([acted("A", employee(n)) for n in (11, 12)], THU, sequence=2))
    changes.decide(held, "decline")
    assert changes.finished(held).state == "declined"
    assert changes.day([acted("A", employee(11))], FRI, sequence=2).state == "published"


def test_a_number_of_the_same_day_is_sent_again_and_counts(changes: Driver) -> None:
    second(changes, acted("A", employee(5)))
    assert second(changes, acted("A", employee(6))).state == "published"
    assert changes.spans()[key(6)] == [(JANUARY, None)]


def test_a_change_file_never_passes_one_that_was_rejected_until_it_is_sent_again_or_skipped(changes: Driver) -> None:
    rejected = changes.day(b"", THU, sequence=2)
    behind = changes.deliver([acted("E", employee(3, COVEND="11/25/2026"))], FRI, sequence=3)
    assert (rejected.state, changes.open()) == ("rejected", [])
    steps.skip(changes.feed, rejected.delivery_id, by="ann", reason="nothing changed", site=changes.site)
    assert (states(changes, rejected.delivery_id), changes.open()) == (["declined"], [behind])


def test_a_change_file_that_is_sent_again_goes_before_what_waited_for_it(changes: Driver) -> None:
    changes.day(b"", THU, sequence=2)
    behind = changes.deliver([acted("E", employee(3, COVEND="11/25/2026"))], FRI, sequence=3)
    again = changes.deliver([acted("E", employee(4, COVEND="11/25/2026"))], THU, sequence=2)
    assert changes.open() == [again]
    assert changes.run(again).settled["open"][0]["conf"]["delivery_id"] == behind


def test_what_was_rejected_stays_an_incident_until_a_file_of_its_place_is_applied(changes: Driver) -> None:
    later = changes.day(b"", FRI, sequence=3)
    assert second(changes, acted("A", employee(5))).state == "published"
    assert [row["delivery_id"] for row in changes.incidents()] == [later.delivery_id], "an earlier file mends nothing"
    changes.day([acted("A", employee(6))], FRI, sequence=3)
    assert changes.incidents() == []


def test_change_files_are_approved_in_order(changes: Driver) -> None:
    changes.feed = HOLDS
    later = changes.planned(changes.deliver([acted("A", employee(n)) for n in (13, 14)], FRI, sequence=2))
    earlier = changes.planned(changes.deliver([acted("A", employee(n)) for n in (11, 12)], THU, sequence=2))
    with pytest.raises(NeedsDecision, match=earlier.delivery_id):
        changes.decide(later)
    changes.decide(earlier)
    assert changes.finished(earlier).state == "published"
