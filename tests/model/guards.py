"""What makes a plan extraordinary, so that a person must look (reconcile §6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date

from concord.contract import Limit, Mode, Omission, Policy
from tests.model.values import GRANTS, LOSSES, Context, Decision, Held, Key, Plan, Row, Span

ScopeKey = tuple[str | None, str]


def breaches(
    held: Held, rows: Sequence[Row], plan: Plan, policy: Policy, mode: Mode, context: Context
) -> frozenset[str]:
    """Names of the guards that trip; an empty set lets the delivery pass by itself."""
    found = {*refusals(rows, plan, policy)}
    if mode is Mode.DELTA or not context.first:
        found |= {*moves(held, plan, policy, context)}
    if mode is Mode.FULL:
        found |= {"minimum_rows"} if usable(plan) < policy.guards.minimum_rows else set()
        found |= {"first_full"} if context.first else set()
        found |= {*absences(held, rows, plan, policy, context)}
    found |= {"scope_new"} if unknown_scopes(rows, context) else set()
    found |= {"retro"} if any(earliest(d) < plan.as_of - policy.retro_limit for d in plan.decisions) else set()
    return frozenset(found)


def trips(limit: Limit, count: int, base: int) -> bool:
    """The share *and* the floor; nothing to compare with counts as an infinite share."""
    return count >= limit.floor and count > limit.share * base


def usable(plan: Plan) -> int:
    """Lines that say something; a repeated one says it twice."""
    return len(plan.consumed) + len(plan.duplicates)


def refusals(rows: Sequence[Row], plan: Plan, policy: Policy) -> Iterator[str]:
    """Guards about lines that cannot be used."""
    guards = policy.guards
    if trips(guards.rejected, len(plan.quarantined), len(rows)):
        yield "rejected"
    if trips(guards.unreadable_keys, sum(row.key is None for row in rows), len(rows)):
        yield "unreadable_keys"


def moves(held: Held, plan: Plan, policy: Policy, context: Context) -> Iterator[str]:
    """Losses and adds, for the feed and per scope; and persons who are left uncovered."""
    standing = [(key, span) for key, span in held.each() if not span.ended(plan.as_of)]
    base = Counter(scope_of(key, span) for key, span in standing if context.owns(key, span))
    ends = Counter(scope_of(d.key, d.before) for d in plan.decisions if d.part == LOSSES and d.before)
    adds = Counter(scope_of(d.key, d.before or d.after[-1]) for d in plan.of("add", "reinstate"))
    limits = policy.guards
    if too_many(limits.ends, ends, base):
        yield "ends"
    if trips(limits.ends, *persons(standing, plan)):
        yield "ends_persons"
    recent = context.recent_losses
    if ends and trips(limits.ends, ends.total() + recent, base.total() + recent):
        yield "ends_7_days"
    if too_many(limits.adds, adds, base, but=adds.keys() - base.keys()):
        yield "adds"


def too_many(limit: Limit, counts: Counter[ScopeKey], base: Counter[ScopeKey], but: Collection[ScopeKey] = ()) -> bool:
    """Does the feed or one of its scopes, but for those in ``but``, trip?"""
    scopes = (trips(limit, n, base[at]) for at, n in counts.items() if at not in but)
    return trips(limit, counts.total(), base.total()) or any(scopes)


def scope_of(key: Key, span: Span) -> ScopeKey:
    """(group, coverage line)."""
    return span.attributes.get("group_id"), key[2]


def persons(standing: Sequence[tuple[Key, Span]], plan: Plan) -> tuple[int, int]:
    """Persons whose last coverage this plan takes or dates, and persons who have coverage."""
    lost = [(d.key, d.before) for d in plan.of("end", "void", "correct_end") if d.part == LOSSES]
    covered = {key[:2] for key, _ in standing}
    stays = {key[:2] for key, span in standing if (key, span) not in lost}
    given = [d for d in plan.decisions if d.part == GRANTS or d.action == "reinstate"]
    granted = [d for d in given if d.after and d.after[-1].last > plan.as_of]
    return len(covered - stays - {d.key[:2] for d in granted}), len(covered)


def absences(held: Held, rows: Sequence[Row], plan: Plan, policy: Policy, context: Context) -> Iterator[str]:
    """Guards about what a full file does not say."""
    lost = [d for d in plan.of("end", "void") if d.reason == "omission"]
    if lost and policy.omission is Omission.HOLD:
        yield "omission"
    if lost and any(nameless(row) for row in rows):
        yield "nameless_rows"
    said = {row_scope(row) for row in rows if row.reason is None}
    still = {scope_of(k, s) for k, s in held.each() if not s.ended(plan.as_of) and context.owns(k, s)}
    if still - said:
        yield "scope_vanished"
    if tail_losses(rows, lost, context) >= policy.guards.tail_losses:
        yield "tail_losses"


def nameless(row: Row) -> bool:
    """A refused row of which nobody can say whom it is about."""
    return row.reason is not None and row.subscriber_id is None and not row.member.get("birth_date")


def tail_losses(rows: Sequence[Row], lost: Sequence[Decision], context: Context) -> int:
    """Lost keys among the lines at the previous file's end, back to the first that is here again."""
    present, gone = {row.key for row in rows}, {d.key for d in lost}
    last_shown = max((line for line, key in context.tail if key in present), default=0)
    return len({key for line, key in context.tail if line > last_shown} & gone)


def unknown_scopes(rows: Sequence[Row], context: Context) -> bool:
    """A row in a scope that is neither declared nor applied before."""
    scopes = {row_scope(row) for row in rows if row.reason is None}
    if context.first and not context.declared.groups:
        return False
    return any(not context.known(group, line) for group, line in scopes)


def row_scope(row: Row) -> ScopeKey:
    """(group, coverage line) of an accepted row."""
    return row.attributes.get("group_id"), row.coverage_line or ""


def earliest(decision: Decision) -> date:
    """The first day whose coverage a loss or a correction changes."""
    before, after = decision.before, decision.after
    if before is None or decision.action not in ("end", "void", "correct_start", "correct_end"):
        return date.max
    if not after:
        return before.start
    if decision.action == "correct_start":
        return min(before.start, after[0].start)
    return min(before.last, after[0].last)
