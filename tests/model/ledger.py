"""The order and the states of a feed's deliveries (reconcile §3, §7, §11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from concord.contract import Mode, Policy, Scope, Stage
from tests.model.guards import breaches, row_scope
from tests.model.reconcile_model import apply, decide
from tests.model.values import LOSSES, Context, Held, Key, Plan, Row, Span, full_key

APPLIED, PENDING = ("applied", "published"), ("landed", "waiting", "staged", "planned")


@dataclass
class Delivery:
    """One delivery; ``content`` stands for its bytes, ``arrival`` counts up."""

    arrival: int
    file_date: date
    rows: tuple[Row, ...]
    content: object
    state: str = "landed"
    plan: Plan | None = None
    guards: frozenset[str] = frozenset()
    base: int = -1

    @property
    def order(self) -> tuple[date, int]:
        """Of equal file dates the later arrival is the newer."""
        return self.file_date, self.arrival


@dataclass
class FeedModel:
    """One feed, its deliveries and what is held. Work is done one delivery at a time, in order."""

    policy: Policy
    mode: Mode
    scope: Scope = field(default_factory=Scope)
    stage: Stage = Stage.LIVE
    keep: frozenset[str] = frozenset()
    held: Held = field(default_factory=Held)
    deliveries: list[Delivery] = field(default_factory=list)
    applied_scopes: frozenset[tuple[str | None, str]] = frozenset()
    tail: tuple[tuple[int, Key], ...] = ()
    applies: int = 0

    # ── arriving ──

    def arrive(self, rows: Sequence[Row], file_date: date, content: object) -> Delivery:
        """A file is landed, unless its bytes are those of a delivery that counts."""
        delivery = Delivery(len(self.deliveries), file_date, tuple(rows), content)
        if any(d.content == content for d in self.counting()):
            delivery.state = "duplicate"
        self.deliveries.append(delivery)
        return delivery

    def counting(self) -> list[Delivery]:
        """The latest applied delivery, and all that are held or pending."""
        applied = sorted((d for d in self.deliveries if d.state in APPLIED), key=lambda d: d.order)
        return applied[-1:] + [d for d in self.deliveries if d.state in (*PENDING, "held")]

    def next(self) -> Delivery | None:
        """The delivery that may start: fulls in order; a delta only when none before it is open."""
        pending = sorted((d for d in self.deliveries if d.state in PENDING), key=lambda d: d.order)
        if not pending:
            return None
        first = pending[0]
        held_before = any(d.state == "held" and d.order < first.order for d in self.deliveries)
        return None if self.mode is Mode.DELTA and held_before else first

    # ── planning ──

    def newest_applied(self) -> tuple[date, int] | None:
        """Order of the newest applied delivery."""
        return max((d.order for d in self.deliveries if d.state in APPLIED), default=None)

    def plan(self, delivery: Delivery) -> str:
        """Plans ``delivery``; the state says what became of it."""
        if not delivery.rows:
            delivery.state = "rejected"
            return delivery.state
        newest = self.newest_applied()
        late = newest is not None and delivery.order < newest
        self.compute(delivery)
        delivery.state = "planned"
        if late or not self.writes:
            delivery.state = "compared"
        elif delivery.guards:
            delivery.state = "held"
        return delivery.state

    @property
    def writes(self) -> bool:
        """Does the feed ever write?"""
        return self.mode is not Mode.COMPARE and self.stage is Stage.LIVE

    def compute(self, delivery: Delivery) -> None:
        """The plan against what is held now, and the guards it trips."""
        context = self.context(delivery)
        mode = Mode.FULL if self.mode is Mode.COMPARE else self.mode
        rows = delivery.rows
        delivery.plan = decide(self.held, rows, self.policy, delivery.file_date, mode, context)
        delivery.guards = breaches(self.held, rows, delivery.plan, self.policy, mode, context)
        delivery.base = self.applies

    def context(self, delivery: Delivery) -> Context:
        """What is known before ``delivery``."""
        first, recent = self.applies == 0, self.recent_losses(delivery)
        return Context(self.scope, self.applied_scopes, first, self.tail, self.left_over(delivery), self.keep, recent)

    def recent_losses(self, delivery: Delivery) -> int:
        """Losses that were applied with file dates of the seven days before."""
        since = delivery.file_date - timedelta(days=7)
        recent = [d.plan for d in self.deliveries if d.state in APPLIED and since < d.file_date <= delivery.file_date]
        return sum(decision.part == LOSSES for plan in recent if plan for decision in plan.decisions)

    def older_open(self, newer: Delivery) -> list[Delivery]:
        """Fulls before ``newer`` that it passes: held or failed."""
        passed = [d for d in self.deliveries if d.state in ("held", "failed") and d.order < newer.order]
        return sorted(passed, key=lambda d: d.order) if self.mode is not Mode.DELTA else []

    def left_over(self, newer: Delivery) -> dict[tuple[Key, date], date]:
        """From when those it passes said a span is not covered; of two statements about a span the later counts."""
        carried: dict[tuple[Key, date], date] = {}
        for decision in (d for older in self.older_open(newer) if older.plan for d in older.plan.decisions):
            span, stated = decision.before, decision.line is not None or decision.reason == "quarantined"
            if span is None or not stated:
                continue
            carried.pop((decision.key, span.start), None)
            if decision.part == LOSSES and decision.action in ("end", "correct_end", "void"):
                carried[decision.key, span.start] = decision.after[0].last if decision.after else span.start
        return carried

    # ── deciding and applying ──

    def decline(self, delivery: Delivery) -> str:
        """A person says no: nothing is written."""
        delivery.state = "declined"
        return delivery.state

    def approve(self, delivery: Delivery) -> str:
        """A person says yes to the plan that was shown; another one is held again, unless it is ordinary by now.

        Change files are approved in order: one behind another that is held stays held.
        """
        held = [d for d in self.deliveries if d.state == "held"]
        if self.mode is Mode.DELTA and any(other.order < delivery.order for other in held):
            return delivery.state
        if delivery.base != self.applies:
            shown = content(delivery.plan)
            self.compute(delivery)
            if delivery.guards and content(delivery.plan) != shown:
                return delivery.state
        return self.apply(delivery)

    def apply(self, delivery: Delivery) -> str:
        """Writes the plan; the fulls it passed are superseded and can no longer be approved."""
        assert delivery.plan is not None
        self.held = apply(self.held, delivery.plan)
        for older in self.older_open(delivery):
            older.state = "superseded"
        self.applies += 1
        lines = {line for line, _ in delivery.plan.consumed}
        self.applied_scopes |= {row_scope(row) for row in delivery.rows if row.line in lines}
        if self.mode is Mode.FULL:
            self.tail = tuple((row.line, full_key(row)) for row in delivery.rows if row.reason is None)
        delivery.state = "applied"
        return delivery.state


def content(plan: Plan | None) -> frozenset[object]:
    """What a plan would do, wherever it starts from: this is what a person approves."""
    assert plan is not None
    spans = {
        (d.action, d.key, d.line, d.before and (d.before.start, d.before.end), *map(span_content, d.after))
        for d in plan.decisions
        if d.action != "unchanged" and (d.action != "keep" or d.reason)
    }
    members = {
        (m.action, m.key, m.line, tuple(sorted(m.after.items()))) for m in plan.members if m.action in ("add", "change")
    }
    return frozenset({*spans, *members})


def span_content(span: Span) -> tuple[object, ...]:
    """Everything of a span that can be compared."""
    return span.start, span.end, span.end_kind, tuple(sorted(span.attributes.items()))
