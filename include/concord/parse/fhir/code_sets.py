"""Codes that an element may have where FHIR binds it to them (required bindings), all versions together.

From STU3, R4 and R5: https://hl7.org/fhir/R4/terminologies-valuesets.html. A code beyond them
is refused: nobody has decided what it means for the row (is it still true? was it ever?).
"""

from __future__ import annotations

from collections.abc import Mapping


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODE_SETS: Mapping[tuple[str, str], frozenset[str]] = {
    ("encounter", "status"): _codes(
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown "
        "on-hold discharged completed discontinued"
    ),
    ("condition", "clinical_status"): _codes("active recurrence relapse inactive remission resolved unknown"),
    ("condition", "verification_status"): _codes(
        "unconfirmed provisional differential confirmed refuted entered-in-error unknown"
    ),
    ("observation", "status"): _codes(
        "registered preliminary final amended corrected cancelled entered-in-error unknown"
    ),
    ("medication_request", "status"): _codes(
        "active on-hold cancelled completed entered-in-error stopped draft unknown ended"
    ),
    ("medication_request", "intent"): _codes(
        "proposal plan order original-order reflex-order filler-order instance-order option"
    ),
    ("medication_request", "priority"): _codes("routine urgent asap stat"),
    ("procedure", "status"): _codes(
        "preparation in-progress not-done on-hold suspended aborted stopped completed entered-in-error unknown"
    ),
    ("immunization", "status"): _codes("completed entered-in-error not-done"),
    ("allergy_intolerance", "clinical_status"): _codes("active inactive resolved"),
    ("allergy_intolerance", "verification_status"): _codes("unconfirmed presumed confirmed refuted entered-in-error"),
    ("allergy_intolerance", "type_code"): _codes("allergy intolerance"),
    ("allergy_intolerance", "criticality"): _codes("low high unable-to-assess"),
    ("allergy_intolerance", "reaction_severity"): _codes("mild moderate severe"),
    ("diagnostic_report", "status"): _codes(
        "registered partial preliminary modified final amended corrected appended cancelled entered-in-error unknown"
    ),
    ("document_reference", "status"): _codes("current superseded entered-in-error"),
    ("document_reference", "doc_status"): _codes(
        "registered partial preliminary final amended corrected appended cancelled entered-in-error deprecated unknown"
    ),
    ("coverage_record", "status"): _codes("active cancelled draft entered-in-error"),
    ("location", "status"): _codes("active suspended inactive"),
    ("location", "mode"): _codes("instance kind"),
    ("", "value_comparator"): _codes("< <= >= > ad"),
}
"""(entity, column) to the codes it may have; an entity of "" means all."""

GENDERS: Mapping[str, str] = {"male": "M", "female": "F", "other": "U", "unknown": "U"}
"""FHIR administrative-gender to what 834 DMG03 says."""
