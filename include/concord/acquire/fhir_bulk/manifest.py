"""What an export made: files by section, and the moment they speak of (Bulk Data IG, "Response - Complete Status").

PURE: a page of a manifest from its bytes. A page that breaks a rule is refused whole: a
file that was left out would look like resources that are not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from concord.acquire.fhir_bulk.refusals import ManifestRejected
from concord.acquire.fhir_bulk.request import TYPE

SECTIONS = ("output", "deleted", "error", "outcome")
"""``error`` is called ``outcome`` from STU4 on; ``deleted`` holds Bundles of DELETE entries."""
INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)", re.ASCII
)
"""http://hl7.org/fhir/R4/datatypes.html#instant"""


@dataclass(frozen=True)
class ExportFile:
    """One file: ``number`` from 1 over all pages and sections, ``count`` of its resources where the server says so."""

    section: str
    number: int
    type: str
    url: str = field(repr=False)
    count: int | None
    needs_token: bool

    @property
    def what(self) -> str:
        """The file's name in errors and reports."""
        return f"{self.section} file {self.number} ({self.type})"


@dataclass(frozen=True)
class Page:
    """One page of a manifest; ``files`` are numbered from ``first``."""

    transaction_time: datetime
    files: tuple[ExportFile, ...]
    next_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Manifest:
    """The whole of it. ``transaction_time`` is the next ``since``: the earliest of the pages'.

    ``expires_at`` is when the files go, where the server says so.
    """

    transaction_time: datetime
    files: tuple[ExportFile, ...]
    expires_at: datetime | None = None

    def of(self, *sections: str) -> tuple[ExportFile, ...]:
        """The files of ``sections``, in order."""
        return tuple(file for file in self.files if file.section in sections)


def page(body: bytes, content_type: str = "", *, first: int = 1) -> Page:
    """The page that ``body`` is; raises :class:`ManifestRejected` naming element and rule."""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise ManifestRejected("is HTML")
    said = _parsed(body)
    needs_token = said.get("requiresAccessToken")
    if not isinstance(needs_token, bool):
        raise ManifestRejected("requiresAccessToken is neither true nor false")
    files: list[ExportFile] = []
    for section in SECTIONS:
        entries = _listed(said, section, is_needed=section == "output")
        files += [_file(entry, section, at, first + len(files) + at, needs_token) for at, entry in enumerate(entries)]
    return Page(_instant(said.get("transactionTime")), tuple(files), _next(said))


def whole(pages: Iterable[Page], expires_at: datetime | None) -> Manifest:
    """The manifest of its pages; raises :class:`ManifestRejected` where one file is named twice."""
    every = list(pages)
    files = tuple(file for one in every for file in one.files)
    if len({file.url for file in files}) != len(files):
        raise ManifestRejected("names one file twice: its resources would count twice")
    return Manifest(min(one.transaction_time for one in every), files, expires_at)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said: Any = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ManifestRejected("is no JSON object")
    return said


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _listed(said: dict[str, Any], section: str, *, is_needed: bool) -> list[Any]:
    entries = said.get(section)
    if entries is None and not is_needed:
        return []
    if not isinstance(entries, list):
        raise ManifestRejected(f"{section} is no array")
    return entries


def _file(entry: Any, section: str, at: int, number: int, needs_token: bool) -> ExportFile:
    def checked(name: str, is_right: Callable[[Any], bool], rule: str) -> Any:
        found = entry.get(name) if isinstance(entry, dict) else None
        if not is_right(found):
            raise ManifestRejected(f"{section}[{at}].{name} {rule}")
        return found

    kind = checked("type", lambda t: isinstance(t, str) and bool(TYPE.fullmatch(t)), "is no name of a resource type")
    url = checked("url", lambda u: isinstance(u, str) and u != "", "is no text")
    count = checked("count", _is_count, "is no number from 0 up")
    return ExportFile(section, number, kind, url, count, needs_token)


def _is_count(found: Any) -> bool:
    return found is None or (isinstance(found, int) and not isinstance(found, bool) and found >= 0)


def _instant(found: Any) -> datetime:
    """Digits beyond microseconds are cut off: an earlier ``since`` brings things twice, a later one not at all."""
    if isinstance(found, str) and INSTANT.fullmatch(found):
        try:
            return datetime.fromisoformat(found.replace(":60", ":59"))
        except ValueError:
            pass
    raise ManifestRejected("transactionTime is no instant")


def _next(said: dict[str, Any]) -> str | None:
    """The URL of the next page (STU3): the link whose relation is ``next``."""
    links = said.get("link")
    if links is None:
        return None
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise ManifestRejected("link is no array of objects")
    found = [link.get("url") for link in links if link.get("relation") == "next"]
    if len(found) > 1 or not all(isinstance(url, str) and url for url in found):
        raise ManifestRejected("link has more than one next page, or one without url")
    return found[0] if found else None
