"""What each resource type says, as R4 writes it (and US Core asks for it)."""

from __future__ import annotations

from typing import Any

import pytest

from concord.entities.clinical import RESOURCE_TYPES
from concord.parse.fhir.flatten import READERS
from tests.unit.fhir_resources import LEAST, coded, line, problems, reasons, resource, row, rows

LOINC = "http://loinc.org"
TABLE_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def holds(found: dict[str, Any], **expected: Any) -> None:
    """``found`` says ``expected``; None means that nothing is said."""
    assert {name: found.get(name) for name in expected} == expected


def test_every_kept_type_has_a_reader() -> None:
    assert {entity.name for entity in RESOURCE_TYPES.values()} == {*READERS, "observation"}
    assert set(RESOURCE_TYPES) == set(LEAST)


@pytest.mark.parametrize("kind", LEAST)
def test_only_columns_of_the_entity_are_written(kind: str) -> None:
    for found in rows(kind, meta={"versionId": "3", "lastUpdated": "2026-01-02T03:04:05Z"}):
        assert set(found) <= set(RESOURCE_TYPES[kind].names)
        holds(found, resource_id="r1", version_id="3", last_updated="2026-01-02T03:04:05+00:00")


def test_a_patient() -> None:
    us_core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    found = row(
        "Patient",
        active=True,
        extension=[
            {
                "url": us_core + "race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {"code": "2106-3"}},
                    {"url": "ombCategory", "valueCoding": {"code": "1002-5"}},
                    {"url": "text", "valueString": "Mixed"},
                ],
            },
            {"url": us_core + "ethnicity", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2186-5"}}]},
            {"url": us_core + "birthsex", "valueCode": "F"},
        ],
        identifier=[
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-0101"},
            {"type": coded("MR", TABLE_0203), "value": "M-old", "use": "old"},
            {"type": coded("MR", TABLE_0203), "value": "M-1"},
            {"type": coded("MB", TABLE_0203), "value": "W123"},
        ],
        name=[
            {"use": "maiden", "family": "Before"},
            {"use": "usual", "family": "Usual", "given": ["U"]},
            {"use": "official", "family": "Testman", "given": ["Tessa", "Ann", "Lou"], "suffix": ["Jr."]},
        ],
        birthDate="1980-03",
        gender="female",
        address=[
            {"use": "work", "line": ["9 Office"]},
            {"use": "home", "line": ["1 Way", "Apt 2", "c/o X"], "city": "E", "state": "OH", "postalCode": "01234"},
        ],
        telecom=[
            {"system": "phone", "value": "555-9", "use": "old"},
            {"system": "phone", "value": "(555) 010-0101", "rank": 2},
            {"system": "phone", "value": "+1 555 010 0102", "rank": 1},
            {"system": "email", "value": "t@example.com"},
        ],
        maritalStatus=coded("M", "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"),
        communication=[{"language": coded("es", "urn:ietf:bcp:47")}, {"language": coded("en"), "preferred": True}],
        multipleBirthInteger=2,
        deceasedDateTime="2025-11",
        managingOrganization={"reference": "Organization/o1"},
        link=[{"type": "replaced-by", "other": {"reference": "Patient/p2"}}],
    )
    holds(
        found, active=True, last_name="Testman", first_name="Tessa", middle_name="Ann Lou", name_suffix="Jr.",
        birth_date="1980-03-01", birth_precision="month", gender_code="F", ssn="400550101", mrn="M-1",
        member_identifier="W123", address_line_1="1 Way", address_line_2="Apt 2, c/o X", city="E", state_code="OH",
        postal_code="01234", phone="5550100102", email="t@example.com", race_code="2106-3 1002-5",
        ethnicity_code="2186-5", birth_sex="F", marital_status="M", language_code="en", multiple_birth="2",
        deceased=True, deceased_at="2025-11-01T00:00:00+00:00", deceased_precision="month",
        managing_organization_reference="Organization/o1", replaced_by_reference="Patient/p2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+1 (555) 010-0101", "5550100101"), ("555.010.0101 x12", "5550100101"), ("555-010-0101;ext=7", "5550100101"),
        ("555-010-0101 Ext. 77", "5550100101"), ("+49 30 1234567", "49301234567"), ("none", None),
    ],
)  # fmt: skip
def test_a_phone_number_is_its_digits(written: str, digits: str | None) -> None:
    holds(row("Patient", telecom=[{"system": "phone", "value": written}]), phone=digits)


@pytest.mark.parametrize(("gender", "code"), [("male", "M"), ("female", "F"), ("other", "U"), ("unknown", "U")])
def test_a_gender_is_told_as_a_member_files_tells_it(gender: str, code: str) -> None:
    holds(row("Patient", gender=gender), gender_code=code)


@pytest.mark.parametrize(
    ("value", "ssn"), [("400-55-0101", "400550101"), ("400 55 0101", "400550101"), ("xxx-xx-0101", None), ("", None)]
)
def test_an_ssn_is_nine_digits_or_masked(value: str, ssn: str | None) -> None:
    holds(row("Patient", identifier=[{"system": "urn:oid:2.16.840.1.113883.4.1", "value": value}]), ssn=ssn, mrn=None)


def test_an_ssn_that_is_none_is_refused() -> None:
    system = "http://hl7.org/fhir/sid/us-ssn"
    assert problems("Patient", identifier=[{"system": system, "value": "12345"}]) == ("ssn.format",)
    two = [{"system": system, "value": "400550101"}, {"system": system, "value": "400550102"}]
    assert problems("Patient", identifier=two) == ("ssn.many",)
    assert problems("Patient", identifier=[two[0], two[0]]) == ()


def test_an_ssn_goes_into_no_other_column() -> None:
    ssn = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-0101"}
    spelt = {"type": {"text": "Social Security Number"}, "value": "400-55-0101"}
    holds(row("Coverage", identifier=[spelt]), member_identifier=None)
    both = [ssn | {"type": coded("MR", TABLE_0203)}, ssn | {"type": coded("MB", TABLE_0203)}]
    holds(row("Patient", identifier=both), ssn="400550101", mrn=None, member_identifier=None)
    for kind in ("Encounter", "Coverage", "Practitioner", "Organization"):
        assert "0101" not in str(row(kind, identifier=[ssn]))


def test_a_birth_among_others_without_an_order_is_no_number() -> None:
    holds(row("Patient", multipleBirthBoolean=True), multiple_birth=None)
    assert problems("Patient", multipleBirthBoolean="yes") == ("multiple_birth.kind",)


def test_an_encounter() -> None:
    found = row(
        "Encounter",
        identifier=[{"value": "first"}, {"type": coded("VN", TABLE_0203), "value": "V7"}],
        class_={"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP", "display": "inpatient"},
        type=[coded("185347001", display="Visit") | {"text": "Visit it was"}],
        serviceType=coded("394802001"),
        priority=coded("EM"),
        subject={"reference": "Patient/p1"},
        period={"start": "2024-01-01T10:00:00Z", "end": "2024-01-03"},
        participant=[
            {"individual": {"reference": "Practitioner/any"}},
            {"type": [coded("PPRF")], "individual": {"reference": "Practitioner/pp"}},
            {"type": [coded("ATND")], "individual": {"reference": "Practitioner/at", "display": "Dr. At"}},
        ],
        reasonCode=[coded("46177005")],
        reasonReference=[{"reference": "Condition/c9"}],
        diagnosis=[
            {"condition": {"reference": "Condition/c2"}, "rank": 2},
            {"condition": {"reference": "Condition/c1"}, "rank": 1},
        ],
        location=[
            {"location": {"reference": "Location/l1"}, "status": "completed"},
            {"location": {"reference": "Location/l2", "display": "Ward 2"}, "status": "active"},
            {"location": {"reference": "Location/l3"}, "status": "planned"},
        ],
        hospitalization={"admitSource": coded("emd"), "dischargeDisposition": coded("home")},
        serviceProvider={"reference": "Organization/o1"},
        partOf={"reference": "Encounter/e0"},
    )
    holds(
        found, status="finished", visit_number="V7", class_code="IMP", class_display="inpatient",
        type_code="185347001", type_text="Visit it was", service_type_code="394802001", priority="EM",
        subject_reference="Patient/p1", started_at="2024-01-01T10:00:00+00:00", started_precision="time",
        ended_at="2024-01-03T00:00:00+00:00", ended_precision="day", performer_reference="Practitioner/at",
        performer_name="Dr. At", reason_code="46177005", reason_reference="Condition/c9",
        diagnosis_reference="Condition/c1", location_reference="Location/l2", location_name="Ward 2",
        admit_source_code="emd", discharge_disposition_code="home", service_provider_reference="Organization/o1",
        part_of_reference="Encounter/e0",
    )  # fmt: skip


def test_a_condition() -> None:
    found = row(
        "Condition",
        clinicalStatus=coded("active", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
        verificationStatus=coded("confirmed", "http://terminology.hl7.org/CodeSystem/condition-ver-status"),
        category=[coded("problem-list-item", "http://terminology.hl7.org/CodeSystem/condition-category")],
        severity=coded("24484000"),
        code={
            "coding": [
                {"system": "urn:local", "code": "DM", "userSelected": True},
                {"system": "http://snomed.info/sct", "code": "44054006"},
                {"system": "urn:oid:2.16.840.1.113883.6.90", "code": "E11.9", "display": "Type 2 diabetes"},
            ],
            "text": "sugar",
        },
        bodySite=[coded("1")],
        encounter={"reference": "Encounter/e1"},
        onsetDateTime="2019",
        abatementPeriod={"start": "2020-01-01", "end": "2020-02"},
        recordedDate="2019-04-05",
        recorder={"reference": "Practitioner/d1", "display": "Dr. D"},
        asserter={"reference": "Patient/p1"},
    )
    holds(
        found, clinical_status="active", verification_status="confirmed", category_code="problem-list-item",
        severity_code="24484000", code="E11.9", code_system="http://hl7.org/fhir/sid/icd-10-cm",
        code_display="Type 2 diabetes", code_text="sugar", body_site_code="1", encounter_reference="Encounter/e1",
        code_all="urn:local|DM http://snomed.info/sct|44054006 http://hl7.org/fhir/sid/icd-10-cm|E11.9",
        onset_at="2019-01-01T00:00:00+00:00", onset_precision="year", abatement_at="2020-02-01T00:00:00+00:00",
        abatement_precision="month", recorded_at="2019-04-05T00:00:00+00:00",
        recorder_reference="Practitioner/d1", recorder_name="Dr. D", asserter_reference="Patient/p1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ({"onsetString": "as a child"}, "as a child"),
        ({"onsetAge": {"value": 54, "unit": "years"}}, "54 years"),
        ({"onsetAge": {"comparator": "<", "value": 54, "code": "a"}}, "<54 a"),
        ({"onsetRange": {"low": {"value": 5, "unit": "a"}, "high": {"value": 7, "unit": "a"}}}, "5 a - 7 a"),
    ],
)
def test_an_onset_that_is_no_date_is_text(elements: dict[str, Any], text: str) -> None:
    holds(row("Condition", **elements), onset_text=text, onset_at=None)


def test_a_laboratory_result() -> None:
    found = row(
        "Observation",
        category=[coded("LAB", "urn:local"), coded("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category")],
        subject={"reference": "Patient/p1", "identifier": {"system": "urn:mrn", "value": "7"}},
        encounter={"reference": "Encounter/e1"},
        performer=[{"reference": "Organization/lab", "display": "Lab"}],
        specimen={"reference": "Specimen/s1"},
        device={"reference": "Device/d1"},
        effectiveDateTime="2024-05-17T10:11:12-05:00",
        issued="2024-05-17T20:00:00.000Z",
        valueQuantity={"comparator": ">", "value": 14, "unit": "%", "code": "%", "system": "http://unitsofmeasure.org"},
        interpretation=[coded("H")],
        bodySite=coded("arm"),
        method=coded("auto"),
        referenceRange=[{"low": {"value": 4.0, "unit": "%"}, "high": {"value": 5.6, "unit": "%"}, "text": "4-5.6"}],
    )  # fmt: skip
    holds(
        found, component="", status="final", category_code="laboratory", code="4548-4", code_system=LOINC,
        subject_reference="Patient/p1", subject_identifier="urn:mrn|7", encounter_reference="Encounter/e1",
        performer_reference="Organization/lab", performer_name="Lab", specimen_reference="Specimen/s1",
        device_reference="Device/d1", effective_at="2024-05-17T10:11:12-05:00", effective_precision="time",
        issued_at="2024-05-17T20:00:00+00:00", value_kind="quantity", value_number="14", value_comparator=">",
        value_unit="%", value_unit_code="%", normal_number="14", normal_unit="%", interpretation_code="H",
        body_site_code="arm", method_code="auto", reference_low="4.0", reference_high="5.6", reference_unit="%",
        reference_text="4-5.6",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueCodeableConcept": coded("260385009", display="Negative") | {"text": "neg"}},
         {"value_kind": "concept", "value_code": "260385009", "value_display": "Negative", "value_text": "neg"}),
        ({"valueString": "clear"}, {"value_kind": "text", "value_text": "clear"}),
        ({"valueBoolean": False}, {"value_kind": "boolean", "value_boolean": False}),
        ({"valueInteger": 3}, {"value_kind": "integer", "value_number": "3"}),
        ({"valueRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}},
         {"value_kind": "range", "value_low": "1", "value_high": "2", "value_unit": "mg", "value_number": None}),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}},
         {"value_kind": "ratio", "value_low": "1", "value_high": "128", "value_number": "0.0078125"}),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 0}}},
         {"value_kind": "ratio", "value_low": "1", "value_high": "0", "value_number": None}),
        ({"valueTime": "07:30:00"}, {"value_kind": "time", "value_text": "07:30:00"}),
        ({"valueDateTime": "2024-05"},
         {"value_kind": "moment", "value_at": "2024-05-01T00:00:00+00:00", "value_precision": "month"}),
        ({"valuePeriod": {"start": "2024-05-01", "end": "2024-05-09"}},
         {"value_kind": "period", "value_at": "2024-05-01T00:00:00+00:00", "value_end_precision": "day"}),
        ({"valueSampledData": {"origin": {"value": 0}, "data": "1 2 3"}}, {"value_kind": "samples"}),
        ({"valueAttachment": {"url": "x"}}, {"value_kind": "attachment"}),
        ({"valueReference": {"reference": "MolecularSequence/1"}}, {"value_kind": "reference"}),
        ({"valueSomethingNew": 1}, {"value_kind": "other"}),
        ({"dataAbsentReason": coded("masked")}, {"value_kind": None, "data_absent_reason": "masked"}),
    ],
)  # fmt: skip
def test_every_kind_of_value(value: dict[str, Any], expected: dict[str, Any]) -> None:
    holds(row("Observation", **value), **expected)


def test_two_values_are_one_too_many() -> None:
    assert problems("Observation", valueString="a", valueBoolean=True) == ("value_kind.many",)


def test_a_blood_pressure_is_its_components() -> None:
    mercury = {"system": "http://unitsofmeasure.org", "code": "mm[Hg]", "unit": "mmHg"}
    panel, systolic, diastolic = rows(
        "Observation",
        code=coded("85354-9", LOINC),
        subject={"reference": "urn:uuid:1"},
        encounter={"reference": "Encounter/e1"},
        effectiveDateTime="2024-05-17",
        component=[
            {"code": coded("8480-6", LOINC), "valueQuantity": mercury | {"value": 130}},
            {"code": coded("8462-4", LOINC), "dataAbsentReason": coded("unknown")},
        ],
    )
    holds(panel, component="", code="85354-9", value_kind=None)
    holds(systolic, component="1:8480-6", code="8480-6", normal_number="130", normal_unit="mm[Hg]")
    holds(diastolic, component="2:8462-4", data_absent_reason="unknown", value_number=None)
    for part in (systolic, diastolic):
        shared = ("resource_id", "status", "effective_at", "effective_precision", "encounter_reference")
        assert [part[name] for name in shared] == [panel[name] for name in shared]


def test_a_component_that_cannot_be_read_refuses_its_observation() -> None:
    assert problems("Observation", component=[{"code": {"text": "x"}, "valueQuantity": 7}]) == ("value_number.kind",)
    assert problems("Observation", component=[{}]) == ("code.missing",)
    assert problems("Observation", component=["x"]) == ("component.kind",) or problems("Observation", component=["x"])


def test_a_medication_request() -> None:
    found = row(
        "MedicationRequest",
        statusReason=coded("SALG"),
        intent="order",
        category=[coded("community")],
        priority="stat",
        doNotPerform=False,
        reportedReference={"reference": "Patient/p1"},
        medicationCodeableConcept={
            "coding": [
                {"system": "http://hl7.org/fhir/sid/ndc", "code": "1"},
                {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "314076", "display": "lisinopril"},
            ]
        },
        encounter={"reference": "Encounter/e1"},
        authoredOn="2024-05-17",
        requester={"reference": "Practitioner/d1", "display": "Dr. D"},
        reasonCode=[{"text": "blood pressure"}],
        reasonReference=[{"reference": "Condition/c1"}],
        dosageInstruction=[
            {
                "text": "one a day",
                "timing": {"repeat": {"frequency": 1, "period": 1.0, "periodUnit": "d"}},
                "asNeededCodeableConcept": {"text": "pain"},
                "route": coded("26643006"),
                "doseAndRate": [{"doseQuantity": {"value": 10, "unit": "mg"}}],
            }
        ],
        dispenseRequest={
            "quantity": {"value": 30, "code": "{tbl}"},
            "numberOfRepeatsAllowed": 3,
            "expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d"},
            "validityPeriod": {"start": "2024-05-17", "end": "2025-05"},
        },
        priorPrescription={"reference": "MedicationRequest/m0"},
    )
    holds(
        found, status="active", status_reason_code="SALG", intent="order", category_code="community", priority="stat",
        do_not_perform=False, reported=True, code="314076", code_display="lisinopril",
        encounter_reference="Encounter/e1", authored_at="2024-05-17T00:00:00+00:00", authored_precision="day",
        requester_reference="Practitioner/d1", requester_name="Dr. D", reason_text="blood pressure",
        reason_reference="Condition/c1", dosage_text="one a day", dose_number="10", dose_unit="mg",
        dose_frequency="1", dose_period="1.0", dose_period_unit="d", as_needed=True, route_code="26643006",
        quantity_number="30", quantity_unit="{tbl}", refills="3", supply_number="30", supply_unit="days",
        valid_from_at="2024-05-17T00:00:00+00:00", valid_until_precision="month",
        prior_reference="MedicationRequest/m0",
    )  # fmt: skip
    referred = row(
        "MedicationRequest",
        medicationCodeableConcept=None,
        medicationReference={"reference": "Medication/m1", "display": "aspirin"},
    )
    holds(referred, medication_reference="Medication/m1", code_display="aspirin")
    assert problems("MedicationRequest", medicationCodeableConcept=None) == ("code.missing",)


def test_a_procedure() -> None:
    found = row(
        "Procedure",
        statusReason=coded("x"),
        category=coded("387713003"),
        code={"coding": [{"system": "http://snomed.info/sct", "code": "73761001"},
                         {"system": "http://www.ama-assn.org/go/cpt", "code": "45378"}]},
        performedPeriod={"start": "2022-06-22T12:31:08-04:00", "end": "2022-06-22T12:46:08-04:00"},
        performer=[{"actor": {"reference": "Practitioner/d1"}}],
        location={"reference": "Location/l1"},
        reasonReference=[{"reference": "Condition/c1"}],
        bodySite=[coded("71854001")],
        outcome=coded("385669000"),
        partOf=[{"reference": "Procedure/p0"}],
    )  # fmt: skip
    holds(
        found, status="completed", status_reason_code="x", category_code="387713003", code="45378",
        performed_at="2022-06-22T12:31:08-04:00", performed_end_at="2022-06-22T12:46:08-04:00",
        performer_reference="Practitioner/d1", location_reference="Location/l1", reason_reference="Condition/c1",
        body_site_code="71854001", outcome_code="385669000", part_of_reference="Procedure/p0",
    )  # fmt: skip
    holds(row("Procedure", performedString="last year"), performed_text="last year", performed_at=None)


def test_an_immunization() -> None:
    found = row(
        "Immunization",
        statusReason=coded("PATOBJ"),
        vaccineCode=coded("140", "urn:oid:2.16.840.1.113883.12.292", "Influenza"),
        encounter={"reference": "Encounter/e1"},
        occurrenceDateTime="2024-10",
        recorded="2024-10-02",
        primarySource=True,
        performer=[{"actor": {"reference": "Practitioner/d1"}}],
        location={"display": "Pharmacy"},
        manufacturer={"display": "Acme"},
        lotNumber="L1",
        expirationDate="2025-06",
        site=coded("LA"),
        route=coded("IM"),
        doseQuantity={"value": 0.5, "unit": "mL"},
        protocolApplied=[{"doseNumberPositiveInt": 1, "seriesDosesString": "2"}],
        reasonCode=[coded("1")],
    )
    holds(
        found, status="completed", status_reason_code="PATOBJ", code="140",
        code_system="http://hl7.org/fhir/sid/cvx", subject_reference="Patient/p1", encounter_reference="Encounter/e1",
        occurred_at="2024-10-01T00:00:00+00:00", occurred_precision="month", recorded_precision="day",
        primary_source=True, performer_reference="Practitioner/d1", location_name="Pharmacy",
        manufacturer_name="Acme", lot_number="L1", expires_precision="month", body_site_code="LA", route_code="IM",
        dose_number="0.5", dose_unit="mL", series_position="1", series_length="2", reason_code="1",
    )  # fmt: skip


def test_an_allergy() -> None:
    found = row(
        "AllergyIntolerance",
        clinicalStatus=coded("active"),
        verificationStatus=coded("confirmed"),
        type="allergy",
        category=["food", "medication"],
        criticality="high",
        code=coded("1191", "http://www.nlm.nih.gov/research/umls/rxnorm", "Aspirin"),
        onsetAge={"value": 5, "unit": "years"},
        recordedDate="1996-12-27T04:21:52-05:00",
        lastOccurrence="2020",
        reaction=[{"manifestation": [coded("271807003", display="Eruption")], "severity": "mild"}],
    )
    holds(
        found, clinical_status="active", verification_status="confirmed", type_code="allergy",
        category_code="food medication", criticality="high", code="1191", subject_reference="Patient/p1",
        onset_text="5 years", recorded_at="1996-12-27T04:21:52-05:00", last_occurrence_precision="year",
        reaction_code="271807003", reaction_display="Eruption", reaction_severity="mild",
    )  # fmt: skip


def test_a_diagnostic_report() -> None:
    found = row(
        "DiagnosticReport",
        category=[coded("LAB", "http://terminology.hl7.org/CodeSystem/v2-0074")],
        code=coded("58410-2", LOINC),
        subject={"reference": "Patient/p1"},
        encounter={"reference": "Encounter/e1"},
        effectivePeriod={"start": "2024-01-01", "end": "2024-01-02"},
        issued="2024-01-03T00:00:00Z",
        performer=[{"reference": "Organization/lab"}],
        resultsInterpreter=[{"reference": "Practitioner/d1"}],
        specimen=[{"reference": "Specimen/s1"}],
        result=[{"reference": "Observation/o1"}, {"reference": "urn:uuid:2"}, {"reference": "Observation/o3"}],
        conclusion="all is well",
        conclusionCode=[coded("17621005")],
        presentedForm=[{"contentType": "text/html", "url": "Binary/b1", "data": "PGI+"}],
    )
    holds(
        found, status="final", category_code="LAB", code="58410-2", subject_reference="Patient/p1",
        encounter_reference="Encounter/e1", effective_precision="day", effective_end_precision="day",
        issued_at="2024-01-03T00:00:00+00:00", performer_reference="Organization/lab",
        interpreter_reference="Practitioner/d1", specimen_reference="Specimen/s1", result_count="3",
        result_references="Observation/o1 Observation/o3", conclusion="all is well", conclusion_code="17621005",
        content_type="text/html", attachment_url="Binary/b1",
    )  # fmt: skip
    assert "PGI+" not in found.values()


def test_a_document_reference() -> None:
    found = row(
        "DocumentReference",
        docStatus="final",
        type=coded("34133-9", LOINC),
        category=[coded("clinical-note")],
        subject={"reference": "Patient/p1"},
        date="2024-01-03T00:00:00Z",
        author=[{"reference": "Practitioner/d1", "display": "Dr. D"}],
        custodian={"reference": "Organization/o1"},
        description="Discharge summary",
        relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/a"}},
                   {"code": "replaces", "target": {"reference": "DocumentReference/b"}}],
        content=[{"attachment": {"contentType": "text/plain", "url": "Binary/b", "title": "t", "size": 99,
                                 "data": "eA=="}, "format": {"code": "urn:x"}}],
        context={"encounter": [{"reference": "Encounter/e1"}], "period": {"start": "2024-01-01", "end": "2024-01-02"}},
    )  # fmt: skip
    holds(
        found, status="current", doc_status="final", code="34133-9", category_code="clinical-note",
        subject_reference="Patient/p1", encounter_reference="Encounter/e1", documented_at="2024-01-03T00:00:00+00:00",
        effective_at="2024-01-01T00:00:00+00:00", effective_end_precision="day", author_reference="Practitioner/d1",
        author_name="Dr. D", custodian_reference="Organization/o1", description="Discharge summary",
        replaces_reference="DocumentReference/b", content_type="text/plain", attachment_url="Binary/b",
        attachment_title="t", attachment_size="99", format_code="urn:x",
    )  # fmt: skip
    assert "eA==" not in found.values()


def test_a_coverage() -> None:
    found = row(
        "Coverage",
        type=coded("HMO"),
        subscriber={"reference": "Patient/p0", "display": "Sam"},
        subscriberId="S1",
        identifier=[{"value": "any"}, {"type": coded("MB", TABLE_0203), "value": "W1"}],
        dependent="02",
        relationship=coded("child"),
        period={"start": "2024-01-01"},
        payor=[{"reference": "Organization/payer", "display": "Payer"}],
        class_=[{"type": coded("group"), "value": "G1", "name": "Acme"}, {"type": coded("plan"), "value": "P1"},
                {"type": coded("rxbin"), "value": "9"}],
        order=1,
    )  # fmt: skip
    holds(
        found, status="active", type_code="HMO", subject_reference="Patient/p1", subscriber_reference="Patient/p0",
        subscriber_name="Sam", subscriber_identifier="S1", member_identifier="W1", dependent="02",
        relationship_code="child", started_precision="day", ended_at=None, payor_reference="Organization/payer",
        payor_name="Payer", group_id="G1", group_name="Acme", plan_code="P1", coverage_order="1",
    )  # fmt: skip


def test_a_practitioner_an_organization_and_a_location() -> None:
    npi = [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999908392"}]
    address = [{"line": ["1 Ave"], "city": "E", "state": "KS", "postalCode": "66801"}]
    telecom = [{"system": "email", "value": "a@example.com"}]
    person = row(
        "Practitioner", active=True, identifier=npi, name=[{"family": "Emard", "given": ["Irvin"]}], gender="male",
        address=address, telecom=telecom, qualification=[{"code": coded("MD")}],
    )  # fmt: skip
    holds(
        person, npi="9999908392", last_name="Emard", first_name="Irvin", gender_code="M", address_line_1="1 Ave",
        email="a@example.com", qualification_code="MD", active=True,
    )  # fmt: skip
    house = row(
        "Organization", active=False, identifier=npi, name="Manor", type=[coded("prov")], address=address,
        telecom=[{"system": "phone", "value": "620-1"}], partOf={"reference": "Organization/o0"},
    )  # fmt: skip
    holds(
        house, active=False, npi="9999908392", name="Manor", type_code="prov", city="E", phone="6201",
        part_of_reference="Organization/o0",
    )  # fmt: skip
    place = row(
        "Location", status="active", name="Ward", mode="instance", type=[coded("ICU")], physicalType=coded("wa"),
        address=address[0], position={"longitude": -95.742114, "latitude": 38.206373},
        managingOrganization={"reference": "Organization/o1"}, partOf={"reference": "Location/l0"},
    )  # fmt: skip
    holds(
        place, status="active", mode="instance", type_code="ICU", physical_type_code="wa", state_code="KS",
        longitude="-95.742114", latitude="38.206373", managing_organization_reference="Organization/o1",
        part_of_reference="Location/l0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "problem"),
    [(2**31, "refills.size"), (-(2**31), "refills.size"), (1.5, "refills.number"), ("3", "refills.kind")],
)
def test_a_whole_number_is_one_of_32_bits(number: object, problem: str) -> None:
    assert problems("MedicationRequest", dispenseRequest={"numberOfRepeatsAllowed": number}) == (problem,)


@pytest.mark.parametrize(
    "number", ["1e999", "-1e33", "1e-999", "1e99999999999999999999", "9" * 40, "0." + "1" * 70, "9" * 5000]
)
def test_a_number_that_no_measure_has_is_refused(number: str) -> None:
    raw = line(resource("Observation", valueQuantity={"value": "?"})).replace(b'"?"', number.encode())
    assert reasons(raw) == [("value_number.size",)]


@pytest.mark.parametrize("wrong", [5, True, {}, ["L1"], {"value": "L1"}])
def test_a_text_that_is_no_text_is_refused(wrong: object) -> None:
    assert problems("Immunization", lotNumber=wrong) == ("lot_number.kind",)


def test_blanks_and_nulls_are_nothing() -> None:
    tree = {"name": [None, {"family": "  ", "given": [None, "Ann "], "suffix": None}], "active": True}
    holds(row("Patient", **tree), last_name=None, first_name="Ann", active=True)


def test_a_status_that_is_withheld_is_not_missing() -> None:
    reason = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
    assert problems("Encounter", status=None, _status=reason) == ()
