"""Small FHIR resources for tests, and what reading them gives."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from concord.parse.fhir import FhirFile, ResourceChunk, flatten
from concord.parse.fhir.json_lines import read_json

SUBJECT = {"reference": "Patient/p1"}
LEAST: dict[str, dict[str, Any]] = {
    "Patient": {},
    "Encounter": {"status": "finished"},
    "Condition": {"subject": SUBJECT},
    "Observation": {"status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}},
    "MedicationRequest": {"status": "active", "subject": SUBJECT, "medicationCodeableConcept": {"text": "aspirin"}},
    "Procedure": {"status": "completed", "subject": SUBJECT},
    "Immunization": {"status": "completed", "patient": SUBJECT, "vaccineCode": {"text": "flu"}},
    "AllergyIntolerance": {"patient": SUBJECT},
    "DiagnosticReport": {"status": "final", "code": {"text": "panel"}},
    "DocumentReference": {"status": "current"},
    "Coverage": {"status": "active", "beneficiary": SUBJECT},
    "Practitioner": {},
    "Organization": {},
    "Location": {},
}
"""What a resource of each type has to have to be believed."""


def resource(kind: str, **elements: Any) -> dict[str, Any]:
    """The least resource of a type, with more elements; None takes one away (``class_`` is ``class``)."""
    tree = {"resourceType": kind, "id": "r1", **LEAST[kind], **{k.rstrip("_"): v for k, v in elements.items()}}
    return {name: value for name, value in tree.items() if value is not None}


def line(tree: object) -> bytes:
    """One line of NDJSON with its end."""
    return json.dumps(tree, ensure_ascii=False).encode() + b"\n"


def rows(kind: str, **elements: Any) -> list[dict[str, Any]]:
    """The rows of a resource that has no problem; only columns that hold something."""
    tree = read_json(line(resource(kind, **elements)).strip())
    assert isinstance(tree, dict)
    flat = flatten(tree)
    assert flat.problems == ()
    return [dict(row) for _, row in flat.rows]


def row(kind: str, **elements: Any) -> dict[str, Any]:
    """The first row of a resource."""
    return rows(kind, **elements)[0]


def problems(kind: str, **elements: Any) -> tuple[str, ...]:
    """Why a resource is refused."""
    tree = read_json(line(resource(kind, **elements)).strip())
    assert isinstance(tree, dict)
    flat = flatten(tree)
    assert flat.rows == () or not flat.problems
    return flat.problems


def unresolved(kind: str, **elements: Any) -> tuple[str, ...]:
    """Columns of references that name no logical id."""
    tree = read_json(line(resource(kind, **elements)).strip())
    assert isinstance(tree, dict)
    return flatten(tree).unresolved


def chunks(data: bytes, *, expected: Callable[[int], str | None] | None = None, **limits: int) -> list[ResourceChunk]:
    """Everything a file holds."""
    return list(FhirFile(io.BytesIO(data), expected=expected, **limits))


def chunk(data: bytes, *, expected: Callable[[int], str | None] | None = None, **limits: int) -> ResourceChunk:
    """The one chunk of a small file."""
    (found,) = chunks(data, expected=expected, **limits)
    return found


def reasons(data: bytes, **limits: Any) -> list[tuple[str, ...]]:
    """Why lines of a small file are refused, in order."""
    return [refused.reasons for refused in chunk(data, **limits).refused]


def coded(code: str, system: str = "http://snomed.info/sct", display: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}
