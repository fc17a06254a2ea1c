"""FHIR Practitioner to ``practitioner`` (https://hl7.org/fhir/R4/practitioner.html)."""

from __future__ import annotations

from concord.parse.fhir import identifiers
from concord.parse.fhir.codings import read_concept
from concord.parse.fhir.persons import WORK_FIRST, read_address, read_contact, read_gender, read_name
from concord.parse.fhir.reading import Reading


def read_practitioner(reading: Reading) -> None:
    """All columns of ``practitioner``."""
    person = reading.resource
    reading.boolean("active", person.get("active"))
    found = list(reading.objects("npi", person.get("identifier")))
    reading.text("npi", identifiers.of_system(reading, "npi", found, identifiers.NPI_SYSTEMS))
    read_name(reading, person.get("name"))
    read_gender(reading, person.get("gender"))
    read_address(reading, person.get("address"), WORK_FIRST)
    read_contact(reading, person.get("telecom"))
    qualification = next(reading.objects("qualification_code", person.get("qualification")), {})
    read_concept(reading, "qualification", qualification.get("code"))
