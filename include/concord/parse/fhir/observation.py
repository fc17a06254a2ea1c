"""FHIR Observation to ``observation``: a row for itself and one for each component.

https://hl7.org/fhir/R4/observation.html. A blood pressure has no value of its own; its
systolic and diastolic are components and share who, when and status.
"""

from __future__ import annotations

from concord.parse.fhir.codings import LOINC, codings, has_code, preferred, read_coding, read_main_code
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, Row
from concord.parse.fhir.references import read_logical_reference, read_named_reference, read_reference
from concord.parse.fhir.units import GLUCOSE_LOINC
from concord.parse.fhir.values import read_value


def read_observation(reading: Reading) -> list[Row]:
    """The row of the observation, then those of its components."""
    observation = reading.resource
    _read_shared(reading)
    parts = [reading.component(dict(reading.row)) for _ in _components(reading)]
    reading.row["component"] = ""
    _read_own(reading, observation)
    for place, (part, component) in enumerate(zip(parts, _components(reading), strict=True), 1):
        _read_own(part, component)
        part.row["component"] = ":".join([str(place), *_code(part)])
    return [reading.row, *(part.row for part in parts)]


def _components(reading: Reading) -> list[Tree]:
    return list(reading.objects("component", reading.resource.get("component")))


def _code(part: Reading) -> list[str]:
    code = part.row.get("code")
    return [code] if isinstance(code, str) else []


def _read_shared(reading: Reading) -> None:
    """What is said once for the observation and all its components."""
    observation = reading.resource
    reading.require("status", observation.get("status"), observation.get("_status"))
    reading.code("status", observation.get("status"))
    read_coding(reading, "category", observation.get("category"))
    read_logical_reference(reading, "subject", observation.get("subject"))
    read_reference(reading, "encounter", observation.get("encounter", observation.get("context")))
    performer = next(reading.objects("performer_reference", observation.get("performer")), None)
    read_named_reference(reading, "performer", performer)
    read_reference(reading, "specimen", observation.get("specimen"))
    read_reference(reading, "device", observation.get("device"))
    reading.moment("effective", observation.get("effectiveDateTime", observation.get("effectiveInstant")))
    reading.period("effective", "effective_end", observation.get("effectivePeriod"))
    reading.moment("issued", observation.get("issued"))
    read_coding(reading, "body_site", observation.get("bodySite"))
    read_coding(reading, "method", observation.get("method"))


def _read_own(reading: Reading, tree: Tree) -> None:
    """What an observation and a component each say: code, value, reference range."""
    reading.require("code", tree.get("code"))
    found = read_main_code(reading, tree.get("code"))
    read_value(reading, tree, glucose=has_code(found, LOINC, GLUCOSE_LOINC))
    read_coding(reading, "interpretation", tree.get("interpretation"))
    absent = preferred(codings(reading, "data_absent_reason", tree.get("dataAbsentReason")))
    reading.text("data_absent_reason", absent.get("code"))
    _read_reference_range(reading, tree)


def _read_reference_range(reading: Reading, tree: Tree) -> None:
    span = next(reading.objects("reference_low", tree.get("referenceRange")), {})
    for column, end in (("reference_high", "high"), ("reference_low", "low")):
        limit = reading.tree(column, span.get(end))
        reading.number(column, limit.get("value"))
        reading.text("reference_unit", limit.get("unit", limit.get("code")))
    reading.text("reference_text", span.get("text"))
