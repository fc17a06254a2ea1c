"""Simple searches and reads (R4 http.html and search.html): what a client falls back on without bulk."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from concord.sandbox.fhir.answers import fhir, login_page, outcome
from concord.sandbox.fhir.bulk import body_of
from concord.sandbox.fhir.faults import url_of
from concord.sandbox.fhir.gate import Gate
from concord.sandbox.fhir.hospital import Hospital
from concord.sandbox.fhir.population import DIRECTORY, GROUPS, TYPES
from concord.sandbox.fhir.writing import Resource

MOST, USUAL = 100, 20
UNDERSTOOD = (
    "_id",
    "patient",
    "subject",
    "beneficiary",
    "identifier",
    "_count",
    "_offset",
    "category",
    "code",
    "status",
)


def router(hospital: Hospital, gate: Gate) -> APIRouter:
    """The search and read routes below the base URL; include them last."""
    routes = APIRouter()
    search = _Search(hospital)

    @routes.get("/{kind}")
    def found(request: Request, kind: str, _client: str = Depends(gate)) -> Response:
        hospital.note("searches")
        return search.answer(kind, dict(request.query_params))

    @routes.post("/{kind}/_search")
    def found_by_form(kind: str, _client: str = Depends(gate), body: bytes = Depends(body_of)) -> Response:
        hospital.note("searches")
        return search.answer(kind, dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)))

    @routes.get("/{kind}/{key}")
    def read(kind: str, key: str, _client: str = Depends(gate)) -> Response:
        hospital.note("searches")
        return search.read(kind, key)

    return routes


class _Search:
    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital

    def answer(self, kind: str, asked: dict[str, str]) -> Response:
        """A searchset Bundle of one page, unless a fault says otherwise."""
        if (broken := self._out_of_order()) is not None:
            return broken
        if kind not in TYPES:
            return outcome(404, "not-supported", "This type is not served.")
        matches = self._matches(kind, asked)
        if matches is None:
            return outcome(400, "required", "A search needs _id, identifier or patient.")
        try:
            count, offset = min(int(asked.get("_count", USUAL)), MOST), int(asked.get("_offset", 0))
        except ValueError:
            return outcome(400, "value", "_count is no number.")
        page = self._page(kind, asked, matches, max(1, count), max(0, offset))
        return fhir(self._spoiled(kind, page))

    def _out_of_order(self) -> Response | None:
        """What polls are answered when something is wrong, searches are as well."""
        hospital = self.hospital
        if hospital.hits("throttled"):
            wait = {} if hospital.faults.retry_after is None else {"Retry_After": hospital.faults.retry_after}
            return outcome(429, "throttled", "Too many requests.", **wait)
        if hospital.hits("transient"):
            return outcome(500, "transient", "Try again.")
        return login_page() if hospital.hits("html_status") else None

    def _spoiled(self, kind: str, page: Resource) -> Resource:
        """The page as the faults of files and manifests have it: short, miscounted, with errors, leading astray."""
        hospital, faults = self.hospital, self.hospital.faults
        if page["entry"] and hospital.hits("short", kind):
            page["entry"].pop()
        if kind in faults.wrong_count:
            hospital.fired("wrong_count")
            page["total"] += 1
        if faults.without_count:
            hospital.fired("without_count")
            del page["total"]
        page["entry"] += [_error() for _ in range(faults.error_entries)]
        hospital.fired("error_entries", faults.error_entries)
        if faults.hostile_next:
            hospital.fired("hostile_next")
            page["link"].append({"relation": "next", "url": url_of(faults.hostile_next)})
        return page

    def _matches(self, kind: str, asked: dict[str, str]) -> list[Resource] | None:
        """Resources that meet the search; None where it is too wide."""
        found = self._asked_for(kind, asked)
        since = self._since(asked)
        if found is None or since is None:
            return found
        return [each for each in found if datetime.fromisoformat(each["meta"]["lastUpdated"]) >= since]

    def _since(self, asked: dict[str, str]) -> datetime | None:
        """Of ``_lastUpdated`` only ``ge`` is understood, and only where bulk heeds ``_since``."""
        text = asked.get("_lastUpdated", "")
        return datetime.fromisoformat(text[2:]) if self.hospital.profile.since and text.startswith("ge") else None

    def _asked_for(self, kind: str, asked: dict[str, str]) -> list[Resource] | None:
        if "_id" in asked and kind in (*DIRECTORY, "Patient"):
            found = (self._one(kind, each) for each in asked["_id"].split(","))
            return [each for each in found if each]
        if kind == "Patient":
            return self._by_identifier(asked["identifier"]) if "identifier" in asked else None
        patient = next((asked[name] for name in ("patient", "subject", "beneficiary") if name in asked), None)
        if patient is None:
            return self._directory(kind) if kind in DIRECTORY else None
        return [each for each in self._chart(patient.removeprefix("Patient/")) if _fits(each, kind, asked)]

    def _by_identifier(self, identifier: str) -> list[Resource]:
        system, bar, value = identifier.rpartition("|")
        every = (self._one("Patient", patient) for patient in self.hospital.population.by_patient)
        return [
            each
            for each in every
            if each
            and any(one["value"] == value and (not bar or one["system"] == system) for one in each["identifier"])
        ]

    def _directory(self, kind: str) -> list[Resource]:
        people = self.hospital.population
        return [people.stamped(each) for each in people.directory() if each.resource["resourceType"] == kind]

    def _chart(self, patient: str) -> list[Resource]:
        people = self.hospital.population
        subject = people.by_patient.get(patient)
        if subject is None:
            return []
        return [people.stamped(each) for each in people.chart(subject, self.hospital.day).entries.values()]

    def _one(self, kind: str, key: str) -> Resource | None:
        pool = self._chart(key) if kind == "Patient" else self._directory(kind)
        return next((each for each in pool if each["resourceType"] == kind and each["id"] == key), None)

    def _page(self, kind: str, asked: dict[str, str], matches: list[Resource], count: int, offset: int) -> Resource:
        base = f"{self.hospital.base_url}/{kind}"
        links = [{"relation": "self", "url": f"{base}?{urlencode(asked)}"}]
        if offset + count < len(matches):
            following = asked | {"_offset": str(offset + count), "_count": str(count)}
            links.append({"relation": "next", "url": f"{base}?{urlencode(following)}"})
        entries: list[dict[str, Any]] = [
            {"fullUrl": f"{base}/{each['id']}", "resource": each, "search": {"mode": "match"}}
            for each in matches[offset : offset + count]
        ]
        heeded = {*UNDERSTOOD, *(["_lastUpdated"] if self._since(asked) else [])}
        if set(asked) - heeded:
            entries.append(_not_understood())
        return {"resourceType": "Bundle", "type": "searchset", "total": len(matches), "link": links, "entry": entries}

    def read(self, kind: str, key: str) -> Response:
        """One resource: 200, 410 when it was deleted, 404 when it never was."""
        people, day = self.hospital.population, self.hospital.day
        if kind == "Group" and key in GROUPS:
            return fhir(self._group(key))
        if kind in (*DIRECTORY, "Patient"):
            one = self._one(kind, key)
        else:
            one = next((r for r in people.resources(day) if r["resourceType"] == kind and r["id"] == key), None)
        if one:
            return fhir(one)
        if any(gone == (kind, key) for gone, _ in people.deleted(day)):
            return outcome(410, "deleted", "The resource was deleted.")
        return outcome(404, "not-found", "There is no such resource.")

    def _group(self, name: str) -> Resource:
        """A group with the members that are there today."""
        people, day = self.hospital.population, self.hospital.day
        here = [each for each in people.subjects if people.chart(each, day).entries]
        ids = [people.patient_id(each) for each in here if people.patient_id(each) in people.group(name)]
        members = [{"entity": {"reference": f"Patient/{each}"}} for each in ids]
        group = {"resourceType": "Group", "id": name, "type": "person", "actual": True, "quantity": len(ids)}
        return group | ({"member": members} if members else {})


def _fits(resource: Resource, kind: str, asked: dict[str, str]) -> bool:
    from concord.sandbox.fhir.selecting import passes

    narrowed = tuple(f"{name}={asked[name]}" for name in ("category", "code", "status") if name in asked)
    right_type = resource["resourceType"] == kind
    right_id = "_id" not in asked or resource["id"] in asked["_id"].split(",")
    return right_type and right_id and passes(resource, (f"{kind}?{'&'.join(narrowed)}",) if narrowed else ())


def _not_understood() -> dict[str, Any]:
    """R4 search.html 3.1.1.3: an unknown parameter is ignored, and told."""
    issue = {"severity": "warning", "code": "not-supported", "diagnostics": "A parameter was ignored."}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def _error() -> dict[str, Any]:
    """What a server says that left something out."""
    issue = {"severity": "error", "code": "processing", "diagnostics": "A record could not be read."}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}
