"""FHIR Procedure to ``procedure`` (https://hl7.org/fhir/R4/procedure.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import codings, preferred, read_coding, read_main_code
from concord.parse.fhir.reading import Reading, choice
from concord.parse.fhir.reasons import read_reason
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference


def read_procedure(reading: Reading) -> None:
    """All columns of ``procedure``."""
    procedure = reading.resource
    reading.require("status", procedure.get("status"), procedure.get("_status"))
    reading.code("status", procedure.get("status"))
    reason = procedure.get("statusReason", procedure.get("notDoneReason"))
    reading.text("status_reason_code", preferred(codings(reading, "status_reason_code", reason)).get("code"))
    read_coding(reading, "category", procedure.get("category"))
    read_main_code(reading, procedure.get("code"))
    reading.require("subject_reference", procedure.get("subject"))
    read_logical_reference(reading, "subject", procedure.get("subject"))
    read_reference(reading, "encounter", procedure.get("encounter", procedure.get("context")))
    _read_performed(reading)
    reading.moment("recorded", procedure.get("recorded"))
    performer = next(reading.objects("performer_reference", procedure.get("performer")), {})
    read_named_reference(reading, "performer", performer.get("actor"))
    read_named_reference(reading, "location", procedure.get("location"))
    read_reason(reading, procedure)
    read_coding(reading, "body_site", procedure.get("bodySite"))
    read_coding(reading, "outcome", procedure.get("outcome"))
    read_reference(reading, "part_of", next(reading.objects("part_of_reference", procedure.get("partOf")), None))


def _read_performed(reading: Reading) -> None:
    """performed[x]; R5 calls it occurrence[x]. An age or a range stays in the raw resource."""
    found = choice(reading.resource, "performed") or choice(reading.resource, "occurrence")
    kind, value = found or ("", None)
    if kind == "DateTime":
        reading.moment("performed", value)
    elif kind == "Period":
        reading.period("performed", "performed_end", value)
    elif kind == "String":
        reading.text("performed_text", value)
