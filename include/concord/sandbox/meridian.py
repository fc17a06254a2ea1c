"""Meridian Health Plan: the same invented families, told as 834s in numbered interchanges.

The first file replaces (BGN08=RX) and has everybody. Each later one has the members who differ from the day before,
with the coverages concerned (BGN08=2), and some who must be refused. Envelopes are always right; spoiling those is left
to tests.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from random import Random

from concord.sandbox import events
from concord.sandbox.borealis import Spans, differences, spans
from concord.sandbox.dirt import COLUMNS, Record
from concord.sandbox.expected import END, START
from concord.sandbox.people import Person
from concord.sandbox.roster import OPEN, Employer, Layout, Manifest, Roster, record_of
from concord.sandbox.writing.loops import Coverage, MemberLoop, Segment
from concord.sandbox.writing.members import LINES, TIERS, member
from concord.sandbox.writing.x12_834 import Batch, Envelope, Separators, Totals, write

FIRST_NUMBER = 7_001
MAINTENANCE = {"": "030", "A": "021", "C": "001", "T": "024", "R": "025"}
"""INS03 and HD01 by what is meant; a file that replaces has 030."""
GROUPS = {"ACME01": "MHP10001", "ACME02": "MHP10002"}
SEPARATORS = Separators(line_end="\n")

Who = tuple[str, str]
"""Subscriber and member suffix."""
Damage = Callable[[Segment], Segment | None]
"""Spoils one segment; None takes it away."""


@dataclass(frozen=True, repr=False)
class Spoiled(MemberLoop):
    """A member with something wrong."""

    damage: Damage = field(default=lambda segment: segment)

    def segments(self) -> Iterator[Segment]:
        """The segments, damaged."""
        return (damaged for segment in super().segments() if (damaged := self.damage(segment)) is not None)


def _instead(of: Segment, value: Segment | None) -> Damage:
    """``value`` where a segment begins with ``of``."""
    return lambda segment: value if segment[: len(of)] == of else segment


DEFECTS: dict[str, Damage] = {
    "birth_date.date": _instead(("DMG",), ("DMG", "D8", "19910230", "F")),
    "subscriber_id.required": _instead(("REF", "0F"), None),
    "x12.no_coverage_line": _instead(("HD",), ("HD", "001")),
    "unknown_member": _instead(("REF", "0F"), ("REF", "0F", "E9990001")),
    "effective_from.required": _instead(("DTP", "348"), None),
}
"""What is wrong with the members who must be refused, by reason."""


@dataclass(frozen=True)
class Enrollments(Roster):
    """A file of members; ``records`` are what they say, with the action first."""

    loops: tuple[MemberLoop, ...] = ()


def name(manifest: Manifest) -> str:
    """``MHP_834_20261118_007001.x12``."""
    return f"MHP_834_{manifest.file_date:%Y%m%d}_{manifest.sequence:06d}.x12"


def content(roster: Roster) -> bytes:
    """One interchange with one set."""
    assert isinstance(roster, Enrollments)
    manifest, out = roster.manifest, io.BytesIO()
    number = manifest.sequence or FIRST_NUMBER
    envelope = Envelope(number, manifest.file_date, sender="MERIDIAN", separators=SEPARATORS)
    batch = Batch(
        roster.loops, "RX" if number == FIRST_NUMBER else "2", reference=f"MHP{number}", effective=manifest.file_date,
        totals=Totals.of(roster.loops), payer=("MERIDIAN HEALTH PLAN", "363636363"),
    )  # fmt: skip
    write(out, envelope, [[batch]])
    return out.getvalue()


LAYOUT = Layout(name, content, ("ACTION", *COLUMNS))


class Meridian(Employer):
    """Meridian Health Plan."""

    absences = 0

    def __init__(self, seed: int = 1, members: int = 20_000, *, start: date = date(2026, 1, 5)) -> None:
        super().__init__(seed, members, start=start)
        self._before: Spans = {}
        self._people: dict[Who, Person] = {}

    def _roster(self, number: int, as_of: date, done: events.Done, rng: Random) -> Roster:
        people = {(person.employee_id, person.code): person for family in self._families.values() for person in family}
        now = spans(record_of(person, line) for person in people.values() for line in person.lines)
        known, self._before = self._before, now
        changes = list(differences(known, now, as_of))
        if number == 1:
            changes = [("", record) for _, record in changes]
        loops = [_loop((self._people | people)[who], own) for who, own in _by_person(changes)]
        bad = [] if number == 1 else self._refused(known, now, people, rng)
        self._people = people
        manifest = replace(
            self.manifest(number, as_of, done),
            rows=len(changes) + len(bad),
            sequence=FIRST_NUMBER + number - 1,
            dirty=dict(Counter(reason for reason, _ in zip(DEFECTS, bad, strict=False))),
            actions=dict(Counter(action for action, _ in changes)),
            expected=self._believed.update([record for _, record in changes], frozenset(), as_of),
        )
        records = [(action, *record) for action, record in changes]
        return Enrollments(records, manifest, LAYOUT, (*loops, *bad))

    def _refused(self, known: Spans, now: Spans, people: dict[Who, Person], rng: Random) -> list[MemberLoop]:
        """Members whose coverage is as it was, each with one of :data:`DEFECTS`."""
        same = [held[0] for each, held in known.items() if now.get(each) == held]
        chosen = rng.sample(same, min(len(same), len(DEFECTS)))
        loops = (_loop(people[record[0], record[1]], [("C", record)]) for record in chosen)
        return [
            Spoiled(**{each: getattr(loop, each) for each in loop.__dataclass_fields__}, damage=damage)
            for loop, damage in zip(loops, DEFECTS.values(), strict=False)
        ]


def _by_person(changes: Iterable[tuple[str, Record]]) -> Iterator[tuple[Who, list[tuple[str, Record]]]]:
    """The changes of each person, subscribers before their dependents (TR3 1.4.2)."""
    found: dict[Who, list[tuple[str, Record]]] = {}
    for action, record in changes:
        found.setdefault((record[0], record[1]), []).append((action, record))
    yield from sorted(found.items())


def _loop(person: Person, own: list[tuple[str, Record]]) -> MemberLoop:
    """A member with the coverages concerned. Who leaves one and keeps another has changed."""
    actions = {action for action, _ in own}
    whole = member(person)
    return replace(
        whole, maintenance=MAINTENANCE[actions.pop() if len(actions) == 1 else "C"], group=GROUPS[person.group],
        coverages=tuple(_coverage(action, record) for action, record in own),
    )  # fmt: skip


def _coverage(action: str, record: Record) -> Coverage:
    return Coverage(
        LINES[record[19]], _day(record[START]), _day(record[END]), MAINTENANCE[action], record[20], TIERS[record[21]],
    )  # fmt: skip


def _day(text: str) -> date | None:
    if not text or text == OPEN:
        return None
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 - a calendar date
