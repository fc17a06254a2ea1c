"""A seeded clinical population that overlaps an employer's members, and the truth about it.

    employer = Employer(seed=20, members=4_000, start=date(2026, 11, 18))
    population = Population(1, employer, profile=ORACLE)
    for resource in population.resources(day=2): ...
    population.truth(2).patients     # who is which member, and by what that could be told

The same arguments always give the same resources. Day ``n`` is day ``n - 1`` plus new
visits, corrections, deletions, a registration and a merge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

from concord.sandbox.fhir import directory
from concord.sandbox.fhir.chart import Chart, ChartRoom, Entry, Key
from concord.sandbox.fhir.clock import Clock
from concord.sandbox.fhir.profiles import ORACLE, Profile
from concord.sandbox.fhir.subjects import Case, Subject, subjects, without_accents
from concord.sandbox.fhir.writing import Resource, Writer
from concord.sandbox.people import Person
from concord.sandbox.roster import Employer

TYPES = (
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "Procedure",
    "Immunization",
    "AllergyIntolerance",
    "DiagnosticReport",
    "DocumentReference",
    "Coverage",
    "Practitioner",
    "Organization",
    "Location",
)
DIRECTORY = ("Practitioner", "Organization", "Location")
GROUPS = ("everyone", "north", "south", "nobody")
"""Groups of patients: all, the two halves of them (families stay together only by chance), none."""
PUBLIC_BASE = "https://ehr.sandbox.example/fhir/R4"


@dataclass(frozen=True)
class PatientTruth:
    """What a patient record is. ``member`` is (subscriber_id, person_code) at the employer, None for nobody's.

    ``by`` names what the record and the member's row have in common, so that a rule
    could find it: ``member_identifier``, ``ssn_and_birth_date``, ``demographics`` (name,
    birth date, sex, and address or phone). ``replaced_by`` is the surviving patient's id.
    """

    patient_id: str
    case: Case
    member: tuple[str, str] | None
    by: tuple[str, ...] = ()
    replaced_by: str | None = None


@dataclass(frozen=True)
class Truth:
    """What an export of everything on a day holds: resources by type, records, deletions so far."""

    day: int
    counts: dict[str, int]
    patients: tuple[PatientTruth, ...] = field(repr=False)
    deleted: dict[str, int]


class Population:
    """Patients of one hospital: about ``members`` of the employer's (all when it has fewer), and ``strangers``.

    ``readings`` heart rates are added to each earlier visit (about 2.5 per patient), to
    make it large. ``base`` is the public address in absolute references.
    """

    def __init__(
        self,
        seed: int,
        employer: Employer,
        *,
        profile: Profile = ORACLE,
        members: int = 200,
        strangers: int = 30,
        base: str = PUBLIC_BASE,
        readings: int = 0,
    ) -> None:
        self.seed, self.employer, self.profile = seed, employer, profile
        self.members, self.strangers = members, max(3, strangers)
        self.clock = Clock(employer)
        self.writer = Writer(seed, profile, base)
        self.room = ChartRoom(self.writer, self.clock, readings)

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """The patient records, by number."""
        return subjects(self.seed, self.employer, self.members, self.strangers)

    @cached_property
    def by_patient(self) -> dict[str, Subject]:
        """The records by the Patient's id."""
        return {self.patient_id(subject): subject for subject in self.subjects}

    def patient_id(self, subject: Subject) -> str:
        """The logical id of a record's Patient."""
        return self.writer.id("Patient", str(subject.number))

    def group(self, name: str) -> frozenset[str]:
        """Patient ids of one of :data:`GROUPS`; raises KeyError for another."""
        which = {"everyone": (0, 1), "north": (0,), "south": (1,), "nobody": ()}[name]
        return frozenset(self.patient_id(each) for each in self.subjects if each.number % 2 in which)

    def chart(self, subject: Subject, day: int) -> Chart:
        """The chart of one record at the end of ``day``."""
        return self.room.chart(subject, day)

    def entries(self, day: int, patients: frozenset[str] | None = None) -> Iterator[Entry]:
        """Directory first, then the charts of ``patients`` (all by default), one after the other."""
        yield from self.directory()
        for subject in self.subjects:
            if patients is None or self.patient_id(subject) in patients:
                yield from self.chart(subject, day).entries.values()

    def directory(self) -> list[Entry]:
        """Organizations, locations, practitioners; as old as the hospital."""
        return [Entry(each, 1, self.founded) for each in directory.resources(self.writer)]

    @property
    def founded(self) -> datetime:
        """Before every visit."""
        return self.clock.end(1).replace(year=self.clock.end(1).year - 4)

    def resources(self, day: int) -> Iterator[Resource]:
        """Every resource at the end of ``day``, with the maker's meta."""
        return (self.stamped(entry) for entry in self.entries(day))

    def stamped(self, entry: Entry) -> Resource:
        """The resource with its meta."""
        return self.writer.stamp(entry.resource, entry.version, entry.changed)

    def deleted(
        self, day: int, since: datetime | None = None, patients: frozenset[str] | None = None
    ) -> list[tuple[Key, datetime]]:
        """What was deleted up to the end of ``day``, and not before ``since``."""
        charts = (
            self.chart(each, day) for each in self.subjects if patients is None or self.patient_id(each) in patients
        )
        gone = (item for chart in charts for item in chart.deleted.items())
        return [(key, at) for key, at in gone if since is None or at >= since]

    @lru_cache(maxsize=8)  # noqa: B019 - a population lives as long as its server
    def truth(self, day: int) -> Truth:
        """What is true at the end of ``day``."""
        counts = Counter(entry.resource["resourceType"] for entry in self.entries(day))
        here = [each for each in self.subjects if self.chart(each, day).entries]
        deleted = Counter(kind for (kind, _), _ in self.deleted(day))
        return Truth(day, dict(counts), tuple(self._truth_of(each, day) for each in here), dict(deleted))

    def _truth_of(self, subject: Subject, day: int) -> PatientTruth:
        member = (subject.member.employee_id, subject.member.code) if subject.member else None
        survivor = subject.merged_into if subject.merged_into is not None and day >= subject.merge_day else None
        return PatientTruth(
            patient_id=self.patient_id(subject),
            case=subject.case,
            member=member,
            by=in_common(subject) if subject.member else (),
            replaced_by=None if survivor is None else self.patient_id(self.subjects[survivor]),
        )


def in_common(subject: Subject) -> tuple[str, ...]:
    """By which rules a record and its member's row agree."""
    written, member = subject.person, subject.member
    if member is None or written.born != member.born:
        return ()
    rules = {
        "member_identifier": subject.card.partition("-")[0] == member.employee_id,
        "ssn_and_birth_date": bool(member.ssn) and _digits(written.ssn) == _digits(member.ssn),
        "demographics": _same_name(written, member) and _same_place(written, member),
    }
    return tuple(rule for rule, holds in rules.items() if holds)


def _same_name(left: Person, right: Person) -> bool:
    def folded(person: Person) -> tuple[str, str, str]:
        return without_accents(person.last).lower(), without_accents(person.first).lower(), person.sex

    return folded(left) == folded(right)


def _same_place(left: Person, right: Person) -> bool:
    return left.street == right.street or bool(left.phone and left.phone == right.phone)


def _digits(text: str) -> str:
    return text.replace("-", "")
