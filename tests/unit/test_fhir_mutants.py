"""Damage of every kind to good resources: each line ends as record or refused, and nothing is ever raised."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from concord.entities import Kind
from concord.entities.clinical import RESOURCE_TYPES
from concord.stage import to_copy_text
from tests.unit.fhir_resources import LEAST, chunk, chunks, coded, line, resource

WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, "", " ", "x", "\ufffd", [], {}, [[]], [None], ["x"], [1], [{}], {"x": 1},
    {"coding": "x"}, {"coding": [1]}, {"coding": {"code": {"a": 1}}}, {"code": ["x"], "system": ["y"]},
    {"reference": {"reference": 1}}, {"reference": "#x"}, {"value": {"value": "x"}}, {"start": 1, "end": []},
    {"concept": [1], "reference": [1]}, {"extension": "x"}, {"identifier": [[1]]}, {"system": {}, "value": {}},
)  # fmt: skip
"""Values that may stand where they do not belong."""

REF = {"reference": "Patient/p1", "display": "P", "identifier": {"system": "urn:x", "value": "1", "type": coded("MR")}}
QUANTITY = {"value": 1.5, "unit": "kg", "code": "kg", "system": "http://unitsofmeasure.org", "comparator": "<"}
PERIOD = {"start": "2024-01-01", "end": "2024-02"}
PERSON = {
    "name": [{"use": "official", "family": "F", "given": ["G", "H"], "suffix": ["Jr"], "period": PERIOD}],
    "telecom": [{"system": "phone", "value": "555", "rank": 1, "use": "home", "period": PERIOD}],
    "address": [{"use": "home", "line": ["1", "2"], "city": "C", "state": "S", "postalCode": "9"}],
    "identifier": [
        {"type": coded("MR"), "value": "m", "use": "old"},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-0101"},
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9"},
    ],
    "gender": "female",
    "active": True,
}
FULL: dict[str, dict[str, Any]] = {
    "Patient": PERSON | {
        "birthDate": "1980-03-04", "maritalStatus": coded("M"), "multipleBirthInteger": 1,
        "communication": [{"language": coded("en"), "preferred": True}], "deceasedDateTime": "2025",
        "extension": [{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race", "extension": [
            {"url": "ombCategory", "valueCoding": {"code": "1"}}]},
            {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}],
        "link": [{"type": "replaced-by", "other": REF}, {"type": "replaces", "other": REF}],
        "managingOrganization": REF, "multipleBirthBoolean": None,
    },
    "Encounter": {
        "identifier": PERSON["identifier"], "class": {"code": "AMB"}, "type": [coded("1")], "subject": REF,
        "period": PERIOD, "participant": [{"type": [coded("ATND")], "individual": REF}], "priority": coded("EM"),
        "reasonCode": [coded("1")], "reasonReference": [REF], "diagnosis": [{"condition": REF, "rank": 1}],
        "location": [{"location": REF, "status": "active"}], "hospitalization": {"admitSource": coded("1")},
        "serviceProvider": REF, "partOf": REF, "reason": [{"value": [{"concept": coded("1"), "reference": REF}]}],
    },
    "Condition": {
        "clinicalStatus": coded("active"), "verificationStatus": coded("confirmed"), "category": [coded("c")],
        "severity": coded("s"), "code": coded("c"), "bodySite": [coded("b")], "encounter": REF,
        "onsetRange": {"low": QUANTITY, "high": QUANTITY}, "abatementAge": QUANTITY, "recordedDate": "2024",
        "recorder": {"reference": "#d"}, "asserter": REF,
        "contained": [{"resourceType": "Practitioner", "id": "d", "identifier": [REF["identifier"]], "name": "N"}],
    },
    "Observation": {
        "category": [coded("c")], "subject": REF, "performer": [REF], "effectivePeriod": PERIOD, "specimen": REF,
        "issued": "2024-01-01T00:00:00Z", "valueQuantity": QUANTITY, "interpretation": [coded("H")],
        "referenceRange": [{"low": QUANTITY, "high": QUANTITY, "text": "t"}], "bodySite": coded("b"),
        "component": [{"code": coded("c"), "valueRatio": {"numerator": QUANTITY, "denominator": QUANTITY}},
                      {"code": coded("c"), "valueCodeableConcept": coded("v")},
                      {"code": coded("c"), "valueRange": {"low": QUANTITY, "high": QUANTITY}}],
    },
    "MedicationRequest": {
        "statusReason": coded("1"), "intent": "order", "category": [coded("c")], "priority": "stat",
        "reportedBoolean": True, "medicationReference": {"reference": "#m"}, "requester": REF,
        "reasonCode": [coded("1")], "contained": [{"resourceType": "Medication", "id": "m", "code": coded("c")}],
        "authoredOn": "2024",
        "dosageInstruction": [{"text": "t", "timing": {"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}},
                               "route": coded("r"), "doseAndRate": [{"doseRange": {"low": QUANTITY}}]}],
        "dispenseRequest": {"quantity": QUANTITY, "numberOfRepeatsAllowed": 1, "validityPeriod": PERIOD},
        "medication": {"concept": coded("1"), "reference": REF},
    },
    "Procedure": {
        "code": coded("c"), "performedPeriod": PERIOD, "performer": [{"actor": REF}], "location": REF,
        "reasonCode": [coded("1")], "bodySite": [coded("b")], "outcome": coded("o"), "partOf": [REF],
    },
    "Immunization": {
        "occurrenceDateTime": "2024", "primarySource": True, "manufacturer": {"display": "M"}, "lotNumber": "L",
        "doseQuantity": QUANTITY, "protocolApplied": [{"doseNumberPositiveInt": 1}], "performer": [{"actor": REF}],
    },
    "AllergyIntolerance": {
        "type": "allergy", "category": ["food"], "criticality": "low", "code": coded("c"), "onsetPeriod": PERIOD,
        "reaction": [{"manifestation": [coded("m")], "severity": "mild"}], "lastOccurrence": "2024",
    },
    "DiagnosticReport": {
        "category": [coded("c")], "performer": [{"actor": REF}], "resultsInterpreter": [REF], "specimen": [REF],
        "result": [REF, REF], "conclusion": "c", "conclusionCode": [coded("c")], "effectiveDateTime": "2024",
        "presentedForm": [{"contentType": "t", "url": "u"}],
    },
    "DocumentReference": {
        "docStatus": "final", "type": coded("t"), "category": [coded("c")], "date": "2024-01-01T00:00:00Z",
        "author": [REF], "custodian": REF, "description": "d", "relatesTo": [{"code": "replaces", "target": REF}],
        "content": [{"attachment": {"contentType": "t", "url": "u", "size": 1}, "format": {"code": "f"}}],
        "context": {"encounter": [REF], "period": PERIOD},
    },
    "Coverage": {
        "type": coded("t"), "subscriber": REF, "subscriberId": "S", "identifier": PERSON["identifier"], "order": 1,
        "relationship": coded("self"), "period": PERIOD, "payor": [REF], "dependent": "1",
        "class": [{"type": coded("group"), "value": "G", "name": "N"}], "grouping": {"group": "G"},
    },
    "Practitioner": PERSON | {"qualification": [{"code": coded("MD")}]},
    "Organization": PERSON | {"name": "N", "type": [coded("t")], "partOf": REF, "contact": [{"address": {}}]},
    "Location": {
        "status": "active", "name": "N", "mode": "kind", "type": [coded("t")], "physicalType": coded("p"),
        "position": {"latitude": 1.5, "longitude": -1}, "managingOrganization": REF, "partOf": REF,
        "address": PERSON["address"][0], "telecom": PERSON["telecom"],
    },
}  # fmt: skip
BUNDLE = {
    "resourceType": "Bundle", "type": "transaction",
    "entry": [{"request": {"method": "DELETE", "url": "Patient/1"}}],
}  # fmt: skip


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in list(keys):
        yield tree, key
        yield from places(tree[key])


def whole(kind: str) -> dict[str, Any]:
    """A resource that says nearly everything its type may say."""
    return BUNDLE if kind == "Bundle" else resource(kind) | FULL[kind]


def damaged(rng: Random, kind: str) -> bytes:
    """A line after one to three accidents."""
    tree = copy.deepcopy(whole(kind))
    for _ in range(rng.randint(1, 3)):
        holder, key = rng.choice(list(places(tree)))
        rng.choice(ACCIDENTS)(rng, holder, key)
    raw = json.dumps(tree, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return rng.choice(BLIND)(rng, raw) if rng.random() < 0.2 else raw


def _wrong_kind(rng: Random, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(rng.choice(WRONG))


def _lost(_rng: Random, holder: Any, key: Any) -> None:
    del holder[key]


def _in_a_list(_rng: Random, holder: Any, key: Any) -> None:
    holder[key] = [holder[key]]


def _out_of_a_list(_rng: Random, holder: Any, key: Any) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key][0]


def _deep(rng: Random, holder: Any, key: Any) -> None:
    for _ in range(rng.choice((3, 40, 200))):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}


def _other_type(rng: Random, holder: Any, key: Any) -> None:
    if key == "resourceType":
        holder[key] = rng.choice([*LEAST, "Device", "Bundle", "Parameters"])


def _huge(rng: Random, holder: Any, key: Any) -> None:
    holder[key] = rng.choice([10**4000, -(10**30), 1e308, "9" * 100_000, "x" * 1000])


def _truncated(rng: Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _blind(rng: Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return (
        raw[:at] + rng.choice([b"\xff", b"\x00", b'"', b"{", b"}", b"NaN", b"1e999", b"\\u0000", b"\\ud800"]) + raw[at:]
    )


ACCIDENTS: tuple[Callable[[Random, Any, Any], None], ...] = (
    _wrong_kind, _wrong_kind, _wrong_kind, _lost, _in_a_list, _out_of_a_list, _deep, _other_type, _huge,
)  # fmt: skip
BLIND: tuple[Callable[[Random, bytes], bytes], ...] = (_truncated, _blind)


def judged(data: bytes) -> tuple[int, int]:
    """(records, refused) of lines that were read without an error, and whose columns hold what they promise."""
    found = chunk(data)
    account = found.accounting()
    assert sum(account.values()) == found.line_count == data.count(b"\n")
    assert all(each.reasons and all("." in reason for reason in each.reasons) for each in found.refused)
    for name, frame in found.frames.items():
        entity = next(each for each in RESOURCE_TYPES.values() if each.name == name)
        assert to_copy_text(frame)
        for column in entity.columns:
            assert column.kind is Kind.TEXT or _fits(column.kind, frame[column.name].dropna().tolist())
    return account["record"], account["refused"]


def _fits(kind: Kind, values: list[Any]) -> bool:
    from datetime import date, datetime
    from decimal import Decimal

    readers = {
        Kind.DATE: date.fromisoformat, Kind.TIMESTAMP: datetime.fromisoformat, Kind.NUMERIC: Decimal,
        Kind.INTEGER: int, Kind.BOOLEAN: bool,
    }  # fmt: skip
    return all(readers[kind](value) is not None for value in values)


@pytest.mark.parametrize("kind", [*FULL, "Bundle"])
def test_a_good_resource_is_taken_and_says_much(kind: str) -> None:
    assert judged(line(whole(kind))) == (1, 0)


@pytest.mark.parametrize("kind", [*FULL, "Bundle"])
@pytest.mark.parametrize("seed", range(4))
def test_no_damage_raises_anything(kind: str, seed: int) -> None:
    rng = Random(f"{kind}{seed}")
    lines = [damaged(rng, kind).replace(b"\n", b" ") + b"\n" for _ in range(60)]
    taken, refused = judged(b"".join(lines))
    assert refused > 10
    assert taken + refused >= 55


@pytest.mark.parametrize("kind", [*FULL, "Bundle"])
def test_no_wrong_kind_in_any_place_raises_anything(kind: str) -> None:
    rng, lines = Random(kind), []
    for number in range(len(list(places(whole(kind))))):
        for wrong in rng.sample(WRONG, 8):
            tree = copy.deepcopy(whole(kind))
            holder, key = list(places(tree))[number]
            holder[key] = wrong
            lines.append(line(tree))
    found = chunks(b"".join(lines))
    assert sum(sum(part.accounting().values()) for part in found) == len(lines)


def test_a_text_where_a_list_belongs_is_told_by_its_column() -> None:
    for kind, element, problem in (
        ("Patient", "name", "last_name.kind"),
        ("Patient", "identifier", "identifier.kind"),
        ("Condition", "subject", None),
        ("Observation", "component", "component.kind"),
        ("Encounter", "participant", "performer_reference.kind"),
    ):
        (refused,) = chunk(line(resource(kind, **{element: "wrong"}))).refused or (None,)
        assert refused is None if problem is None else refused is not None and refused.reasons == (problem,)
