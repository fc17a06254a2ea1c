"""FHIR AllergyIntolerance to ``allergy_intolerance`` (https://hl7.org/fhir/R4/allergyintolerance.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import read_concept, read_main_code, read_status
from concord.parse.fhir.onset import read_onset
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference


def read_allergy_intolerance(reading: Reading) -> None:
    """All columns of ``allergy_intolerance``."""
    allergy = reading.resource
    read_status(reading, "clinical_status", allergy.get("clinicalStatus"))
    read_status(reading, "verification_status", allergy.get("verificationStatus"))
    read_status(reading, "type_code", allergy.get("type"))
    categories = reading.strings("category_code", allergy.get("category"))
    reading.text("category_code", " ".join(categories))
    reading.code("criticality", allergy.get("criticality"))
    read_main_code(reading, allergy.get("code"))
    reading.require("subject_reference", allergy.get("patient"), allergy.get("subject"))
    read_logical_reference(reading, "subject", allergy.get("patient", allergy.get("subject")))
    read_reference(reading, "encounter", allergy.get("encounter"))
    read_onset(reading, "onset", edge="start")
    reading.moment("recorded", allergy.get("recordedDate", allergy.get("assertedDate")))
    read_named_reference(reading, "recorder", allergy.get("recorder"))
    read_named_reference(reading, "asserter", allergy.get("asserter"))
    reading.moment("last_occurrence", allergy.get("lastOccurrence"))
    _read_reaction(reading)


def _read_reaction(reading: Reading) -> None:
    reaction = next(reading.objects("reaction_code", reading.resource.get("reaction")), {})
    read_concept(reading, "reaction", next(reading.objects("reaction_code", reaction.get("manifestation")), None))
    reading.code("reaction_severity", reaction.get("severity"))
