"""STU3 and R5 (and a bit of DSTU2) put the same things elsewhere: they are found there too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fhir_resources import coded, row, unresolved

REF = {"reference": "Patient/p9"}
ENCOUNTER = {"reference": "Encounter/e9"}
AT = "2024-05-17"
AT_ISO = "2024-05-17T00:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "elements", "expected"),
    [
        ("Encounter", {"class_": [coded("IMP")]}, {"class_code": "IMP"}),
        ("Encounter", {"class_": coded("IMP")}, {"class_code": "IMP"}),
        ("Encounter", {"class_": "inpatient"}, {"class_code": "inpatient"}),
        ("Encounter", {"actualPeriod": {"start": AT}}, {"started_at": AT_ISO}),
        ("Encounter", {"admission": {"admitSource": coded("emd")}}, {"admit_source_code": "emd"}),
        ("Encounter", {"participant": [{"actor": REF}]}, {"performer_reference": "Patient/p9"}),
        ("Encounter", {"reason": [{"value": [{"concept": coded("7")}]}]}, {"reason_code": "7"}),
        ("Encounter", {"reason": [{"value": [{"reference": {"reference": "Condition/c"}}]}]},
         {"reason_reference": "Condition/c", "reason_code": None}),
        ("Encounter", {"reason": [coded("7")]}, {"reason_code": "7"}),
        ("Encounter", {"diagnosis": [{"condition": [{"reference": {"reference": "Condition/c"}}]}]},
         {"diagnosis_reference": "Condition/c"}),
        ("Encounter", {"serviceType": [{"concept": coded("5")}]}, {"service_type_code": "5"}),
        ("Encounter", {"status": "discharged"}, {"status": "discharged"}),
        ("Encounter", {"patient": REF}, {"subject_reference": "Patient/p9"}),
        ("Condition", {"clinicalStatus": "active"}, {"clinical_status": "active"}),
        ("Condition", {"verificationStatus": "unknown"}, {"verification_status": "unknown"}),
        ("Condition", {"assertedDate": AT}, {"recorded_at": AT_ISO}),
        ("Condition", {"context": ENCOUNTER}, {"encounter_reference": "Encounter/e9"}),
        ("Condition", {"category": coded("diagnosis")}, {"category_code": "diagnosis"}),
        ("Observation", {"context": ENCOUNTER}, {"encounter_reference": "Encounter/e9"}),
        ("Observation", {"effectiveInstant": "2024-05-17T00:00:00Z"}, {"effective_at": AT_ISO}),
        ("Observation", {"interpretation": coded("H")}, {"interpretation_code": "H"}),
        ("Observation", {"category": coded("vital-signs")}, {"category_code": "vital-signs"}),
        ("MedicationRequest", {"medicationCodeableConcept": None, "medication": {"concept": coded("1191")}},
         {"code": "1191"}),
        ("MedicationRequest",
         {"medicationCodeableConcept": None, "medication": {"reference": {"reference": "Medication/m"}}},
         {"medication_reference": "Medication/m", "code": None}),
        ("MedicationRequest", {"requester": {"agent": REF}}, {"requester_reference": "Patient/p9"}),
        ("MedicationRequest", {"reported": True}, {"reported": True}),
        ("MedicationRequest", {"reason": [{"concept": coded("7")}]}, {"reason_code": "7"}),
        ("MedicationRequest", {"dosageInstruction": [{"asNeeded": True}]}, {"as_needed": True}),
        ("MedicationRequest", {"dosageInstruction": [{"doseQuantity": {"value": 2}}]}, {"dose_number": "2"}),
        ("MedicationRequest", {"dosageInstruction": {"doseRange": {"low": {"value": 2}}}}, {"dose_number": "2"}),
        ("MedicationRequest", {"category": coded("outpatient")}, {"category_code": "outpatient"}),
        ("MedicationRequest", {"status": "ended"}, {"status": "ended"}),
        ("Procedure", {"occurrenceDateTime": AT}, {"performed_at": AT_ISO}),
        ("Procedure", {"notDoneReason": coded("x")}, {"status_reason_code": "x"}),
        ("Procedure", {"status": "aborted"}, {"status": "aborted"}),
        ("Procedure", {"category": [coded("5")]}, {"category_code": "5"}),
        ("Immunization", {"date": AT}, {"occurred_at": AT_ISO}),
        ("Immunization", {"notGiven": True}, {"status": "not-done"}),
        ("Immunization", {"protocolApplied": [{"doseNumber": "1"}]}, {"series_position": "1"}),
        ("Immunization", {"reason": [{"concept": coded("7")}]}, {"reason_code": "7"}),
        ("AllergyIntolerance", {"type": coded("allergy")}, {"type_code": "allergy"}),
        ("AllergyIntolerance", {"clinicalStatus": "active"}, {"clinical_status": "active"}),
        ("AllergyIntolerance", {"reaction": [{"manifestation": [{"concept": coded("7")}]}]}, {"reaction_code": "7"}),
        ("DiagnosticReport", {"performer": [{"actor": REF}]}, {"performer_reference": "Patient/p9"}),
        ("DiagnosticReport", {"codedDiagnosis": [coded("7")]}, {"conclusion_code": "7"}),
        ("DiagnosticReport", {"conclusionCode": [{"concept": coded("7")}]}, {"conclusion_code": "7"}),
        ("DiagnosticReport", {"category": coded("LAB")}, {"category_code": "LAB"}),
        ("DocumentReference", {"context": [ENCOUNTER]}, {"encounter_reference": "Encounter/e9"}),
        ("DocumentReference", {"period": {"start": AT}}, {"effective_at": AT_ISO}),
        ("DocumentReference", {"indexed": AT}, {"documented_at": AT_ISO}),
        ("DocumentReference", {"class_": coded("note")}, {"category_code": "note"}),
        ("DocumentReference",
         {"relatesTo": [{"code": coded("replaces"), "target": {"reference": "DocumentReference/b"}}]},
         {"replaces_reference": "DocumentReference/b"}),
        ("Coverage", {"insurer": {"reference": "Organization/o"}}, {"payor_reference": "Organization/o"}),
        ("Coverage", {"subscriberId": [{"value": "S1"}]}, {"subscriber_identifier": "S1"}),
        ("Coverage", {"class_": [{"type": coded("group"), "value": {"value": "G1"}}]}, {"group_id": "G1"}),
        ("Coverage", {"grouping": {"group": "G1", "plan": "P1"}}, {"group_id": "G1", "plan_code": "P1"}),
        ("Organization", {"contact": [{"address": {"city": "E"}}]}, {"city": "E"}),
        ("Location", {"form": coded("wa")}, {"physical_type_code": "wa"}),
        ("Location", {"contact": [{"telecom": [{"system": "phone", "value": "1"}]}]}, {"phone": "1"}),
        ("Patient", {"name": {"family": ["Two", "Names"]}}, {"last_name": "Two"}),
        ("Patient", {"extension": [{"url": "http://fhir.org/guides/argonaut/StructureDefinition/argo-race",
                                    "valueCodeableConcept": coded("2106-3")}]}, {"race_code": "2106-3"}),
    ],
)  # fmt: skip
def test_a_shape_of_another_version_is_read(kind: str, elements: dict[str, Any], expected: dict[str, Any]) -> None:
    found = row(kind, **elements)
    assert {name: found.get(name) for name in expected} == expected


def test_a_context_without_an_encounter_is_no_lost_reference() -> None:
    assert unresolved("DocumentReference", context={"period": {"start": AT}}) == ()
    assert unresolved("DocumentReference", context={"facilityType": coded("x")}) == ()


def test_a_concept_is_no_lost_reference() -> None:
    assert unresolved("MedicationRequest", medicationCodeableConcept=None, medication={"concept": coded("1")}) == ()
