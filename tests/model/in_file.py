"""What the rows of one file say about each other, before anything is compared (reconcile §1, §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from concord.contract import Mode
from tests.model.values import Held, Key, Person, Row, Span, Values, full_key, starts

SELF, CHILD = "18", "19"


@dataclass
class Sorting:
    """Rows of a delivery while they are being told apart; a line leaves ``open`` once."""

    open: list[Row]
    refused: dict[int, str] = field(default_factory=dict)
    duplicates: set[int] = field(default_factory=set)

    def refuse(self, rows: Iterable[Row], reason: str) -> None:
        """Quarantine ``rows`` under ``reason``."""
        for row in rows:
            self.refused[row.line] = reason
        self.open = [row for row in self.open if row.line not in self.refused]


def sort_out(rows: Sequence[Row], held: Held, mode: Mode) -> Sorting:
    """What the rows of one file say about each other (reconcile §1, §4), before anything is compared."""
    sorting = Sorting([row for row in rows if row.reason is None])
    sorting.refused = {row.line: row.reason for row in rows if row.reason is not None}
    sort_duplicates(sorting)
    for key, same in by_key(sorting.open).items():
        if any(overlaps(a, b) for a in same for b in same if a.line < b.line):
            sorting.refuse(same, "ambiguous_key")
        del key
    for same in by_person(sorting.open).values():
        if len({tuple(sorted(row.member.items())) for row in same}) > 1:
            sorting.refuse(same, "member.conflict")
    refuse_impossible(sorting, held, mode)
    refuse_orphans(sorting, rows, held)
    return sorting


def sort_duplicates(sorting: Sorting) -> None:
    """The first of equal lines counts; equal children nobody can tell apart may be twins."""
    first: dict[object, Row] = {}
    twins: list[Row] = []
    for row in sorted(sorting.open, key=lambda row: row.line):
        original = first.setdefault(row.content, row)
        if original is row:
            continue
        if may_be_twins(row):
            twins += [original, row]
        else:
            sorting.duplicates.add(row.line)
    sorting.open = [row for row in sorting.open if row.line not in sorting.duplicates]
    sorting.refuse(twins, "possible_multiple_birth")


def may_be_twins(row: Row) -> bool:
    """A child without person code, SSN and birth sequence."""
    anonymous = not (row.person_code or row.member.get("ssn") or row.member.get("birth_sequence"))
    return row.member.get("relationship_code") == CHILD and anonymous


def refuse_impossible(sorting: Sorting, held: Held, mode: Mode) -> None:
    """An end without its date; in a delta an end or change of someone never seen."""
    sorting.refuse([r for r in sorting.open if r.action == "end" and r.end is None], "end.no_date")
    if mode is Mode.DELTA:
        strangers = [r for r in sorting.open if not held.spans.get(full_key(r))]
        sorting.refuse([r for r in strangers if r.action in ("end", "change", "cancel", "audit", "")], "unknown_member")


def refuse_orphans(sorting: Sorting, rows: Sequence[Row], held: Held) -> None:
    """A new subscriber none of whose own rows counts takes the family along."""
    known = {s for (s, _), values in held.members.items() if is_subscriber(values)}
    own: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.subscriber_id is not None and is_subscriber(row.member):
            own[row.subscriber_id].append(row)
    for subscriber, theirs in own.items():
        if subscriber not in known and not any(row in sorting.open for row in theirs):
            sorting.refuse([r for r in sorting.open if r.subscriber_id == subscriber], "subscriber_quarantined")


def is_subscriber(values: Values) -> bool:
    """Related to the subscriber as self, whatever the person code."""
    return values.get("relationship_code") == SELF


def by_key(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    """Rows by their key."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[full_key(row)].append(row)
    return found


def by_person(rows: Iterable[Row]) -> dict[Person, list[Row]]:
    """Rows by person."""
    found: dict[Person, list[Row]] = defaultdict(list)
    for row in rows:
        found[full_key(row)[:2]].append(row)
    return found


def overlaps(a: Row | Span, b: Row | Span) -> bool:
    """Do two ranges share a day? An empty one stands for the day it names."""
    return max(starts(a), starts(b)) < min(stops(a), stops(b))


def stops(item: Row | Span) -> date:
    """First day after; an empty range reaches to the next day."""
    return max(item.last, starts(item) + timedelta(days=1)) if item.end == item.start else item.last
