"""Which delivery goes first, which passes, and what a newer full takes over from one it supersedes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from concord import steps
from concord.contract import Limit, Mode, Stage
from concord.errors import NeedsDecision
from tests.rosters import (
    BASE,
    DECEMBER,
    FRI,
    JANUARY,
    MON,
    THU,
    WED,
    Driver,
    employee,
    guarded,
    key,
    lax,
    next_day,
    roster,
    without,
)

HOLDS = guarded(adds=Limit(share=0.01, floor=2))
"""Two new members hold a delivery."""
TWO_MORE = roster([11, 12])


def states(acme: Driver, *ids: str) -> list[str]:
    return [acme.facts(delivery_id)["state"] for delivery_id in ids]


def test_landed_fulls_start_one_at_a_time_in_the_order_of_their_dates(acme: Driver) -> None:
    monday, thursday, friday = (acme.deliver(without(n), day) for n, day in ((5, MON), (3, THU), (4, FRI)))
    assert acme.open() == acme.open() == [thursday]
    assert states(acme, thursday, friday, monday) == ["landed", "waiting", "waiting"]
    planned = acme.planned(thursday)
    assert acme.open() == []
    assert [run["conf"]["delivery_id"] for run in acme.finished(planned).settled["open"]] == [friday]
    assert [run["conf"]["delivery_id"] for run in acme.run(friday).settled["open"]] == [monday]
    assert acme.run(monday).settled["open"] == []


def test_a_run_is_named_by_date_delivery_and_attempt(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    (run,) = steps.open_runs(acme.feed, acme.site)
    assert run == {
        "trigger_run_id": f"2026-11-19_{delivery_id}_1", "conf": {"delivery_id": delivery_id, "attempt": 1},
    }  # fmt: skip


def test_a_later_full_passes_one_that_is_held_and_supersedes_it(acme: Driver) -> None:
    acme.feed = HOLDS
    held = acme.planned(acme.deliver([*BASE, *TWO_MORE], THU))
    friday = acme.deliver(without(3), FRI)
    assert (held.state, acme.open()) == ("held", [friday])
    assert acme.run(friday).state == "published"
    facts = acme.facts(held.delivery_id)
    assert (facts["state"], facts["superseded_by"]) == ("superseded", friday)
    assert key(11) not in acme.spans()
    with pytest.raises(NeedsDecision):
        acme.decide(held)
    settled = acme.finished(held).settled
    assert (settled["state"], settled["ok"]) == ("superseded", True)


def test_a_failed_or_rejected_delivery_blocks_nobody(acme: Driver) -> None:
    rejected = acme.day(b"", THU)
    failed = acme.deliver(without(3), THU)
    steps.settle(acme.feed, failed, 1, acme.site)
    friday = acme.deliver(without(4), FRI)
    assert states(acme, rejected.delivery_id, failed) == ["rejected", "failed"]
    assert acme.open() == [friday]
    acme.run(friday)
    assert states(acme, failed) == ["superseded"]


def test_a_full_older_than_the_applied_one_is_compared_and_never_written(acme: Driver) -> None:
    acme.day([*BASE, *TWO_MORE], FRI)
    before = acme.tables()
    late = acme.day(without(3), THU)
    assert (late.state, late.settled["ok"], late.counts["end"]) == ("compared", True, 3)
    assert acme.tables() == before
    assert "newer" in acme.facts(late.delivery_id)["state_reason"]


def test_of_two_files_of_one_day_the_later_arrival_counts(acme: Driver) -> None:
    first, second = acme.deliver(without(3), THU), acme.deliver(without(4), THU)
    assert acme.open() == [first]
    acme.run(first)
    assert acme.run(second).state == "published"
    assert (acme.spans()[key(3)], acme.spans()[key(4)]) == ([(JANUARY, None)], [(JANUARY, DECEMBER)])


def test_a_full_that_was_planned_before_a_newer_one_was_applied_writes_nothing(acme: Driver) -> None:
    """The older run sleeps between plan and apply while the newer goes through."""
    acme.feed = HOLDS
    held = acme.planned(acme.deliver([*BASE, *TWO_MORE], THU))
    acme.decide(held)
    acme.day(without(3), FRI)
    before = acme.tables()
    assert acme.finished(held).applied == {"state": "superseded"}
    assert acme.tables() == before


# ── explicit ends of a superseded full ──

SOON = date(2026, 11, 26)


def superseded(acme: Driver, *ending: dict[str, str]) -> None:
    """Thursday's file is held: it says these rows beside those of everybody else."""
    acme.feed = HOLDS
    said = {(values["EMPID"], values["PERSON"], values["COVERAGE"]): values for values in [*BASE, *TWO_MORE, *ending]}
    assert acme.planned(acme.deliver(list(said.values()), THU)).state == "held"


def test_an_explicit_end_of_a_superseded_full_counts_when_the_next_one_is_silent(acme: Driver) -> None:
    superseded(acme, employee(3, COVEND="11/25/2026"))
    run = acme.day(without(3), FRI)
    row = acme.all("SELECT * FROM core.eligibility WHERE subscriber_id = 'E0000003'")[0]
    assert (run.state, row["effective_to"], row["end_kind"]) == ("published", SOON, "explicit")
    assert row["end_evidence"]["rule"] == "carried"
    assert row["end_evidence"]["line"] == 4


def test_an_explicit_end_of_a_superseded_full_is_void_when_the_next_one_contradicts_it(acme: Driver) -> None:
    superseded(acme, employee(3, COVEND="11/25/2026"))
    acme.day(BASE, FRI)
    assert acme.spans()[key(3)] == [(JANUARY, None)]


def test_a_void_of_a_superseded_full_is_carried_as_well(acme: Driver) -> None:
    superseded(acme, employee(3, COVEND="12/31/2025"))
    acme.day(without(3), FRI)
    assert key(3) not in acme.spans()


def test_an_omission_of_a_superseded_full_is_not_carried(acme: Driver) -> None:
    acme.feed = HOLDS
    acme.planned(acme.deliver([*without(3), *TWO_MORE], THU))
    acme.day(BASE, FRI)
    assert acme.spans()[key(3)] == [(JANUARY, None)]


def test_an_end_of_a_declined_full_is_not_carried(acme: Driver) -> None:
    superseded(acme, employee(3, COVEND="11/25/2026"))
    held = acme.all("SELECT delivery_id FROM ops.delivery WHERE state = 'held'")[0]["delivery_id"]
    acme.run(held, "decline")
    acme.day(without(3), FRI)
    assert acme.spans()[key(3)] == [(JANUARY, DECEMBER)]


# ── feeds that never write ──


@pytest.mark.parametrize("change", [{"stage": Stage.PILOT}, {"mode": Mode.COMPARE}], ids=["pilot", "compare"])
def test_a_feed_that_is_not_trusted_yet_is_planned_and_reported_and_never_writes(
    acme: Driver, change: dict[str, object]
) -> None:
    acme.feed = replace(lax(), **change)  # type: ignore[arg-type]
    before = acme.tables()
    run = acme.day([*without(3), *TWO_MORE], THU)
    assert (run.state, run.settled["ok"], run.plan["held"]) == ("compared", True, False)
    assert (run.counts["end"], run.counts["add"]) == (1, 2)
    assert (run.applied, acme.tables()) == ({"state": "compared"}, before)


def dry(acme: Driver, delivery_id: str) -> dict[str, object]:
    steps.stage(acme.feed, delivery_id, 1, acme.site, dry_run=True)
    return steps.plan(acme.feed, delivery_id, 1, acme.site, dry_run=True)


LEDGER = "SELECT delivery_id, disposition, reason, lines::text FROM ops.line_account ORDER BY 1, 2, 3"


def test_a_dry_run_says_what_would_happen_and_moves_nothing(acme: Driver) -> None:
    delivery_id = acme.deliver([*without(3), employee(11, STATE="?")], THU)
    before = acme.tables(), acme.all("SELECT * FROM ops.plan"), acme.all("SELECT * FROM ops.quarantine")
    plan = dry(acme, delivery_id)
    assert plan["counts"]["eligibility"]["end"] == 1  # type: ignore[index]
    assert (acme.facts(delivery_id)["state"], acme.incidents()) == ("landed", [])
    assert (acme.tables(), acme.all("SELECT * FROM ops.plan"), acme.all("SELECT * FROM ops.quarantine")) == before
    assert acme.run(delivery_id).state == "published"


def test_a_dry_run_of_what_is_held_or_applied_leaves_its_accounts_alone(acme: Driver) -> None:
    acme.feed = HOLDS
    applied, held = acme.day(without(3), THU), acme.planned(acme.deliver([*BASE, *TWO_MORE], FRI))
    before = acme.all(LEDGER)
    assert dry(acme, applied.delivery_id)["state"] == "published"
    assert dry(acme, held.delivery_id)["digest"] == held.plan["digest"]
    assert acme.all(LEDGER) == before
    acme.decide(held)
    assert acme.finished(held).state == "published"


def test_dates_are_judged_against_the_files_day_and_not_the_clock(acme: Driver) -> None:
    run = acme.day([*BASE, employee(11, COVEFF="12/01/2030")], next_day(WED, 300))
    assert (run.state, run.counts["add"]) == ("published", 1)
