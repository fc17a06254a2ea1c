"""FHIR Immunization to ``immunization`` (https://hl7.org/fhir/R4/immunization.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import codings, preferred, read_coding, read_main_code
from concord.parse.fhir.json_lines import Number
from concord.parse.fhir.quantities import read_amount
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.reasons import read_reason
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference


def read_immunization(reading: Reading) -> None:
    """All columns of ``immunization``."""
    shot = reading.resource
    _read_status(reading)
    reason = preferred(codings(reading, "status_reason_code", shot.get("statusReason")))
    reading.text("status_reason_code", reason.get("code"))
    reading.require("code", shot.get("vaccineCode"))
    read_main_code(reading, shot.get("vaccineCode"))
    reading.require("subject_reference", shot.get("patient"), shot.get("subject"))
    read_logical_reference(reading, "subject", shot.get("patient", shot.get("subject")))
    read_reference(reading, "encounter", shot.get("encounter"))
    reading.moment("occurred", shot.get("occurrenceDateTime", shot.get("date")))
    reading.text("occurred_text", shot.get("occurrenceString"))
    reading.moment("recorded", shot.get("recorded"))
    reading.boolean("primary_source", shot.get("primarySource"))
    performer = next(reading.objects("performer_reference", shot.get("performer")), {})
    read_named_reference(reading, "performer", performer.get("actor"))
    read_named_reference(reading, "location", shot.get("location"))
    _read_vaccine(reading)
    read_reason(reading, shot, with_reference=False)


def _read_status(reading: Reading) -> None:
    """STU3 says ``notGiven`` beside a status of completed: nothing was given."""
    shot = reading.resource
    reading.require("status", shot.get("status"), shot.get("_status"))
    reading.code("status", shot.get("status"))
    if shot.get("notGiven") is True:
        reading.row["status"] = "not-done"


def _read_vaccine(reading: Reading) -> None:
    shot = reading.resource
    maker = reading.tree("manufacturer_name", shot.get("manufacturer"))
    reading.text("manufacturer_name", maker.get("display"))
    reading.text("lot_number", shot.get("lotNumber"))
    reading.moment("expires", shot.get("expirationDate"))
    read_coding(reading, "body_site", shot.get("site"))
    read_coding(reading, "route", shot.get("route"))
    read_amount(reading, "dose_number", "dose_unit", shot.get("doseQuantity"))
    protocol = next(reading.objects("series_position", shot.get("protocolApplied")), {})
    _read_position(reading, "series_position", protocol, "doseNumber")
    _read_position(reading, "series_length", protocol, "seriesDoses")


def _read_position(reading: Reading, column: str, protocol: dict[str, object], stem: str) -> None:
    """A positive integer or a text (R5: a text)."""
    for name in (f"{stem}PositiveInt", f"{stem}String", stem):
        value = protocol.get(name)
        reading.text(column, str(value) if type(value) is Number else value)
