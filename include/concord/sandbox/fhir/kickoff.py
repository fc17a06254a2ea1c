"""Reading a kick-off: GET with a query, POST with a Parameters resource (Bulk Data IG, export.html)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from concord.sandbox.fhir.population import GROUPS, TYPES
from concord.sandbox.fhir.profiles import Profile

Given = list[tuple[str, str]]
"""Names and values in the order they came."""

NDJSON = ("application/fhir+ndjson", "application/ndjson", "ndjson")
KNOWN = ("_outputFormat", "_type", "_since", "_elements", "_typeFilter", "patient", "includeAssociatedData")
FILTERS = ("status", "code", "category", "clinical-status")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Refused(Exception):
    """An answer with an OperationOutcome."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


@dataclass(frozen=True)
class Selection:
    """What an export holds. Empty means not limited; ``since`` is an instant as text."""

    level: str
    group: str = ""
    types: tuple[str, ...] = ()
    since: str = ""
    elements: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


def selection(level: str, group: str, given: Given, headers: Mapping[str, str], profile: Profile) -> Selection:
    """What is asked for; raises :class:`Refused`."""
    if level == "group" and group not in GROUPS:
        raise Refused(404, "not-found", "There is no such group.")
    _check_headers(headers)
    lenient = "handling=lenient" in headers.get("prefer", "").replace(" ", "") or not profile.strict
    given = [(name, value) for name, value in given if _heeded(name, level, profile, lenient=lenient)]
    _check_values(given, profile)
    patients = _listed(given, "patient")
    if level == "patient" and profile.patient_export_needs_ids and not patients:
        raise Refused(400, "required", "Patient export needs the patient parameter.")
    return Selection(
        level,
        group,
        types=_listed(given, "_type"),
        since=next((value for name, value in given if name == "_since"), ""),
        elements=_listed(given, "_elements"),
        patients=tuple(each.removeprefix("Patient/") for each in patients),
        filters=_listed(given, "_typeFilter"),
    )


def posted(body: bytes) -> Given:
    """The parameters of a Parameters resource; raises :class:`Refused` for anything else."""
    try:
        resource = json.loads(body)
        if resource["resourceType"] != "Parameters":
            raise ValueError
        return [(str(each["name"]), _value(each)) for each in resource.get("parameter", [])]
    except (ValueError, KeyError, TypeError, StopIteration):
        raise Refused(400, "structure", "The body is no Parameters resource.") from None


def _value(parameter: dict[str, object]) -> str:
    value = next(value for name, value in parameter.items() if name.startswith("value"))
    return str(value["reference"]) if isinstance(value, dict) else str(value)


def _check_headers(headers: Mapping[str, str]) -> None:
    if "respond-async" not in headers.get("prefer", ""):
        raise Refused(400, "required", "The header Prefer: respond-async is required.")
    if headers.get("accept", "").partition(";")[0] not in {"application/fhir+json", "application/json"}:
        raise Refused(406, "not-supported", "The header Accept: application/fhir+json is required.")


def _heeded(name: str, level: str, profile: Profile, *, lenient: bool) -> bool:
    """Whether a parameter counts; raises :class:`Refused` where a strict server would."""
    not_here = {
        "_elements": not profile.elements,
        "_since": not profile.since,
        "patient": level == "system" or (level == "group" and not profile.patients_of_group),
        "includeAssociatedData": True,
    }
    if name in KNOWN and not not_here.get(name, False):
        return True
    if not lenient:
        raise Refused(400, "not-supported", f"Parameter {name[:40]} is not supported here.")
    return False


def _check_values(given: Given, profile: Profile) -> None:
    if not profile.repeated_types and sum(name == "_type" for name, _ in given) > 1:
        raise Refused(400, "not-supported", "_type may be given once, with commas.")
    for name, value in given:
        if name == "_outputFormat" and value not in NDJSON:
            raise Refused(400, "not-supported", "Only NDJSON is made.")
        if name == "_since" and not _is_instant(value):
            raise Refused(400, "value", "_since is no instant with a time zone.")
    if unknown := set(_listed(given, "_type")) - set(TYPES):
        raise Refused(400, "not-supported", f"{len(unknown)} of the types in _type are not exported.")
    for each in _listed(given, "_typeFilter"):
        kind, _, query = each.partition("?")
        if kind not in TYPES or not all(part.partition("=")[0] in FILTERS for part in query.split("&")):
            raise Refused(400, "not-supported", "A _typeFilter is not supported.")


def _is_instant(text: str) -> bool:
    try:
        return bool(INSTANT.fullmatch(text)) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _listed(given: Given, name: str) -> tuple[str, ...]:
    """All values of a parameter, repeated or with commas."""
    parts: Iterable[str] = (part for key, value in given if key == name for part in value.split(","))
    return tuple(unquote(part) for part in parts if part)
