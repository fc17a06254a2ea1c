"""One unit for each kind of measure, so that values can be compared.

By UCUM code (http://unitsofmeasure.org), never by what is measured alone. A unit without a
rule has no normal form: nothing is guessed. Glucose alone has two kinds of unit between which
only its molar mass (180.156 g/mol) leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import NamedTuple

UCUM = "http://unitsofmeasure.org"
UCUM_NAMES = frozenset({UCUM, "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})
_CONTEXT = Context(prec=80)
PLACES = Decimal("0.000001")
"""What does not come out even is rounded to this; exact factors stay exact."""


class Rule(NamedTuple):
    """``(number - offset) * factor / divisor`` is in ``unit``."""

    unit: str
    factor: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    divisor: Decimal = Decimal(1)


RULES: Mapping[str, Rule] = {
    "kg": Rule("kg"),
    "g": Rule("kg", Decimal("0.001")),
    "[lb_av]": Rule("kg", Decimal("0.45359237")),
    "[oz_av]": Rule("kg", Decimal("0.028349523125")),
    "cm": Rule("cm"),
    "m": Rule("cm", Decimal(100)),
    "mm": Rule("cm", Decimal("0.1")),
    "[in_i]": Rule("cm", Decimal("2.54")),
    "[ft_i]": Rule("cm", Decimal("30.48")),
    "Cel": Rule("Cel"),
    "[degF]": Rule("Cel", Decimal(5), Decimal(32), Decimal(9)),
    "K": Rule("Cel", offset=Decimal("273.15")),
    "kg/m2": Rule("kg/m2"),
    "mm[Hg]": Rule("mm[Hg]"),
    "/min": Rule("/min"),
    "{beats}/min": Rule("/min"),
    "{breaths}/min": Rule("/min"),
    "%": Rule("%"),
    "mg/dL": Rule("mg/dL"),
}
"""By UCUM code. Pound and inch are exact by definition (1959 agreement)."""

GLUCOSE = Rule("mg/dL", Decimal("18.0156"))
GLUCOSE_LOINC = frozenset(
    {
        "2339-0", "2340-8", "2341-6", "2345-7", "14749-6", "15074-8", "1558-6", "14771-0", "41653-7", "32016-8",
        "14743-9", "14770-2", "99504-3", "97507-8",
    }
)  # fmt: skip
"""Glucose in blood, serum, plasma, capillary blood or tissue (LOINC LG7967-5 and its like)."""


def normal(number: Decimal, unit: str, *, glucose: bool) -> tuple[Decimal, str] | None:
    """``number`` in the unit of its kind of measure, None where there is no rule."""
    rule = GLUCOSE if glucose and unit == "mmol/L" else RULES.get(unit)
    if rule is None:
        return None
    scaled = _CONTEXT.multiply(_CONTEXT.subtract(number, rule.offset), rule.factor)
    if rule.divisor == 1:
        return scaled, rule.unit
    exact = _CONTEXT.divide(scaled, rule.divisor)
    return min(exact, exact.quantize(PLACES, context=_CONTEXT), key=_digits), rule.unit


def _digits(number: Decimal) -> int:
    return len(number.as_tuple().digits)
