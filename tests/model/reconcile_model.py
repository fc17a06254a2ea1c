"""What a delivery does to the tables, in plain Python: an oracle written from the specification alone.

:func:`decide` turns (what is held, the rows of a delivery) into a plan, :func:`apply`
turns (what is held, a plan) into what is held next; both are pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from concord.contract import Mode, Policy
from tests.model.absence import absent, carried, in_doubt
from tests.model.in_file import Sorting, by_key, by_person, sort_out
from tests.model.pair import Case, match, nearest_earlier
from tests.model.values import (
    Context,
    Decision,
    Held,
    Key,
    MemberDecision,
    Plan,
    Row,
    Span,
    differing,
    full_key,
    starts,
)


def decide(
    held: Held, rows: Sequence[Row], policy: Policy, as_of: date, mode: Mode, context: Context | None = None
) -> Plan:
    """What the delivery ``rows`` of file date ``as_of`` would do to ``held``."""
    context = context or Context()
    sorting = sort_out(rows, held, mode)
    incoming = by_key(sorting.open)
    decisions: list[Decision] = []
    for key in sorted({*held.spans, *incoming}):
        mine = decide_key(key, incoming.get(key, []), held, rows, sorting, policy, as_of, mode, context)
        if overlapping(held, key, mine):
            sorting.refuse(incoming[key], "spans.overlap")
            mine = [Decision("keep", key, span, (span,), reason="quarantined") for span in held.spans.get(key, ())]
        decisions += mine
    return finish(held, rows, sorting, decisions, as_of, mode, context)


def decide_key(
    key: Key, incoming: list[Row], held: Held, rows: Sequence[Row], sorting: Sorting,
    policy: Policy, as_of: date, mode: Mode, context: Context,
) -> list[Decision]:  # fmt: skip
    """Every decision about one key."""
    case = Case(key, as_of, policy, context.keep)
    pairs, left_rows, left_spans = match(incoming, held.spans.get(key, ()))
    decisions = [case.pair(row, span) for row, span in pairs]
    for row in sorted(left_rows, key=starts):
        decision = case.alone(row, nearest_earlier(row, left_spans))
        left_spans = [span for span in left_spans if span is not decision.before]
        decisions.append(decision)
    if mode is Mode.DELTA:
        return decisions
    refused = [row for row in rows if row.line in sorting.refused]
    present = any(row.key == key for row in refused)
    for span in left_spans:
        if not context.owns(key, span):
            continue
        if present or in_doubt(key, held, refused):
            reason = "quarantined" if present else "in_doubt"
            decisions.append(Decision("keep", key, span, (span,), reason=reason))
        else:
            at = key, span.start
            told = carried(key, span, context.carried.get(at))
            decisions.append(told or absent(key, span, as_of, policy, held.absences.get(at, frozenset())))
    return decisions


def overlapping(held: Held, key: Key, decisions: Iterable[Decision]) -> bool:
    """Would two spans of the key share a day?"""
    spans = sorted(result(held.spans.get(key, ()), decisions), key=lambda span: span.start)
    return any(a.last > b.start for a, b in pairwise(spans))


def result(spans: Iterable[Span], decisions: Iterable[Decision]) -> list[Span]:
    """The spans of one key once ``decisions`` are done."""
    decisions = list(decisions)
    gone = [d.before for d in decisions if d.before is not None]
    untouched = [span for span in spans if span not in gone]
    return untouched + [span for d in decisions for span in d.after]


def finish(
    held: Held, rows: Sequence[Row], sorting: Sorting, decisions: list[Decision],
    as_of: date, mode: Mode, context: Context,
) -> Plan:  # fmt: skip
    """The members that follow from the lines that count, and every line's disposition."""
    own = {row.line for row in rows}
    ignored = {d.line: d.reason or "" for d in decisions if d.action == "ignored" and d.line in own and d.line}
    counted = [row for row in sorting.open if row.line not in ignored]
    refused = {line: reason for line, reason in sorting.refused.items() if line in own}
    return Plan(
        as_of=as_of,
        decisions=tuple(decisions),
        members=tuple(decide_members(held, counted, mode, context)),
        quarantined=refused,
        duplicates=frozenset(sorting.duplicates),
        ignored=ignored,
        consumed=tuple(sorted((row.line, full_key(row)) for row in counted)),
    )


def decide_members(held: Held, rows: list[Row], mode: Mode, context: Context) -> Iterable[MemberDecision]:
    """Members are added and changed, never ended."""
    found = by_person(rows)
    for person, same in sorted(found.items()):
        first = min(same, key=lambda row: row.line)
        before = held.members.get(person)
        said = {c: (before or {}).get(c) if v is None and c in context.keep else v for c, v in first.member.items()}
        changed = differing(before or {}, said)
        action = "add" if before is None else "change" if changed else "unchanged"
        yield MemberDecision(action, person, said, first.line, changed if before is not None else frozenset())
    if mode is Mode.DELTA:
        return
    owned = {key[:2] for key, span in held.each() if context.owns(key, span)}
    for person in sorted(owned & held.members.keys() - found.keys()):
        yield MemberDecision("keep", person, held.members[person])


def apply(held: Held, plan: Plan) -> Held:
    """What is believed once the plan is applied."""
    by: dict[Key, list[Decision]] = defaultdict(list)
    for decision in plan.decisions:
        by[decision.key].append(decision)
    spans = {key: tuple(sorted(result(held.spans.get(key, ()), by[key]), key=lambda s: s.start)) for key in by}
    merged = {key: value for key, value in {**held.spans, **spans}.items() if value}
    members = {**held.members, **{m.key: m.after for m in plan.members}}
    absences = dict(held.absences)
    for decision in (d for d in plan.decisions if d.before is not None):
        at = (decision.key, starts(decision.before)) if decision.before else None
        missed = absences.pop(at, frozenset()) if at else frozenset()
        if at and decision.action == "pending_end":
            absences[at] = missed | {plan.as_of}
    return Held(merged, members, absences)
