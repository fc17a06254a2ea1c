"""Quantities: a number with a unit (FHIR R4, datatypes: Quantity, Range, Ratio)."""

from __future__ import annotations

from decimal import Decimal

from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, is_one_of
from concord.parse.fhir.units import UCUM_NAMES, normal


def read_amount(reading: Reading, number: str, unit: str, value: object) -> None:
    """A Quantity into two columns: its value, and its unit as written, else its code."""
    quantity = reading.tree(number, value)
    reading.number(number, quantity.get("value"))
    reading.text(unit, quantity.get("code"))
    reading.text(unit, quantity.get("unit"))


def ucum_code(quantity: Tree) -> str | None:
    """The UCUM code of a Quantity."""
    code = quantity.get("code")
    return code.strip() if type(code) is str and is_one_of(quantity.get("system"), UCUM_NAMES) else None


def read_quantity(reading: Reading, quantity: Tree, *, glucose: bool) -> None:
    """``value_number``, ``value_unit``, ``value_unit_code``, ``value_comparator`` and the normal form."""
    reading.number("value_number", quantity.get("value"))
    reading.code("value_comparator", quantity.get("comparator"))
    reading.text("value_unit", quantity.get("unit"))
    reading.string("value_unit_code", quantity.get("code"))
    code = ucum_code(quantity)
    if code:
        reading.row["value_unit_code"] = code
    read_normal(reading, code or _unit_by_itself(quantity), glucose=glucose)


def _unit_by_itself(quantity: Tree) -> str | None:
    """A unit without any code, where it may be spelt as UCUM spells it ("mg/dL", "%")."""
    unit = quantity.get("unit")
    alone = quantity.get("code") is None and quantity.get("system") is None
    return unit.strip() if alone and type(unit) is str else None


def read_normal(reading: Reading, unit: str | None, *, glucose: bool) -> None:
    """``normal_number`` and ``normal_unit`` of ``value_number`` in ``unit``."""
    number = reading.row.get("value_number")
    if not isinstance(number, str) or not unit:
        return
    if (found := normal(Decimal(number), unit, glucose=glucose)) is not None:
        reading.row["normal_number"], reading.row["normal_unit"] = f"{found[0]:f}", found[1]
