"""FHIR resources of invented patients, as small as a test needs them."""

from __future__ import annotations

import json
from typing import Any

Resource = dict[str, Any]


def patient(number: int, **more: Any) -> Resource:
    """Patient ``p<number>``."""
    name = {"use": "official", "family": f"Sample{'abcdefghij'[number % 10]}", "given": ["Pat"]}
    own = {"name": [name], "gender": "female", "birthDate": f"1980-03-{number % 28 + 1:02d}"}
    return {"resourceType": "Patient", "id": f"p{number}", **own, **more}


def weight(number: int, kilograms: str, *, of: int = 1, **more: Any) -> Resource:
    """Observation ``w<number>``: a body weight of patient ``of``."""
    value = {"value": float(kilograms), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    own = {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/p{of}"},
        "effectiveDateTime": "2026-11-01T08:00:00Z",
        "valueQuantity": value,
    }
    return {"resourceType": "Observation", "id": f"w{number}", **own, **more}


def pressure(number: int, systolic: int, diastolic: int | None, *, of: int = 1, **more: Any) -> Resource:
    """Observation ``b<number>``: a blood pressure, with a component for each given value."""
    given = [("8480-6", systolic), *([("8462-4", diastolic)] if diastolic is not None else [])]
    components = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for code, value in given
    ]
    own = {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": f"Patient/p{of}"},
        "effectiveDateTime": "2026-11-01T08:00:00Z",
        "component": components,
    }
    return {"resourceType": "Observation", "id": f"b{number}", **own, **more}


def updated(resource: Resource, version: int, at: str) -> Resource:
    """The resource in a version, as servers that keep versions say it."""
    return resource | {"meta": {"versionId": str(version), "lastUpdated": at}}


def deleted(*references: str) -> Resource:
    """A Bundle that names deleted resources (Bulk Data IG, ``deleted``)."""
    entries = [{"request": {"method": "DELETE", "url": reference}} for reference in references]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def ndjson(*resources: Resource | bytes) -> bytes:
    """One resource a line."""
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in resources]
    return b"".join(line + b"\n" for line in lines)
