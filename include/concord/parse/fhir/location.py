"""FHIR Location to ``location`` (https://hl7.org/fhir/R4/location.html)."""

from __future__ import annotations

from concord.parse.fhir.codings import read_coding, read_concept
from concord.parse.fhir.persons import WORK_FIRST, read_address, read_contact
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_named_reference, read_reference


def read_location(reading: Reading) -> None:
    """All columns of ``location``; R5 calls physicalType ``form`` and has telecom in ``contact``."""
    place = reading.resource
    reading.code("status", place.get("status"))
    reading.text("name", place.get("name"))
    reading.code("mode", place.get("mode"))
    read_concept(reading, "type", place.get("type"))
    read_coding(reading, "physical_type", place.get("physicalType", place.get("form")))
    read_address(reading, place.get("address"), WORK_FIRST)
    contact = next(reading.objects("phone", place.get("contact")), {})
    read_contact(reading, place.get("telecom", contact.get("telecom")))
    position = reading.tree("latitude", place.get("position"))
    reading.number("latitude", position.get("latitude"))
    reading.number("longitude", position.get("longitude"))
    read_named_reference(reading, "managing_organization", place.get("managingOrganization"))
    read_reference(reading, "part_of", place.get("partOf"))
