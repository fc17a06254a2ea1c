"""What makes a plan extraordinary, so that a person must look (reconcile §6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from concord.contract import Limit, Mode, Omission, Policy
from tests.model.reconcile_model import apply
from tests.model.values import Context, Decision, Held, Key, Plan, Row, Span

ScopeKey = tuple[str | None, str]
RETRO = ("end", "void", "correct_start", "correct_end")


def breaches(
    held: Held, rows: Sequence[Row], plan: Plan, policy: Policy, mode: Mode, context: Context
) -> frozenset[str]:
    """Names of the guards that trip; an empty set lets the delivery pass by itself."""
    found = {*sizes(rows, plan, policy), *moves(held, plan, policy, context)}
    if mode is Mode.FULL:
        found |= {"first_full"} if context.first else set()
        found |= {*absences(held, rows, plan, policy, context)}
    found |= {"scope_new"} if unknown_scopes(rows, context) else set()
    found |= {"retro"} if any(earliest(d) < plan.as_of - policy.retro_limit for d in plan.of(*RETRO)) else set()
    return frozenset(found)


def trips(limit: Limit, count: int, base: int) -> bool:
    """The share *and* the floor; nothing to compare with counts as an infinite share."""
    return count >= limit.floor and count > limit.share * base


def sizes(rows: Sequence[Row], plan: Plan, policy: Policy) -> Iterator[str]:
    """Guards about the lines alone."""
    guards = policy.guards
    if len(plan.consumed) < guards.minimum_rows:
        yield "minimum_rows"
    if trips(guards.rejected, len(plan.quarantined), len(rows)):
        yield "rejected"
    if trips(guards.unreadable_keys, sum(row.key is None for row in rows), len(rows)):
        yield "unreadable_keys"


def moves(held: Held, plan: Plan, policy: Policy, context: Context) -> Iterator[str]:
    """Ends and adds, for the feed and per scope; and persons who are left uncovered."""
    base = Counter(
        scope_of(key, span) for key, span in held.each() if span.current(plan.as_of) and context.owns(key, span)
    )
    ends = Counter(scope_of(d.key, d.before) for d in plan.of("end", "void") if d.before)
    adds = Counter(scope_of(d.key, d.after[0]) for d in plan.of("add", "reinstate"))
    if too_many(policy.guards.ends, ends, base) or trips(policy.guards.ends, *persons(held, plan)):
        yield "ends"
    if too_many(policy.guards.adds, +Counter({at: n for at, n in adds.items() if base[at]}), base):
        yield "adds"
    yield from cumulated(plan, policy, context, base.total())


def cumulated(plan: Plan, policy: Policy, context: Context, base: int) -> Iterator[str]:
    """The same with the losses applied in the seven days before; a delivery without losses does not trip it."""
    ends = len(plan.of("end", "void"))
    if ends and trips(policy.guards.ends, ends + context.recent_ends, base):
        yield "ends_7_days"


def too_many(limit: Limit, counts: Counter[ScopeKey], base: Counter[ScopeKey]) -> bool:
    """Does the feed or one of its scopes trip?"""
    return trips(limit, counts.total(), base.total()) or any(trips(limit, n, base[at]) for at, n in counts.items())


def scope_of(key: Key, span: Span) -> ScopeKey:
    """(group, coverage line)."""
    return span.attributes.get("group_id"), key[2]


def persons(held: Held, plan: Plan) -> tuple[int, int]:
    """Persons whose last coverage this plan ends, and persons covered on the as-of date."""
    covered = {key[:2] for key, span in held.each() if span.current(plan.as_of)}
    hit = {d.key[:2] for d in plan.of("end", "void")}
    ending = [(d.key, span) for d in plan.of("end") for span in d.after]
    stays = {key[:2] for key, span in apply(held, plan).each() if span.last > plan.as_of and (key, span) not in ending}
    return len((covered & hit) - stays), len(covered)


def absences(held: Held, rows: Sequence[Row], plan: Plan, policy: Policy, context: Context) -> Iterator[str]:
    """Guards about what a full file does not say."""
    lost = [d for d in plan.of("end", "void") if d.reason == "omission"]
    if lost and policy.omission is Omission.HOLD:
        yield "omission"
    said = {row_scope(row) for row in rows if row.reason is None}
    still = {scope_of(k, s) for k, s in held.each() if not s.ended(plan.as_of) and context.owns(k, s)}
    if still - said:
        yield "scope_vanished"
    if tail_losses(rows, lost, context) >= policy.guards.tail_losses:
        yield "tail_losses"


def tail_losses(rows: Sequence[Row], lost: Sequence[Decision], context: Context) -> int:
    """Losses among the lines at the previous file's end, back to the first that is here again."""
    present, gone, count = {row.key for row in rows}, {d.key for d in lost}, 0
    for _, key in sorted(context.tail, reverse=True):
        if key in present:
            break
        count += key in gone
    return count


def unknown_scopes(rows: Sequence[Row], context: Context) -> bool:
    """A row in a scope that is neither declared nor applied before."""
    scopes = {row_scope(row) for row in rows if row.reason is None}
    if context.first and not context.declares:
        return False
    return any(not context.known(group, line) for group, line in scopes)


def row_scope(row: Row) -> ScopeKey:
    """(group, coverage line) of an accepted row."""
    return row.attributes.get("group_id"), row.coverage_line or ""


def earliest(decision: Decision) -> date:
    """The first day whose coverage the decision changes."""
    before, after = decision.before, decision.after[0] if decision.after else None
    if before is None or after is None:
        return (before or after).start if before or after else date.max  # type: ignore[union-attr]
    days = {before.start, after.start} if before.start != after.start else set()
    days |= {min(before.last, after.last)} if before.last != after.last else set()
    return min(days, default=date.max)


def explicit_losses(plan: Plan, rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows whose ends and voids a successor has to take over when this plan is superseded."""
    lines = {d.line for d in plan.of("end", "void") if d.reason != "omission"}
    return tuple(row for row in rows if row.line in lines)
