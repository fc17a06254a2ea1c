"""What is asked of an export, in the words of the Bulk Data IG."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from concord.acquire.fhir_bulk.request import ExportRequest, Level, Method, instant

SINCE = datetime(2026, 11, 1, 5, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=-5)))
BASE = "https://ehr.example/fhir"


def asked(**parts: Any) -> tuple[str, list[tuple[str, str]]]:
    call = ExportRequest(parts.pop("level", Level.PATIENT), **parts).call(BASE)
    split = urlsplit(call.url)
    return split.path, parse_qsl(split.query, strict_parsing=bool(split.query))


def parameters(**parts: Any) -> list[dict[str, Any]]:
    call = ExportRequest(parts.pop("level", Level.PATIENT), method=Method.POST, **parts).call(BASE)
    assert "?" not in call.url
    assert call.headers["Content-Type"] == "application/fhir+json"
    found: dict[str, Any] = json.loads(call.content or b"")
    assert found["resourceType"] == "Parameters"
    return list(found.get("parameter", []))


@pytest.mark.parametrize(
    ("level", "group", "path"),
    [
        (Level.SYSTEM, None, "/fhir/$export"),
        (Level.PATIENT, None, "/fhir/Patient/$export"),
        (Level.GROUP, "e3iabhmS8.QwjV-7", "/fhir/Group/e3iabhmS8.QwjV-7/$export"),
    ],
)
def test_each_level_has_its_address(level: Level, group: str | None, path: str) -> None:
    assert asked(level=level, group_id=group) == (path, [])


def test_an_export_is_asked_for_asynchronously() -> None:
    call = ExportRequest(Level.SYSTEM).call(f"{BASE}/")
    assert (call.method, call.url) == ("GET", f"{BASE}/$export")
    assert dict(call.headers) == {"Accept": "application/fhir+json", "Prefer": "respond-async"}
    assert ExportRequest(Level.SYSTEM, lenient=True).call(BASE).headers["Prefer"] == "respond-async, handling=lenient"


def test_values_are_joined_by_commas_or_repeated_as_the_server_needs() -> None:
    parts: dict[str, Any] = {"types": ("Patient", "Condition"), "elements": ("id", "meta"), "since": SINCE}
    moment = ("_since", "2026-11-01T10:00:00.999Z")
    assert asked(**parts)[1] == [moment, ("_type", "Patient,Condition"), ("_elements", "id,meta")]
    once = [("_type", "Patient"), ("_type", "Condition"), ("_elements", "id"), ("_elements", "meta")]
    assert asked(**parts, repeated=True)[1] == [moment, *once]


def test_a_filter_keeps_its_signs() -> None:
    wanted = "Observation?category=laboratory&date=ge2026-01-01&code:in=a|b"
    assert asked(type_filters=(wanted,))[1] == [("_typeFilter", wanted)]
    comma = "Observation?code=1,2"
    assert asked(type_filters=(comma,), repeated=True)[1] == [("_typeFilter", comma)]


def test_a_post_says_the_same_as_parameters() -> None:
    assert parameters(types=("Patient", "Condition"), since=SINCE, patients=("1", "2")) == [
        {"name": "_since", "valueInstant": "2026-11-01T10:00:00.999Z"},
        {"name": "_type", "valueString": "Patient,Condition"},
        {"name": "patient", "valueReference": {"reference": "Patient/1"}},
        {"name": "patient", "valueReference": {"reference": "Patient/2"}},
    ]
    assert [one["valueString"] for one in parameters(types=("Patient", "Condition"), repeated=True)] == [
        "Patient",
        "Condition",
    ]
    assert parameters() == []


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"level": Level.GROUP}, "group_id"),
        ({"group_id": "7"}, "group_id"),
        ({"level": Level.GROUP, "group_id": "../Patient"}, "no FHIR id"),
        ({"level": Level.GROUP, "group_id": ""}, "no FHIR id"),
        ({"types": ("Patient,Condition",)}, "resource types"),
        ({"types": ("patient",)}, "resource types"),
        ({"since": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"patients": ("1",)}, "POST only"),
        ({"patients": ("1/2",), "method": Method.POST}, "FHIR ids"),
        ({"patients": ("1",), "method": Method.POST, "level": Level.SYSTEM}, "system export"),
        ({"type_filters": ("Observation?code=1,2",)}, "comma"),
    ],
)
def test_what_would_not_be_understood_is_not_asked(parts: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        asked(**parts)


def test_no_patient_is_in_a_url_or_shown() -> None:
    request = ExportRequest(Level.PATIENT, patients=("maria-7",), method=Method.POST)
    assert "maria" not in repr(request) + request.call(BASE).url + repr(request.call(BASE))


def test_a_moment_is_rounded_down() -> None:
    assert instant(datetime(2026, 1, 1, 0, 0, 0, 999, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
