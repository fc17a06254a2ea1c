"""What stands between plan and apply is checked again: the stage table, the plan's rows, the contract, the fence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from concord import ledger, postgres, steps
from concord import stage as staging
from concord.contract import Limit, Omission
from concord.errors import BaseMoved, Fenced
from concord.reconcile import apply as applying
from concord.steps.applying import _plan, _write
from tests.rosters import DECEMBER, FRI, JANUARY, THU, Driver, Run, employee, guarded, key, lax, roster, without

FILE = [*without(3), *roster([11])]
"""One leaves, one joins."""


def planned(acme: Driver) -> Run:
    run = acme.planned(acme.deliver(FILE, THU))
    assert run.state == "planned"
    return run


def stage_of(acme: Driver, run: Run) -> str:
    """The stage table's name."""
    with acme.site.database("test") as connection:
        found = staging.current(connection, run.delivery_id)
        assert found
        return found.table.as_string(connection)


def applied_as_planned(acme: Driver, run: Run) -> None:
    assert acme.finished(run).state == "published"
    plans = acme.all("SELECT digest FROM ops.plan WHERE delivery_id = %s", run.delivery_id)
    assert {plan["digest"] for plan in plans} == {run.plan["digest"]}
    spans = acme.spans()
    assert (spans[key(3)], spans[key(11)], len(spans)) == ([(JANUARY, DECEMBER)], [(JANUARY, None)], 14)


# ── the stage table is a cache ──

LOST = {
    "emptied": "TRUNCATE {}",
    "gone": "DROP TABLE {}",
    "without a row": "DELETE FROM {} WHERE line = 5",
    "altered": "UPDATE {} SET plan_code = 'HMO-9' WHERE line = 5",
}


@pytest.mark.parametrize("how", LOST)
def test_a_stage_table_lost_between_plan_and_apply_is_built_again_with_the_same_result(acme: Driver, how: str) -> None:
    run = planned(acme)
    acme.do(LOST[how].format(stage_of(acme, run)))
    applied_as_planned(acme, run)


def test_a_stage_table_emptied_before_the_plan_is_built_again(acme: Driver) -> None:
    delivery_id = acme.deliver(FILE, THU)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    run = Run(delivery_id, 1, "staged")
    acme.do(f"TRUNCATE {stage_of(acme, run)}")
    run.plan = steps.plan(acme.feed, delivery_id, 1, acme.site)
    applied_as_planned(acme, run)


def test_without_the_check_an_emptied_stage_looks_like_everyone_left(
    acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    delivery_id = acme.deliver(FILE, THU)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    acme.do(f"TRUNCATE {stage_of(acme, Run(delivery_id, 1, 'staged'))}")
    monkeypatch.setattr(staging, "verify", lambda connection, found, *_: found)
    monkeypatch.setattr("concord.reconcile.balance.account_lines", lambda *_: {})
    assert steps.plan(acme.feed, delivery_id, 1, acme.site)["counts"]["eligibility"]["end"] == 13


def test_an_approval_outlives_the_loss_of_the_stage(acme: Driver) -> None:
    acme.feed = guarded(ends=Limit(share=0.01, floor=1))
    run = acme.planned(acme.deliver(FILE, THU))
    acme.decide(run)
    acme.do(f"TRUNCATE {stage_of(acme, run)}")
    applied_as_planned(acme, run)


def test_the_loss_of_the_previous_stage_changes_the_evidence_only(acme: Driver) -> None:
    (previous,) = acme.all("SELECT delivery_id FROM ops.delivery")
    acme.do(f"TRUNCATE {stage_of(acme, Run(previous['delivery_id'], 1, ''))}")
    applied_as_planned(acme, planned(acme))


# ── the plan's rows ──

TAMPERED = {
    "an end moved": "UPDATE ops.plan_row SET to_after = '2026-01-02' WHERE action = 'end' AND plan_id = %s",
    "an end removed": "DELETE FROM ops.plan_row WHERE action = 'end' AND plan_id = %s",
    "an add hidden": "UPDATE ops.plan_row SET action = 'ignored' WHERE action = 'add' AND plan_id = %s",
    "an end left out": "UPDATE ops.plan_row SET part = 'none' WHERE action = 'end' AND plan_id = %s",
    "an end of somebody else": (
        "UPDATE ops.plan_row SET held_row_id = (SELECT row_id FROM core.eligibility WHERE subscriber_id = 'E0000007')"
        " WHERE action = 'end' AND plan_id = %s"
    ),
}


def newest_plan(acme: Driver, run: Run) -> int:
    return int(acme.all("SELECT max(plan_id) AS n FROM ops.plan WHERE delivery_id = %s", run.delivery_id)[0]["n"])


@pytest.mark.parametrize("how", TAMPERED)
def test_a_plan_that_was_changed_by_hand_is_not_applied_but_computed_again(acme: Driver, how: str) -> None:
    run = planned(acme)
    acme.do(TAMPERED[how], newest_plan(acme, run))
    applied_as_planned(acme, run)


def test_without_the_digests_check_the_changed_plan_would_be_written(
    acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    run = planned(acme)
    acme.do(TAMPERED["an end moved"], newest_plan(acme, run))
    monkeypatch.setattr(applying, "_check_digest", lambda *_: None)
    acme.finished(run)
    assert acme.spans()[key(3)][0][1] != DECEMBER


# ── the contract ──


def test_a_contract_changed_between_plan_and_apply_is_planned_again_under_the_new_one(acme: Driver) -> None:
    run = planned(acme)
    acme.feed = lax(Omission.AS_OF_DATE)
    assert acme.finished(run).state == "published"
    assert acme.spans()[key(3)] == [(JANUARY, THU)]
    plans = acme.all("SELECT contract_hash FROM ops.plan WHERE delivery_id = %s ORDER BY plan_id", run.delivery_id)
    assert plans[-1]["contract_hash"] == acme.feed.fingerprint != plans[0]["contract_hash"]


def test_an_approval_given_under_another_contract_counts_only_for_the_same_digest(acme: Driver) -> None:
    holds = guarded(ends=Limit(share=0.01, floor=1))
    acme.feed = holds
    run = acme.planned(acme.deliver(FILE, THU))
    acme.decide(run)
    acme.feed = replace(holds, policy=replace(holds.policy, omission=Omission.AS_OF_DATE))
    assert acme.finished(run).state == "held"
    assert acme.spans()[key(3)] == [(JANUARY, None)]
    again = acme.planned(run.delivery_id)
    acme.feed = replace(holds, owner="somebody else")
    acme.planned_as(again.delivery_id, again.attempt)
    assert acme.finished(again).state == "published"


# ── the fence ──


def write_with(acme: Driver, run: Run, fence: int) -> Any:
    with acme.site.database("test") as connection:
        delivery = ledger.find(connection, run.delivery_id)
    return _write(acme.feed, delivery, acme.site, fence)


def two_fences(acme: Driver) -> tuple[int, int]:
    with acme.site.database("test") as connection:
        return ledger.take_fence(connection, acme.feed.name), ledger.take_fence(connection, acme.feed.name)


def test_an_older_fence_may_not_write(acme: Driver) -> None:
    run, before = planned(acme), acme.tables()
    older, newer = two_fences(acme)
    with pytest.raises(Fenced, match=f"fence {older}"):
        write_with(acme, run, older)
    assert acme.tables() == before
    assert write_with(acme, run, newer).rows["eligibility"] == {"closed": 1, "opened": 2}


def test_without_the_fence_the_older_attempt_would_have_written(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the same call, the fence left out of both statements."""
    run = planned(acme)
    older, _ = two_fences(acme)
    unfenced = {
        name: postgres.statement(name).replace(" AND fence = %(fence)s", "")
        for name in ("ledger/hold_lease", "apply/advance_lease")
    }
    sound = postgres.statement
    monkeypatch.setattr(postgres, "statement", lambda name: unfenced.get(name) or sound(name))
    assert write_with(acme, run, older).rows["eligibility"] == {"closed": 1, "opened": 2}


def test_an_orphan_that_wakes_after_the_apply_finds_nothing_to_do(acme: Driver) -> None:
    run = planned(acme)
    acme.finished(run)
    before = acme.tables()
    _, newest = two_fences(acme)
    with pytest.raises(Fenced, match="there is nothing to apply"):
        write_with(acme, run, newest)
    assert acme.tables() == before


def test_a_plan_names_the_base_it_was_computed_against(acme: Driver) -> None:
    """Somebody else wrote since: not even the newest fence applies it as it is."""
    run, before = planned(acme), acme.tables()
    acme.do("UPDATE ops.lease SET state_seq = state_seq + 1")
    with pytest.raises(BaseMoved):
        write_with(acme, run, two_fences(acme)[1])
    assert acme.tables() == before
    applied_as_planned(acme, run)


def test_a_failure_in_the_middle_of_an_apply_leaves_nothing_behind(
    acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before = planned(acme), acme.tables()

    def power_cut(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(applying, "_enter", power_cut)
        with pytest.raises(RuntimeError):
            acme.finished(run)
    assert (acme.tables(), acme.facts(run.delivery_id)["state"]) == (before, "planned")
    applied_as_planned(acme, run)


def test_a_run_that_ended_before_its_delivery_did_is_a_failure_that_can_be_opened_again(acme: Driver) -> None:
    delivery_id = acme.deliver([*FILE, employee(12)], FRI)
    steps.stage(acme.feed, delivery_id, 1, acme.site)
    settled = steps.settle(acme.feed, delivery_id, 1, acme.site)
    assert (settled["state"], settled["ok"]) == ("failed", False)
    (incident,) = acme.incidents()
    assert all(word in incident["text"] for word in ("Safe: ", "Press: ", delivery_id, "attempt 2"))
    again = acme.planned_as(delivery_id, 2)
    assert acme.finished(again).state == "published"
    assert acme.incidents() == []


def test_the_newest_plan_is_the_one_that_counts(acme: Driver) -> None:
    run = planned(acme)
    acme.planned_as(run.delivery_id, 2)
    with acme.site.database("test") as connection:
        plan = _plan(connection, ledger.find(connection, run.delivery_id))
    assert plan["plan_id"] == newest_plan(acme, run)
    assert plan["attempt"] == 2
