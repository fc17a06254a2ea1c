"""Every guard: what trips it, that it holds and writes nothing, and that its absence would have let it through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from concord.contract import Feed, Limit, Scope
from tests.rosters import (
    BASE,
    FRI,
    LAX_GUARDS,
    MON,
    THU,
    Driver,
    Row,
    employee,
    guarded,
    lax,
    roster,
    without,
)

ANY_TWO = Limit(share=0.01, floor=2)
TWO_DENTAL = [employee(n, COVERAGE="DENTAL", PLAN="DEN-1") for n in (3, 4)]
BROKEN = [employee(n, STATE="?") for n in (11, 12)]
NAMELESS = [employee(n, EMPID="#", DOB="?") for n in (11, 12)]

CASES: dict[str, tuple[Feed, list[Row], set[str]]] = {
    "ends": (guarded(ends=ANY_TWO), without(3, 4), {"ends", "ends ACME01 × HLT", "ends_persons", "ends_7_days"}),
    "voids count as ends": (
        guarded(ends=ANY_TWO), [*without(3, 4), *(employee(n, COVEND="12/31/2025") for n in (3, 4))],
        {"ends", "ends ACME01 × HLT", "ends_persons", "ends_7_days"},
    ),
    "adds": (guarded(adds=ANY_TWO), [*BASE, *roster([11, 12])], {"adds", "adds ACME01 × HLT"}),
    "rejected": (guarded(rejected=ANY_TWO), [*BASE, *BROKEN], {"rejected"}),
    "unreadable keys": (guarded(unreadable_keys=ANY_TWO), [*BASE, *NAMELESS], {"unreadable_keys"}),
    "minimum size": (guarded(minimum_rows=13), BASE[:10] + BASE[11:], {"minimum_rows", "scope_vanished ACME01 × DEN"}),
    "an end too far back": (
        lax(retro_limit=timedelta(days=90)), [*without(3), employee(3, COVEND="06/30/2026")], {"retro"},
    ),
    "a known scope without a row": (lax(), BASE[:10] + BASE[11:], {"scope_vanished ACME01 × DEN"}),
    "a scope never seen": (
        replace(lax(), scope=Scope()), [*BASE, employee(11, GROUP="ACME07")], {"scope_new ACME07 × HLT"},
    ),
    "losses at the previous file's tail": (guarded(tail_losses=2), BASE[:-2], {"tail_losses"}),
}  # fmt: skip


def unguarded(feed: Feed) -> Feed:
    """The same contract without its guard."""
    return replace(feed, policy=lax().policy)


@pytest.mark.parametrize("guard", CASES)
def test_a_guard_holds_the_delivery_and_nothing_is_written(acme: Driver, guard: str) -> None:
    acme.feed, rows, breaches = CASES[guard]
    before = acme.tables()
    run = acme.planned(acme.deliver(rows, THU))
    assert (run.state, set(run.plan["breaches"])) == ("held", breaches)
    assert acme.facts(run.delivery_id)["state_reason"] == ", ".join(
        dict.fromkeys(b.split()[0] for b in run.plan["breaches"])
    )
    assert acme.tables() == before
    assert [incident["kind"] for incident in acme.incidents()] == ["held"]


@pytest.mark.parametrize("guard", [name for name in CASES if "scope" not in name and name != "minimum size"])
def test_without_its_guard_the_same_file_goes_through(acme: Driver, guard: str) -> None:
    """Negative control."""
    feed, rows, _ = CASES[guard]
    acme.feed = unguarded(feed)
    assert acme.day(rows, THU).state == "published"


def test_below_its_floor_a_guard_stays_quiet(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO, adds=ANY_TWO, rejected=ANY_TWO, unreadable_keys=ANY_TWO, tail_losses=2)
    rows = [*without(3), employee(11), employee(12, STATE="?")]
    assert acme.day(rows, THU).state == "published"


def test_losses_add_up_over_seven_days(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO)
    assert acme.day(without(3), THU).state == "published"
    run = acme.planned(acme.deliver(without(3, 4), FRI))
    assert (run.state, run.plan["breaches"]) == ("held", ["ends_7_days"])


def test_losses_of_files_that_were_declined_do_not_add_up(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO)
    acme.day(without(3, 4, 5), THU, "decline")
    assert acme.day(without(3), FRI).state == "published"


def test_losses_older_than_seven_days_do_not_add_up(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO)
    acme.day(without(3), THU)
    assert acme.day(without(3, 4), MON.replace(day=26)).state == "published"


def test_losses_in_the_middle_of_the_previous_file_are_no_truncation(acme: Driver) -> None:
    acme.feed = guarded(tail_losses=2)
    assert acme.day(without(3, 4), THU).state == "published"


def test_a_reinstatement_that_begins_later_is_a_loss_and_leaves_the_person_covered(acme: Driver) -> None:
    """Days at the front are taken away; who comes back is covered all the same, though the dental is gone."""
    others = [*without(1), employee(4, COVERAGE="DENTAL", PLAN="DEN-1")]
    dental = employee(1, COVERAGE="DENTAL", PLAN="DEN-1")
    acme.feed = lax()
    assert acme.day([*others, dental, employee(1, COVEND="10/31/2026")], THU).state == "published"
    run = acme.planned(acme.deliver([*others, employee(1, COVEFF="02/01/2026")], FRI))
    figures = {row["guard"]: row["count"] for row in _guards(acme, run.delivery_id) if not row["scope"]}
    assert (run.counts["reinstate"], run.counts["end"], run.counts["losses"]) == (1, 1, 2)
    assert (figures["ends"], figures["ends_persons"]) == (2, 0)


def test_a_scope_that_was_approved_once_is_known(acme: Driver) -> None:
    acme.feed = replace(lax(), scope=Scope())
    rows = [*BASE, employee(11, GROUP="ACME07")]
    acme.day(rows, THU, "approve")
    assert acme.day([*rows, employee(12, GROUP="ACME07")], FRI).state == "published"


def test_every_guard_is_stored_with_its_figures_tripped_or_not(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO)
    run = acme.planned(acme.deliver(without(3, 4), THU))
    stored = {row["guard"]: row for row in _guards(acme, run.delivery_id) if not row["scope"]}
    assert {"first_full", "minimum_rows", "rejected", "unreadable_keys", "retro", "ends", "adds", "tail_losses"} <= set(
        stored
    )
    ends = stored["ends"]
    assert (ends["count"], ends["base"], ends["tripped"], ends["limit_floor"]) == (2, 13, True, 2)
    assert float(ends["share"]) == pytest.approx(2 / 13, abs=1e-6)


def _guards(acme: Driver, delivery_id: str) -> list[dict[str, Any]]:
    return acme.all(
        "SELECT g.* FROM ops.plan_guard g JOIN ops.plan USING (plan_id) WHERE delivery_id = %s", delivery_id
    )


def test_the_held_text_names_each_tripped_guard_and_its_counts(acme: Driver) -> None:
    acme.feed = guarded(ends=ANY_TWO)
    acme.planned(acme.deliver(without(3, 4), THU))
    ((_, text),) = acme.told
    assert "2 of 13 spans ended" in text
    assert "adds" not in text.split("What it would do")[0]


def test_the_shipped_limits_hold_a_file_of_a_few_rows(new_acme: Driver) -> None:
    from tests.unit.acme_rows import ACME

    new_acme.feed = ACME
    run = new_acme.planned(new_acme.deliver(BASE))
    assert set(run.plan["breaches"]) == {"first_full", "minimum_rows"}
    assert LAX_GUARDS.minimum_rows == 1
