"""What an export made: a manifest that breaks a rule is refused whole."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.fhir_bulk.manifest import page, whole
from concord.acquire.fhir_bulk.refusals import ManifestRejected
from tests.unit.fhir_server import SECRET_QUERY

FILE = {"type": "Patient", "url": f"https://files.example/1?{SECRET_QUERY}", "count": 7}


def said(**changes: Any) -> dict[str, Any]:
    base = {"transactionTime": "2026-11-28T12:00:00Z", "requiresAccessToken": True, "output": [FILE]}
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def body(**changes: Any) -> bytes:
    return json.dumps(said(**changes)).encode()


def test_a_manifest_is_read() -> None:
    deleted = {"type": "Bundle", "url": "https://files.example/2"}
    outcomes = [{"type": "OperationOutcome", "url": "https://files.example/3", "count": 0}]
    found = page(body(deleted=[deleted], error=outcomes, request="https://ehr.example/", outputOrganizedBy=""), first=5)
    assert found.transaction_time == datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert [(f.section, f.number, f.type, f.count, f.needs_token) for f in found.files] == [
        ("output", 5, "Patient", 7, True),
        ("deleted", 6, "Bundle", None, True),
        ("error", 7, "OperationOutcome", 0, True),
    ]
    assert found.next_url is None


def test_an_empty_export_has_an_empty_output() -> None:
    assert page(body(output=[])).files == ()


def test_what_an_old_server_leaves_out_or_says_is_null_is_empty() -> None:
    assert len(page(body(deleted=None, error=None, outcome=None, link=None)).files) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28T12:00:00.123+05:30", "2026-11-28T12:00:00.123000+05:30"),
        ("2026-11-28T12:00:00.123456789Z", "2026-11-28T12:00:00.123456+00:00"),
        ("2026-11-28T12:00:60Z", "2026-11-28T12:00:59+00:00"),
    ],
)
def test_an_instant_is_read_and_never_rounded_up(text: str, expected: str) -> None:
    assert page(body(transactionTime=text)).transaction_time.isoformat() == expected


@pytest.mark.parametrize(
    "text", [..., None, 7, "", "2026-11-28", "2026-11-28T12:00:00", "2026-02-30T12:00:00Z", "2026-11-28T25:00:00Z", "x"]
)
def test_a_manifest_without_its_instant_is_refused(text: object) -> None:
    with pytest.raises(ManifestRejected, match="transactionTime"):
        page(body(transactionTime=text))


@pytest.mark.parametrize("needs", [..., None, "true", 1])
def test_whether_a_token_is_needed_has_to_be_said(needs: object) -> None:
    with pytest.raises(ManifestRejected, match="requiresAccessToken"):
        page(body(requiresAccessToken=needs))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"output": ...}, "output is no array"),
        ({"output": None}, "output is no array"),
        ({"output": {}}, "output is no array"),
        ({"deleted": "x"}, "deleted is no array"),
        ({"error": 7}, "error is no array"),
        ({"output": [FILE, 7]}, r"output\[1\].type"),
        ({"output": [{**FILE, "type": None}]}, r"output\[0\].type"),
        ({"output": [{**FILE, "type": "../x"}]}, r"output\[0\].type"),
        ({"output": [{**FILE, "type": ["Patient"]}]}, r"output\[0\].type"),
        ({"output": [{**FILE, "url": ""}]}, r"output\[0\].url"),
        ({"output": [{**FILE, "url": {}}]}, r"output\[0\].url"),
        ({"output": [{**FILE, "count": -1}]}, r"output\[0\].count"),
        ({"output": [{**FILE, "count": "7"}]}, r"output\[0\].count"),
        ({"output": [{**FILE, "count": True}]}, r"output\[0\].count"),
        ({"output": [{**FILE, "count": 1.5}]}, r"output\[0\].count"),
        ({"link": {}}, "link"),
        ({"link": [7]}, "link"),
        ({"link": [{"relation": "next"}]}, "link"),
        ({"link": [{"relation": "next", "url": 7}]}, "link"),
        ({"link": [{"relation": "next", "url": "a"}] * 2}, "link"),
    ],
)
def test_a_broken_rule_is_named_and_nothing_quoted(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ManifestRejected, match=rule) as caught:
        page(body(**changes))
    assert SECRET_QUERY not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'"x"', "application/json"),
        (b"{", "application/json"),
        (b"\xff{}", "application/json"),
        (b'{"transactionTime": NaN}', "application/json"),
        (b"[" * 200_000, "application/json"),
        (b'{"a":' * 200_000, "application/json"),
        (b"<!doctype html><title>Log in</title>", "application/json"),
        (b"  <html>", ""),
        (body(), "text/html; charset=utf-8"),
    ],
)
def test_what_is_no_manifest_is_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(ManifestRejected):
        page(raw, kind)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5), st.data())
def test_nothing_in_a_manifest_is_a_crash(found: object, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["transactionTime", "requiresAccessToken", "output", "deleted", "link"]))
    with suppress(ManifestRejected):
        page(json.dumps(said(**{name: found})).encode())


def test_the_next_page_is_found_among_links() -> None:
    links = [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]
    assert page(body(link=links)).next_url == "b"


def test_a_file_that_is_named_twice_is_refused_in_whatever_section_or_page() -> None:
    first, second = page(body()), page(body(output=[], deleted=[FILE]), first=2)
    with pytest.raises(ManifestRejected, match="twice") as caught:
        whole([first, second], None)
    assert SECRET_QUERY not in str(caught.value)


def test_the_earliest_of_the_pages_is_where_the_next_export_begins() -> None:
    later = page(body(output=[], transactionTime="2026-11-28T13:00:00Z"))
    found = whole([later, page(body())], None)
    assert found.transaction_time.hour == 12
    assert [file.what for file in found.of("output")] == ["output file 1 (Patient)"]
    assert found.of("deleted", "error") == ()


def test_a_manifest_shows_no_url() -> None:
    first = page(body(link=[{"relation": "next", "url": SECRET_QUERY}]))
    assert SECRET_QUERY not in repr(first) + repr(whole([first], None))
