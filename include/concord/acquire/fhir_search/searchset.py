"""What a page of a search says: matches as lines, errors the server names, the way on. PURE.

A page that breaks a rule is refused whole: an entry that was left out would look like a
resource that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from concord.acquire.fhir_bulk.request import FHIR_ID
from concord.acquire.fhir_search.notes import is_error
from concord.acquire.fhir_search.refusals import SearchsetRejected
from concord.acquire.fhir_search.spans import Span, items, line, members, parsed

OUTCOME = "OperationOutcome"
SUBJECTS = ("subject", "patient", "beneficiary")
"""Where a resource says whose it is (R4 compartmentdefinition-patient.html), for the types that are kept."""


@dataclass(frozen=True)
class Match:
    """One resource as a line of NDJSON; ``key`` is its id, ``owner`` the patient it is about, where they are said."""

    line: bytes = field(repr=False)
    key: str | None = field(repr=False)
    owner: str | None = field(repr=False)


@dataclass(frozen=True)
class Page:
    """One page. ``total`` is of all pages, where the server says so; ``errors`` are OperationOutcomes as lines."""

    matches: tuple[Match, ...] = field(repr=False)
    errors: tuple[bytes, ...] = field(repr=False)
    total: int | None
    next_url: str | None = field(repr=False)


def page(body: bytes, content_type: str, *, resource_type: str, what: str) -> Page:
    """The page that ``body`` is; raises :class:`SearchsetRejected` naming entry and rule, never what stands there."""
    return _Reader(what, resource_type).page(_text(body, content_type, what))


def patients(body: bytes, what: str) -> tuple[str, ...]:
    """Logical ids of the patients in a Group that still belong to it, each once, in order.

    Raises :class:`SearchsetRejected` for anything but a Group, and where a member is not
    named by a logical id: whom we cannot ask for would be missed by nobody.
    """
    group = _object(_text(body, "", what), what)
    if group.get("resourceType") != "Group":
        raise SearchsetRejected(what, "is no Group")
    found: dict[str, None] = {}
    for at, member in enumerate(_listed(group, "member", what)):
        entity = member.get("entity") if isinstance(member, dict) else None
        if isinstance(member, dict) and member.get("inactive") is True:
            continue
        patient = _patient(entity)
        if patient is None:
            raise SearchsetRejected(what, f"member[{at}] is no reference to a Patient by its id")
        found[patient] = None
    return tuple(found)


class _Reader:
    def __init__(self, what: str, resource_type: str) -> None:
        self._what, self._type = what, resource_type

    def page(self, text: str) -> Page:
        said = _object(text, self._what)
        if (said.get("resourceType"), said.get("type")) != ("Bundle", "searchset"):
            self._refuse("is an OperationOutcome" if said.get("resourceType") == OUTCOME else "is no searchset")
        matches: list[Match] = []
        errors: list[bytes] = []
        for at, entry in enumerate(self._entries(text, said)):
            mode, resource = self._entry(text, at, entry)
            kind = resource.value.get("resourceType")
            if mode == "outcome" or kind == OUTCOME:
                errors += [line(text, resource)] if is_error(resource.value) else []
            elif mode == "match":
                matches.append(self._match(text, at, resource))
        return Page(tuple(matches), tuple(errors), self._total(said), self._next(said))

    def _entries(self, text: str, said: dict[str, Any]) -> Iterator[Span]:
        entries = _listed(said, "entry", self._what)
        if not entries:
            return
        places = [member for member in members(text, text.index("{")) if member.name == "entry"]
        if len(places) != 1:
            self._refuse("entry stands there twice")
        yield from items(text, places[0].start)

    def _entry(self, text: str, at: int, entry: Span) -> tuple[str, Span]:
        """Mode and resource; what was included without being asked for is left alone."""
        if not isinstance(entry.value, dict):
            self._refuse(f"entry[{at}] is no object")
        found = [member for member in members(text, entry.start) if member.name == "resource"]
        if len(found) != 1 or not isinstance(found[0].value, dict):
            self._refuse(f"entry[{at}] has no resource, or more than one")
        search = entry.value.get("search")
        mode = search.get("mode", "match") if isinstance(search, dict) else "match"
        if mode not in ("match", "include", "outcome"):
            self._refuse(f"entry[{at}].search.mode is none of match, include, outcome")
        return str(mode), found[0]

    def _match(self, text: str, at: int, resource: Span) -> Match:
        if resource.value.get("resourceType") != self._type:
            self._refuse(f"entry[{at}] is of another type than was asked for")
        key = resource.value.get("id")
        return Match(line(text, resource), key if isinstance(key, str) else None, _owner(resource.value))

    def _total(self, said: dict[str, Any]) -> int | None:
        total = said.get("total")
        if total is None or (isinstance(total, int) and not isinstance(total, bool) and total >= 0):
            return total
        return self._refuse("total is no number from 0 up")

    def _next(self, said: dict[str, Any]) -> str | None:
        links = _listed(said, "link", self._what)
        found = [link.get("url") for link in links if isinstance(link, dict) and link.get("relation") == "next"]
        if len(found) > 1 or not all(isinstance(url, str) and url for url in found):
            self._refuse("link has more than one next page, or one without url")
        return found[0] if found else None

    def _refuse(self, rule: str) -> NoReturn:
        raise SearchsetRejected(self._what, rule)


def _text(body: bytes, content_type: str, what: str) -> str:
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise SearchsetRejected(what, "is HTML")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise SearchsetRejected(what, "is not UTF-8")


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        said: Any = parsed(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise SearchsetRejected(what, "is no JSON object")
    return said


def _listed(said: dict[str, Any], name: str, what: str) -> list[Any]:
    found = said.get(name, [])
    if not isinstance(found, list):
        raise SearchsetRejected(what, f"{name} is no array")
    return found


def _owner(resource: dict[str, Any]) -> str | None:
    if resource.get("resourceType") == "Patient":
        key = resource.get("id")
        return key if isinstance(key, str) else None
    named = (_patient(resource.get(name)) for name in SUBJECTS)
    return next((patient for patient in named if patient is not None), None)


def _patient(reference: Any) -> str | None:
    """The id in a reference to a Patient, relative or absolute, of whatever version (R4 references.html)."""
    told = reference.get("reference") if isinstance(reference, dict) else None
    parts = told.partition("/_history/")[0].split("/") if isinstance(told, str) else []
    named = len(parts) >= 2 and parts[-2] == "Patient" and FHIR_ID.fullmatch(parts[-1])
    return parts[-1] if named else None
