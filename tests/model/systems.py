"""What the stateful test asks of a reconciling system, and the model as such a system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from concord.contract import Feed
from tests.model.ledger import FeedModel
from tests.model.values import Decision, Key, MemberDecision, Person, Row, Span

SHOWN_MEMBER = ("relationship_code", "last_name", "first_name", "birth_date", "gender_code", "email")
SHOWN_SPAN = ("group_id", "plan_code")

SpanShown = tuple[date, date | None, str | None, str | None, str | None]
"""start, end, kind of the end, group, plan."""
Action = tuple[object, ...]
"""entity, action, key, line, (start, end) before, (start, end) after, inferred."""


class System(Protocol):
    """A feed of one system; deliveries are numbered from 0 as they arrive."""

    def deliver(self, rows: Sequence[Row], file_date: date, content: object) -> int:
        """A file arrives and is landed (or is a duplicate); returns its number."""

    def next(self) -> int | None:
        """The delivery that may start now."""

    def plan(self, number: int) -> str:
        """Stages and plans it; returns its state."""

    def apply(self, number: int) -> str:
        """Applies a planned, ordinary delivery; returns its state."""

    def decide(self, number: int, *, approve: bool) -> str:
        """A person decides on a held delivery and the decision is carried out; returns its state."""

    def states(self) -> list[str]:
        """State of every delivery, ``published`` shown as ``applied``."""

    def spans(self) -> dict[Key, list[SpanShown]]:
        """What is believed now."""

    def members(self) -> dict[Person, tuple[str | None, ...]]:
        """Member rows as believed now, columns as in :data:`SHOWN_MEMBER`."""

    def actions(self, number: int) -> list[Action]:
        """What the plan does, sorted; unchanged and kept ones are left out."""

    def counts(self, number: int) -> dict[str, int]:
        """Spans by action, those that are left as they are included."""

    def guards(self, number: int) -> set[str]:
        """Guards that tripped."""

    def lines(self, number: int) -> dict[str, set[int]]:
        """Lines by disposition; empty dispositions are left out."""

    def reasons(self, number: int) -> dict[int, str]:
        """Reason of each line that reconciling (not validation) put into quarantine."""


@dataclass
class ModelSystem:
    """The model behind the same questions."""

    feed: Feed
    model: FeedModel = field(init=False)

    def __post_init__(self) -> None:
        feed = self.feed
        keep = frozenset(
            name for name in (*SHOWN_MEMBER, *SHOWN_SPAN, "effective_to") if feed.blank_means(name).value == "keep"
        )
        self.model = FeedModel(feed.policy, feed.mode, feed.scope, feed.stage, keep)

    def deliver(self, rows: Sequence[Row], file_date: date, content: object) -> int:
        """A file arrives."""
        return self.model.arrive(rows, file_date, content).arrival

    def next(self) -> int | None:
        """What may start."""
        delivery = self.model.next()
        return None if delivery is None else delivery.arrival

    def plan(self, number: int) -> str:
        """Plans it."""
        return self.model.plan(self.model.deliveries[number])

    def apply(self, number: int) -> str:
        """Applies it."""
        return self.model.apply(self.model.deliveries[number])

    def decide(self, number: int, *, approve: bool) -> str:
        """Approves or declines it."""
        delivery = self.model.deliveries[number]
        return self.model.approve(delivery) if approve else self.model.decline(delivery)

    def states(self) -> list[str]:
        """All states."""
        return [delivery.state for delivery in self.model.deliveries]

    def spans(self) -> dict[Key, list[SpanShown]]:
        """All spans."""
        return {key: [shown(span) for span in spans] for key, spans in self.model.held.spans.items()}

    def members(self) -> dict[Person, tuple[str | None, ...]]:
        """All members."""
        return {
            key: tuple(values.get(name) for name in SHOWN_MEMBER) for key, values in self.model.held.members.items()
        }

    def actions(self, number: int) -> list[Action]:
        """The plan's actions."""
        plan = self.model.deliveries[number].plan
        assert plan is not None
        spans = [span_action(d) for d in plan.decisions if d.action not in ("unchanged", "keep")]
        members = [member_action(m) for m in plan.members if m.action not in ("unchanged", "keep")]
        return sorted((*spans, *members), key=repr)

    def counts(self, number: int) -> dict[str, int]:
        """The span balance."""
        plan = self.model.deliveries[number].plan
        assert plan is not None
        return dict(Counter(decision.action for decision in plan.decisions))

    def guards(self, number: int) -> set[str]:
        """Tripped guards."""
        return set(self.model.deliveries[number].guards)

    def lines(self, number: int) -> dict[str, set[int]]:
        """The line balance."""
        delivery = self.model.deliveries[number]
        plan = delivery.plan
        assert plan is not None
        parts = {
            "control": {1},
            "consumed": {line for line, _ in plan.consumed},
            "duplicate": set(plan.duplicates),
            "quarantined": set(plan.quarantined),
            "ignored": set(plan.ignored),
        }
        return {name: lines for name, lines in parts.items() if lines}

    def reasons(self, number: int) -> dict[int, str]:
        """Reasons found by comparing."""
        delivery = self.model.deliveries[number]
        assert delivery.plan is not None
        refused = {row.line for row in delivery.rows if row.reason is not None}
        return {line: reason for line, reason in delivery.plan.quarantined.items() if line not in refused}


def shown(span: Span) -> SpanShown:
    """A span as it is compared."""
    group, plan = (span.attributes.get(name) for name in SHOWN_SPAN)
    return span.start, span.end, span.end_kind, group, plan


def span_action(decision: Decision) -> Action:
    """A decision as it is compared; of a change inside a span the later part is shown."""
    before = (decision.before.start, decision.before.end) if decision.before else (None, None)
    leaves_nothing = not decision.after or decision.action == "pending_end"
    after = (None, None) if leaves_nothing else (decision.after[-1].start, decision.after[-1].end)
    inferred = decision.reason == "omission" and decision.action in ("end", "void")
    return "eligibility", decision.action, decision.key, decision.line, before, after, inferred


def member_action(decision: MemberDecision) -> Action:
    """A member decision as it is compared."""
    none = (None, None)
    return "member", decision.action, decision.key, decision.line, none, none, False
