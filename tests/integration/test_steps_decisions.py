"""Holds and who answers them: one digest, the persons the contract asks for, and never the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import psycopg
import pytest

from concord import steps
from concord.contract import Limit
from concord.errors import Fenced, IllegalTransition, NeedsDecision
from concord.postgres import connect
from tests.rosters import BASE, DECEMBER, FRI, JANUARY, THU, Driver, Run, guarded, key, lax, roster, without

HOLDS = guarded(ends=Limit(share=0.01, floor=2))
"""Two ended spans hold a delivery."""


def held(acme: Driver, *, day: date = FRI) -> Run:
    """A file without employees 3 and 4."""
    acme.feed = HOLDS
    run = acme.planned(acme.deliver(without(3, 4), day))
    assert run.state == "held"
    return run


def approvals(acme: Driver, delivery_id: str) -> list[str]:
    return [row["verdict"] for row in acme.all("SELECT verdict FROM ops.decision WHERE delivery_id = %s", delivery_id)]


def test_an_approved_plan_is_applied(acme: Driver) -> None:
    run = held(acme)
    assert acme.decide(run) == {"verdict": "approve", "standing": True, "by": "ann"}
    assert acme.finished(run).state == "published"
    assert acme.spans()[key(3)] == [(JANUARY, DECEMBER)]
    assert acme.incidents() == []


def test_a_declined_plan_writes_nothing_and_its_run_is_red(acme: Driver) -> None:
    run, before = held(acme), acme.tables()
    acme.decide(run, "decline")
    acme.finished(run)
    assert (run.applied, run.state, run.settled["ok"]) == ({"state": "declined"}, "declined", False)
    assert acme.tables() == before
    assert acme.facts(run.delivery_id)["state_reason"] == "declined by ann"
    assert acme.incidents() == []


def test_the_file_after_a_declined_one_is_judged_against_todays_tables(acme: Driver) -> None:
    declined = held(acme, day=THU)
    acme.run(declined.delivery_id, "decline")
    assert acme.day(without(3), FRI).counts["end"] == 1


@pytest.mark.parametrize(("first", "second"), [("approve", "decline"), ("decline", "approve")])
def test_whoever_answers_first_has_answered(acme: Driver, first: str, second: str) -> None:
    run = held(acme)
    acme.decide(run, first)
    assert acme.decide(run, second, by="bob") == {"verdict": first, "standing": True, "by": "ann"}
    assert approvals(acme, run.delivery_id) == [first]


def test_nobody_can_approve_another_digest_or_what_is_not_held(acme: Driver) -> None:
    run = held(acme)
    wrong = replace(run, plan={**run.plan, "digest": "0" * 64})
    with pytest.raises(NeedsDecision):
        acme.decide(wrong)
    acme.feed = lax()
    ordinary = acme.planned(acme.deliver([*BASE, *roster([11])], THU))
    with pytest.raises(NeedsDecision):
        acme.decide(ordinary)
    assert approvals(acme, run.delivery_id) == approvals(acme, ordinary.delivery_id) == []


def test_an_unanswered_plan_is_not_applied_and_its_next_attempt_asks_again(acme: Driver) -> None:
    run, before = held(acme), acme.tables()
    acme.finished(run)
    assert (run.applied, run.state, run.settled["ok"]) == ({"state": "held"}, "held", True)
    conf = {"delivery_id": run.delivery_id, "attempt": 2}
    assert [opened["conf"] for opened in run.settled["open"]] == [conf]
    assert acme.tables() == before
    again = acme.planned(run.delivery_id)
    assert (again.state, again.attempt, again.plan["digest"]) == ("held", 2, run.plan["digest"])


def test_an_attempt_that_is_over_can_do_nothing_more(acme: Driver) -> None:
    run = held(acme)
    acme.finished(run)
    for step in (steps.stage, steps.plan, steps.apply):
        with pytest.raises(Fenced):
            step(acme.feed, run.delivery_id, 1, acme.site)


def test_waiting_decides_nothing_it_escalates_once(acme: Driver) -> None:
    run = held(acme)
    told = len(acme.told)
    acme.do("UPDATE ops.incident SET opened_at = opened_at - %s", HOLDS.policy.hold_escalates_after)
    assert [steps.reconcile_ledger([acme.feed], acme.site)["escalated"] for _ in range(2)] == [1, 0]
    assert acme.facts(run.delivery_id)["state"] == "held"
    (text,) = [text for _, text in acme.told[told:]]
    assert f"concord plan {run.delivery_id}" in text


# ── the tables moved ──


def moved_under(acme: Driver, *late: dict[str, str]) -> Run:
    """Friday's file is held; meanwhile Thursday's arrives late and is applied."""
    run = held(acme)
    acme.decide(run)
    acme.feed = lax()
    assert acme.day(list(late), THU).state == "published"
    acme.feed = HOLDS
    assert acme.facts(run.delivery_id)["state"] == "held"
    return run


def test_an_approval_is_not_used_for_a_plan_that_changed_with_the_tables(acme: Driver) -> None:
    run = moved_under(acme, *without(10), *roster([11, 12]))
    before = acme.tables()
    acme.finished(run)
    assert (run.applied, run.state) == ({"state": "held"}, "held")
    assert acme.tables() == before
    assert [opened["conf"]["attempt"] for opened in run.settled["open"]] == [2]
    again = acme.planned(run.delivery_id)
    assert (again.state, again.attempt) == ("held", 2)
    assert again.plan["digest"] != run.plan["digest"]
    assert steps.standing(acme.feed, run.delivery_id, acme.site) is None
    with pytest.raises(NeedsDecision):
        acme.decide(replace(again, plan={**again.plan, "digest": "f" * 64}))
    acme.decide(again)
    assert acme.finished(again).state == "published"
    assert (acme.spans()[key(11)], acme.spans()[key(10)]) == ([(JANUARY, DECEMBER)], [(JANUARY, None)])


def test_an_approval_still_counts_when_the_tables_moved_elsewhere(acme: Driver) -> None:
    """Thursday's file has the same rows in another order: Friday's plan is computed again, and is the same."""
    run = moved_under(acme, *reversed(BASE))
    assert acme.finished(run).state == "published"
    plans = acme.all("SELECT digest, base_seq FROM ops.plan WHERE delivery_id = %s ORDER BY plan_id", run.delivery_id)
    assert [plan["base_seq"] for plan in plans] == [1, 2]
    assert {plan["digest"] for plan in plans} == {run.plan["digest"]}


# ── two persons ──

TWO = replace(HOLDS, policy=replace(HOLDS.policy, approvers=2))


def test_one_person_twice_is_not_two(acme: Driver) -> None:
    run = held(acme)
    acme.feed = TWO
    answers = [acme.decide(run)["standing"], acme.decide(run)["standing"]]
    assert (answers, approvals(acme, run.delivery_id)) == ([False, False], [])
    assert steps.apply(acme.feed, run.delivery_id, run.attempt, acme.site)["state"] == "held"


def test_two_persons_are_two(acme: Driver) -> None:
    acme.feed = TWO
    run = acme.planned(acme.deliver(without(3, 4), FRI))
    assert [acme.decide(run)["standing"], acme.decide(run, by="bob")["standing"]] == [False, True]
    assert acme.finished(run).state == "published"


def test_one_person_is_enough_to_decline(acme: Driver) -> None:
    acme.feed = TWO
    run = acme.planned(acme.deliver(without(3, 4), FRI))
    assert acme.decide(run, "decline")["standing"] is True
    assert acme.finished(run).state == "declined"


# ── what remains ──


def test_every_answer_is_in_the_audit_trail_and_the_loader_cannot_change_it(acme: Driver) -> None:
    run = held(acme)
    acme.decide(run)
    with connect(str(acme.site.settings.auditor_url)) as connection:
        entries = connection.execute(
            "SELECT actor, action, detail FROM ops.audit WHERE object = %s", (run.delivery_id,)
        )
        found = [(row["actor"], row["action"], row["detail"]["digest"]) for row in entries.fetchall()]
    assert found == [("ann", "approve", run.plan["digest"])]
    for statement in ("DELETE FROM ops.decision", "UPDATE ops.decision SET verdict = 'decline'", "TRUNCATE ops.audit"):
        with pytest.raises(Exception, match="42501"):
            acme.do(statement)


def test_the_ledger_allows_no_step_that_the_specification_does_not_have(acme: Driver) -> None:
    run = acme.day(without(3), THU)
    with pytest.raises(IllegalTransition, match="no way from published to held"):
        acme.do("UPDATE ops.delivery SET state = 'held' WHERE delivery_id = %s", run.delivery_id)
    with psycopg.connect(acme.site.settings.loader_url) as raw, pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("DELETE FROM ops.delivery_event")


def test_each_change_of_state_has_its_event_and_its_actor(acme: Driver) -> None:
    run = held(acme)
    acme.decide(run)
    acme.finished(run)
    events = acme.all("SELECT * FROM ops.delivery_event WHERE delivery_id = %s ORDER BY event_id", run.delivery_id)
    assert [event["to_state"] for event in events] == ["discovered", "landed", "staged", "held", "applied", "published"]
    assert all(event["actor"] for event in events)


def test_the_trouble_with_a_broken_contract_is_over_when_it_is_mended_or_deleted(acme: Driver) -> None:
    for name in ("borealis_changes", "gone_feed"):
        steps.in_trouble(acme.site, f"{name}_broken", "mend_the_contract", "ContractError")
    steps.reconcile_ledger([acme.feed], acme.site, broken=["borealis_changes", "gone_feed"])
    assert len(acme.incidents()) == 2
    steps.reconcile_ledger([acme.feed], acme.site, broken=["borealis_changes"])
    assert [row["cause"] for row in acme.incidents()] == ["operation:borealis_changes_broken:mend_the_contract"]
