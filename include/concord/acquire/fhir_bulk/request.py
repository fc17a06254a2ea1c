"""What is asked of an export, and how it is put (Bulk Data IG, "Bulk Data Kick-off Request")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

from concord.acquire.http.client import Call

FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
FHIR_JSON = "application/fhir+json"


class Level(StrEnum):
    """Whose data: everything, all patients', those of the members of a group."""

    SYSTEM = "system"
    PATIENT = "patient"
    GROUP = "group"


class Method(StrEnum):
    """How the request is put: in the URL, or as a Parameters resource."""

    GET = "GET"
    POST = "POST"


@dataclass(frozen=True)
class ExportRequest:
    """One export. ``since`` is an aware moment, sent to the millisecond, rounded down: what is of it comes twice.

    ``types`` are resource types, ``type_filters`` search queries (``Observation?category=laboratory``),
    ``elements`` names, ``patients`` logical ids. ``repeated`` puts each value into a parameter of its own
    instead of joining them by commas (Epic takes commas, STU4 only repetition). ``lenient`` asks the server
    to ignore parameters it does not know.

    Raises ``ValueError``, without any value, for what would not be understood. ``patients`` need POST,
    as the IG says, and as no URL may name a patient.
    """

    level: Level
    group_id: str | None = None
    types: tuple[str, ...] = ()
    since: datetime | None = None
    type_filters: tuple[str, ...] = field(default=(), repr=False)
    elements: tuple[str, ...] = ()
    patients: tuple[str, ...] = field(default=(), repr=False)
    repeated: bool = False
    method: Method = Method.GET
    lenient: bool = False

    def __post_init__(self) -> None:
        for is_broken, rule in self._rules():
            if is_broken:
                raise ValueError(rule)

    def _rules(self) -> Iterator[tuple[bool, str]]:
        is_group = self.level is Level.GROUP
        yield is_group != (self.group_id is not None), "a group export, and only one, has a group_id"
        yield self.group_id is not None and not FHIR_ID.fullmatch(self.group_id), "group_id is no FHIR id"
        yield not all(map(TYPE.fullmatch, self.types)), "types are names of resource types"
        yield not all(map(FHIR_ID.fullmatch, self.patients)), "patients are FHIR ids"
        yield self.since is not None and self.since.tzinfo is None, "since needs a time zone"
        yield bool(self.patients) and self.method is Method.GET, "patients are sent by POST only"
        yield bool(self.patients) and self.level is Level.SYSTEM, "a system export takes no patients"
        joined = (*self.type_filters, *self.elements)
        yield not self.repeated and any("," in text for text in joined), "a comma inside a value needs repeated=True"

    def call(self, base_url: str) -> Call:
        """The kick-off as a request to the server at ``base_url``."""
        url = f"{base_url.rstrip('/')}/{self._path}"
        headers = {"Accept": FHIR_JSON, "Prefer": "respond-async" + (", handling=lenient" if self.lenient else "")}
        if self.method is Method.POST:
            headers["Content-Type"] = FHIR_JSON
            return Call("POST", url, "kick-off", headers, json.dumps(self._parameters()).encode())
        query = urlencode(self._texts(), quote_via=quote, safe=",")
        return Call("GET", f"{url}?{query}" if query else url, "kick-off", headers)

    @property
    def _path(self) -> str:
        return {
            Level.SYSTEM: "$export",
            Level.PATIENT: "Patient/$export",
            Level.GROUP: f"Group/{self.group_id}/$export",
        }[self.level]

    def _texts(self) -> list[tuple[str, str]]:
        """Parameters that are strings, by name, in order."""
        lists = {"_type": self.types, "_typeFilter": self.type_filters, "_elements": self.elements}
        found = [("_since", instant(self.since))] if self.since else []
        for name, texts in lists.items():
            found += [(name, text) for text in (texts if self.repeated else [",".join(texts)] if texts else [])]
        return found

    def _parameters(self) -> dict[str, Any]:
        kinds = {"_since": "valueInstant"}
        named = [{"name": name, kinds.get(name, "valueString"): text} for name, text in self._texts()]
        patients = [{"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in self.patients]
        every = [*named, *patients]
        return {"resourceType": "Parameters"} | ({"parameter": every} if every else {})  # FHIR has no empty arrays


def instant(moment: datetime) -> str:
    """``moment`` as a FHIR instant in UTC, to the millisecond, rounded down."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
