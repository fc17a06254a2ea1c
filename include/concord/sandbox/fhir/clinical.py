"""Everything of a visit that is no observation: the encounter, diagnoses, orders, reports."""

from __future__ import annotations

from datetime import timedelta

from concord.sandbox.fhir import directory
from concord.sandbox.fhir.clock import instant
from concord.sandbox.fhir.observations import Visit, readings
from concord.sandbox.fhir.writing import CVX, ICD10, LOINC, NPI, RXNORM, SNOMED, TERMINOLOGY, Resource, coding, concept

PROBLEMS = (
    ("44054006", "Diabetes mellitus type 2", "E11.9"),
    ("59621000", "Essential hypertension", "I10"),
    ("195967001", "Asthma", "J45.909"),
    ("414916001", "Obesity", "E66.9"),
)
DRUGS = (
    ("860975", "metformin hydrochloride 500 MG Oral Tablet"),
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("745679", "albuterol 0.09 MG/ACTUAT Inhaler"),
)
VACCINES = (("140", "Influenza, seasonal, injectable, preservative free"), ("115", "Tdap"), ("213", "COVID-19"))
ALLERGENS = (("7980", "Penicillin G"), ("2670", "Codeine"))
TESTS = (("24323-8", "Comprehensive metabolic panel"), ("4548-4", "Hemoglobin A1c"))


def visit_resources(visit: Visit) -> list[Resource]:
    """All resources of a visit, the encounter first; some kinds come only every other or third time."""
    observations = readings(visit)
    found = [encounter(visit), condition(visit), *observations, medication_request(visit)]
    found += [report(visit, observations), document(visit)] if visit.turn % 2 == 0 else []
    found += [procedure(visit)] if visit.turn % 3 == 0 else []
    found += [immunization(visit)] if visit.turn % 3 == 1 else []
    return found + ([allergy(visit)] if visit.number == 0 and visit.subject.number % 3 == 0 else [])


def _npi_of(visit: Visit) -> str:
    return directory.npi(visit.turn % directory.PRACTITIONERS)


def encounter(visit: Visit) -> Resource:
    """An ambulatory contact; every seventh is still going on, every eighth was a stay."""
    stay, open_ = visit.turn % 8 == 6, visit.turn % 7 == 5
    period = {"start": instant(visit.at)}
    if not open_:
        period["end"] = instant(visit.at + (timedelta(days=2) if stay else timedelta(minutes=40)))
    return {
        **visit.head("Encounter", "encounter"),
        "identifier": [{"system": "urn:visits", "value": f"{visit.subject.number * 100 + visit.number}"}],
        "status": "in-progress" if open_ else "finished",
        "class": coding(f"{TERMINOLOGY}/v3-ActCode", "IMP" if stay else "AMB"),
        "type": [concept(SNOMED, "185349003", "Encounter for check up")],
        "subject": visit.patient(),
        "participant": [{"individual": _participant(visit)}],
        "period": period,
        "location": [{"location": visit.writer.to("Location", str(visit.turn % directory.LOCATIONS))}],
        "serviceProvider": visit.writer.to("Organization", str(visit.turn % directory.ORGANIZATIONS)),
    }


def _participant(visit: Visit) -> Resource:
    """By literal reference, by a search (``Practitioner?identifier=``), or by identifier alone."""
    if visit.turn % 5 == 1:
        return {"reference": f"Practitioner?identifier={NPI}|{_npi_of(visit)}"}
    if visit.turn % 5 == 3:
        return {"type": "Practitioner", "identifier": {"system": NPI, "value": _npi_of(visit)}}
    return visit.practitioner()


def condition(visit: Visit) -> Resource:
    """A problem or a diagnosis, in SNOMED CT and ICD-10-CM; one in nineteen was a mistake."""
    code, display, icd = PROBLEMS[visit.turn % len(PROBLEMS)]
    mistaken = visit.turn % 19 == 4
    status = {} if mistaken else {"clinicalStatus": concept(f"{TERMINOLOGY}/condition-clinical", "active")}
    verified = "entered-in-error" if mistaken else "confirmed"
    category = "problem-list-item" if visit.number == 0 else "encounter-diagnosis"
    return {
        **visit.head("Condition", "condition"),
        **status,
        "verificationStatus": concept(f"{TERMINOLOGY}/condition-ver-status", verified),
        "category": [concept(f"{TERMINOLOGY}/condition-category", category)],
        "code": {"coding": [coding(SNOMED, code, display), coding(ICD10, icd)], "text": display},
        "subject": visit.patient(),
        "encounter": visit.encounter(),
        "onsetDateTime": f"{visit.at - timedelta(days=400):%Y}" if visit.turn % 2 else f"{visit.at:%Y-%m-%d}",
        "recordedDate": f"{visit.at:%Y-%m-%d}",
    }


def medication_request(visit: Visit) -> Resource:
    """An order; every fourth has its Medication contained."""
    code, display = DRUGS[visit.turn % len(DRUGS)]
    drug: Resource = {"medicationCodeableConcept": concept(RXNORM, code, display)}
    if visit.turn % 4 == 2:
        contained = {"resourceType": "Medication", "id": "m1", "code": concept(RXNORM, code, display)}
        drug = {"contained": [contained], "medicationReference": {"reference": "#m1", "display": display}}
    return {
        **visit.head("MedicationRequest", "drug"),
        "status": "stopped" if visit.turn % 6 == 3 else "active",
        "intent": "order",
        **drug,
        "subject": visit.patient(),
        "encounter": visit.encounter(),
        "authoredOn": instant(visit.at),
        "requester": visit.practitioner(),
        "reasonReference": [visit.writer.to("Condition", visit.key("condition"))],
        "dosageInstruction": [
            {"text": "1 tablet twice daily", "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}
        ],
    }


def procedure(visit: Visit) -> Resource:
    """What was done."""
    return {
        **visit.head("Procedure", "procedure"),
        "status": "completed",
        "code": concept(SNOMED, "430193006", "Medication reconciliation"),
        "subject": visit.patient(),
        "encounter": visit.encounter(),
        "performedPeriod": {"start": instant(visit.at), "end": instant(visit.at + timedelta(minutes=15))},
        "performer": [{"actor": visit.practitioner()}],
    }


def immunization(visit: Visit) -> Resource:
    """Given, or (every fifth) refused."""
    code, display = VACCINES[visit.turn % len(VACCINES)]
    refused = visit.turn % 5 == 4
    return {
        **visit.head("Immunization", "shot"),
        "status": "not-done" if refused else "completed",
        "vaccineCode": concept(CVX, code, display),
        "patient": visit.patient(),
        "encounter": visit.encounter(),
        "occurrenceDateTime": f"{visit.at:%Y-%m-%d}",
        "primarySource": True,
    } | ({"statusReason": concept(f"{TERMINOLOGY}/v3-ActReason", "PATOBJ")} if refused else {})


def allergy(visit: Visit) -> Resource:
    """Recorded at the first visit."""
    code, display = ALLERGENS[visit.subject.number % len(ALLERGENS)]
    return {
        **visit.head("AllergyIntolerance", "allergy"),
        "clinicalStatus": concept(f"{TERMINOLOGY}/allergyintolerance-clinical", "active"),
        "verificationStatus": concept(f"{TERMINOLOGY}/allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": ["medication"],
        "criticality": "high" if visit.subject.number % 2 else "low",
        "code": concept(RXNORM, code, display),
        "patient": visit.patient(),
        "recordedDate": instant(visit.at),
        "reaction": [{"manifestation": [concept(SNOMED, "247472004", "Wheal")], "severity": "mild"}],
    }


def report(visit: Visit, observations: list[Resource]) -> Resource:
    """A laboratory report with the visit's laboratory results."""
    code, display = TESTS[visit.turn % len(TESTS)]
    results = [each["id"] for each in observations if each["id"] in _reported(visit)]
    return {
        **visit.head("DiagnosticReport", "report"),
        "status": "final",
        "category": [concept(f"{TERMINOLOGY}/v2-0074", "LAB")],
        "code": concept(LOINC, code, display),
        "subject": visit.patient(),
        "encounter": visit.encounter(),
        "effectiveDateTime": instant(visit.at),
        "issued": instant(visit.at + timedelta(hours=3)),
        "performer": [visit.writer.to("Organization", "0")],
        "result": [{"reference": f"Observation/{result}"} for result in results],
    }


def _reported(visit: Visit) -> set[str]:
    return {visit.writer.id("Observation", visit.key(local)) for local in ("a1c", "glucose")}


def document(visit: Visit) -> Resource:
    """A note's metadata; the text is a Binary, which no bulk export has."""
    return {
        **visit.head("DocumentReference", "note"),
        "status": "current",
        "docStatus": "final",
        "type": concept(LOINC, "11506-3", "Progress note"),
        "category": [
            concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
        ],
        "subject": visit.patient(),
        "date": instant(visit.at + timedelta(minutes=50)),
        "author": [visit.practitioner()],
        "content": [
            {
                "attachment": {
                    "contentType": "text/html",
                    "url": f"Binary/{visit.writer.id('Binary', visit.key('note'))}",
                }
            }
        ],
        "context": {"encounter": [visit.encounter()]},
    }
