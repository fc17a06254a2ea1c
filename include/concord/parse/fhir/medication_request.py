"""FHIR MedicationRequest to ``medication_request`` (https://hl7.org/fhir/R4/medicationrequest.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import codings, preferred, read_coding, read_main_code
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.quantities import read_amount
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.reasons import read_reason
from concord.parse.fhir.references import contained, read_logical_reference, read_named_reference, read_reference


def read_medication_request(reading: Reading) -> None:
    """All columns of ``medication_request``."""
    request = reading.resource
    reading.require("status", request.get("status"), request.get("_status"))
    reading.code("status", request.get("status"))
    _read_code(reading, "status_reason_code", request.get("statusReason"))
    reading.code("intent", request.get("intent"))
    read_coding(reading, "category", request.get("category"))
    reading.code("priority", request.get("priority"))
    reading.boolean("do_not_perform", request.get("doNotPerform"))
    _read_reported(reading)
    _read_medication(reading)
    reading.require("subject_reference", request.get("subject"), request.get("patient"))
    read_logical_reference(reading, "subject", request.get("subject", request.get("patient")))
    read_reference(reading, "encounter", request.get("encounter", request.get("context")))
    reading.moment("authored", request.get("authoredOn", request.get("dateWritten")))
    read_named_reference(reading, "requester", _requester(reading))
    read_reason(reading, request)
    _read_dosage(reading)
    _read_dispense(reading)
    read_reference(reading, "prior", request.get("priorPrescription"))


def _read_code(reading: Reading, column: str, value: object) -> None:
    reading.text(column, preferred(codings(reading, column, value)).get("code"))


def _read_reported(reading: Reading) -> None:
    """reportedReference names who said so, so it was reported."""
    request = reading.resource
    if request.get("reportedReference") is not None:
        reading.row["reported"] = True
    reading.boolean("reported", request.get("reportedBoolean", request.get("reported")))


def _read_medication(reading: Reading) -> None:
    """A concept, a reference, or R5's CodeableReference; of a contained Medication its code."""
    request = reading.resource
    both = request.get("medication")
    concept = request.get("medicationCodeableConcept", both)
    pointer = request.get("medicationReference")
    if type(both) is dict and both.get("reference") is not None:
        pointer = both["reference"]
    reading.require("code", concept, pointer)
    reference = read_reference(reading, "medication", pointer)
    inner = contained(reading, reference)
    read_main_code(reading, inner.get("code") if inner else concept)
    if "code" not in reading.row:
        reading.text("code_display", reference.get("display"))


def _requester(reading: Reading) -> object:
    """STU3 has the requester one level deeper, in ``agent``."""
    requester = reading.resource.get("requester")
    return requester["agent"] if type(requester) is dict and "agent" in requester else requester


def _read_dosage(reading: Reading) -> None:
    dosage = next(reading.objects("dosage_text", reading.resource.get("dosageInstruction")), {})
    reading.text("dosage_text", dosage.get("text"))
    _read_dose(reading, dosage)
    repeat = reading.tree("dose_frequency", reading.tree("dose_frequency", dosage.get("timing")).get("repeat"))
    reading.integer("dose_frequency", repeat.get("frequency"))
    reading.number("dose_period", repeat.get("period"))
    reading.text("dose_period_unit", repeat.get("periodUnit"))
    if dosage.get("asNeededCodeableConcept") is not None or dosage.get("asNeededFor") is not None:
        reading.row["as_needed"] = True
    reading.boolean("as_needed", dosage.get("asNeededBoolean", dosage.get("asNeeded")))
    read_coding(reading, "route", dosage.get("route"))


def _read_dose(reading: Reading, dosage: Tree) -> None:
    """The dose stands in doseAndRate since R4, before that in the dosage itself; of a range its low end."""
    dose = next(reading.objects("dose_number", dosage.get("doseAndRate")), dosage)
    low = reading.tree("dose_number", dose.get("doseRange")).get("low")
    read_amount(reading, "dose_number", "dose_unit", dose.get("doseQuantity", dose.get("doseSimpleQuantity", low)))


def _read_dispense(reading: Reading) -> None:
    dispense = reading.tree("quantity_number", reading.resource.get("dispenseRequest"))
    read_amount(reading, "quantity_number", "quantity_unit", dispense.get("quantity"))
    reading.integer("refills", dispense.get("numberOfRepeatsAllowed"))
    read_amount(reading, "supply_number", "supply_unit", dispense.get("expectedSupplyDuration"))
    reading.period("valid_from", "valid_until", dispense.get("validityPeriod"))
