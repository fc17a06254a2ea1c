"""FHIR Encounter to ``encounter`` (https://hl7.org/fhir/R4/encounter.html)."""

from __future__ import annotations

from concord.parse.fhir import identifiers
from concord.parse.fhir.codings import codings, preferred, read_coding, read_concept, read_status
from concord.parse.fhir.json_lines import Number, Tree
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.reasons import read_reason
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference

ROLES = ("ATND", "PPRF")
"""Whose name stands for the encounter: the attender, else the primary performer (v3 ParticipationType)."""


def read_encounter(reading: Reading) -> None:
    """All columns of ``encounter``."""
    encounter = reading.resource
    reading.require("status", encounter.get("status"), encounter.get("_status"))
    reading.code("status", encounter.get("status"))
    _read_visit_number(reading)
    read_coding(reading, "class", encounter.get("class"))
    read_concept(reading, "type", encounter.get("type"))
    read_coding(reading, "service_type", encounter.get("serviceType"))
    read_status(reading, "priority", encounter.get("priority"))
    read_logical_reference(reading, "subject", encounter.get("subject", encounter.get("patient")))
    reading.period("started", "ended", encounter.get("period", encounter.get("actualPeriod")))
    read_reason(reading, encounter)
    _read_participant(reading)
    _read_diagnosis(reading)
    _read_location(reading)
    _read_stay(reading)
    read_named_reference(reading, "service_provider", encounter.get("serviceProvider"))
    read_reference(reading, "part_of", encounter.get("partOf"))


def _read_visit_number(reading: Reading) -> None:
    found = list(reading.objects("visit_number", reading.resource.get("identifier")))
    number = identifiers.of_type(reading, "visit_number", found, "VN")
    reading.text("visit_number", number or identifiers.first(reading, "visit_number", found))


def _read_participant(reading: Reading) -> None:
    """Participants by role; R5 calls ``individual`` ``actor``."""
    found = list(reading.objects("performer_reference", reading.resource.get("participant")))
    if found:
        chosen = min(found, key=lambda each: _role(reading, each))
        read_named_reference(reading, "performer", chosen.get("individual", chosen.get("actor")))


def _role(reading: Reading, participant: Tree) -> int:
    codes = [each.get("code") for each in codings(reading, "performer_reference", participant.get("type"))]
    return next((place for place, role in enumerate(ROLES) if role in codes), len(ROLES))


def _read_diagnosis(reading: Reading) -> None:
    """The condition of the best rank; R5 has a list of CodeableReference and no rank."""
    found = list(reading.objects("diagnosis_reference", reading.resource.get("diagnosis")))
    chosen = min(found, key=_rank, default={})
    conditions = reading.objects("diagnosis_reference", chosen.get("condition", chosen.get("role")))
    read_reference(reading, "diagnosis", next(conditions, None))


def _rank(diagnosis: Tree) -> int:
    rank = diagnosis.get("rank")
    return int(rank) if type(rank) is Number and rank.isdecimal() and len(rank) < 10 else 10**9


def _read_location(reading: Reading) -> None:
    """Where the patient is, else was last."""
    found = list(reading.objects("location_reference", reading.resource.get("location")))
    active = [each for each in found if each.get("status") == "active"]
    chosen = (active or found or [{}])[-1]
    read_named_reference(reading, "location", chosen.get("location"))


def _read_stay(reading: Reading) -> None:
    stay = reading.resource.get("hospitalization", reading.resource.get("admission"))
    for column, element in (
        ("admit_source_code", "admitSource"),
        ("discharge_disposition_code", "dischargeDisposition"),
    ):
        coding = preferred(codings(reading, column, reading.tree(column, stay).get(element)))
        reading.text(column, coding.get("code"))
