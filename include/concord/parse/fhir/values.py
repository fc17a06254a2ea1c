"""``value[x]`` of an observation or a component: one of eleven kinds, each into its columns."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal

from concord.parse.fhir.codings import codings, concept_text, preferred, write_coding
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.quantities import read_quantity, ucum_code
from concord.parse.fhir.reading import Reading

_RATIO = Context(prec=12)


def read_value(reading: Reading, tree: Tree, *, glucose: bool) -> None:
    """``value_kind`` and the columns of the kind; more than one value is a problem."""
    given = [name for name, value in tree.items() if name.startswith("value") and value is not None and name != "value"]
    if len(given) > 1:
        reading.problem("value_kind", "many")
    elif given:
        kind, read = KINDS.get(given[0], ("other", None))
        reading.row["value_kind"] = kind
        if given[0] == "valueQuantity":
            read_quantity(reading, reading.tree("value_number", tree["valueQuantity"]), glucose=glucose)
        elif read is not None:
            read(reading, tree[given[0]])


def _concept(reading: Reading, value: object) -> None:
    coding = preferred(codings(reading, "value_code", value))
    write_coding(reading, "value_code", "value_system", "value_display", coding)
    reading.text("value_text", concept_text(reading, "value_text", value))


def _text(reading: Reading, value: object) -> None:
    reading.text("value_text", value)


def _boolean(reading: Reading, value: object) -> None:
    reading.boolean("value_boolean", value)


def _integer(reading: Reading, value: object) -> None:
    reading.integer("value_number", value)


def _moment(reading: Reading, value: object) -> None:
    reading.moment("value", value)


def _period(reading: Reading, value: object) -> None:
    reading.period("value", "value_end", value)


def _range(reading: Reading, value: object) -> None:
    span = reading.tree("value_low", value)
    for column, end in (("value_high", "high"), ("value_low", "low")):
        _limit(reading, column, span.get(end))


def _limit(reading: Reading, column: str, value: object) -> None:
    quantity = reading.tree(column, value)
    reading.number(column, quantity.get("value"))
    reading.text("value_unit", quantity.get("unit"))
    if code := ucum_code(quantity):
        reading.row["value_unit_code"] = code


def _ratio(reading: Reading, value: object) -> None:
    """Numerator and denominator (1:128 is 1 and 128), and their quotient where there is one."""
    ratio = reading.tree("value_number", value)
    for column, part in (("value_low", "numerator"), ("value_high", "denominator")):
        reading.number(column, reading.tree(column, ratio.get(part)).get("value"))
    above, below = reading.row.get("value_low"), reading.row.get("value_high")
    if isinstance(above, str) and isinstance(below, str) and Decimal(below):
        reading.row["value_number"] = f"{_RATIO.divide(Decimal(above), Decimal(below)):f}"


def _opaque(reading: Reading, value: object) -> None:
    """Sampled data, attachments and references: their kind is known, the raw resource holds them."""
    reading.tree("value_kind", value)


Reader = Callable[[Reading, object], None]
KINDS: dict[str, tuple[str, Reader | None]] = {
    "valueQuantity": ("quantity", None),
    "valueCodeableConcept": ("concept", _concept),
    "valueCoding": ("concept", _concept),
    "valueString": ("text", _text),
    "valueBoolean": ("boolean", _boolean),
    "valueInteger": ("integer", _integer),
    "valueRange": ("range", _range),
    "valueRatio": ("ratio", _ratio),
    "valueTime": ("time", _text),
    "valueDateTime": ("moment", _moment),
    "valueInstant": ("moment", _moment),
    "valuePeriod": ("period", _period),
    "valueSampledData": ("samples", _opaque),
    "valueAttachment": ("attachment", _opaque),
    "valueReference": ("reference", _opaque),
}
"""Element to (``value_kind``, how it is read)."""
