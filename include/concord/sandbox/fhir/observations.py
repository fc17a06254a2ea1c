"""Observations of a visit: vital signs, laboratory, and every other kind of value (R4 Observation.value[x])."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from concord.sandbox.fhir import directory
from concord.sandbox.fhir.clock import instant
from concord.sandbox.fhir.subjects import Subject
from concord.sandbox.fhir.writing import LOINC, SNOMED, TERMINOLOGY, UCUM, Resource, Writer, concept

EASTERN = timezone(timedelta(hours=-5))


@dataclass(frozen=True)
class Visit:
    """One contact of a subject with the hospital; ``number`` counts from 0 and keys what comes of it."""

    writer: Writer
    subject: Subject
    number: int
    at: datetime
    rng: Random = field(repr=False)

    def key(self, local: str) -> str:
        """Key of the visit's resource ``local``."""
        return f"{self.subject.number}-v{self.number}-{local}"

    def head(self, kind: str, local: str) -> Resource:
        """``resourceType`` and ``id``."""
        return {"resourceType": kind, "id": self.writer.id(kind, self.key(local))}

    @property
    def turn(self) -> int:
        """Spreads the varieties over subjects and visits."""
        return self.subject.number * 3 + self.number

    def patient(self) -> Resource:
        """Reference to the patient; one visit in nine writes it absolute."""
        return self.writer.to("Patient", str(self.subject.number), absolute=self.turn % 9 == 5)

    def encounter(self, *, may_dangle: bool = False) -> Resource:
        """Reference to the visit's Encounter; where it may, one in 31 points at one that nobody has."""
        dangles = may_dangle and self.turn % 31 == 8
        return self.writer.to("Encounter", self.key("gone" if dangles else "encounter"))

    def practitioner(self) -> Resource:
        """A literal reference to one of the staff, without a name."""
        return self.writer.to("Practitioner", str(self.turn % directory.PRACTITIONERS))


def readings(visit: Visit) -> list[Resource]:
    """The visit's observations: weight and blood pressure always, the others in turn."""
    found = [weight(visit), blood_pressure(visit), other(visit)]
    if visit.turn % 2 == 0:
        found.append(hba1c(visit))
    if visit.turn % 3 != 1:
        found.append(glucose(visit))
    return found


def _observation(visit: Visit, local: str, code: Resource, category: str) -> Resource:
    """Everything but the value."""
    return {
        **visit.head("Observation", local),
        "status": "final",
        "category": [concept(f"{TERMINOLOGY}/observation-category", category)],
        "code": code,
        "subject": visit.patient(),
        "encounter": visit.encounter(may_dangle=local == "weight"),
        "effectiveDateTime": f"{visit.at.astimezone(EASTERN):%Y-%m-%dT%H:%M:%S}-05:00",
        "issued": instant(visit.at + timedelta(minutes=20)),
        "performer": [visit.practitioner()],
    }


def quantity(value: float, unit: str, code: str, **more: str) -> Resource:
    """A Quantity with a UCUM code."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code, **more}


def weight(visit: Visit) -> Resource:
    """29463-7, in kg or (every other subject) pounds: one LOINC code, two units."""
    kilograms = 55 + visit.subject.number % 50 + visit.rng.uniform(-2, 2)
    value = quantity(round(kilograms, 1), "kg", "kg")
    if visit.subject.number % 2:
        value = quantity(round(kilograms / 0.45359237, 1), "lb", "[lb_av]")
    return _observation(visit, "weight", concept(LOINC, "29463-7", "Body weight"), "vital-signs") | {
        "valueQuantity": value
    }


def blood_pressure(visit: Visit) -> Resource:
    """85354-9 with its components; the diastolic of one in 14 could not be measured."""
    systolic, diastolic = visit.rng.randrange(100, 165), visit.rng.randrange(60, 98)
    lower: Resource = {"code": concept(LOINC, "8462-4", "Diastolic blood pressure")}
    if visit.turn % 14 == 9:
        lower["dataAbsentReason"] = concept(f"{TERMINOLOGY}/data-absent-reason", "not-performed")
    else:
        lower["valueQuantity"] = quantity(diastolic, "mmHg", "mm[Hg]")
    upper = {"code": concept(LOINC, "8480-6", "Systolic blood pressure")} | {
        "valueQuantity": quantity(systolic, "mmHg", "mm[Hg]")
    }
    panel = concept(LOINC, "85354-9", "Blood pressure panel")
    return _observation(visit, "bp", panel, "vital-signs") | {"component": [upper, lower]}


def hba1c(visit: Visit) -> Resource:
    """4548-4 in per cent, with a reference range and an interpretation."""
    value = round(visit.rng.uniform(4.8, 9.9), 1)
    return _observation(visit, "a1c", concept(LOINC, "4548-4", "Hemoglobin A1c"), "laboratory") | {
        "valueQuantity": quantity(value, "%", "%"),
        "interpretation": [
            concept(f"{TERMINOLOGY}/v3-ObservationInterpretation", "H" if value > 5.6 else "N"),
        ],
        "referenceRange": [{"low": quantity(4.0, "%", "%"), "high": quantity(5.6, "%", "%"), "text": "4.0 - 5.6 %"}],
    }


def glucose(visit: Visit) -> Resource:
    """2345-7 in mg/dL, or 14749-6 in mmol/L; one in ten is below what the device can tell."""
    milligrams = visit.rng.randrange(70, 240)
    if visit.subject.number % 3 == 2:
        code = concept(LOINC, "14749-6", "Glucose [Moles/volume] in Serum or Plasma")
        value = quantity(round(milligrams / 18.0156, 1), "mmol/L", "mmol/L")
    else:
        code = concept(LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma")
        value = quantity(milligrams, "mg/dL", "mg/dL")
        if visit.turn % 10 == 3:
            value = quantity(40, "mg/dL", "mg/dL", comparator="<")
    return _observation(visit, "glucose", code, "laboratory") | {"valueQuantity": value}


Value = Callable[[Visit], Any]
"""Makes any JSON value."""


def _period(visit: Visit) -> Resource:
    return {"start": f"{visit.at - timedelta(days=30):%Y-%m-%d}", "end": f"{visit.at:%Y-%m-%d}"}


SAMPLED = {"origin": {"value": 0}, "period": 10, "dimensions": 1, "data": "1 2 E 4 U 6"}
RATIO = {"numerator": {"value": 1}, "denominator": {"value": 128}}
RANGE = {"low": quantity(10, "mm", "mm"), "high": quantity(14, "mm", "mm")}
SMOKER = concept(SNOMED, "266919005", "Never smoked tobacco")

OTHERS: tuple[tuple[str, str, str, Value], ...] = (
    ("72166-2", "social-history", "valueCodeableConcept", lambda _: SMOKER),
    ("5778-6", "laboratory", "valueString", lambda _: "Yellow, clear"),
    ("68518-0", "survey", "valueBoolean", lambda visit: visit.turn % 2 == 0),
    ("55423-8", "activity", "valueInteger", lambda visit: 1_000 + visit.turn),
    ("21889-1", "imaging", "valueRange", lambda _: RANGE),
    ("5048-4", "laboratory", "valueRatio", lambda _: RATIO),
    ("11524-6", "procedure", "valueSampledData", lambda _: SAMPLED),
    ("80976-8", "survey", "valueTime", lambda _: "07:30:00"),
    ("8665-2", "survey", "valueDateTime", lambda visit: f"{visit.at - timedelta(days=20):%Y-%m}"),
    ("11885-1", "survey", "valuePeriod", _period),
    ("2823-3", "laboratory", "dataAbsentReason", lambda _: concept(f"{TERMINOLOGY}/data-absent-reason", "error")),
    ("2708-6", "vital-signs", "valueQuantity", lambda visit: quantity(92 + visit.turn % 8, "%", "%")),
)
"""LOINC code, category, element and value."""


def other(visit: Visit) -> Resource:
    """One observation whose kind of value, and whose kind of time, goes round."""
    code, category, element, value = OTHERS[visit.turn % len(OTHERS)]
    resource = _observation(visit, "x", concept(LOINC, code), category) | {element: value(visit)}
    return _another_time(visit, resource)


def _another_time(visit: Visit, resource: Resource) -> Resource:
    """A month alone, a period, an instant, or a schedule instead of effectiveDateTime."""
    at, turn = visit.at, visit.turn % 13
    times: dict[int, Resource] = {
        2: {"effectiveDateTime": f"{at:%Y-%m}"},
        4: {"effectivePeriod": {"start": instant(at), "end": instant(at + timedelta(hours=1))}},
        6: {"effectiveInstant": instant(at.astimezone(UTC))},
        8: {"effectiveTiming": {"event": [instant(at)]}},
        10: {"effectiveDateTime": f"{at:%Y-%m-%d}"},
    }
    if turn in times:
        del resource["effectiveDateTime"]
    return resource | times.get(turn, {})


def repeated(visit: Visit, count: int) -> list[Resource]:
    """``count`` heart rates: bulk for measuring."""
    code = concept(LOINC, "8867-4", "Heart rate")
    return [
        _observation(visit, f"hr{number}", code, "vital-signs")
        | {"valueQuantity": quantity(55 + (number * 7 + visit.turn) % 60, "beats/minute", "/min")}
        for number in range(count)
    ]
