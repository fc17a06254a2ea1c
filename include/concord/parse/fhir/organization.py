"""FHIR Organization to ``organization`` (https://hl7.org/fhir/R4/organization.html)."""

from __future__ import annotations

from concord.parse.fhir import identifiers
from concord.parse.fhir.codings import read_concept
from concord.parse.fhir.persons import WORK_FIRST, read_address, read_contact
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_reference


def read_organization(reading: Reading) -> None:
    """All columns of ``organization``; R5 has address and telecom in ``contact``."""
    organization = reading.resource
    reading.boolean("active", organization.get("active"))
    found = list(reading.objects("npi", organization.get("identifier")))
    reading.text("npi", identifiers.of_system(reading, "npi", found, identifiers.NPI_SYSTEMS))
    reading.text("name", organization.get("name"))
    read_concept(reading, "type", organization.get("type"))
    read_reference(reading, "part_of", organization.get("partOf"))
    contact = next(reading.objects("address_line_1", organization.get("contact")), {})
    read_address(reading, organization.get("address", contact.get("address")), WORK_FIRST)
    read_contact(reading, organization.get("telecom", contact.get("telecom")))
