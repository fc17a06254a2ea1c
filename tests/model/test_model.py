"""The rule book of the model: one test per row of the action table, and per rule around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from concord.contract import Guards, Limit, Mode, Omission, Policy, Scope
from tests.model.accounting import lines_balance, spans_balance
from tests.model.guards import breaches
from tests.model.ledger import FeedModel
from tests.model.reconcile_model import apply, decide
from tests.model.values import Context, Decision, Held, Plan, Row, Span

LAX = Limit(share=0.99, floor=1_000)
GUARDS = Guards(ends=LAX, adds=LAX, rejected=LAX, unreadable_keys=LAX, minimum_rows=1, tail_losses=1_000)
POLICY = Policy(omission=Omission.AS_OF_DATE, guards=GUARDS, retro_limit=timedelta(days=90))
OWNS = Context(declared=Scope(("G1", "G2"), ("HLT", "DEN")))
TODAY = date(2026, 11, 20)
KEY = ("E1", "01", "HLT")
JAN, JUN, OCT, NOV, DEC = (date(2026, month, 1) for month in (1, 6, 10, 11, 12))
FUTURE = date(2027, 1, 1)


def attributes(plan: str = "A", group: str = "G1") -> dict[str, str | None]:
    return {"group_id": group, "plan_code": plan}


def person(code: str = "01", **more: str | None) -> dict[str, str | None]:
    named = {"relationship_code": "18" if code == "01" else "19", "birth_date": "1980-01-01", "email": None}
    return {**named, **more}


def row(
    start: date, end: date | None = None, plan: str = "A", *, line: int = 1, who: str = "E1", code: str = "01",
    coverage: str | None = "HLT", group: str = "G1", action: str = "", reason: str | None = None, **member: str | None,
) -> Row:  # fmt: skip
    said = person(code, **member)
    return Row(line, who, code, coverage, start, end, attributes(plan, group), said, action, reason)


def span(
    start: date, end: date | None = None, plan: str = "A", *, group: str = "G1", inferred: date | None = None
) -> Span:
    kind = None if end is None else "inferred" if inferred else "explicit"
    return Span(start, end, attributes(plan, group), kind, inferred)


def held(*spans: Span, key: tuple[str, str, str] = KEY, **member: str | None) -> Held:
    return Held({key: spans} if spans else {}, {key[:2]: person(key[1], **member)})


def plan_for(
    before: Held, *rows: Row, mode: Mode = Mode.FULL, policy: Policy = POLICY, context: Context = OWNS, on: date = TODAY
) -> Plan:
    plan = decide(before, rows, policy, on, mode, context)
    assert lines_balance(rows, plan)
    assert spans_balance(before, rows, plan, mode, context)
    return plan


def only(plan: Plan) -> Decision:
    (decision,) = plan.decisions
    return decision


def becomes(before: Held, *rows: Row, key: tuple[str, str, str] = KEY, **how: object) -> tuple[Span, ...]:
    return apply(before, plan_for(before, *rows, **how)).spans.get(key, ())  # type: ignore[arg-type]


def labels(before: Held, *rows: Row, **how: object) -> list[str]:
    return sorted(d.action for d in plan_for(before, *rows, **how).decisions)  # type: ignore[arg-type]


# ── the action table, row by row ───────────────────────────────────────────────


def test_someone_never_seen_is_added() -> None:
    assert labels(Held(), row(JAN)) == ["add"]
    assert becomes(Held(), row(JAN)) == (span(JAN),)


def test_a_future_start_is_added_too_and_is_not_current_yet() -> None:
    (added,) = becomes(Held(), row(FUTURE))
    assert not added.current(TODAY)
    assert added.start == FUTURE


def test_a_past_coverage_is_added_as_a_closed_span() -> None:
    assert becomes(Held(), row(JAN, JUN)) == (span(JAN, JUN),)


@pytest.mark.parametrize(("days", "action"), [(730, "add"), (731, "ignored")])
def test_a_coverage_that_ended_before_the_look_back_is_ignored(days: int, action: str) -> None:
    assert labels(Held(), row(date(2020, 1, 1), TODAY - timedelta(days=days))) == [action]


def test_an_ignored_line_adds_no_member() -> None:
    plan = plan_for(Held(), row(date(2020, 1, 1), date(2020, 2, 1)))
    assert plan.ignored == {1: "expired"}
    assert plan.members == ()


def test_an_equal_row_leaves_a_current_span_untouched() -> None:
    assert labels(held(span(JAN)), row(JAN)) == ["unchanged"]
    assert becomes(held(span(JAN)), row(JAN)) == (span(JAN),)


def test_other_attributes_change_a_current_span() -> None:
    decision = only(plan_for(held(span(JAN)), row(JAN, plan="B")))
    assert (decision.action, decision.changed) == ("change", frozenset({"plan_code"}))
    assert decision.after == (span(JAN, plan="B"),)


def test_a_moved_start_is_corrected() -> None:
    assert labels(held(span(JAN)), row(JUN)) == ["correct_start"]
    assert becomes(held(span(JAN)), row(JUN)) == (span(JUN),)


def test_an_earlier_start_with_other_attributes_is_corrected_and_records_them() -> None:
    decision = only(plan_for(held(span(JUN)), row(JAN, plan="B")))
    assert (decision.action, decision.changed) == ("correct_start", frozenset({"plan_code"}))


def test_another_plan_from_a_later_start_is_a_change_that_loses_no_day_of_the_old_plan() -> None:
    assert labels(held(span(JAN)), row(OCT, plan="B")) == ["change"]
    assert becomes(held(span(JAN)), row(OCT, plan="B")) == (span(JAN, OCT), span(OCT, plan="B"))


def test_a_future_span_with_another_start_is_corrected_whatever_else_differs() -> None:
    assert labels(held(span(DEC)), row(FUTURE, plan="B")) == ["correct_start"]


@pytest.mark.parametrize("end", [JUN, DEC])
def test_an_end_date_on_an_open_span_ends_it_in_the_past_or_the_future(end: date) -> None:
    assert labels(held(span(JAN)), row(JAN, end)) == ["end"]
    assert becomes(held(span(JAN)), row(JAN, end)) == (span(JAN, end),)


@pytest.mark.parametrize(("before", "after"), [(DEC, FUTURE), (FUTURE, DEC), (JUN, OCT), (OCT, JUN), (DEC, None)])
def test_a_moved_end_is_corrected(before: date, after: date | None) -> None:
    assert labels(held(span(JAN, before)), row(JAN, after)) == ["correct_end"]
    assert becomes(held(span(JAN, before)), row(JAN, after)) == (span(JAN, after),)


def test_the_same_end_again_leaves_an_ended_span_untouched() -> None:
    assert labels(held(span(JAN, JUN)), row(JAN, JUN)) == ["unchanged"]


def test_a_row_with_the_same_dates_and_an_inferred_end_makes_the_end_explicit() -> None:
    before = held(span(JAN, JUN, inferred=JUN))
    assert labels(before, row(JAN, JUN)) == ["correct_end"]
    assert becomes(before, row(JAN, JUN)) == (span(JAN, JUN),)


@pytest.mark.parametrize("end", [None, FUTURE])
def test_the_same_start_again_and_open_reinstates_an_ended_span_without_a_gap(end: date | None) -> None:
    assert labels(held(span(JAN, JUN)), row(JAN, end)) == ["reinstate"]
    assert becomes(held(span(JAN, JUN)), row(JAN, end)) == (span(JAN, end),)


@pytest.mark.parametrize("start", [JAN, JUN, date(2026, 11, 10), TODAY])
def test_any_start_within_the_grace_voids_an_inferred_end_without_a_gap(start: date) -> None:
    before = held(span(JAN, NOV, inferred=NOV))
    assert labels(before, row(start)) == ["reinstate"]
    assert becomes(before, row(start)) == (span(JAN),)


def test_an_inferred_end_that_still_lies_ahead_is_voided_by_reappearance() -> None:
    before = held(span(JAN, DEC, inferred=TODAY))
    assert labels(before, row(JAN)) == ["reinstate"]
    assert becomes(before, row(JAN)) == (span(JAN),)


def test_a_later_start_that_touches_the_end_goes_on_with_equal_attributes() -> None:
    assert labels(held(span(JAN, NOV)), row(NOV)) == ["reinstate"]
    assert becomes(held(span(JAN, NOV)), row(NOV)) == (span(JAN),)


def test_a_later_start_that_touches_the_end_with_other_attributes_is_a_contiguous_span() -> None:
    assert labels(held(span(JAN, NOV)), row(NOV, plan="B")) == ["add", "keep"]
    assert becomes(held(span(JAN, NOV)), row(NOV, plan="B")) == (span(JAN, NOV), span(NOV, plan="B"))


def test_a_later_start_after_a_gap_adds_a_span_and_keeps_the_gap() -> None:
    assert becomes(held(span(JAN, JUN)), row(NOV)) == (span(JAN, JUN), span(NOV))


def test_past_the_grace_an_inferred_end_stands_and_a_span_is_added() -> None:
    before = held(span(JAN, JUN, inferred=JUN))
    assert becomes(before, row(NOV)) == (span(JAN, JUN, inferred=JUN), span(NOV))


@pytest.mark.parametrize("said", [row(JAN, JAN), row(JAN, action="cancel")])
def test_an_empty_range_or_a_cancel_voids_the_span(said: Row) -> None:
    assert labels(held(span(JAN)), said) == ["void"]
    assert becomes(held(span(JAN)), said) == ()


@pytest.mark.parametrize(("end", "action"), [(None, "end"), (DEC, "correct_end")])
@pytest.mark.parametrize("said", [row(JUN, JUN), row(JUN, action="cancel")])
def test_a_void_inside_a_span_ends_it_on_that_day(end: date | None, action: str, said: Row) -> None:
    assert labels(held(span(JAN, end)), said) == [action]
    assert becomes(held(span(JAN, end)), said) == (span(JAN, JUN),)


def test_a_void_of_nothing_is_ignored() -> None:
    assert plan_for(held(span(JUN, OCT)), row(JAN, JAN)).ignored == {1: "never_covered"}


def test_an_explicit_end_and_an_active_row_with_disjoint_dates_are_two_spans() -> None:
    rows = row(JAN, JUN, line=1), row(OCT, line=2)
    assert labels(held(span(JAN)), *rows) == ["add", "end"]
    assert becomes(held(span(JAN)), *rows) == (span(JAN, JUN), span(OCT))


def test_an_explicit_end_and_an_active_row_that_overlap_are_ambiguous_and_keep_what_is_held() -> None:
    plan = plan_for(held(span(JAN)), row(JAN, JUN, line=1), row(JAN, line=2))
    assert plan.quarantined == {1: "ambiguous_key", 2: "ambiguous_key"}
    assert [d.action for d in plan.decisions] == ["keep"]


@pytest.mark.parametrize(
    ("omission", "on", "end"),
    [
        (Omission.HOLD, TODAY, TODAY),
        (Omission.AS_OF_DATE, TODAY, TODAY),
        (Omission.END_OF_MONTH, TODAY, DEC),
        (Omission.END_OF_MONTH, date(2026, 12, 31), FUTURE),
        (Omission.CUTOFF_DAY, date(2026, 11, 15), NOV),
        (Omission.CUTOFF_DAY, date(2026, 11, 16), DEC),
    ],
)
def test_a_member_missing_from_a_full_file_ends_by_the_omission_policy(omission: Omission, on: date, end: date) -> None:
    policy = replace(POLICY, omission=omission)
    assert labels(held(span(JAN)), policy=policy, on=on) == ["end"]
    assert becomes(held(span(JAN)), policy=policy, on=on) == (span(JAN, end, inferred=on),)


def test_an_omission_that_would_end_before_the_start_voids_the_span() -> None:
    assert labels(held(span(TODAY))) == ["void"]


@pytest.mark.parametrize("start", [JAN, FUTURE])
def test_a_policy_that_keeps_says_nothing_by_absence(start: date) -> None:
    assert labels(held(span(start)), policy=replace(POLICY, omission=Omission.KEEP)) == ["keep"]


def test_an_absence_ends_only_after_as_many_as_of_dates_as_agreed() -> None:
    policy, before = replace(POLICY, absences=2), held(span(JAN))
    for _ in range(2):  # the same as-of date twice is one absence
        plan = plan_for(before, policy=policy)
        assert [d.action for d in plan.decisions] == ["pending_end"]
        before = apply(before, plan)
    tomorrow = TODAY + timedelta(days=1)
    assert becomes(before, policy=policy, on=tomorrow) == (span(JAN, tomorrow, inferred=tomorrow),)


def test_being_seen_again_forgets_a_pending_end() -> None:
    policy, before = replace(POLICY, absences=2), held(span(JAN))
    for rows in ((), (row(JAN),)):
        before = apply(before, plan_for(before, *rows, policy=policy))
    assert labels(before, policy=policy, on=TODAY + timedelta(days=1)) == ["pending_end"]


def test_a_future_span_missing_from_a_full_file_is_voided() -> None:
    assert labels(held(span(FUTURE))) == ["void"]


@pytest.mark.parametrize("end", [JUN, DEC])
def test_an_absent_span_whose_end_is_known_keeps_it(end: date) -> None:
    assert labels(held(span(JAN, end))) == ["keep"]


def test_absence_from_a_delta_means_nothing() -> None:
    assert labels(held(span(JAN)), mode=Mode.DELTA) == []


@pytest.mark.parametrize("action", ["end", "change", ""])
def test_a_delta_that_ends_or_changes_someone_never_seen_is_quarantined(action: str) -> None:
    plan = plan_for(Held(), row(JAN, DEC, action=action), mode=Mode.DELTA)
    assert plan.quarantined == {1: "unknown_member"}


def test_a_delta_end_without_a_date_is_quarantined() -> None:
    plan = plan_for(held(span(JAN)), row(JAN, action="end"), mode=Mode.DELTA)
    assert plan.quarantined == {1: "end.no_date"}


def test_a_delta_add_of_someone_current_is_unchanged_or_a_change_with_a_flag() -> None:
    same = only(plan_for(held(span(JAN)), row(JAN, action="add"), mode=Mode.DELTA))
    other = only(plan_for(held(span(JAN)), row(JAN, plan="B", action="add"), mode=Mode.DELTA))
    assert (same.action, same.flag) == ("unchanged", None)
    assert (other.action, other.flag) == ("change", "add_on_current")


@pytest.mark.parametrize(
    ("action", "decided"),
    [("", "unchanged"), ("change", "unchanged"), ("audit", "unchanged"), ("reinstate", "reinstate")],
)
def test_a_blank_end_in_a_delta_leaves_the_end_alone_unless_the_row_opens_it(action: str, decided: str) -> None:
    context = replace(OWNS, keep=frozenset({"effective_to"}))
    said = row(JAN, action=action)
    assert labels(held(span(JAN, JUN)), said, mode=Mode.DELTA, context=context) == [decided]


def test_a_cancel_of_someone_never_seen_is_quarantined_in_a_delta() -> None:
    assert plan_for(Held(), row(JAN, action="cancel"), mode=Mode.DELTA).quarantined == {1: "unknown_member"}


def test_a_blank_in_a_delta_keeps_what_is_held() -> None:
    said = replace(row(JAN), attributes={"group_id": "G1", "plan_code": None})
    context = replace(OWNS, keep=frozenset({"plan_code"}))
    assert labels(held(span(JAN)), said, mode=Mode.DELTA, context=context) == ["unchanged"]
    assert labels(held(span(JAN)), said) == ["change"]


def test_a_bad_row_never_ends_or_changes_the_member_it_names() -> None:
    before = held(span(JAN))
    assert becomes(before, row(JAN, plan="B", reason="dob.in_future")) == (span(JAN),)


@pytest.mark.parametrize("who", ["E1", "unreadable"])
def test_a_row_with_an_unreadable_key_protects_whoever_it_could_be(who: str) -> None:
    refused = replace(row(JAN, reason="x.pattern"), subscriber_id=who if who == "E1" else None, coverage_line=None)
    assert labels(held(span(JAN)), refused) == ["keep"]
    assert labels(held(span(JAN), birth_date="1990-09-09"), replace(refused, subscriber_id="E9")) == ["end"]


# ── scope ──────────────────────────────────────────────────────────────────────


def test_absence_is_not_judged_outside_the_scope() -> None:
    assert labels(held(span(JAN, group="G9"))) == []


def test_an_undeclared_scope_is_what_was_applied_before() -> None:
    assert labels(held(span(JAN)), context=Context(applied=frozenset({("G1", "HLT")}))) == ["end"]
    assert labels(held(span(JAN)), context=Context(applied=frozenset({("G1", "DEN")}))) == []


# ── inside one file ────────────────────────────────────────────────────────────


def test_the_same_line_twice_counts_once() -> None:
    plan = plan_for(Held(), row(JAN, line=1), row(JAN, line=2))
    assert plan.duplicates == {2}
    assert [d.action for d in plan.decisions] == ["add"]


def test_equal_children_whom_nothing_tells_apart_may_be_twins() -> None:
    twins = [replace(row(JAN, line=n, relationship_code="19"), person_code="") for n in (1, 2)]
    assert set(plan_for(Held(), *twins).quarantined.values()) == {"possible_multiple_birth"}


def test_rows_of_one_member_that_disagree_on_demographics_are_quarantined() -> None:
    rows = row(JAN, line=1), row(JAN, line=2, coverage="DEN", email="x@y")
    assert set(plan_for(Held(), *rows).quarantined.values()) == {"member.conflict"}


def test_a_new_subscriber_in_quarantine_takes_the_family_along() -> None:
    rows = row(JAN, line=1, reason="x.pattern"), row(JAN, line=2, code="02")
    assert plan_for(Held(), *rows).quarantined == {1: "x.pattern", 2: "subscriber_quarantined"}


def test_a_known_subscriber_in_quarantine_does_not_stop_the_dependents() -> None:
    rows = row(JAN, line=1, reason="x.pattern"), row(JAN, line=2, code="02")
    assert labels(held(span(JAN)), *rows) == ["add", "keep"]


def test_rows_that_would_make_spans_overlap_are_quarantined_and_held_ones_stay() -> None:
    before = held(span(JAN, JUN), span(OCT))
    plan = plan_for(before, row(JAN, date(2026, 11, 5)))
    assert plan.quarantined == {1: "spans.overlap"}
    assert apply(before, plan).spans == before.spans


# ── members ────────────────────────────────────────────────────────────────────


def test_members_are_added_changed_and_never_ended() -> None:
    added = plan_for(Held(), row(JAN)).members
    changed = plan_for(held(span(JAN)), row(JAN, email="x@y")).members
    kept = plan_for(held(span(JAN))).members
    assert [m.action for m in (*added, *changed, *kept)] == ["add", "change", "keep"]


# ── parts ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "said", "part"),
    [
        (span(JAN), row(JAN, JUN), "losses"),
        (span(JAN), row(JUN), "losses"),
        (span(JUN), row(JAN), "grants"),
        (span(JAN, DEC), row(JAN, FUTURE), "grants"),
        (span(JAN, FUTURE), row(JAN, DEC), "losses"),
        (span(JAN, JUN, inferred=JUN), row(JAN, JUN), "grants"),
        (span(JAN), row(JAN, plan="B"), "grants"),
        (span(JAN), row(JAN, JAN), "losses"),
    ],
)
def test_what_takes_a_day_of_coverage_away_is_a_loss(before: Span, said: Row, part: str) -> None:
    assert only(plan_for(held(before), said)).part == part


# ── guards ─────────────────────────────────────────────────────────────────────


def tripped(
    before: Held, rows: Sequence[Row], guards: Guards = GUARDS, context: Context = OWNS, **policy: object
) -> frozenset[str]:
    rules = replace(POLICY, guards=guards, **policy)  # type: ignore[arg-type]
    plan = decide(before, rows, rules, TODAY, Mode.FULL, context)
    return breaches(before, rows, plan, rules, Mode.FULL, context) - {"ends_7_days"}


def roster(people: int, start: date = JAN) -> Held:
    keys = [(f"E{n}", "01", "HLT") for n in range(people)]
    return Held({key: (span(start),) for key in keys}, {key[:2]: person() for key in keys})


def rows_of(count: int, first: int = 0) -> list[Row]:
    return [row(JAN, line=n + 1, who=f"E{n}") for n in range(first, count)]


def test_a_first_full_is_held() -> None:
    assert tripped(Held(), rows_of(1), context=replace(OWNS, first=True)) == {"first_full"}
    assert tripped(Held(), rows_of(1)) == frozenset()


def test_losses_trip_by_share_and_floor_together() -> None:
    few = replace(GUARDS, ends=Limit(share=0.2, floor=2))
    assert tripped(roster(10), rows_of(7), few) == {"ends", "ends_persons"}
    assert tripped(roster(10), rows_of(8), few) == frozenset()  # 20 % is not above 20 %
    assert tripped(roster(4), rows_of(3), few) == frozenset()  # one is below the floor


def test_adds_are_judged_per_scope_too_where_something_stands() -> None:
    few = replace(GUARDS, adds=Limit(share=0.5, floor=2))
    before = Held({**roster(8).spans, ("E0", "01", "DEN"): (span(JAN),)}, roster(8).members)
    dental = [row(JAN, line=20 + n, who=f"E{n}", coverage="DEN") for n in range(3)]
    assert tripped(before, [*rows_of(8), *dental], few) == {"adds"}
    assert tripped(roster(8), [*rows_of(8), *dental], few) == frozenset()


def test_losses_of_the_last_seven_days_count_together() -> None:
    few = replace(POLICY, guards=replace(GUARDS, ends=Limit(share=0.2, floor=2)))
    before, context = roster(10), replace(OWNS, recent_losses=2)
    for present, trips in ((9, {"ends_7_days"}), (10, set())):
        plan = decide(before, rows_of(present), few, TODAY, Mode.FULL, context)
        assert breaches(before, rows_of(present), plan, few, Mode.FULL, context) == trips


def test_too_many_adds_refused_rows_or_too_few_rows_are_held() -> None:
    guards = replace(GUARDS, adds=Limit(0.1, 2), rejected=Limit(0.1, 1), minimum_rows=4)
    assert tripped(roster(5), rows_of(7), guards) == {"adds"}
    refused = [row(JAN, line=9, who="E0", reason="x.pattern")]
    assert tripped(roster(5), [*rows_of(5, first=1), *refused], guards) == {"rejected"}
    assert tripped(roster(3), rows_of(3), guards) == {"minimum_rows"}


def test_a_file_that_lacks_the_last_lines_of_the_one_before_looks_cut_off() -> None:
    tail = tuple((n + 1, (f"E{n}", "01", "HLT")) for n in range(5))
    context, guards = replace(OWNS, tail=tail), replace(GUARDS, tail_losses=2)
    assert tripped(roster(5), rows_of(3), guards, context) == {"tail_losses"}
    scattered = [r for r in rows_of(5) if r.line not in (2, 4)]
    assert tripped(roster(5), scattered, guards, context) == frozenset()


def test_the_hold_policy_holds_every_omission() -> None:
    assert tripped(roster(2), rows_of(1), omission=Omission.HOLD) == {"omission"}


def test_a_refused_row_that_names_nobody_is_held_while_anybody_is_missing() -> None:
    nobody = replace(row(JAN, line=9, reason="x.pattern", birth_date=None), subscriber_id=None)
    assert tripped(roster(2), [*rows_of(1), nobody]) == {"nameless_rows"}
    assert tripped(roster(2), [*rows_of(2), nobody]) == frozenset()


def test_scopes_that_vanish_or_appear_are_held() -> None:
    moved = row(JAN, group="G2")
    assert tripped(held(span(JAN)), [moved]) == {"scope_vanished"}
    assert tripped(held(span(JAN)), [row(JAN), row(JAN, line=2, who="E2", group="G9")]) == {"scope_new"}


def test_a_corrected_start_that_reaches_far_back_is_held() -> None:
    assert tripped(held(span(OCT)), [row(JAN)]) == {"retro"}
    assert tripped(held(span(OCT)), [row(NOV)]) == frozenset()


def test_an_end_that_reaches_far_back_is_held() -> None:
    assert tripped(held(span(JAN)), [row(JAN, JUN)]) == {"retro"}
    assert tripped(held(span(JAN)), [row(JAN, NOV)]) == frozenset()


# ── deliveries ─────────────────────────────────────────────────────────────────


def feed(**policy: object) -> FeedModel:
    return FeedModel(replace(POLICY, **policy), Mode.FULL, Scope(("G1",), ("HLT",)))  # type: ignore[arg-type]


def deliver(model: FeedModel, rows: Sequence[Row], on: date) -> str:
    delivery = model.arrive(rows, on, tuple(rows))
    if delivery.state == "landed" and model.plan(delivery) == "planned":
        model.apply(delivery)
    return delivery.state


def started(people: int = 3) -> FeedModel:
    model = feed(omission=Omission.HOLD)
    deliver(model, rows_of(people), TODAY)
    model.approve(model.deliveries[0])
    return model


def test_a_held_first_full_waits_for_a_person_and_is_applied_when_approved() -> None:
    model = feed()
    assert deliver(model, rows_of(2), TODAY) == "held"
    assert model.held == Held()
    assert model.approve(model.deliveries[0]) == "applied"
    assert len(model.held.spans) == 2


def test_a_declined_delivery_changes_nothing() -> None:
    model = feed()
    deliver(model, rows_of(2), TODAY)
    assert model.decline(model.deliveries[0]) == "declined"
    assert model.held == Held()


def test_the_same_bytes_again_are_a_duplicate() -> None:
    assert deliver(started(), rows_of(3), TODAY + timedelta(days=1)) == "duplicate"


def test_an_older_full_is_only_compared() -> None:
    model = started()
    before = model.held
    assert deliver(model, rows_of(1), TODAY - timedelta(days=1)) == "compared"
    assert model.held == before


def test_a_newer_full_supersedes_a_held_one_when_it_is_applied() -> None:
    model = started()
    assert deliver(model, rows_of(2), TODAY + timedelta(days=1)) == "held"
    assert deliver(model, [*rows_of(3), row(JAN, line=9, who="E9")], TODAY + timedelta(days=2)) == "applied"
    assert [d.state for d in model.deliveries] == ["applied", "superseded", "applied"]


def test_explicit_ends_of_a_superseded_delivery_are_carried_on() -> None:
    model = started()
    first = [*rows_of(3, first=2), row(JAN, NOV, line=1, who="E0")]  # E1 is missing: held
    assert deliver(model, first, TODAY + timedelta(days=1)) == "held"
    assert deliver(model, [*rows_of(3, first=1), row(DEC, line=9, who="E9")], TODAY + timedelta(days=2)) == "applied"
    assert model.held.spans["E0", "01", "HLT"] == (span(JAN, NOV),)


def test_a_newer_full_that_is_declined_leaves_the_held_one_to_be_decided() -> None:
    model = started()
    deliver(model, rows_of(2), TODAY + timedelta(days=1))
    assert deliver(model, rows_of(1), TODAY + timedelta(days=2)) == "held"
    model.decline(model.deliveries[2])
    assert model.approve(model.deliveries[1]) == "applied"


def test_a_carried_end_gives_way_to_what_the_newer_file_says() -> None:
    model = started()
    deliver(model, [*rows_of(3, first=2), row(JAN, NOV, line=1, who="E0")], TODAY + timedelta(days=1))
    assert deliver(model, [*rows_of(3), row(DEC, line=9, who="E9")], TODAY + timedelta(days=2)) == "applied"
    assert model.held.spans["E0", "01", "HLT"] == (span(JAN),)


def test_a_delta_never_passes_a_held_one() -> None:
    model = FeedModel(replace(POLICY, guards=replace(GUARDS, adds=Limit(0.1, 2))), Mode.DELTA, Scope(("G1",), ("HLT",)))
    model.arrive([row(JAN, who=w, action="add", line=n) for n, w in enumerate("AB")], TODAY, 1)
    assert model.plan(model.deliveries[0]) == "held"
    model.arrive([row(JAN, action="add")], TODAY + timedelta(days=1), 2)
    assert model.next() is None
    model.decline(model.deliveries[0])
    assert model.next() is model.deliveries[1]


def test_an_approval_of_a_plan_that_changed_underneath_is_held_again() -> None:
    model = started()
    later = model.arrive(rows_of(2), TODAY + timedelta(days=5), "later")
    assert model.plan(later) == "held"
    between = [*rows_of(3)[:2], row(JAN, plan="B", line=3, who="E2")]
    assert deliver(model, between, TODAY + timedelta(days=1)) == "applied"
    assert model.approve(later) == "held"
    assert model.approve(later) == "applied"
