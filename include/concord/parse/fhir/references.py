"""References in all their forms to ``Type/id`` (FHIR R4, references.html).

Known are relative ones, absolute ones under any base, and both with a version. A
``urn:uuid``, a conditional one (``Patient?identifier=system|value``, as in bundles that were
never taken apart) and a logical one (``identifier`` only) name no logical id: the column
stays null and is counted. What is contained has no id of its own either, but is found.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from concord.parse.fhir.identifiers import token
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading

_LITERAL = re.compile(
    r"(?:https?://[^\s?#]+/)?(?P<type>[A-Z][A-Za-z]{2,63})/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
_CONDITIONAL = re.compile(r"(?:https?://[^\s?#]+/)?[A-Z][A-Za-z]{2,63}\?(?:[^#]*&)?identifier=(?P<token>[^&#]+)")


@lru_cache(maxsize=1 << 14)
def logical_id(reference: str) -> str | None:
    """``Type/id`` of a literal reference, None for every other form."""
    found = _LITERAL.fullmatch(reference)
    return f"{found['type']}/{found['id']}" if found else None


def read_reference(reading: Reading, name: str, value: object) -> Tree:
    """``name_reference``; returns the Reference (empty where there is none). A text is taken as its ``reference``."""
    column = f"{name}_reference"
    reference = {"reference": value} if type(value) is str else reading.tree(column, value)
    if "reference" in reference and type(reference["reference"]) is dict:  # R5: CodeableReference
        reference = reference["reference"]
    if not reference or not _points(reference):
        return reference
    target = reading.string(column, reference.get("reference"))
    known = logical_id(target) if target else None
    if known:
        reading.row[column] = known
    elif contained(reading, reference) is None:
        reading.unresolved.append(column)
    return reference


def _points(reference: Tree) -> bool:
    """Whether a Reference means something, and is not only a concept (CodeableReference) or an extension."""
    return any(reference.get(part) is not None for part in ("reference", "identifier", "display", "type"))


def read_logical_reference(reading: Reading, name: str, value: object) -> Tree:
    """``name_reference`` and ``name_identifier``."""
    reference = read_reference(reading, name, value)
    column = f"{name}_identifier"
    found = _identifier(reading, column, reference)
    text = token(reading, column, found) if found else None
    if text is not None:
        reading.row[column] = text
    return reference


def read_named_reference(reading: Reading, name: str, value: object) -> Tree:
    """``name_reference``, ``name_identifier`` and ``name_name``."""
    reference = read_logical_reference(reading, name, value)
    reading.text(f"{name}_name", reference.get("display"))
    if f"{name}_name" not in reading.row:
        inner = contained(reading, reference) or {}
        if type(inner.get("name")) is str:
            reading.text(f"{name}_name", inner["name"])
    return reference


def _identifier(reading: Reading, column: str, reference: Tree) -> Tree:
    """The business identifier that a reference names: beside it, in its condition, or in what is contained."""
    if reference.get("identifier") is not None:
        return reading.tree(column, reference["identifier"])
    target = reference.get("reference")
    if type(target) is not str:
        return {}
    if found := _CONDITIONAL.fullmatch(target.strip()):
        system, bar, value = unquote(found["token"]).rpartition("|")
        return {"system": system, "value": value} if bar else {"value": value}
    return reading.tree(column, (contained(reading, reference) or {}).get("identifier"))


def contained(reading: Reading, reference: Tree) -> Tree | None:
    """The contained resource that ``#id`` points to; None where it points elsewhere or to nothing."""
    target = reference.get("reference")
    if type(target) is not str or not target.startswith("#"):
        return None
    if reading.contained is None:
        inside = reading.objects("contained", reading.resource.get("contained"))
        reading.contained = {each["id"]: each for each in inside if type(each.get("id")) is str}
    return reading.contained.get(target[1:]) or reading.contained.get(target)
