"""References in all their forms: a logical id where one is known, counted where not."""

from __future__ import annotations

from typing import Any

import pytest

from concord.parse.fhir.references import logical_id
from tests.unit.fhir_resources import chunk, coded, line, problems, resource, row, unresolved


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p.1-A", "Patient/p.1-A/_history/3", "https://ehr.example/api/FHIR/R4/Patient/p.1-A",
        "http://localhost:8080/Patient/p.1-A/_history/3", " Patient/p.1-A ",
    ],
)  # fmt: skip
def test_a_literal_reference_becomes_type_and_id(reference: str) -> None:
    assert row("Condition", subject={"reference": reference})["subject_reference"] == "Patient/p.1-A"


@pytest.mark.parametrize(
    "reference",
    [
        "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "urn:oid:1.2.3", "Patient", "Patient/", "patient/1",
        "Patient?identifier=urn:x|1", "Patient/" + "9" * 65, "Patient/a b", "ftp://x/Patient/1", "p1", "#nobody",
        "https://ehr.example/Patient/1?_format=json", "Patient/1/Encounter",
    ],
)  # fmt: skip
def test_any_other_form_is_null_and_counted(reference: str) -> None:
    assert "subject_reference" not in row("Condition", subject={"reference": reference})
    assert unresolved("Condition", subject={"reference": reference}) == ("condition.subject_reference",)


def test_nothing_said_is_nothing_counted() -> None:
    assert unresolved("Observation") == ()
    assert unresolved("Observation", subject={"extension": [{"url": "x"}]}) == ()


def test_a_business_identifier_is_kept_beside() -> None:
    by_identifier = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999974493"}}
    condition = {"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999974493"}
    encoded = {
        "reference": "Practitioner?active=true&identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7C9999974493"
    }
    for given in (by_identifier, condition, encoded):
        found = row("Condition", recorder=given)
        assert found["recorder_identifier"] == "http://hl7.org/fhir/sid/us-npi|9999974493"
        assert "recorder_reference" not in found
        assert unresolved("Condition", recorder=given) == ("condition.recorder_reference",)


@pytest.mark.parametrize(
    "given",
    [
        {"identifier": {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-94-5397"}},
        {"identifier": {"type": coded("SS", "http://terminology.hl7.org/CodeSystem/v2-0203"), "value": "999945397"}},
        {"reference": "Patient?identifier=http://hl7.org/fhir/sid/us-ssn|999-94-5397"},
        {"reference": "Patient?identifier=urn:oid:2.16.840.1.113883.4.1|999945397"},
    ],
)
def test_an_ssn_never_becomes_a_references_identifier(given: dict[str, Any]) -> None:
    assert "999" not in str(row("Condition", subject=given))


def test_a_contained_resource_is_found_and_has_no_id_of_its_own() -> None:
    inside = [{"resourceType": "Practitioner", "id": "d", "identifier": [{"system": "urn:x", "value": "7"}]}]
    found = row("Condition", contained=inside, recorder={"reference": "#d", "display": "Dr. Grey"})
    assert found["recorder_identifier"] == "urn:x|7"
    assert found["recorder_name"] == "Dr. Grey"
    assert "recorder_reference" not in found
    assert unresolved("Condition", contained=inside, recorder={"reference": "#d"}) == ()


def test_a_contained_medication_gives_its_code() -> None:
    drug = {
        "resourceType": "Medication",
        "id": "m",
        "code": coded("1191", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    }
    given = {"contained": [drug], "medicationReference": {"reference": "#m"}, "medicationCodeableConcept": None}
    assert row("MedicationRequest", **given)["code"] == "1191"
    assert unresolved("MedicationRequest", **given) == ()


@pytest.mark.parametrize("value", [1, True, [["x"]], {"reference": 5}, {"reference": [5]}])
def test_what_is_no_reference_is_refused_or_counted(value: object) -> None:
    found = problems("Condition", subject=value)
    assert found == ("subject_reference.kind",) or unresolved("Condition", subject=value)


def test_a_chunk_counts_by_column() -> None:
    lost = resource("Condition", subject={"reference": "urn:uuid:1"}, encounter={"reference": "urn:uuid:2"})
    found = chunk(line(lost) * 3 + line(resource("Condition")))
    assert found.unresolved == {"condition.subject_reference": 3, "condition.encounter_reference": 3}


def test_a_long_reference_is_no_work() -> None:
    assert logical_id("https://" + "a/" * 50_000 + "x") is None
