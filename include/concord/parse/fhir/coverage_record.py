"""FHIR Coverage to ``coverage_record`` (https://hl7.org/fhir/R4/coverage.html)."""

from __future__ import annotations

from concord.parse.fhir import identifiers
from concord.parse.fhir.codings import codings, preferred, read_concept
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference

CLASSES = {"group": ("group_id", "group_name"), "plan": ("plan_code", "plan_name")}
"""Codes of coverage-class that are kept, with the columns of their value and name."""


def read_coverage_record(reading: Reading) -> None:
    """All columns of ``coverage_record``."""
    coverage = reading.resource
    reading.require("status", coverage.get("status"), coverage.get("_status"))
    reading.code("status", coverage.get("status"))
    read_concept(reading, "type", coverage.get("type"))
    reading.require("subject_reference", coverage.get("beneficiary"))
    read_logical_reference(reading, "subject", coverage.get("beneficiary"))
    subscriber = read_reference(reading, "subscriber", coverage.get("subscriber"))
    reading.text("subscriber_name", subscriber.get("display"))
    _read_numbers(reading)
    relationship = preferred(codings(reading, "relationship_code", coverage.get("relationship")))
    reading.text("relationship_code", relationship.get("code"))
    reading.period("started", "ended", coverage.get("period"))
    payors = reading.objects("payor_reference", coverage.get("payor", coverage.get("insurer")))
    read_named_reference(reading, "payor", next(payors, None))
    _read_classes(reading)
    reading.integer("coverage_order", coverage.get("order"))


def _read_numbers(reading: Reading) -> None:
    """subscriberId is a text, since R5 a list of Identifier."""
    coverage = reading.resource
    found = list(reading.objects("member_identifier", coverage.get("identifier")))
    member = identifiers.of_type(reading, "member_identifier", found, "MB")
    reading.text("member_identifier", member or identifiers.first(reading, "member_identifier", found))
    number = coverage.get("subscriberId")
    if type(number) is list:
        ids = reading.objects("subscriber_identifier", number)
        number = identifiers.first(reading, "subscriber_identifier", ids)
    reading.text("subscriber_identifier", number)
    reading.text("dependent", coverage.get("dependent"))


def _read_classes(reading: Reading) -> None:
    coverage = reading.resource
    for each in reading.objects("group_id", coverage.get("class")):
        kind = preferred(codings(reading, "group_id", each.get("type"))).get("code")
        if type(kind) is str and kind in CLASSES:
            _read_class(reading, each, *CLASSES[kind])
    grouping = reading.tree("group_id", coverage.get("grouping"))  # STU3
    reading.text("group_id", grouping.get("group"))
    reading.text("group_name", grouping.get("groupDisplay"))
    reading.text("plan_code", grouping.get("plan"))
    reading.text("plan_name", grouping.get("planDisplay"))


def _read_class(reading: Reading, each: Tree, value: str, name: str) -> None:
    """The value is a text, since R5 an Identifier."""
    given = each.get("value")
    if type(given) is dict:
        given = identifiers.first(reading, value, [given])
    reading.text(value, given)
    reading.text(name, each.get("name"))
