"""One subject's chart on a day: what is in it, since when, in which version, and what was taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random

from concord.sandbox.fhir import demographics
from concord.sandbox.fhir.clinical import visit_resources
from concord.sandbox.fhir.clock import Clock
from concord.sandbox.fhir.observations import Visit, repeated
from concord.sandbox.fhir.subjects import Subject
from concord.sandbox.fhir.writing import Resource, Writer

Key = tuple[str, str]
"""(resourceType, id)."""

SINCE_WHEN = 700
"""Days before day 1 in which earlier visits lie."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource without meta, its version (from 1) and when that one was written."""

    resource: Resource = field(repr=False)
    version: int
    changed: datetime


@dataclass
class Chart:
    """What there is, and what was deleted when."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    deleted: dict[Key, datetime] = field(default_factory=dict)

    def put(self, resource: Resource, changed: datetime) -> None:
        """Adds a resource, or a new version of it."""
        key = (resource["resourceType"], resource["id"])
        before = self.entries.get(key)
        self.entries[key] = Entry(resource, before.version + 1 if before else 1, changed)

    def delete(self, key: Key, at: datetime) -> None:
        """Takes a resource out, when it is there."""
        if self.entries.pop(key, None):
            self.deleted[key] = at


class ChartRoom:
    """Makes charts; ``readings`` heart rates are added to every earlier visit."""

    def __init__(self, writer: Writer, clock: Clock, readings: int) -> None:
        self.writer, self.clock, self.readings = writer, clock, readings

    def chart(self, subject: Subject, day: int) -> Chart:
        """The chart of ``subject`` at the end of ``day``; empty before they are registered."""
        chart = Chart()
        if day < subject.since_day:
            return chart
        self._register(chart, subject)
        for number in range(max(2, subject.since_day), day + 1):
            self._day(chart, subject, number)
        return chart

    def _register(self, chart: Chart, subject: Subject) -> None:
        visits = list(self._earlier(subject))
        began = min((visit.at for visit in visits), default=self.clock.during(subject.since_day, subject.number))
        if subject.since_day > 1 or (subject.merged_into is not None and subject.merge_day == 1):
            began = self.clock.during(subject.since_day, subject.number)
        chart.put(demographics.patient(self.writer, subject, subject.since_day), began)
        chart.put(demographics.coverage(self.writer, subject), began)
        for visit in visits:
            for resource in (*visit_resources(visit), *repeated(visit, self.readings)):
                chart.put(resource, max(began, visit.at + timedelta(hours=4)))

    def _earlier(self, subject: Subject) -> Iterator[Visit]:
        """One to four visits between birth and day 1."""
        rng = Random(f"{self.writer.seed}|{subject.number}|earlier")
        last = self.clock.end(1) - timedelta(days=1)
        born = datetime.combine(subject.person.born, time(12), UTC)
        reach = max(1, min(SINCE_WHEN, (last - born).days - 1))
        moments = sorted(last - timedelta(minutes=rng.randrange(reach * 1_440)) for _ in range(rng.randrange(1, 5)))
        for number, at in enumerate(moments):
            yield Visit(self.writer, subject, number, at, rng)

    def _day(self, chart: Chart, subject: Subject, day: int) -> None:
        """What happens on one day from the second on; who it happens to goes round."""
        number, at = subject.number, self.clock.during(day, subject.number)
        if subject.removal_day is not None and day >= subject.removal_day:
            for key in list(chart.entries):
                chart.delete(key, at)
            return
        if subject.merged_into is not None:
            if day == subject.merge_day:
                chart.put(demographics.patient(self.writer, subject, day), at)
            return
        if (number * 7 + day) % 4 == 0:
            self._visit(chart, subject, day, at)
        if (number + day) % 6 == 0:
            # One of them exactly when the day's export is made: it is in this one and, by _since, in the next.
            self._correct(chart, subject, self.clock.end(day) if number // 6 % 3 == 0 else at + timedelta(minutes=90))
        if (number + day) % 9 == 3:
            chart.delete(("Observation", self.writer.id("Observation", f"{number}-v0-x")), at)
        if (number + day) % 15 == 5:
            chart.put(_new_phone(demographics.patient(self.writer, subject, day), day), at)

    def _visit(self, chart: Chart, subject: Subject, day: int, at: datetime) -> None:
        rng = Random(f"{self.writer.seed}|{subject.number}|day|{day}")
        visit = Visit(self.writer, subject, 100 + day, at, rng)
        for resource in visit_resources(visit):
            chart.put(resource, at + timedelta(minutes=60))

    def _correct(self, chart: Chart, subject: Subject, at: datetime) -> None:
        """The weight of the first visit was wrong."""
        key = ("Observation", self.writer.id("Observation", f"{subject.number}-v0-weight"))
        if before := chart.entries.get(key):
            value = before.resource["valueQuantity"]
            right = value | {"value": round(value["value"] + 1.5, 1)}
            chart.put(before.resource | {"status": "corrected", "valueQuantity": right}, at)


def _new_phone(resource: Resource, day: int) -> Resource:
    """A work number was added."""
    work = {"system": "phone", "use": "work", "value": f"555-01{day % 100:02d}"}
    return resource | {"telecom": [*resource["telecom"], work]}
