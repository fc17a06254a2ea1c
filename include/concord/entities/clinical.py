"""Clinical records: one entity for each FHIR R4 resource type that is kept.

A *record entity* has no coverage spans. Its row is a resource as its source last told
it, known by the resource's logical id; an observation has a row for itself and one for
each of its components. ``about`` names FHIR paths (https://hl7.org/fhir/R4/).

Columns come in groups that are named alike everywhere:

- a concept ``x``: ``x_code``, ``x_system``, ``x_display`` and what a clinician wrote, ``x_text``
  (the record's own concept is ``code``, ``code_system``, ``code_display``, ``code_text``, and in
  ``code_all`` every coding as ``system|code``, blank between them);
- a moment ``x``: ``x_at`` and how much of it was said, ``x_precision`` (year, month, day, time);
  a part that was not said is its first: 2024-05 is 2024-05-01T00:00:00Z;
- a reference ``x``: ``x_reference`` as ``Type/id``, null where no logical id is known; of some also
  ``x_identifier`` (``system|value``, where the reference names a business identifier) and ``x_name``.
"""

from __future__ import annotations

from collections.abc import Mapping

from concord.entities.base import Column, Entity, Kind, Phi

Columns = tuple[Column, ...]


def _head(resource: str, *more: Column) -> Columns:
    return (
        Column("resource_id", phi=Phi.INDIRECT, required=True, about=f"{resource}.id, the logical id at the source."),
        *more,
        Column("version_id", about=f"{resource}.meta.versionId."),
        Column("last_updated", Kind.TIMESTAMP, Phi.INDIRECT, about=f"{resource}.meta.lastUpdated."),
    )


def _code(name: str, about: str) -> Column:
    return Column(name, about=about)


def _text(name: str, about: str, phi: Phi = Phi.INDIRECT) -> Column:
    return Column(name, phi=phi, about=about)


def _yes_no(name: str, about: str) -> Column:
    return Column(name, Kind.BOOLEAN, about=about)


def _number(name: str, about: str, phi: Phi = Phi.NONE) -> Column:
    return Column(name, Kind.NUMERIC, phi, about=about)


def _count(name: str, about: str) -> Column:
    return Column(name, Kind.INTEGER, about=about)


def _coding(name: str, path: str) -> Columns:
    """``name_code``, ``name_system``, ``name_display``."""
    return (
        _code(f"{name}_code", f"{path}: code of the preferred coding."),
        _code(f"{name}_system", f"{path}: code system (URI)."),
        _code(f"{name}_display", f"{path}: the code system's words for the code."),
    )


def _concept(name: str, path: str) -> Columns:
    return (*_coding(name, path), _text(f"{name}_text", f"{path}.text, in the words of who recorded it."))


def _main_code(path: str) -> Columns:
    return (
        _code("code", f"{path}: code of the preferred coding."),
        _code("code_system", f"{path}: code system (URI)."),
        _code("code_display", f"{path}: the code system's words for the code."),
        _text("code_text", f"{path}.text, in the words of who recorded it."),
        _code("code_all", f"{path}: every coding as system|code, blank between them."),
    )


def _moment(name: str, path: str) -> Columns:
    return (
        Column(f"{name}_at", Kind.TIMESTAMP, Phi.INDIRECT, about=f"{path}."),
        _code(f"{name}_precision", f"How much of {path} was said: year, month, day, time."),
    )


def _reference(name: str, path: str) -> Column:
    return Column(f"{name}_reference", phi=Phi.INDIRECT, about=f"{path}, as Type/id.")


def _logical_reference(name: str, path: str) -> Columns:
    return (
        _reference(name, path),
        _text(f"{name}_identifier", f"{path} by business identifier, as system|value; never an SSN."),
    )


def _named_reference(name: str, path: str) -> Columns:
    return (*_logical_reference(name, path), _text(f"{name}_name", f"{path}.display.", Phi.DIRECT))


def _person_name(path: str) -> Columns:
    return (
        _text("last_name", f"{path}.family.", Phi.DIRECT),
        _text("first_name", f"{path}.given, the first.", Phi.DIRECT),
        _text("middle_name", f"{path}.given, from the second on.", Phi.DIRECT),
        _text("name_suffix", f"{path}.suffix.", Phi.DIRECT),
    )


def _address(path: str) -> Columns:
    return (
        _text("address_line_1", f"{path}.line, the first.", Phi.DIRECT),
        _text("address_line_2", f"{path}.line, from the second on.", Phi.DIRECT),
        _text("city", f"{path}.city.", Phi.DIRECT),
        _text("state_code", f"{path}.state.", Phi.INDIRECT),
        _text("postal_code", f"{path}.postalCode.", Phi.DIRECT),
    )


def _contact(path: str) -> Columns:
    return (
        _text("email", f"{path}, the preferred of system email.", Phi.DIRECT),
        _text("phone", f"{path}, the preferred of system phone or sms: digits without +1 and extension.", Phi.DIRECT),
    )


def _record(name: str, about: str, columns: Columns, key: tuple[str, ...] = ("resource_id",)) -> Entity:
    return Entity(name=name, key=key, columns=columns, about=about)


PATIENT = _record(
    "patient",
    "Persons as an EHR knows them; linked to members by a person.",
    (
        *_head("Patient"),
        _yes_no("active", "Patient.active."),
        *_person_name("Patient.name (official before usual)"),
        Column("birth_date", Kind.DATE, Phi.DIRECT, about="Patient.birthDate; a part that was not said is its first."),
        _code("birth_precision", "How much of Patient.birthDate was said: year, month, day."),
        _text("gender_code", "Patient.gender: F, M, U (other, unknown)."),
        Column("ssn", phi=Phi.SECRET, about="Patient.identifier, Social security number: nine digits on arrival."),
        _text("mrn", "Patient.identifier of type MR: medical record number."),
        _text("member_identifier", "Patient.identifier of type MB: the insurer's member number."),
        *_address("Patient.address (home first)"),
        *_contact("Patient.telecom"),
        _text("race_code", "Extension us-core-race, ombCategory (several: blank between them)."),
        _text("ethnicity_code", "Extension us-core-ethnicity, ombCategory."),
        _text("birth_sex", "Extension us-core-birthsex."),
        _text("marital_status", "Patient.maritalStatus, code."),
        _text("language_code", "Patient.communication.language, the preferred or first."),
        Column("multiple_birth", Kind.INTEGER, Phi.INDIRECT, about="Patient.multipleBirthInteger: order of birth."),
        Column("deceased", Kind.BOOLEAN, Phi.INDIRECT, about="Patient.deceased[x]; a date of death says true."),
        *_moment("deceased", "Patient.deceasedDateTime"),
        _reference("replaced_by", "Patient.link of type replaced-by"),
        _reference("managing_organization", "Patient.managingOrganization"),
    ),
)

ENCOUNTER = _record(
    "encounter",
    "Visits, stays and contacts of a patient.",
    (
        *_head("Encounter"),
        _text("visit_number", "Encounter.identifier of type VN, else its first."),
        _code("status", "Encounter.status."),
        *_coding("class", "Encounter.class (R5: the first)"),
        *_concept("type", "Encounter.type, the first"),
        *_coding("service_type", "Encounter.serviceType"),
        _code("priority", "Encounter.priority, code."),
        *_logical_reference("subject", "Encounter.subject"),
        *_moment("started", "Encounter.period.start (R5: actualPeriod)"),
        *_moment("ended", "Encounter.period.end (R5: actualPeriod)"),
        *_named_reference(
            "performer", "Encounter.participant.individual: attender, else primary performer, else first"
        ),
        *_concept("reason", "Encounter.reasonCode, the first (R5: reason.value)"),
        _reference("reason", "Encounter.reasonReference, the first"),
        _reference("diagnosis", "Encounter.diagnosis.condition of the best rank"),
        *_named_reference("location", "Encounter.location.location: active, else the last"),
        _code("admit_source_code", "Encounter.hospitalization.admitSource (R5: admission)."),
        _code("discharge_disposition_code", "Encounter.hospitalization.dischargeDisposition (R5: admission)."),
        *_named_reference("service_provider", "Encounter.serviceProvider"),
        _reference("part_of", "Encounter.partOf"),
    ),
)

CONDITION = _record(
    "condition",
    "Problems and diagnoses.",
    (
        *_head("Condition"),
        _code("clinical_status", "Condition.clinicalStatus."),
        _code("verification_status", "Condition.verificationStatus."),
        *_coding("category", "Condition.category"),
        *_coding("severity", "Condition.severity"),
        *_main_code("Condition.code"),
        *_coding("body_site", "Condition.bodySite, the first"),
        *_logical_reference("subject", "Condition.subject"),
        _reference("encounter", "Condition.encounter (STU3: context)"),
        *_moment("onset", "Condition.onsetDateTime or onsetPeriod.start"),
        _text("onset_text", "Condition.onsetString, or onsetAge in words."),
        *_moment("abatement", "Condition.abatementDateTime or abatementPeriod.end"),
        _text("abatement_text", "Condition.abatementString, or abatementAge in words."),
        *_moment("recorded", "Condition.recordedDate (STU3: assertedDate)"),
        *_named_reference("recorder", "Condition.recorder"),
        *_named_reference("asserter", "Condition.asserter"),
    ),
)

OBSERVATION = _record(
    "observation",
    "Measurements, laboratory results, vital signs and answers; a row for each component too.",
    (
        *_head("Observation", Column("component", required=True, about="'' for the resource, else position:code.")),
        _code("status", "Observation.status."),
        *_coding("category", "Observation.category"),
        *_main_code("Observation.code or component.code"),
        *_logical_reference("subject", "Observation.subject"),
        _reference("encounter", "Observation.encounter (STU3: context)"),
        *_named_reference("performer", "Observation.performer, the first"),
        _reference("specimen", "Observation.specimen"),
        _reference("device", "Observation.device"),
        *_moment("effective", "Observation.effectiveDateTime, effectiveInstant or effectivePeriod.start"),
        *_moment("effective_end", "Observation.effectivePeriod.end"),
        *_moment("issued", "Observation.issued"),
        _code(
            "value_kind", "Which value[x]: quantity, concept, text, boolean, integer, range, ratio, time, moment, ..."
        ),
        _number("value_number", "Quantity.value, integer, or numerator divided by denominator of a ratio."),
        _code("value_unit", "Quantity.unit as written."),
        _code("value_unit_code", "Quantity.code where its system is UCUM."),
        _code("value_comparator", "Quantity.comparator: <, <=, >=, >, ad."),
        _number("value_low", "Range.low; numerator of a ratio."),
        _number("value_high", "Range.high; denominator of a ratio."),
        *_concept("value", "Observation.valueCodeableConcept"),
        _yes_no("value_boolean", "Observation.valueBoolean."),
        *_moment("value", "Observation.valueDateTime or valuePeriod.start"),
        *_moment("value_end", "Observation.valuePeriod.end"),
        _number("normal_number", "value_number in normal_unit; null where the unit has no rule."),
        _code("normal_unit", "kg, cm, Cel, mg/dL for glucose, ...: one unit for each kind of measure (UCUM)."),
        *_coding("interpretation", "Observation.interpretation, the first"),
        _code("data_absent_reason", "Observation.dataAbsentReason, code."),
        *_coding("body_site", "Observation.bodySite"),
        *_coding("method", "Observation.method"),
        _number("reference_low", "Observation.referenceRange.low, of the first."),
        _number("reference_high", "Observation.referenceRange.high, of the first."),
        _code("reference_unit", "Unit of the reference range."),
        _text("reference_text", "Observation.referenceRange.text, of the first."),
    ),
    key=("resource_id", "component"),
)

MEDICATION_REQUEST = _record(
    "medication_request",
    "Prescriptions and medication orders.",
    (
        *_head("MedicationRequest"),
        _code("status", "MedicationRequest.status."),
        _code("status_reason_code", "MedicationRequest.statusReason."),
        _code("intent", "MedicationRequest.intent."),
        *_coding("category", "MedicationRequest.category"),
        _code("priority", "MedicationRequest.priority."),
        _yes_no("do_not_perform", "MedicationRequest.doNotPerform."),
        _yes_no("reported", "MedicationRequest.reported[x]; a source says true."),
        *_main_code("MedicationRequest.medicationCodeableConcept, or the contained Medication's code"),
        _reference("medication", "MedicationRequest.medicationReference"),
        *_logical_reference("subject", "MedicationRequest.subject"),
        _reference("encounter", "MedicationRequest.encounter (STU3: context)"),
        *_moment("authored", "MedicationRequest.authoredOn"),
        *_named_reference("requester", "MedicationRequest.requester (STU3: requester.agent)"),
        *_concept("reason", "MedicationRequest.reasonCode, the first"),
        _reference("reason", "MedicationRequest.reasonReference, the first"),
        _text("dosage_text", "MedicationRequest.dosageInstruction.text, of the first."),
        _number("dose_number", "Dosage.doseAndRate.doseQuantity.value (of a range: low)."),
        _code("dose_unit", "Dosage.doseAndRate.doseQuantity.unit, else its code."),
        _count("dose_frequency", "Dosage.timing.repeat.frequency."),
        _number("dose_period", "Dosage.timing.repeat.period."),
        _code("dose_period_unit", "Dosage.timing.repeat.periodUnit (UCUM): h, d, wk."),
        _yes_no("as_needed", "Dosage.asNeeded[x]; a reason says true."),
        *_coding("route", "Dosage.route"),
        _number("quantity_number", "MedicationRequest.dispenseRequest.quantity.value."),
        _code("quantity_unit", "MedicationRequest.dispenseRequest.quantity.unit, else its code."),
        _count("refills", "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed."),
        _number("supply_number", "MedicationRequest.dispenseRequest.expectedSupplyDuration.value."),
        _code("supply_unit", "MedicationRequest.dispenseRequest.expectedSupplyDuration, its unit."),
        *_moment("valid_from", "MedicationRequest.dispenseRequest.validityPeriod.start"),
        *_moment("valid_until", "MedicationRequest.dispenseRequest.validityPeriod.end"),
        _reference("prior", "MedicationRequest.priorPrescription"),
    ),
)

PROCEDURE = _record(
    "procedure",
    "What was done to or for a patient.",
    (
        *_head("Procedure"),
        _code("status", "Procedure.status."),
        _code("status_reason_code", "Procedure.statusReason (STU3: notDoneReason)."),
        *_coding("category", "Procedure.category"),
        *_main_code("Procedure.code"),
        *_logical_reference("subject", "Procedure.subject"),
        _reference("encounter", "Procedure.encounter (STU3: context)"),
        *_moment("performed", "Procedure.performedDateTime or performedPeriod.start (R5: occurrence[x])"),
        *_moment("performed_end", "Procedure.performedPeriod.end"),
        _text("performed_text", "Procedure.performedString."),
        *_moment("recorded", "Procedure.recorded (R5)"),
        *_named_reference("performer", "Procedure.performer.actor, the first"),
        *_named_reference("location", "Procedure.location"),
        *_concept("reason", "Procedure.reasonCode, the first"),
        _reference("reason", "Procedure.reasonReference, the first"),
        *_coding("body_site", "Procedure.bodySite, the first"),
        *_coding("outcome", "Procedure.outcome"),
        _reference("part_of", "Procedure.partOf, the first"),
    ),
)

IMMUNIZATION = _record(
    "immunization",
    "Vaccinations given, reported or not done.",
    (
        *_head("Immunization"),
        _code("status", "Immunization.status (STU3: notGiven says not-done)."),
        _code("status_reason_code", "Immunization.statusReason."),
        *_main_code("Immunization.vaccineCode"),
        *_logical_reference("subject", "Immunization.patient"),
        _reference("encounter", "Immunization.encounter"),
        *_moment("occurred", "Immunization.occurrenceDateTime (STU3: date)"),
        _text("occurred_text", "Immunization.occurrenceString."),
        *_moment("recorded", "Immunization.recorded"),
        _yes_no("primary_source", "Immunization.primarySource."),
        *_named_reference("performer", "Immunization.performer.actor, the first"),
        *_named_reference("location", "Immunization.location"),
        _text("manufacturer_name", "Immunization.manufacturer.display."),
        _text("lot_number", "Immunization.lotNumber."),
        *_moment("expires", "Immunization.expirationDate"),
        *_coding("body_site", "Immunization.site"),
        *_coding("route", "Immunization.route"),
        _number("dose_number", "Immunization.doseQuantity.value."),
        _code("dose_unit", "Immunization.doseQuantity.unit, else its code."),
        _code("series_position", "Immunization.protocolApplied.doseNumber[x], of the first."),
        _code("series_length", "Immunization.protocolApplied.seriesDoses[x], of the first."),
        *_concept("reason", "Immunization.reasonCode, the first"),
    ),
)

ALLERGY_INTOLERANCE = _record(
    "allergy_intolerance",
    "Allergies and intolerances.",
    (
        *_head("AllergyIntolerance"),
        _code("clinical_status", "AllergyIntolerance.clinicalStatus."),
        _code("verification_status", "AllergyIntolerance.verificationStatus."),
        _code("type_code", "AllergyIntolerance.type: allergy, intolerance."),
        _code("category_code", "AllergyIntolerance.category (several: blank between them)."),
        _code("criticality", "AllergyIntolerance.criticality."),
        *_main_code("AllergyIntolerance.code"),
        *_logical_reference("subject", "AllergyIntolerance.patient"),
        _reference("encounter", "AllergyIntolerance.encounter"),
        *_moment("onset", "AllergyIntolerance.onsetDateTime or onsetPeriod.start"),
        _text("onset_text", "AllergyIntolerance.onsetString, or onsetAge in words."),
        *_moment("recorded", "AllergyIntolerance.recordedDate (STU3: assertedDate)"),
        *_named_reference("recorder", "AllergyIntolerance.recorder"),
        *_named_reference("asserter", "AllergyIntolerance.asserter"),
        *_moment("last_occurrence", "AllergyIntolerance.lastOccurrence"),
        *_concept("reaction", "AllergyIntolerance.reaction.manifestation, the first"),
        _code("reaction_severity", "AllergyIntolerance.reaction.severity, of the first."),
    ),
)

DIAGNOSTIC_REPORT = _record(
    "diagnostic_report",
    "Reports of laboratories, imaging and pathology; their results are observations.",
    (
        *_head("DiagnosticReport"),
        _code("status", "DiagnosticReport.status."),
        *_coding("category", "DiagnosticReport.category"),
        *_main_code("DiagnosticReport.code"),
        *_logical_reference("subject", "DiagnosticReport.subject"),
        _reference("encounter", "DiagnosticReport.encounter (STU3: context)"),
        *_moment("effective", "DiagnosticReport.effectiveDateTime or effectivePeriod.start"),
        *_moment("effective_end", "DiagnosticReport.effectivePeriod.end"),
        *_moment("issued", "DiagnosticReport.issued"),
        *_named_reference("performer", "DiagnosticReport.performer, the first (STU3: performer.actor)"),
        *_named_reference("interpreter", "DiagnosticReport.resultsInterpreter, the first"),
        _reference("specimen", "DiagnosticReport.specimen, the first"),
        _count("result_count", "How many DiagnosticReport.result there are."),
        _text("result_references", "DiagnosticReport.result, those known, as Type/id with a blank between them."),
        _text("conclusion", "DiagnosticReport.conclusion: free text.", Phi.DIRECT),
        *_coding("conclusion", "DiagnosticReport.conclusionCode, the first (STU3: codedDiagnosis)"),
        _code("content_type", "DiagnosticReport.presentedForm.contentType, of the first."),
        _text("attachment_url", "DiagnosticReport.presentedForm.url, of the first."),
    ),
)

DOCUMENT_REFERENCE = _record(
    "document_reference",
    "Documents that exist about a patient: what they are and where, not their content.",
    (
        *_head("DocumentReference"),
        _code("status", "DocumentReference.status."),
        _code("doc_status", "DocumentReference.docStatus."),
        *_main_code("DocumentReference.type"),
        *_coding("category", "DocumentReference.category (STU3: class)"),
        *_logical_reference("subject", "DocumentReference.subject"),
        _reference("encounter", "DocumentReference.context.encounter, the first (R5: context)"),
        *_moment("documented", "DocumentReference.date (STU3: indexed, created)"),
        *_moment("effective", "DocumentReference.context.period.start (R5: period)"),
        *_moment("effective_end", "DocumentReference.context.period.end (R5: period)"),
        *_named_reference("author", "DocumentReference.author, the first"),
        *_named_reference("custodian", "DocumentReference.custodian"),
        _text("description", "DocumentReference.description: free text.", Phi.DIRECT),
        _reference("replaces", "DocumentReference.relatesTo of code replaces"),
        _code("content_type", "DocumentReference.content.attachment.contentType, of the first."),
        _text("attachment_url", "DocumentReference.content.attachment.url, of the first."),
        _text("attachment_title", "DocumentReference.content.attachment.title: free text.", Phi.DIRECT),
        _number("attachment_size", "DocumentReference.content.attachment.size, bytes."),
        _code("format_code", "DocumentReference.content.format, code."),
    ),
)

COVERAGE_RECORD = _record(
    "coverage_record",
    "Insurance as an EHR registered it (FHIR Coverage); what is known of coverage stands in eligibility.",
    (
        *_head("Coverage"),
        _code("status", "Coverage.status."),
        *_concept("type", "Coverage.type"),
        *_logical_reference("subject", "Coverage.beneficiary"),
        _reference("subscriber", "Coverage.subscriber"),
        _text("subscriber_name", "Coverage.subscriber.display.", Phi.DIRECT),
        _text("subscriber_identifier", "Coverage.subscriberId."),
        _text("member_identifier", "Coverage.identifier of type MB, else its first."),
        _text("dependent", "Coverage.dependent: number of the dependent."),
        _code("relationship_code", "Coverage.relationship."),
        *_moment("started", "Coverage.period.start"),
        *_moment("ended", "Coverage.period.end"),
        *_named_reference("payor", "Coverage.payor, the first (R5: insurer)"),
        _code("group_id", "Coverage.class of type group, value (STU3: grouping.group)."),
        _text("group_name", "Coverage.class of type group, name."),
        _code("plan_code", "Coverage.class of type plan, value (STU3: grouping.plan)."),
        _text("plan_name", "Coverage.class of type plan, name."),
        _count("coverage_order", "Coverage.order: 1 is primary."),
    ),
)

PRACTITIONER = _record(
    "practitioner",
    "Who treats patients.",
    (
        *_head("Practitioner"),
        _yes_no("active", "Practitioner.active."),
        _code("npi", "Practitioner.identifier of system us-npi."),
        *_person_name("Practitioner.name (official before usual)"),
        _text("gender_code", "Practitioner.gender: F, M, U (other, unknown)."),
        *_address("Practitioner.address (work first)"),
        *_contact("Practitioner.telecom"),
        *_concept("qualification", "Practitioner.qualification.code, the first"),
    ),
)

ORGANIZATION = _record(
    "organization",
    "Providers, payers and their departments.",
    (
        *_head("Organization"),
        _yes_no("active", "Organization.active."),
        _code("npi", "Organization.identifier of system us-npi."),
        _text("name", "Organization.name."),
        *_concept("type", "Organization.type, the first"),
        _reference("part_of", "Organization.partOf"),
        *_address("Organization.address (work first; R5: contact.address)"),
        *_contact("Organization.telecom"),
    ),
)

LOCATION = _record(
    "location",
    "Where care is given.",
    (
        *_head("Location"),
        _code("status", "Location.status."),
        _text("name", "Location.name."),
        _code("mode", "Location.mode: instance, kind."),
        *_concept("type", "Location.type, the first"),
        *_coding("physical_type", "Location.physicalType (R5: form)"),
        *_address("Location.address"),
        *_contact("Location.telecom"),
        _number("latitude", "Location.position.latitude, degrees.", Phi.DIRECT),
        _number("longitude", "Location.position.longitude, degrees.", Phi.DIRECT),
        *_named_reference("managing_organization", "Location.managingOrganization"),
        _reference("part_of", "Location.partOf"),
    ),
)

CLINICAL: tuple[Entity, ...] = (
    PATIENT, ENCOUNTER, CONDITION, OBSERVATION, MEDICATION_REQUEST, PROCEDURE, IMMUNIZATION, ALLERGY_INTOLERANCE,
    DIAGNOSTIC_REPORT, DOCUMENT_REFERENCE, COVERAGE_RECORD, PRACTITIONER, ORGANIZATION, LOCATION,
)  # fmt: skip

RESOURCE_TYPES: Mapping[str, Entity] = {
    "Patient": PATIENT,
    "Encounter": ENCOUNTER,
    "Condition": CONDITION,
    "Observation": OBSERVATION,
    "MedicationRequest": MEDICATION_REQUEST,
    "Procedure": PROCEDURE,
    "Immunization": IMMUNIZATION,
    "AllergyIntolerance": ALLERGY_INTOLERANCE,
    "DiagnosticReport": DIAGNOSTIC_REPORT,
    "DocumentReference": DOCUMENT_REFERENCE,
    "Coverage": COVERAGE_RECORD,
    "Practitioner": PRACTITIONER,
    "Organization": ORGANIZATION,
    "Location": LOCATION,
}
"""FHIR resource type to the entity that keeps it."""
