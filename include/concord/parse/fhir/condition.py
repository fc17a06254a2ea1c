"""FHIR Condition to ``condition`` (https://hl7.org/fhir/R4/condition.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import read_coding, read_main_code, read_status
from concord.parse.fhir.onset import read_onset
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference


def read_condition(reading: Reading) -> None:
    """All columns of ``condition``."""
    condition = reading.resource
    read_status(reading, "clinical_status", condition.get("clinicalStatus"))
    read_status(reading, "verification_status", condition.get("verificationStatus"))
    read_coding(reading, "category", condition.get("category"))
    read_coding(reading, "severity", condition.get("severity"))
    read_main_code(reading, condition.get("code"))
    read_coding(reading, "body_site", condition.get("bodySite"))
    reading.require("subject_reference", condition.get("subject"), condition.get("patient"))
    read_logical_reference(reading, "subject", condition.get("subject", condition.get("patient")))
    read_reference(reading, "encounter", condition.get("encounter", condition.get("context")))
    read_onset(reading, "onset", edge="start")
    read_onset(reading, "abatement", edge="end")
    reading.moment("recorded", condition.get("recordedDate", condition.get("assertedDate")))
    read_named_reference(reading, "recorder", condition.get("recorder"))
    read_named_reference(reading, "asserter", condition.get("asserter"))
