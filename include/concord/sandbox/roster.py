"""An employer's eligibility file for any number of days, from a seed.

    employer = Employer(seed=1, members=20_000, start=date(2026, 11, 18))
    employer.day(2).write(path)
    employer.day(2).manifest.expected     # what reconciling it after day 1 must find

Day ``n`` is day ``n - 1`` plus a few joins, leaves, changes and corrections, each far
below the guards of the feed ``acme_eligibility``. The same arguments always give the
same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import IO

from concord.sandbox import events
from concord.sandbox.dirt import COLUMNS, Dirt, Record, Spoiled, spoil
from concord.sandbox.expected import Believed
from concord.sandbox.people import Family, Line, Person, families

OPEN = "12/31/9999"


@dataclass(frozen=True)
class Manifest:
    """What a file holds and what was done since the day before, as counts.

    ``events`` counts persons or families (see :mod:`concord.sandbox.events`); ``dirty``
    counts bad rows by reason; ``expected`` counts coverage spans by what reconciling
    must do with them: ``added changed corrected ended reinstated unchanged``. ``flags``
    counts what must be noticed in accepted rows; ``actions`` the rows of a change file
    by action, and ``sequence`` is its number.
    """

    day: int
    file_date: date
    rows: int
    persons: int
    families: int
    twins: int
    duplicates: int
    events: dict[str, int] = field(default_factory=dict)
    dirty: dict[str, int] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    sequence: int | None = None


def written(rows: Iterable[Sequence[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """``rows`` as delimited text, CRLF after each, quoted where needed (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def acme_name(manifest: Manifest) -> str:
    """``ELIG_20261118.csv``."""
    return f"ELIG_{manifest.file_date:%Y%m%d}.csv"


def acme_content(roster: Roster) -> bytes:
    """Column names, then the records; UTF-8."""
    return written([COLUMNS, *roster.records])


@dataclass(frozen=True)
class Layout:
    """How an employer's files are called and written."""

    name: Callable[[Manifest], str] = acme_name
    content: Callable[[Roster], bytes] = acme_content
    columns: tuple[str, ...] = COLUMNS


@dataclass(frozen=True)
class Roster:
    """The file of one day: records in file order, without the header."""

    records: list[Record] = field(repr=False)
    manifest: Manifest
    layout: Layout = Layout()

    @property
    def file_name(self) -> str:
        """The partner's name for it."""
        return self.layout.name(self.manifest)

    def content(self) -> bytes:
        """The file's bytes."""
        return self.layout.content(self)

    def write(self, target: Path | IO[bytes]) -> int:
        """Writes the file; returns its size in bytes."""
        content = self.content()
        if isinstance(target, Path):
            return target.write_bytes(content)
        return target.write(content)

    def truncated_at_record_boundary(self, share: float) -> Roster:
        """The file without the last ``share`` (0 to 1) of its records: complete records, the rest never arrived."""
        kept = self.records[: len(self.records) - round(len(self.records) * share)]
        persons = {record[:2] for record in kept if len(record) == len(self.layout.columns)}
        manifest = replace(self.manifest, rows=len(kept), persons=len(persons), dirty={}, expected={}, flags={})
        return replace(self, records=kept, manifest=manifest)


class Employer:
    """An employer with ``members`` covered persons on day 1, whose file date is ``start``.

    File dates are weekdays: day 2 is the next weekday after ``start``. ``dirty_share``
    is the share of bad rows. Subclasses are employers that write otherwise.
    """

    absences = 1
    dirt = Dirt()

    def __init__(
        self, seed: int = 1, members: int = 20_000, *, start: date = date(2026, 1, 5), dirty_share: float = 0.002
    ) -> None:
        self.seed, self.members, self.start, self.dirty_share = seed, members, start, dirty_share
        self._days: list[Roster] = []
        self._families: dict[int, Family] = {}
        self._believed = Believed(self.absences)

    def day(self, number: int) -> Roster:
        """The file of day ``number`` (from 1); days before it are made as well, once."""
        while len(self._days) < number:
            self._days.append(self._next())
        return self._days[number - 1]

    def file_date(self, number: int) -> date:
        """The weekday of day ``number``."""
        day = self.start
        for _ in range(number - 1):
            day += timedelta(days=3 if day.weekday() == 4 else 1)
        return day

    def _next(self) -> Roster:
        number = len(self._days) + 1
        as_of, rng = self.file_date(number), Random(f"{self.seed}|day|{number}")
        if number == 1:
            self._families, done = families(self.seed, self.members, as_of), events.Done()
        else:
            self._families, done = events.apply(self._families, self.seed, as_of, rng)
        return self._roster(number, as_of, done, rng)

    def _roster(self, number: int, as_of: date, done: events.Done, rng: Random) -> Roster:
        records: list[Record] = []
        candidates: list[int] = []
        for family_number, family in self._families.items():
            for person in family:
                if family_number not in done.touched and _spoilable(person, number):
                    candidates.extend(range(len(records), len(records) + len(person.lines)))
                records.extend(record_of(person, line) for line in person.lines)
        spoiled = spoil(records, candidates, rng, share=self.dirty_share, dirt=self.dirt, write=self.write)
        expected = self._believed.update(records, spoiled.keys, as_of)
        return self.made(spoiled, replace(self.manifest(number, as_of, done), expected=expected))

    def write(self, record: Record) -> Record:
        """A record in the employer's own columns."""
        return record

    def made(self, spoiled: Spoiled, manifest: Manifest) -> Roster:
        """The roster of what was written."""
        return Roster(spoiled.records, with_dirt(manifest, spoiled))

    def manifest(self, number: int, as_of: date, done: events.Done) -> Manifest:
        """What is known of a day before it is written."""
        people = [person for family in self._families.values() for person in family]
        return Manifest(
            day=number, file_date=as_of, rows=0, persons=len(people), families=len(self._families),
            twins=sum(bool(person.birth_sequence) for person in people), duplicates=0, events=dict(done.counts),
        )  # fmt: skip


def with_dirt(manifest: Manifest, spoiled: Spoiled) -> Manifest:
    """``manifest`` with the counts of what was written."""
    return replace(manifest, rows=len(spoiled.records), duplicates=spoiled.duplicates, dirty=spoiled.reasons)


def _spoilable(person: Person, day: int) -> bool:
    """Day 1 knows nobody: a bad employee row would keep the whole family out. Rehires keep their two spans."""
    return (day > 1 or person.code != "01") and len(person.lines) < 3


def record_of(person: Person, line: Line) -> Record:
    """One coverage line of a person in the columns of :data:`COLUMNS`."""
    city, state, postal_code = person.city
    return (
        person.employee_id, person.code, person.relation, person.last, person.first, person.middle,
        _us(person.born), person.sex, person.birth_sequence, person.ssn, person.street, city, state, postal_code,
        person.email, person.phone, _us(person.hired), person.group, person.division,
        line.coverage, line.plan, line.tier, _us(line.start),
        # The export of one division writes a sentinel where the others leave the end blank.
        OPEN if line.end is None and person.division == "SALES" else _us(line.end),
    )  # fmt: skip


@lru_cache(maxsize=65_536)
def _us(day: date | None) -> str:
    return f"{day:%m/%d/%Y}" if day else ""
