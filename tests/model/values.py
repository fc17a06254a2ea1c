"""The values of the model: spans, rows, decisions, what is held, and a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from concord.contract import Scope

Key = tuple[str, str, str]
"""(subscriber_id, person_code, coverage_line)."""
Person = tuple[str, str]
Values = Mapping[str, str | None]
EXPLICIT, INFERRED = "explicit", "inferred"
GRANTS, LOSSES = "grants", "losses"
FOREVER = date.max


@dataclass(frozen=True)
class Span:
    """One coverage span ``[start, end)``; ``end_as_of`` dates the file an end was inferred from."""

    start: date
    end: date | None
    attributes: Values
    end_kind: str | None = None
    end_as_of: date | None = None

    @property
    def last(self) -> date:
        """The end, with an open one as the end of time."""
        return self.end or FOREVER

    @property
    def scope(self) -> tuple[str | None, ...]:
        """The group; the coverage line is in the key."""
        return (self.attributes.get("group_id"),)

    def current(self, as_of: date) -> bool:
        """Begun and not ended on ``as_of``."""
        return self.start <= as_of < self.last

    def ended(self, as_of: date) -> bool:
        """Over on ``as_of``."""
        return self.last <= as_of


@dataclass(frozen=True)
class Row:
    """One line of a delivery. ``reason`` is the code validation refused it with, if it did.

    A refused row keeps the key parts that could be read, and the birth date and relationship in ``member``.
    """

    line: int
    subscriber_id: str | None
    person_code: str | None
    coverage_line: str | None
    start: date | None = None
    end: date | None = None
    attributes: Values = field(default_factory=dict)
    member: Values = field(default_factory=dict)
    action: str = ""
    reason: str | None = None

    @property
    def key(self) -> Key | None:
        """The key, or None where a part could not be read."""
        if self.subscriber_id is None or self.person_code is None or self.coverage_line is None:
            return None
        return self.subscriber_id, self.person_code, self.coverage_line

    @property
    def last(self) -> date:
        """The end, with an open one as the end of time."""
        return self.end or FOREVER

    @property
    def void(self) -> bool:
        """Never covered: an empty range, or cancelled in words."""
        return self.action == "cancel" or self.end == self.start

    @property
    def content(self) -> tuple[object, ...]:
        """Everything canonical the line says: equal content is the same statement twice."""
        said = tuple(sorted({**self.attributes, **self.member}.items()))
        return self.key, self.start, self.end, self.action, said


@dataclass(frozen=True)
class Decision:
    """What happens to one held span, one incoming row, or a matched pair of them."""

    action: str
    key: Key
    before: Span | None = None
    after: tuple[Span, ...] = ()
    line: int | None = None
    part: str | None = None
    changed: frozenset[str] = frozenset()
    reason: str | None = None
    flag: str | None = None


@dataclass(frozen=True)
class MemberDecision:
    """What happens to one member row."""

    action: str
    key: Person
    after: Values
    line: int | None = None
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Held:
    """What is believed now. ``absences``: as-of dates of the fulls a span was missing from."""

    spans: Mapping[Key, tuple[Span, ...]] = field(default_factory=dict)
    members: Mapping[Person, Values] = field(default_factory=dict)
    absences: Mapping[tuple[Key, date], frozenset[date]] = field(default_factory=dict)

    def each(self) -> Iterable[tuple[Key, Span]]:
        """Every held span with its key."""
        return ((key, span) for key, spans in self.spans.items() for span in spans)


@dataclass(frozen=True)
class Context:
    """What is known of the feed before this delivery.

    ``applied``: scopes (group, line) of everything applied before; ``tail``: (line, key)
    of the readable lines of the last applied full; ``carried``: the day from which a delivery
    that is passed said a span, by key and start, is not covered; ``keep``: columns whose blank means keep.
    """

    declared: Scope = field(default_factory=Scope)
    applied: frozenset[tuple[str | None, str]] = frozenset()
    first: bool = False
    tail: tuple[tuple[int, Key], ...] = ()
    carried: Mapping[tuple[Key, date], date] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    recent_losses: int = 0
    """Losses of the deliveries applied in the seven days before."""

    def known(self, group: str | None, line: str) -> bool:
        """Is (group, line) judged by this feed: declared, or applied before?"""
        declared = group in self.declared.groups and line in self.declared.lines
        return declared or (group, line) in self.applied

    def owns(self, key: Key, span: Span) -> bool:
        """Does the absence of this span mean anything to this feed?"""
        return self.known(span.attributes.get("group_id"), key[2])


@dataclass(frozen=True)
class Plan:
    """Every decision, and one disposition for every line of the delivery."""

    as_of: date
    decisions: tuple[Decision, ...]
    members: tuple[MemberDecision, ...]
    quarantined: Mapping[int, str]
    duplicates: frozenset[int]
    ignored: Mapping[int, str]
    consumed: tuple[tuple[int, Key], ...]

    def of(self, *actions: str) -> tuple[Decision, ...]:
        """The decisions with one of ``actions``."""
        return tuple(d for d in self.decisions if d.action in actions)


def starts(item: Row | Span) -> date:
    """First day."""
    assert item.start is not None
    return item.start


def full_key(row: Row) -> Key:
    """The key of a row that has one."""
    key = row.key
    assert key is not None
    return key


def differing(before: Values, after: Values) -> frozenset[str]:
    """Names of the attributes that differ."""
    return frozenset(name for name in {*before, *after} if before.get(name) != after.get(name))
