"""A resource to rows: which reader knows its type, and what all types share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from concord.entities.clinical import RESOURCE_TYPES
from concord.parse.fhir.allergy_intolerance import read_allergy_intolerance
from concord.parse.fhir.condition import read_condition
from concord.parse.fhir.coverage_record import read_coverage_record
from concord.parse.fhir.diagnostic_report import read_diagnostic_report
from concord.parse.fhir.document_reference import read_document_reference
from concord.parse.fhir.encounter import read_encounter
from concord.parse.fhir.immunization import read_immunization
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.location import read_location
from concord.parse.fhir.medication_request import read_medication_request
from concord.parse.fhir.observation import read_observation
from concord.parse.fhir.organization import read_organization
from concord.parse.fhir.patient import links, read_patient
from concord.parse.fhir.practitioner import read_practitioner
from concord.parse.fhir.procedure import read_procedure
from concord.parse.fhir.reading import RESOURCE_ID, Reading, Row
from concord.parse.fhir.references import logical_id

READERS: Mapping[str, Callable[[Reading], None]] = {
    "patient": read_patient,
    "encounter": read_encounter,
    "condition": read_condition,
    "medication_request": read_medication_request,
    "procedure": read_procedure,
    "immunization": read_immunization,
    "allergy_intolerance": read_allergy_intolerance,
    "diagnostic_report": read_diagnostic_report,
    "document_reference": read_document_reference,
    "coverage_record": read_coverage_record,
    "practitioner": read_practitioner,
    "organization": read_organization,
    "location": read_location,
}
"""Entity to what reads its resource into one row; an observation gives several."""


@dataclass(frozen=True)
class Flat:
    """What one line says: rows by entity, or ``problems`` and no row.

    ``unresolved`` names ``entity.column`` once for each reference without a logical id.
    ``merges`` are (patient that is no more, patient that replaces it) as ``Patient/id``.
    """

    rows: tuple[tuple[str, Row], ...] = field(default=(), repr=False)
    problems: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    deleted: bool = False


def flatten(resource: Tree) -> Flat:
    """The rows of a resource whose type is one of :data:`RESOURCE_TYPES`.

    Problems are ``resource.id`` and ``<column>.<rule>`` (see :mod:`concord.parse.fhir.reading`).
    """
    entity = RESOURCE_TYPES[str(resource["resourceType"])].name
    reading = Reading(resource, entity)
    _read_head(reading)
    rows = _read(reading)
    if reading.problems:
        return Flat(problems=tuple(reading.problems))
    return Flat(
        rows=tuple((entity, row) for row in rows),
        unresolved=tuple(f"{entity}.{column}" for column in reading.unresolved),
        merges=tuple(_merges(reading)) if entity == "patient" and "link" in resource else (),
    )


def _read(reading: Reading) -> list[Row]:
    if reading.entity == "observation":
        return read_observation(reading)
    READERS[reading.entity](reading)
    return [reading.row]


def _read_head(reading: Reading) -> None:
    name = reading.resource.get("id")
    if type(name) is str and RESOURCE_ID.fullmatch(name):
        reading.row["resource_id"] = name
    else:
        reading.problems.append("resource.id")
    meta = reading.tree("version_id", reading.resource.get("meta"))
    reading.text("version_id", meta.get("versionId"))
    reading.timestamp("last_updated", meta.get("lastUpdated"))


def _merges(reading: Reading) -> list[tuple[str, str]]:
    """Both ends may tell of a merge: the patient that is no more, and the one that is left."""
    own = f"Patient/{reading.row['resource_id']}"
    gone = [(own, by) for by in _targets(reading, "replaced-by")]
    return gone + [(old, own) for old in _targets(reading, "replaces")]


def _targets(reading: Reading, kind: str) -> list[str]:
    found = []
    for other in links(reading, kind):
        target = reading.tree("replaced_by_reference", other).get("reference")
        known = logical_id(target) if type(target) is str else None
        if known and known.startswith("Patient/"):
            found.append(known)
    return found
