"""PV1 and PV2 to a row of ``encounter`` (HL7 v2.8 §3.4.3, §3.4.4; after the v2-to-FHIR guide, Segment PV1)."""

from __future__ import annotations

from collections.abc import Mapping

from concord.parse.hl7v2.context import Context
from concord.parse.hl7v2.events import Ending
from concord.parse.hl7v2.identifiers import Identifier, domain, identifiers
from concord.parse.hl7v2.message import Composite, Segment
from concord.parse.hl7v2.persons import full_name
from concord.parse.hl7v2.rows import Row

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
V2_TABLE = "http://terminology.hl7.org/CodeSystem/v2-{}"
CLASSES: Mapping[str, tuple[str, str]] = {
    "E": ("EMER", "emergency"),
    "I": ("IMP", "inpatient encounter"),
    "O": ("AMB", "ambulatory"),
    "P": ("PRENC", "pre-admission"),
}
"""HL7 table 0004 to v3 ActCode (ConceptMap table-hl70004-to-v3-actcode); the others keep their own code."""
SYSTEMS: Mapping[str, str] = {
    "SCT": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "LN": "http://loinc.org",
}
"""HL7 table 0396."""
PLACE = (1, 2, 3, 4)
"""PL: point of care, room, bed, facility."""


def visit_identifier(pv1: Segment, context: Context) -> Identifier | None:
    """The visit's number: PV1-19, else PV1-50 (alternate)."""
    return next(iter((*_all(pv1, 19, context), *_all(pv1, 50, context))), None)


def prior_visit(mrg: Segment, context: Context) -> Identifier | None:
    """MRG-5: the number of a visit that is merged or moved."""
    return next(iter(_all(mrg, 5, context)), None)


def _all(segment: Segment, number: int, context: Context) -> list[Identifier]:
    return identifiers(segment, number, context.authority)


def encounter_row(visit: Identifier, pv1: Segment, pv2: Segment | None, subject: Identifier, context: Context) -> Row:
    """The visit ``visit`` of ``subject``; raises :class:`MessageRefused` (``<column>.format``)."""
    row = context.row("encounter", visit.record_id)
    row.set("visit_number", visit.number)
    row.set("subject_reference", f"Patient/{subject.record_id}")
    if context.event.status is not None:
        row.set("status", context.event.status)
    _put_class(row, pv1.first(2))
    _put_coded(row, "type", pv1.first(4), V2_TABLE.format("0007"))
    _put_coded(row, "service_type", pv1.first(10), V2_TABLE.format("0069"))
    row.put("admit_source_code", pv1.first(14).part(1), pv1.encoding)
    _put_performer(row, pv1)
    _put_place(row, pv1)
    _put_period(row, pv1, context)
    if pv2 is not None:
        _put_reason(row, pv2.first(3))
        row.put("priority", pv2.first(25).part(1), pv2.encoding)
    return row


def _put_class(row: Row, told: Composite) -> None:
    columns = ("class_code", "class_system", "class_display")
    if told.is_null:
        row.clear(*columns)
        return
    code = told.text(1).upper()
    if not code:
        return
    mapped = CLASSES.get(code)
    found = (mapped[0], ACT_CODE, mapped[1]) if mapped else (code, V2_TABLE.format("0004"), told.text(2))
    for column, value in zip(columns, found, strict=True):
        if value:
            row.set(column, value)
    row.replace(columns)


def _put_coded(row: Row, name: str, told: Composite, system: str) -> None:
    """A code of an HL7 or local table: 1 code, 2 its words."""
    if not told:
        return
    row.put(f"{name}_code", told.part(1), told.encoding)
    row.put(f"{name}_display", told.part(2), told.encoding)
    if f"{name}_code" in row.values:
        row.set(f"{name}_system", system)
    row.replace((f"{name}_code", f"{name}_system", f"{name}_display"))


def _put_reason(row: Row, told: Composite) -> None:
    """PV2-3 (CWE): 1 code, 2 words, 3 system, 9 in the words of who admitted."""
    if not told:
        return
    row.put("reason_code", told.part(1), told.encoding)
    row.put("reason_display", told.part(2), told.encoding)
    row.put("reason_text", told.part(9), told.encoding)
    if "reason_code" in row.values and (system := SYSTEMS.get(told.text(3).upper())):
        row.set("reason_system", system)
    row.replace(("reason_code", "reason_system", "reason_display", "reason_text"))


def _put_performer(row: Row, pv1: Segment) -> None:
    """PV1-7, who attends, else PV1-17, who admitted: name, and number as ``authority|number``; never an SSN."""
    columns = ("performer_identifier", "performer_name")
    person = pv1.first(7) or pv1.first(17)
    if not person:
        return
    number = "" if person.text(13).upper() == "SS" else person.text(1)
    if number:
        row.set("performer_identifier", f"{domain(person, 9)}|{number}")
    if name := full_name(person):
        row.set("performer_name", name)
    row.replace(columns)


def _put_place(row: Row, pv1: Segment) -> None:
    place = pv1.first(3)
    if place.is_null:
        row.clear("location_name")
    elif name := ", ".join(filter(None, (place.text(part) for part in PLACE))):
        row.set("location_name", name)
    row.put("service_provider_name", pv1.first(39).part(1), pv1.encoding)


def _put_period(row: Row, pv1: Segment, context: Context) -> None:
    event = context.event
    row.moment("started_at", "started_precision", pv1.first(44))
    if event.begins and not {"started_at"} & (row.values.keys() | row.cleared):
        row.moment("started_at", "started_precision", context.occurred)
    if event.ending is Ending.UNDONE:
        row.clear("ended_at", "ended_precision", "discharge_disposition_code")
    elif event.ending is not Ending.UNTOLD:
        row.moment("ended_at", "ended_precision", pv1.first(45))
        row.put("discharge_disposition_code", pv1.first(36).part(1), pv1.encoding)
        if event.ending is Ending.NOW and not {"ended_at"} & (row.values.keys() | row.cleared):
            row.moment("ended_at", "ended_precision", context.occurred)
