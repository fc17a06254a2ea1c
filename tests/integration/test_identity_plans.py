"""Links are planned, held, answered and applied: stability, contradictions, merges, reviews, races, views."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from concord import identity, postgres
from concord.contract import Limit
from concord.errors import BaseMoved, Fenced, NeedsDecision, Unbalanced
from concord.identity import Limits, LinkPlan
from concord.identity.guard import evaluate, verdict
from tests.linking import BORN, LINKLETTER, Linking
from tests.tally import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.playground import Playground

HOME = {name: LINKLETTER[name] for name in ("address_line_1", "postal_code")}
NUMBER = {"ssn": "400561234"}


@pytest.fixture
def linking(blank: Playground) -> Linking:
    return Linking.begin(blank)


@pytest.fixture
def linked(linking: Linking) -> Linking:
    """p1 is L100, by name and address; p9 is nobody."""
    linking.member("L100")
    linking.patient("p1", **HOME)
    linking.patient("p9", birth_date=BORN)
    linking.link()
    return linking


def is_linked(linking: Linking, resource_id: str = "p1", subscriber: str = "L100") -> bool:
    return linking.person(resource_id) == linking.person(subscriber, "01")


def actions(plan: LinkPlan) -> dict[str, int]:
    return {**plan.counts["member"], **plan.counts["patient"]}


# ── nothing changes without a reason ───────────────────────────────────────────


def test_planned_again_nothing_is_left_to_do(linked: Linking) -> None:
    before = linked.tables()
    plan = linked.plan()
    assert (actions(plan), plan.verdict, plan.tripped) == ({}, "apply", ())
    linked.apply(plan)
    changed = [row for row in linked.tables() if row not in before]
    assert [row["what"] for row in changed] == ["ops.link_lease"]


def test_planning_alone_writes_nothing_to_core(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME)
    linking.plan()
    assert linking.tables() == []


def test_applying_a_plan_twice_changes_nothing(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME)
    plan, fence = linking.plan(), linking.fence()
    first = linking.apply(plan, fence)
    assert (first.persons, first.opened, first.again) == (1, 2, False)
    before = linking.tables()
    again = linking.apply(plan, fence)
    assert (again.again, again.opened) == (True, 0)
    assert linking.tables() == before
    assert linking.flaws() == {}


def test_equal_outcomes_have_equal_digests_although_new_persons_have_new_ids(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME)
    linking.patient("p2", **HOME)
    first, second = linking.plan(), linking.plan()
    assert first.plan_id != second.plan_id
    assert first.digest == second.digest
    linking.patient("p3", birth_date=BORN)
    assert linking.plan().digest != first.digest


def test_a_member_keeps_its_person_whatever_is_corrected(linked: Linking) -> None:
    person = linked.person("L100", "01")
    linked.correct("member", "L100", last_name="Newly", address_line_1="9 Other Road", phone=None)
    plan = linked.link()
    assert actions(plan) == {}
    assert linked.person("L100", "01") == person


def test_who_moves_or_marries_stays_linked(linked: Linking) -> None:
    linked.correct("patient", "p1", last_name="Newly", address_line_1="9 Other Road", postal_code="90001")
    assert actions(linked.link()) == {}
    assert is_linked(linked)


def test_a_link_that_is_found_by_a_stronger_rule_says_so_and_keeps_its_day(linked: Linking) -> None:
    since = "SELECT since, known_from FROM core.crosswalk WHERE key = '{p1}'"
    before = linked.place.connection.execute(since).fetchone()
    linked.correct("patient", "p1", member_identifier="L100")
    plan = linked.link()
    after = linked.place.connection.execute(since).fetchone()
    assert (actions(plan), plan.verdict, linked.rule("p1")) == ({"restate": 1}, "apply", "identifier")
    assert after["since"] == before["since"]
    assert after["known_from"] > before["known_from"]


def test_a_patient_who_becomes_a_member_takes_the_members_person(linked: Linking) -> None:
    before = linked.person("p9")
    linked.member("L900", birth_date=BORN)
    linked.correct("patient", "p9", member_identifier="L900")
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"new": 1, "link": 1}, "apply")
    assert is_linked(linked, "p9", "L900")
    history = linked.place.connection.execute("SELECT person_id::text, closed_by_action FROM core.crosswalk_history")
    assert [tuple(row.values()) for row in history] == [(before, "link")]


def test_what_was_believed_before_can_be_asked_for(linked: Linking) -> None:
    known = linked.place.connection.execute("SELECT max(known_from) AS at FROM core.crosswalk").fetchone()["at"]
    before = linked.person("p9")
    linked.member("L900", birth_date=BORN)
    linked.correct("patient", "p9", member_identifier="L900")
    linked.link()
    asked = "SELECT person_id::text AS person FROM core.crosswalk_known(%s) WHERE key = '{p9}'"
    persons = [linked.place.connection.execute(asked, [at]).fetchone()["person"] for at in (known, "infinity")]
    assert persons == [before, linked.person("L900", "01")]


# ── contradictions ─────────────────────────────────────────────────────────────


def contradict(linked: Linking) -> LinkPlan:
    """The health system corrects the date of birth."""
    linked.correct("patient", "p1", birth_date=BORN)
    return linked.plan()


def test_a_corrected_birth_unlinks_and_that_is_held(linked: Linking) -> None:
    plan = contradict(linked)
    assert (actions(plan), plan.verdict, plan.tripped) == ({"unlink": 1, "review": 1}, "hold_losses", ("losses",))
    assert linked.apply(plan).parts == ("grant",)
    assert is_linked(linked), "nobody approved it"
    assert linked.asked() == {"p1": "link_contradicted"}
    with pytest.raises(NeedsDecision, match="not approved"):
        linked.apply(linked.plan())


def test_an_approved_unlink_is_applied_and_the_patient_is_another_person(linked: Linking) -> None:
    linked.apply(contradict(linked))
    again = linked.plan()
    assert linked.approve(again) == identity.Answer("approve", "jo")
    assert linked.apply(again).parts == ("grant", "loss")
    assert not is_linked(linked)
    assert linked.rule("p1") == "own"
    assert (actions(linked.link()), linked.asked(), linked.flaws()) == ({"withdraw": 1}, {}, {})


def test_an_answer_stands_while_only_new_records_arrive(linked: Linking) -> None:
    plan = contradict(linked)
    linked.approve(plan)
    linked.member("L500", birth_date=BORN, first_name="Piet")
    later = linked.plan()
    assert later.digest != plan.digest
    assert later.asks == plan.asks
    assert linked.apply(later).parts == ("grant", "loss")
    assert not is_linked(linked)
    assert linked.flaws() == {}


def test_a_declined_unlink_is_not_applied_and_new_records_are(linked: Linking) -> None:
    plan = contradict(linked)
    assert linked.approve(plan, "decline").verdict == "decline"
    assert linked.approve(plan, by="sam") == identity.Answer("decline", "jo"), "the first answer stands"
    linked.apply(linked.plan())
    assert is_linked(linked)
    with pytest.raises(NeedsDecision, match="declined"):
        linked.apply(linked.plan())
    linked.patient("p7", birth_date=BORN)
    assert linked.apply(linked.plan()).parts == ("grant",)
    assert linked.rule("p7") == "own"


def test_the_same_unlink_at_another_time_is_asked_again(linked: Linking) -> None:
    plan = contradict(linked)
    linked.approve(plan)
    linked.apply(linked.plan())
    linked.correct("patient", "p1", birth_date=LINKLETTER["birth_date"])
    linked.link()
    assert is_linked(linked)
    again = contradict(linked)
    assert again.verdict == "hold_losses"
    assert again.asks != plan.asks
    linked.apply(again)
    assert is_linked(linked)


def test_an_answer_to_something_else_is_refused(linked: Linking) -> None:
    plan = linked.plan()
    assert plan.asks is None
    with linked.database() as connection, pytest.raises(NeedsDecision):
        identity.decide_links(connection, digest=plan.digest, verdict="approve", by="jo", via="shell")


def test_who_leaves_becomes_again_who_it_was(linked: Linking) -> None:
    was = linked.person("p9")
    linked.member("L900", birth_date=BORN)
    linked.correct("patient", "p9", member_identifier="L900")
    linked.link()
    linked.correct("patient", "p9", birth_date=LINKLETTER["birth_date"], first_name="Piet")
    plan = linked.plan()
    linked.approve(plan)
    linked.apply(plan)
    assert linked.person("p9") == was


def test_a_link_that_moves_to_another_member_is_held(linked: Linking) -> None:
    linked.member("L200", birth_date=BORN)
    linked.correct("patient", "p1", birth_date=BORN)
    plan = linked.plan()
    assert (actions(plan), plan.verdict) == ({"new": 1, "relink": 1, "review": 1}, "hold_losses")
    linked.apply(plan)
    assert is_linked(linked)
    again = linked.plan()
    linked.approve(again)
    linked.apply(again)
    assert is_linked(linked, "p1", "L200")


def test_a_second_candidate_takes_no_link_away_and_is_asked_about(linked: Linking) -> None:
    linked.member("L200", **NUMBER, phone=None)
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"new": 1, "review": 1}, "apply")
    assert is_linked(linked)
    assert linked.asked() == {"p1": "several_candidates"}


def test_a_member_that_was_joined_by_number_parts_when_its_birth_is_corrected(linking: Linking) -> None:
    linking.member("L100", **NUMBER)
    linking.member("L900", **NUMBER)
    linking.link()
    linking.correct("member", "L900", birth_date=BORN)
    plan = linking.plan()
    assert (actions(plan), plan.verdict) == ({"unlink": 1}, "hold_losses")
    linking.approve(plan)
    linking.apply(plan)
    assert linking.person("L100", "01") != linking.person("L900", "01")
    assert actions(linking.link()) == {}


# ── the guard against many at once ─────────────────────────────────────────────


def crowd(linking: Linking, how_many: int = 12) -> None:
    for number in range(how_many):
        linking.member(f"M{number}", first_name=f"Odile{chr(97 + number)}")
        linking.patient(f"c{number}", first_name=f"Odile{chr(97 + number)}", **HOME)
    linking.link()


def test_many_links_that_go_at_once_hold_everything(linking: Linking) -> None:
    crowd(linking)
    for number in range(10):
        linking.correct("patient", f"c{number}", birth_date=BORN)
    linking.patient("p7", birth_date=BORN)
    plan = linking.plan()
    assert (plan.verdict, set(plan.tripped)) == ("hold", {"losses", "changed"})
    with pytest.raises(NeedsDecision):
        linking.apply(plan)
    lax = linking.plan(Limits(changed=Limit(share=0.99, floor=1_000)))
    assert lax.verdict == "hold_losses", "negative control: without the guard the grants go on"
    assert linking.approve(linking.plan()).verdict == "approve"
    assert linking.apply(linking.plan()).parts == ("grant", "loss")
    assert linking.flaws() == {}


def test_many_patients_that_vanish_at_once_are_held_although_nobody_is_unlinked(linking: Linking) -> None:
    crowd(linking)
    for number in range(10):
        linking.remove("patient", f"c{number}")
    plan = linking.plan()
    assert (actions(plan), plan.verdict, plan.tripped) == ({"retire": 10}, "hold", ("changed",))


@pytest.mark.parametrize(
    ("linked", "changed", "losses", "expected"),
    [(0, 0, 0, "apply"), (2_000, 9, 0, "apply"), (1_000, 10, 0, "apply"), (999, 10, 0, "hold"),
     (1_000, 1, 1, "hold_losses"), (10, 10, 10, "hold")],
)  # fmt: skip
def test_the_guard_counts_share_and_floor(linked: int, changed: int, losses: int, expected: str) -> None:
    assert verdict(evaluate(Limits(), linked=linked, changed=changed, losses=losses)) == expected


# ── patients that were merged, and records that are gone ───────────────────────


def test_who_was_merged_follows_the_survivor_to_its_person(linked: Linking) -> None:
    linked.correct("patient", "p9", replaced_by_reference="Patient/p1")
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"follow": 1}, "apply")
    assert linked.person("p9") == linked.person("p1") == linked.person("L100", "01")
    assert linked.rule("p9") == "merged"
    assert actions(linked.link()) == {}


def test_what_is_known_of_the_merged_speaks_for_the_survivor(linking: Linking) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME, replaced_by_reference="Patient/p2")
    linking.patient("p2", replaced_by_reference="Patient/p3")
    linking.patient("p3", last_name="Newly")
    linking.link()
    assert {linking.person(each) for each in ("p1", "p2", "p3")} == {linking.person("L100", "01")}
    assert [linking.rule(each) for each in ("p1", "p2", "p3")] == ["merged", "merged", "name"]
    assert linking.flaws() == {}


def test_a_survivor_that_is_new_takes_the_link_of_the_merged_over(linked: Linking) -> None:
    linked.correct("patient", "p1", address_line_1="moved", replaced_by_reference="Patient/p2")
    linked.patient("p2")
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"link": 1, "restate": 1}, "apply")
    assert linked.person("p2") == linked.person("p1") == linked.person("L100", "01")


def test_following_that_would_take_a_patient_off_a_member_is_held(linked: Linking) -> None:
    linked.correct("patient", "p1", replaced_by_reference="Patient/p9", birth_date=None, first_name="Else")
    plan = linked.plan()
    assert (actions(plan), plan.verdict) == ({"follow": 1}, "hold_losses")
    with pytest.raises(NeedsDecision):
        linked.apply(plan)
    linked.approve(plan)
    linked.apply(plan)
    assert linked.person("p1") == linked.person("p9")
    assert not is_linked(linked)


def test_who_is_new_and_merged_into_somebody_held_is_a_person_of_its_own_meanwhile(linked: Linking) -> None:
    linked.correct("patient", "p1", birth_date=BORN)
    linked.patient("p2", birth_date=BORN, replaced_by_reference="Patient/p1")
    plan = linked.plan()
    assert plan.counts["patient"] == {"unlink": 1, "review": 1, "new": 1}
    linked.apply(plan)
    assert linked.person("p2") not in (linked.person("p1"), linked.person("L100", "01"))
    again = linked.plan()
    linked.approve(again)
    linked.apply(again)
    assert linked.person("p2") == linked.person("p1") != linked.person("L100", "01")


def test_a_merge_that_was_taken_back_parts_them_and_is_held(linked: Linking) -> None:
    linked.patient("p8", birth_date=BORN, first_name="Piet", replaced_by_reference="Patient/p9")
    linked.link()
    assert linked.person("p8") == linked.person("p9")
    linked.correct("patient", "p8", replaced_by_reference=None)
    plan = linked.plan()
    assert (actions(plan), plan.verdict) == ({"unlink": 1}, "hold_losses")
    linked.approve(plan)
    linked.apply(plan)
    assert linked.person("p8") != linked.person("p9")
    assert actions(linked.link()) == {}


@pytest.mark.parametrize("reference", ["Patient/p1", "Patient/gone", "https://elsewhere.example/Patient/p2"])
def test_a_merge_into_nobody_known_is_no_merge(linking: Linking, reference: str) -> None:
    linking.member("L100")
    linking.patient("p1", **HOME, replaced_by_reference=reference)
    linking.link()
    assert is_linked(linking)


def test_patients_merged_in_a_ring_follow_nobody(linking: Linking) -> None:
    linking.patient("p1", replaced_by_reference="Patient/p2")
    linking.patient("p2", replaced_by_reference="Patient/p1")
    linking.patient("p3", replaced_by_reference="Patient/p2")
    linking.link()
    assert len({linking.person(each) for each in ("p1", "p2", "p3")}) == 3


def test_a_patient_of_another_health_system_is_no_survivor(linking: Linking) -> None:
    linking.patient("p1", replaced_by_reference="Patient/p2")
    linking.patient("p2", partner="river", birth_date=BORN)
    linking.link()
    assert linking.person("p1") != linking.person("p2", partner="river")


def test_a_deleted_patient_is_retired_and_comes_back_as_who_it_was(linked: Linking) -> None:
    was = linked.person("p9")
    linked.remove("patient", "p9")
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"retire": 1}, "apply")
    linked.patient("p9", birth_date=BORN)
    linked.link()
    assert linked.person("p9") == was


def test_a_member_whose_key_changed_stays_the_person_with_its_patients(linked: Linking) -> None:
    was = linked.person("L100", "01")
    linked.remove("member", "L100")
    linked.member("N555")
    linked.place.connection.execute(
        "INSERT INTO core.key_change VALUES ('acme', '{L100,01}', '{N555,01}', 'aaaaaaaa', '{}', now())"
    )
    plan = linked.link()
    assert (actions(plan), plan.verdict) == ({"new": 1, "retire": 1}, "apply")
    assert linked.person("N555", "01") == linked.person("p1") == was
    assert (linked.rule("N555", "01"), actions(linked.link()), linked.flaws()) == ("rekey", {}, {})


# ── reviews ────────────────────────────────────────────────────────────────────


@pytest.fixture
def asked(linking: Linking) -> Linking:
    """p1 could be L100 of acme or G7 of globex."""
    linking.member("L100")
    linking.member("G7", partner="globex")
    linking.patient("p1", **HOME)
    linking.link()
    return linking


def test_open_reviews_are_told_as_counts(asked: Linking) -> None:
    with asked.database() as connection:
        (told,) = identity.reviews(connection)
    assert (told["partner"], told["reason"], told["rows"]) == ("lake", "several_candidates", 1)


def test_a_question_is_asked_once(asked: Linking) -> None:
    (before,) = asked.reviews()
    assert actions(asked.link()) == {}
    assert asked.reviews() == [before]


def test_an_answer_links_with_the_next_plan_and_stands(asked: Linking) -> None:
    person = asked.person("G7", "01", partner="globex")
    assert asked.answer("link", "p1", person) == identity.Answer("link", "jo")
    assert asked.rule("p1") == "own", "an answer writes no link"
    plan = asked.link()
    assert (actions(plan), plan.verdict) == ({"link": 1}, "apply")
    assert (asked.person("p1"), asked.rule("p1")) == (person, "decided")
    asked.correct("patient", "p1", birth_date=BORN)
    assert actions(asked.link()) == {}
    assert asked.flaws() == {}


def test_none_of_them_is_an_answer_too(asked: Linking) -> None:
    asked.answer("apart", "p1")
    assert actions(asked.link()) == {}
    assert (asked.rule("p1"), asked.asked()) == ("own", {})
    asked.member("N3", partner="newco")
    asked.link()
    assert asked.person("p1") == asked.person("N3", "01", partner="newco"), "it was not among those"


def test_a_contradicted_link_may_be_confirmed(linked: Linking) -> None:
    linked.apply(contradict(linked))
    linked.answer("link", "p1", linked.person("L100", "01"))
    plan = linked.link()
    assert (actions(plan), plan.verdict, linked.rule("p1")) == ({"restate": 1}, "apply", "decided")
    assert is_linked(linked)


def test_a_contradicted_link_may_be_denied_and_is_still_held(linked: Linking) -> None:
    linked.apply(contradict(linked))
    linked.answer("apart", "p1")
    plan = linked.plan()
    assert (actions(plan), plan.verdict) == ({"unlink": 1}, "hold_losses")
    linked.approve(plan)
    linked.apply(plan)
    assert not is_linked(linked)
    assert (actions(linked.link()), linked.asked()) == ({}, {})


def test_an_answer_can_be_taken_back(asked: Linking) -> None:
    asked.answer("apart", "p1")
    asked.link()
    (review,) = asked.reviews("decided")
    with asked.database() as connection:
        identity.reopen_review(connection, review["review_id"], by="sam")
    asked.link()
    assert asked.asked() == {"p1": "several_candidates"}


def test_a_question_that_answers_itself_is_withdrawn(asked: Linking) -> None:
    asked.correct("member", "G7", birth_date=BORN)
    assert actions(asked.link()) == {"link": 1, "withdraw": 1}
    assert is_linked(asked)
    assert [row["reason"] for row in asked.reviews("withdrawn")] == ["several_candidates"]


@pytest.mark.parametrize(
    ("answer", "person"),
    [("link", None), ("link", "11111111-1111-1111-1111-111111111111"), ("apart", "candidate"), ("merge", None)],
)
def test_an_answer_that_says_nothing_clear_is_refused(asked: Linking, answer: str, person: str | None) -> None:
    person = asked.person("L100", "01") if person == "candidate" else person
    with pytest.raises(NeedsDecision):
        asked.answer(answer, "p1", person)
    assert asked.asked() == {"p1": "several_candidates"}


def test_the_first_answer_stands(asked: Linking) -> None:
    (review,) = asked.reviews()
    asked.answer("apart", "p1")
    with asked.database() as connection:
        second = identity.decide_review(
            connection, review["review_id"], verdict="link", person_id=review["persons"][0], by="sam", via="page"
        )
        with pytest.raises(NeedsDecision):
            identity.decide_review(connection, 0, verdict="apart", by="sam", via="page")
    assert second == identity.Answer("apart", "jo")


# ── races ──────────────────────────────────────────────────────────────────────

MOVES: dict[str, Callable[[Linking], object]] = {
    "a delivery": Linking.applied_a_delivery,
    "other links": Linking.link,
    "an answer": lambda linking: linking.answer("apart", "p1"),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_plan_whose_base_moved_is_not_applied(asked: Linking, move: str) -> None:
    asked.patient("p5", birth_date=BORN)
    plan = asked.plan()
    MOVES[move](asked)
    before = asked.tables()
    with pytest.raises(BaseMoved):
        asked.apply(plan, fence := asked.fence())
    assert fence
    assert [row for row in asked.tables() if row not in before and row["what"] != "ops.link_lease"] == []
    asked.apply(asked.plan())
    assert asked.rule("p5") == "own"


def test_a_plan_of_other_rules_is_not_applied(linked: Linking, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = linked.plan()
    monkeypatch.setattr("concord.identity.apply.rules_hash", lambda: "other")
    with pytest.raises(BaseMoved, match="rules"):
        linked.apply(plan)


def test_a_plan_that_somebody_changed_is_not_applied(linking: Linking) -> None:
    linking.member("L100")
    linking.member("L200", birth_date=BORN)
    linking.patient("p1", **HOME)
    plan = linking.plan()
    linking.place.connection.execute("UPDATE ops.link_plan_row SET rule = 'ssn' WHERE entity = 'patient'")
    with pytest.raises(BaseMoved, match="digest"):
        linking.apply(plan)


def test_an_older_fence_may_not_write(linking: Linking) -> None:
    linking.member("L100")
    plan, fence = linking.plan(), linking.fence()
    linking.fence()
    with pytest.raises(Fenced):
        linking.apply(plan, fence)
    assert linking.apply(plan).opened == 1


def test_a_link_that_changed_under_the_plan_is_refused_whole(linked: Linking) -> None:
    """Negative control of the counting: somebody wrote past the lease."""
    linked.correct("patient", "p1", member_identifier="L100")
    linked.patient("p5", birth_date=BORN)
    plan = linked.plan()
    linked.place.connection.execute(
        "UPDATE core.crosswalk SET known_from = known_from + interval '1s' WHERE key = '{p1}'"
    )
    with pytest.raises(Unbalanced):
        linked.apply(plan)
    assert linked.rule("p1") == "name"


@pytest.mark.parametrize(
    "statement", ["open_links", "withdraw_reviews", "open_reviews", "advance_lease", "mark_applied"]
)
def test_an_apply_that_dies_on_the_way_leaves_nothing_and_is_repeated(
    asked: Linking, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.correct("member", "G7", birth_date=BORN)
    asked.patient("p5", birth_date=BORN, first_name="Piet")
    plan, fence, before, whole = asked.plan(), asked.fence(), asked.tables(), postgres.statement
    with monkeypatch.context() as dying:
        dying.setattr(postgres, "statement", lambda n: "SELECT 1 / 0" if n == f"identity/{statement}" else whole(n))
        with pytest.raises(postgres.StatementFailed):
            asked.apply(plan, fence)
    assert [row for row in asked.tables() if row["what"] != "ops.link_lease"] == [
        row for row in before if row["what"] != "ops.link_lease"
    ]
    assert asked.apply(plan, fence).opened == 2
    assert asked.flaws() == {}


def race(linking: Linking, plans: list[LinkPlan]) -> list[str]:
    """Applies the plans at once under one fence; what came of each."""
    fence, together, outcomes = linking.fence(), threading.Barrier(len(plans)), []

    def work(plan: LinkPlan) -> None:
        together.wait()
        try:
            done = linking.apply(plan, fence)
        except BaseMoved:
            outcomes.append("moved")
        else:
            outcomes.append("again" if done.again else "applied")

    threads = [threading.Thread(target=work, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_of_two_appliers_at_once_one_writes(linking: Linking) -> None:
    for number in range(50):
        linking.member(f"M{number}")
    plan = linking.plan()
    assert race(linking, [plan, plan]) == ["again", "applied"]
    linking.patient("p1")
    assert race(linking, [linking.plan(), linking.plan()]) == ["applied", "moved"]
    assert linking.flaws() == {}


# ── what analysts and auditors see ─────────────────────────────────────────────


def ask(url: object, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(str(url)) as connection:
        return connection.execute(query.encode(), values).fetchall()


def test_an_analyst_sees_what_is_asked_and_who_is_unlinked_and_nobodys_name(asked: Linking) -> None:
    asked.patient("p9", birth_date=BORN, state_code="OH", **NUMBER)
    asked.link()
    url = asked.place.settings.analyst_url
    shown = ask(url, "SELECT partner, resource_id, reason, candidates, state, verdict FROM mart.person_link_review")
    assert shown == [("lake", "p1", "several_candidates", 2, "open", None)]
    columns = "resource_id, person_id::text, birth_year, has_ssn, has_member_identifier, has_birth_date, review_reason"
    unlinked = ask(url, f"SELECT {columns} FROM mart.unlinked_patient ORDER BY 1")
    assert unlinked == [
        ("p1", asked.person("p1"), 1981, False, False, True, "several_candidates"),
        ("p9", asked.person("p9"), 1979, True, False, True, None),
    ]
    whole = str(
        ask(url, "SELECT m::text FROM mart.unlinked_patient m UNION ALL SELECT r::text FROM mart.person_link_review r")
    )
    assert [value for value in ("Linkletter", "Odile", "1979-02", "400561234", "Canal") if value in whole] == []


@pytest.mark.parametrize(
    "relation",
    ["core.person", "core.crosswalk", "core.crosswalk_history", "core.link_review", "core.patient", "ops.link_plan",
     "ops.link_plan_row", "ops.link_decision", "ops.link_lease"],
)  # fmt: skip
def test_an_analyst_reads_nothing_beneath(linking: Linking, relation: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(linking.place.settings.analyst_url, f"SELECT * FROM {relation}")


def test_an_analyst_of_one_partner_sees_its_patients_only(asked: Linking) -> None:
    asked.patient("q1", partner="river", birth_date=BORN)
    asked.link()
    own = "ops.analyst_scope SET partner = 'river' WHERE login = 'concord_analyst'"
    url = asked.place.settings.analyst_url
    asked.place.connection.execute(f"UPDATE {own}")
    try:
        assert ask(url, "SELECT resource_id FROM mart.unlinked_patient") == [("q1",)]
        assert ask(url, "SELECT resource_id FROM mart.person_link_review") == []
    finally:
        asked.place.connection.execute("UPDATE ops.analyst_scope SET partner = '*' WHERE login = 'concord_analyst'")


def test_a_linked_patient_is_not_among_the_unlinked(linked: Linking) -> None:
    shown = ask(linked.place.settings.analyst_url, "SELECT resource_id FROM mart.unlinked_patient")
    assert shown == [("p9",)]


def test_every_deed_has_its_entry_in_the_audit_trail(asked: Linking) -> None:
    asked.answer("link", "p1", asked.person("L100", "01"))
    asked.link()
    asked.patient("p5", birth_date=BORN, first_name="Piet")
    asked.link()
    actions_ = [
        row[0] for row in ask(asked.place.settings.auditor_url, "SELECT action FROM ops.audit ORDER BY audit_id")
    ]
    assert actions_ == ["link.apply", "link.link", "link.apply", "link.apply"]
    with asked.database() as connection:
        assert postgres.run(connection, "check/find_unaudited") == []


@pytest.mark.parametrize(
    "deed",
    ["UPDATE ops.link_decision SET verdict = 'approve'", "DELETE FROM core.person",
     "UPDATE core.crosswalk SET rule = 'x'",
     "DELETE FROM core.crosswalk_history", "DELETE FROM ops.link_plan", "DELETE FROM core.link_review",
     "UPDATE core.link_review SET candidates = '{}'", "UPDATE ops.link_plan_row SET rule = 'x'"],
)  # fmt: skip
def test_the_loader_rewrites_no_history(linking: Linking, deed: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(linking.place.settings.loader_url, deed)


# ── what concord check finds ───────────────────────────────────────────────────

BROKEN = {
    "link.missing": "DELETE FROM core.crosswalk WHERE key = '{p9}'",
    "link.person": "DELETE FROM core.person n USING core.crosswalk x WHERE n.person_id = x.person_id AND key = '{p9}'",
    "link.family": "INSERT INTO core.crosswalk SELECT partner, entity, '{L100,02}', person_id, 'own', '{}', since,"
    " link_plan_id, known_from FROM core.crosswalk WHERE key = '{L100,01}'",
    "link.known_overlap": "INSERT INTO core.crosswalk_history SELECT c.*, 'infinity', link_plan_id, 'link'"
    " FROM core.crosswalk c WHERE key = '{p9}'",
    "link.unapproved": "UPDATE ops.link_plan SET loss_digest = 'x'",
    "link.audit": "INSERT INTO ops.link_plan (base_seq, sources_seq, rules_hash, applied_parts, known_at, created_at)"
    " VALUES (0, 0, '', '{grant}', now(), '2026-01-01')",
}


@pytest.mark.parametrize("code", BROKEN)
def test_what_must_not_be_is_found(linked: Linking, code: str) -> None:
    """Negative control of every check: it is silent before and speaks after."""
    assert linked.flaws() == {}
    linked.place.connection.execute(BROKEN[code])
    found = linked.flaws()
    count("negative controls", tried=1, red=int(code in found))
    assert list(found) == [code]


def test_who_came_after_the_last_plan_is_not_missing_yet(linked: Linking) -> None:
    linked.patient("p5")
    linked.place.connection.execute("UPDATE core.patient SET known_from = now() WHERE resource_id = 'p5'")
    assert linked.flaws() == {}
