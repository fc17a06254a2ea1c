"""Members of an 834 as values, and the segments each takes, in the order of the TR3 (005010X220A1, loops 2000 to 2750).

A :data:`Segment` is a tag and its elements; an element that is a tuple is a composite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

Segment = tuple[str | tuple[str, ...], ...]
REPORTING = "2700"
"""LS01 and LE01."""


@dataclass(frozen=True)
class Benefits:
    """Other insurance (2320, and its carrier in 2330)."""

    order: str = "P"
    policy: str = ""
    state: str = "1"
    carrier: str = ""
    begin: date | None = None

    def segments(self) -> Iterator[Segment]:
        """COB and what belongs to it."""
        yield "COB", self.order, self.policy, self.state
        if self.policy:
            yield "REF", "6P", self.policy
        if self.begin:
            yield "DTP", "344", "D8", _day(self.begin)
        if self.carrier:
            yield "NM1", "IN", "2", self.carrier
            yield "N4", "DOVER", "DE", "19901"
            yield "PER", "CN", "", "TE", "5550000000"


@dataclass(frozen=True)
class Coverage:
    """One 2300 loop. ``as_range`` writes begin and end as one RD8 (X12 data element 1250)."""

    line: str
    start: date | None
    end: date | None = None
    maintenance: str = "030"
    plan: str = ""
    tier: str = ""
    group: str = ""
    as_range: bool = False
    premium: str = ""
    cards: int = 0
    benefits: tuple[Benefits, ...] = ()

    def segments(self) -> Iterator[Segment]:
        """HD and what belongs to it."""
        yield "HD", self.maintenance, "", self.line, self.plan, self.tier
        yield from self._dates()
        if self.premium:
            yield "AMT", "P3", self.premium
        if self.group:
            yield "REF", "1L", self.group
        if self.cards:
            yield "IDC", self.plan or "CARD", "H", str(self.cards)
        for each in self.benefits:
            yield from each.segments()

    def _dates(self) -> Iterator[Segment]:
        if self.as_range and self.start and self.end:
            yield "DTP", "348", "RD8", f"{_day(self.start)}-{_day(self.end)}"
            return
        if self.start:
            yield "DTP", "348", "D8", _day(self.start)
        if self.end:
            yield "DTP", "349", "D8", _day(self.end)


@dataclass(frozen=True)
class Address:
    """N3 and N4."""

    street: str
    city: str
    state: str
    postal_code: str
    more: str = ""
    country: str = ""

    def segments(self) -> Iterator[Segment]:
        """N3, N4."""
        yield "N3", self.street, self.more
        yield "N4", self.city, self.state, self.postal_code, self.country


@dataclass(frozen=True, repr=False)
class Name:
    """NM103 to NM109."""

    last: str
    first: str = ""
    middle: str = ""
    suffix: str = ""
    ssn: str = ""

    def segment(self, code: str) -> Segment:
        """NM1 of the entity ``code`` (NM101)."""
        known = ("34", self.ssn) if self.ssn else ()
        return ("NM1", code, "1", self.last, self.first, self.middle, "", self.suffix, *known)


@dataclass(frozen=True, repr=False)
class MemberLoop:
    """One 2000 loop. ``former`` makes a correction of it: NM1*74 with the name that was wrong as NM1*70."""

    subscriber_id: str
    name: Name
    born: date
    sex: str
    relationship: str = "18"
    maintenance: str = "030"
    reason: str = ""
    status: str = "A"
    medicare: str = ""
    employment: str = ""
    student: str = ""
    handicapped: str = ""
    died: date | None = None
    confidentiality: str = ""
    birth_sequence: str = ""
    group: str = ""
    references: tuple[tuple[str, str], ...] = ()
    dates: tuple[tuple[str, date], ...] = ()
    contacts: tuple[tuple[str, str], ...] = ()
    address: Address | None = None
    former: Name | None = None
    mailing: Address | None = None
    marital: str = ""
    amounts: tuple[tuple[str, str], ...] = ()
    language: str = ""
    coverages: tuple[Coverage, ...] = ()
    reporting: tuple[tuple[str, str], ...] = ()

    @property
    def is_subscriber(self) -> bool:
        """Whether the member is the subscriber (INS01)."""
        return self.relationship == "18"

    def segments(self) -> Iterator[Segment]:
        """INS to the last segment of the member."""
        yield self._ins()
        yield "REF", "0F", self.subscriber_id
        if self.group:
            yield "REF", "1L", self.group
        yield from (("REF", code, value) for code, value in self.references)
        yield from (("DTP", code, "D8", _day(day)) for code, day in self.dates)
        yield from self._names()
        for coverage in self.coverages:
            yield from coverage.segments()
        yield from self._reporting()

    def _ins(self) -> Segment:
        death = ("D8", _day(self.died)) if self.died else ("", "")
        return (
            "INS", "Y" if self.is_subscriber else "N", self.relationship, self.maintenance, self.reason, self.status,
            self.medicare, "", self.employment, self.student, self.handicapped, *death, self.confidentiality,
            "", "", "", self.birth_sequence,
        )  # fmt: skip

    def _names(self) -> Iterator[Segment]:
        yield self.name.segment("74" if self.former else "IL")
        if self.contacts:
            yield ("PER", "IP", "", *(part for contact in self.contacts[:3] for part in contact))
        if self.address:
            yield from self.address.segments()
        yield "DMG", "D8", _day(self.born), self.sex, self.marital
        yield from (("AMT", code, amount) for code, amount in self.amounts)
        if self.language:
            yield "LUI", "LE", self.language, "", "7"
        if self.former:
            yield self.former.segment("70")
        if self.mailing:
            yield "NM1", "31", "1"
            yield from self.mailing.segments()

    def _reporting(self) -> Iterator[Segment]:
        if not self.reporting:
            return
        yield "LS", REPORTING
        for number, (name, value) in enumerate(self.reporting, 1):
            yield "LX", str(number)
            yield "N1", "75", name
            yield "REF", "17", value
        yield "LE", REPORTING


def _day(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"
