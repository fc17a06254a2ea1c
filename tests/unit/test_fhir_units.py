"""One unit for each kind of measure, by UCUM code and never by guess."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from concord.parse.fhir.units import RULES, normal
from tests.unit.fhir_resources import coded, problems, row

UCUM = "http://unitsofmeasure.org"
GLUCOSE = coded("2345-7", "http://loinc.org")
CHOLESTEROL = coded("2093-3", "http://loinc.org")


def measured(value: Any, ucum: str | None, unit: str | None = None, **elements: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit, "code": ucum, "system": UCUM if ucum else None}
    return row("Observation", valueQuantity={k: v for k, v in quantity.items() if v is not None}, **elements)


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        ("150", "[lb_av]", ("68.03885550", "kg")),
        ("8", "[oz_av]", ("0.226796185000", "kg")),
        ("3400", "g", ("3.400", "kg")),
        ("70.5", "kg", ("70.5", "kg")),
        ("70", "[in_i]", ("177.80", "cm")),
        ("1.78", "m", ("178.00", "cm")),
        ("98.6", "[degF]", ("37", "Cel")),
        ("100", "[degF]", ("37.777778", "Cel")),
        ("310.15", "K", ("37.00", "Cel")),
        ("120", "mm[Hg]", ("120", "mm[Hg]")),
        ("72", "{beats}/min", ("72", "/min")),
    ],
)
def test_a_measure_has_one_unit(number: str, unit: str, expected: tuple[str, str]) -> None:
    found = normal(Decimal(number), unit, glucose=False)
    assert found is not None
    assert (Decimal(f"{found[0]:f}"), found[1]) == (Decimal(expected[0]), expected[1])


def test_pounds_are_exact() -> None:
    assert normal(Decimal(1), "[lb_av]", glucose=False) == (Decimal("0.45359237"), "kg")


def test_molar_glucose_becomes_mass_and_nothing_else_does() -> None:
    assert measured(5.5, "mmol/L", code=GLUCOSE)["normal_number"] == "99.08580"
    assert "normal_number" not in measured(5.5, "mmol/L", code=CHOLESTEROL)


def test_glucose_is_known_by_loinc_only() -> None:
    local = {"coding": [{"system": "urn:oid:1.2.3", "code": "2345-7"}], "text": "Glucose"}
    assert "normal_number" not in measured(5.5, "mmol/L", code=local)
    beside = {"coding": [{"system": "urn:oid:1.2.3", "code": "GLU"}, *GLUCOSE["coding"]]}
    assert measured(5.5, "mmol/L", code=beside)["normal_unit"] == "mg/dL"


def test_a_unit_without_a_rule_has_no_normal_form() -> None:
    found = measured(12, "[iU]/L", "IU/L")
    assert found["value_number"] == "12"
    assert found["value_unit"] == "IU/L"
    assert found["value_unit_code"] == "[iU]/L"
    assert "normal_number" not in found


def test_a_unit_that_is_spelt_as_in_ucum_needs_no_code() -> None:
    assert measured(7.2, None, "%")["normal_unit"] == "%"
    assert "normal_unit" not in measured(150, None, "lb")
    assert "value_unit_code" not in measured(7.2, None, "%")


def test_a_code_of_another_system_is_no_ucum_code() -> None:
    found = row("Observation", valueQuantity={"value": 1, "unit": "kg", "code": "kg", "system": "urn:oid:1.2.3"})
    assert "value_unit_code" not in found
    assert "normal_unit" not in found


def test_a_value_keeps_its_text() -> None:
    from concord.parse.fhir import flatten
    from concord.parse.fhir.json_lines import read_json

    raw = b'{"resourceType":"Observation","id":"a","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}'
    tree = read_json(raw)
    assert isinstance(tree, dict)
    assert flatten(tree).rows[0][1]["value_number"] == "1.10"


def test_every_unit_comes_to_one_that_is_its_own() -> None:
    for rule in RULES.values():
        assert normal(Decimal(1), rule.unit, glucose=False) == (Decimal(1), rule.unit)


@pytest.mark.parametrize(
    ("value", "problem"),
    [("7.2", "value_number.kind"), (True, "value_number.kind"), ({}, "value_number.kind"), ([1], "value_number.kind")],
)
def test_a_number_that_is_no_number_is_refused(value: object, problem: str) -> None:
    assert problems("Observation", valueQuantity={"value": value}) == (problem,)
