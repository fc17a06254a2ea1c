"""A row and the span it speaks of: which pairs, and what each pair means (reconcile §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from concord.contract import Policy
from tests.model.values import (
    EXPLICIT,
    FOREVER,
    GRANTS,
    INFERRED,
    LOSSES,
    Decision,
    Key,
    Row,
    Span,
    Values,
    differing,
    starts,
)


def match(rows: Sequence[Row], spans: Sequence[Span]) -> tuple[list[tuple[Row, Span]], list[Row], list[Span]]:
    """Pairs, rows and spans left over: same start, then longest overlap, then earliest."""
    ranked = sorted(
        ((rank(row, span), row, span) for row in rows for span in spans if touch(row, span)), key=lambda found: found[0]
    )
    pairs: list[tuple[Row, Span]] = []
    for _, row, span in ranked:
        if all(row is not r and span is not s for r, s in pairs):
            pairs.append((row, span))
    left_rows = [row for row in rows if all(row is not r for r, _ in pairs)]
    left_spans = [span for span in spans if all(span is not s for _, s in pairs)]
    return pairs, left_rows, left_spans


def touch(row: Row, span: Span) -> bool:
    """May the row speak of the span? A void names a start, everything else a range."""
    if row.void:
        return span.start <= starts(row) < span.last
    return max(starts(row), span.start) < min(row.last, span.last)


def rank(row: Row, span: Span) -> tuple[bool, int, date, date]:
    """The better pair sorts first."""
    days = 0 if row.void else (min(row.last, span.last) - max(starts(row), span.start)).days
    return row.start != span.start, -days, span.start, starts(row)


def nearest_earlier(row: Row, spans: Iterable[Span]) -> Span | None:
    """The span that ended last at or before the row's start."""
    earlier = [span for span in spans if span.last <= starts(row)]
    return max(earlier, key=lambda span: span.last, default=None)


@dataclass(frozen=True)
class Case:
    """One key's judgement: what is needed to decide a pair."""

    key: Key
    as_of: date
    policy: Policy
    keep: frozenset[str]

    def said(self, row: Row, span: Span | None) -> dict[str, str | None]:
        """The row's attributes, blanks that mean 'keep' filled from the span it goes on from."""
        before: Values = span.attributes if span else {}
        return {c: before.get(c) if v is None and c in self.keep else v for c, v in row.attributes.items()}

    def end(self, row: Row, before: Span | None) -> date | None:
        """The end a row states: a blank one that means keep leaves the end of the span it speaks of alone."""
        keeps = "effective_to" in self.keep and row.action not in ("add", "reinstate")
        inside = before is not None and starts(row) < before.last
        return before.end if before and inside and keeps and row.end is None else row.end

    def span(self, row: Row, before: Span | None, start: date | None = None) -> Span:
        """The span a row asks for."""
        end = self.end(row, before)
        return Span(start or starts(row), end, self.said(row, before), EXPLICIT if end else None)

    def lives(self, row: Row, before: Span | None = None) -> bool:
        """Does the row say covered beyond the as-of date?"""
        return (self.end(row, before) or FOREVER) > self.as_of

    def pair(self, row: Row, held: Span) -> Decision:
        """A row matched to a held span, in the order of precedence of the rules."""
        if row.void and row.start == held.start:
            return Decision("void", self.key, held, (), row.line, LOSSES)
        changed = differing(held.attributes, self.said(row, held))
        decision = (
            self.cut(row, held)
            or self.returning(row, held)
            or self.moved(row, held, changed)
            or self.same_start(row, held, changed)
        )
        flag = "add_on_current" if row.action == "add" and decision.action != "unchanged" else None
        return replace(decision, key=self.key, before=held, line=row.line, changed=changed, flag=flag)

    def cut(self, row: Row, held: Span) -> Decision | None:
        """Never covered from a day inside the span on: an explicit end on that day."""
        if not row.void:
            return None
        ended = Span(held.start, row.start, self.said(row, held), EXPLICIT)
        return self.to("end" if held.end is None else "correct_end", ended, LOSSES)

    def returning(self, row: Row, held: Span) -> Decision | None:
        """An inferred end is voided by reappearance within the grace."""
        if held.end_kind != INFERRED or not self.lives(row, held) or self.as_of > held.last + self.policy.grace:
            return None
        return self.to("reinstate", self.span(row, held, min(held.start, starts(row))), GRANTS)

    def moved(self, row: Row, held: Span, changed: frozenset[str]) -> Decision | None:
        """The start differs: a change from then on, a return, or a corrected start."""
        if row.start == held.start:
            return None
        new = self.span(row, held)
        if changed and held.start <= self.as_of and new.start > held.start:
            old = replace(held, end=new.start, end_kind=EXPLICIT, end_as_of=None)
            part = LOSSES if new.last < held.last else GRANTS
            return replace(self.to("change", new, part), after=(old, new))
        part = LOSSES if loses_days(held, new) else GRANTS
        return self.to("reinstate" if held.ended(self.as_of) and self.lives(row, held) else "correct_start", new, part)

    def same_start(self, row: Row, held: Span, changed: frozenset[str]) -> Decision:
        """The start is the held one: the end decides, then the attributes."""
        new = self.span(row, held)
        if new.end == held.end and held.end_kind != INFERRED:
            return self.to("change", new, GRANTS) if changed else self.to("unchanged", held, None)
        if held.end is None:
            return self.to("end", new, LOSSES)
        if held.ended(self.as_of) and self.lives(row, held):
            return self.to("reinstate", new, GRANTS)
        return self.to("correct_end", new, LOSSES if loses_days(held, new) else GRANTS)

    def alone(self, row: Row, earlier: Span | None) -> Decision:
        """A row without an overlapping span: it continues an earlier one, opens a new one, or comes too late."""
        if row.void:
            return Decision("ignored", self.key, line=row.line, reason="never_covered")
        if earlier is not None and self.continues(row, earlier):
            new = self.span(row, earlier, min(earlier.start, starts(row)))
            changed = differing(earlier.attributes, new.attributes)
            return Decision("reinstate", self.key, earlier, (new,), row.line, GRANTS, changed)
        if row.last < self.as_of - self.policy.look_back:
            return Decision("ignored", self.key, line=row.line, reason="expired")
        return Decision("add", self.key, None, (self.span(row, None),), row.line, GRANTS)

    def continues(self, row: Row, earlier: Span) -> bool:
        """Within the grace of an inferred end, or touching with equal attributes."""
        if earlier.end_kind == INFERRED and self.lives(row) and self.as_of <= earlier.last + self.policy.grace:
            return True
        return row.start == earlier.end and not differing(earlier.attributes, self.said(row, earlier))

    def to(self, action: str, span: Span, part: str | None) -> Decision:
        """A decision whose key, row and held span are filled in by the caller."""
        return Decision(action, self.key, None, (span,), None, part)


def loses_days(before: Span, after: Span) -> bool:
    """Is a day covered before and not after?"""
    return after.start > before.start or after.last < before.last
