"""The hospital itself: organizations, locations, practitioners. They never change."""

from __future__ import annotations

from datetime import date

from concord.sandbox.fhir.writing import NPI, TERMINOLOGY, Resource, Writer, concept
from concord.sandbox.people import family

PRACTITIONERS, LOCATIONS, ORGANIZATIONS = 5, 3, 2
STAFF_FROM = 980_000
"""Family numbers of the staff: nobody's, neither the employer's nor the strangers'."""


def npi(number: int) -> str:
    """A ten-digit provider number."""
    return f"1999{number:06d}"


def resources(writer: Writer) -> list[Resource]:
    """Everything in the directory, without meta."""
    return [
        *(_organization(writer, number) for number in range(ORGANIZATIONS)),
        *(_location(writer, number) for number in range(LOCATIONS)),
        *(_practitioner(writer, number) for number in range(PRACTITIONERS)),
    ]


def _organization(writer: Writer, number: int) -> Resource:
    part_of = {"partOf": writer.to("Organization", "0")} if number else {}
    return {
        "resourceType": "Organization",
        "id": writer.id("Organization", str(number)),
        "identifier": [{"system": NPI, "value": npi(900 + number)}],
        "active": True,
        "type": [concept(f"{TERMINOLOGY}/organization-type", "dept" if number else "prov")],
        "name": f"Sandbox Hospital{' Clinic' if number else ''}",
    } | part_of


def _location(writer: Writer, number: int) -> Resource:
    return {
        "resourceType": "Location",
        "id": writer.id("Location", str(number)),
        "status": "active",
        "name": f"Ward {number + 1}",
        "mode": "instance",
        "type": [concept(f"{TERMINOLOGY}/v3-RoleCode", "HOSP")],
        "address": {"line": ["1 Sandbox Way"], "city": "Springfield", "state": "IL", "postalCode": "62701"},
        "managingOrganization": writer.to("Organization", str(number % ORGANIZATIONS)),
    }


def _practitioner(writer: Writer, number: int) -> Resource:
    [person] = family(writer.seed, STAFF_FROM + number, 1, date(2026, 1, 5))
    return {
        "resourceType": "Practitioner",
        "id": writer.id("Practitioner", str(number)),
        "identifier": [{"system": NPI, "value": npi(number)}],
        "active": True,
        "name": [{"use": "official", "family": person.last, "given": [person.first], "suffix": ["MD"]}],
    }
