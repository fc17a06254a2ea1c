"""What is searched for, and how it is put (R4 http.html#search)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from concord.acquire.fhir_bulk.request import FHIR_ID, FHIR_JSON, TYPE, instant
from concord.acquire.http.client import Call

WHOLE = frozenset({"Practitioner", "Organization", "Location"})
"""They belong to no patient (R4 compartmentdefinition-patient.html) and are asked for all together."""


@dataclass(frozen=True)
class Query:
    """Resources of ``type`` of one patient, by logical id; of nobody in particular where ``patient`` is None.

    ``since`` is a modification time, sent to the millisecond, rounded down. ``by_post`` keeps the id out of the
    URL, and so out of the logs of servers and of whatever stands in between. Raises ``ValueError``, without any
    value, for what would not be understood.
    """

    type: str
    patient: str | None = field(default=None, repr=False)
    since: datetime | None = None
    page_size: int = 100
    by_post: bool = True

    def __post_init__(self) -> None:
        for broken, rule in self._broken():
            if broken:
                raise ValueError(rule)

    def _broken(self) -> Iterator[tuple[bool, str]]:
        yield not TYPE.fullmatch(self.type), "type is no name of a resource type"
        yield self.patient is not None and not FHIR_ID.fullmatch(self.patient), "a patient is not named by a logical id"
        yield (self.patient is None) != (self.type in WHOLE), "a search is of one patient, or of what belongs to none"
        yield self.since is not None and self.since.utcoffset() is None, "since has no time zone"
        yield self.page_size < 1, "a page holds at least one"

    @property
    def what(self) -> str:
        """The search's name in errors and reports."""
        return f"search of {self.type}"

    def call(self, base_url: str) -> Call:
        """The first page as a request to the server at ``base_url``."""
        url, form = f"{base_url.rstrip('/')}/{self.type}", urlencode(list(self._parameters()))
        if self.by_post:
            headers = {"Accept": FHIR_JSON, "Content-Type": "application/x-www-form-urlencoded"}
            return Call("POST", f"{url}/_search", self.what, headers, form.encode())
        return Call("GET", f"{url}?{form}", self.what, {"Accept": FHIR_JSON})

    def _parameters(self) -> Iterator[tuple[str, str]]:
        if self.patient is not None:
            yield "_id" if self.type == "Patient" else "patient", self.patient
        if self.since is not None:
            yield "_lastUpdated", f"ge{instant(self.since)}"
        yield "_count", str(self.page_size)
