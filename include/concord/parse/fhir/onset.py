"""When something began or ended, in one of the five ways FHIR lets it be said (onset[x], abatement[x])."""

from __future__ import annotations

from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading, choice


def read_onset(reading: Reading, name: str, *, edge: str) -> None:
    """``name_at``, ``name_precision`` and ``name_text``; ``edge`` of a Period counts (start, end)."""
    kind, value = choice(reading.resource, name) or ("", None)
    column = f"{name}_text"
    if kind == "DateTime":
        reading.moment(name, value)
    elif kind == "Period":
        reading.moment(name, reading.tree(f"{name}_at", value).get(edge))
    elif kind == "String":
        reading.text(column, value)
    elif kind == "Age":
        reading.text(column, _in_words(reading, column, reading.tree(column, value)))
    elif kind == "Range":
        span = reading.tree(column, value)
        ends = [_in_words(reading, column, reading.tree(column, span.get(end))) for end in ("low", "high")]
        reading.text(column, " - ".join(end for end in ends if end))


def _in_words(reading: Reading, column: str, age: Tree) -> str | None:
    """``54 years``: an age that is no date and does not become one."""
    number = age.get("value")
    if number is None:
        return None
    if not isinstance(number, str):
        reading.problem(column, "kind")
        return None
    unit = reading.string(column, age.get("unit")) or reading.string(column, age.get("code")) or ""
    return f"{age.get('comparator') or ''}{number!s} {unit}".strip()
