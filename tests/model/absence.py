"""What it means that a full file says nothing about a span (reconcile §4, omission)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from concord.contract import Omission, Policy
from tests.model.values import EXPLICIT, INFERRED, LOSSES, Decision, Held, Key, Row, Span


def omitted_end(as_of: date, policy: Policy) -> date:
    """The day coverage stops for a member missing from the full file of ``as_of``."""
    month = as_of.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    if policy.omission is Omission.END_OF_MONTH:
        return following
    if policy.omission is Omission.CUTOFF_DAY:
        return month if as_of.day <= policy.cutoff_day else following
    return as_of


def absent(key: Key, span: Span, as_of: date, policy: Policy, missed: frozenset[date]) -> Decision:
    """A span in scope that no row of a full file speaks of."""
    if policy.omission is Omission.KEEP:
        return Decision("keep", key, span, (span,), reason="omission")
    if span.start > as_of:
        return Decision("void", key, span, (), None, LOSSES, reason="omission")
    if not span.current(as_of) or span.end is not None:
        return Decision("keep", key, span, (span,))
    if len(missed | {as_of}) < policy.absences:
        return Decision("pending_end", key, span, (span,))
    end = omitted_end(as_of, policy)
    if end <= span.start:
        return Decision("void", key, span, (), None, LOSSES, reason="omission")
    ended = replace(span, end=end, end_kind=INFERRED, end_as_of=as_of)
    return Decision("end", key, span, (ended,), None, LOSSES, reason="omission")


def carried(key: Key, span: Span, end: date | None) -> Decision | None:
    """The explicit end or void that a superseded delivery left for this span; it never makes a span longer."""
    if end is None or end >= span.last:
        return None
    if end <= span.start:
        return Decision("void", key, span, (), None, LOSSES, reason="carried")
    ended = replace(span, end=end, end_kind=EXPLICIT, end_as_of=None)
    action = "end" if span.end is None else "correct_end"
    return Decision(action, key, span, (ended,), None, LOSSES, reason="carried")


def in_doubt(key: Key, held: Held, refused: Iterable[Row]) -> bool:
    """Could a refused row whose key cannot be read be this one: same subscriber or birth date?"""
    born = held.members.get(key[:2], {}).get("birth_date")
    unreadable = [row for row in refused if row.key is None]
    return any(r.subscriber_id == key[0] or (born and r.member.get("birth_date") == born) for r in unreadable)
