"""Pages of searches: what is none is refused by entry and rule, and never quoted; which remarks are errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.fhir_search.notes import is_error
from concord.acquire.fhir_search.refusals import SearchsetRejected
from concord.acquire.fhir_search.searchset import page
from concord.acquire.fhir_search.spans import items, line, members

SECRET = "Wojciechowska-planted"
GOOD = {"resourceType": "Observation", "id": "o1"}


def bundle(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", **more}


def entry(resource: Any = GOOD, **more: Any) -> dict[str, Any]:
    return bundle(entry=[{"resource": GOOD}, {"resource": resource, **more}])


BROKEN: dict[str, tuple[Any, str]] = {
    "HTML": (b"<html>", "HTML"),
    "no JSON": (b"{", "JSON"),
    "NaN": (b'{"resourceType":"Bundle","type":"searchset","total":NaN}', "JSON"),
    "too deep": (b"[" * 100_000, "JSON"),
    "not UTF-8": (b'{"resourceType":"\xff"}', "UTF-8"),
    "an array": ([], "JSON object"),
    "a resource": (GOOD, "no searchset"),
    "a history": (bundle() | {"type": "history"}, "no searchset"),
    "an outcome": ({"resourceType": "OperationOutcome", "issue": []}, "OperationOutcome"),
    "entry is no array": (bundle(entry={}), "entry is no array"),
    "entry twice": (b'{"resourceType":"Bundle","type":"searchset","entry":[{}],"entry":[{}]}', "twice"),
    "an entry that is none": (bundle(entry=[7]), r"entry\[0\] is no object"),
    "an entry without resource": (entry(None), r"entry\[1\] has no resource"),
    "another type": (entry({"resourceType": "Condition", "id": SECRET}), r"entry\[1\] is of another type"),
    "an unknown mode": (entry(search={"mode": SECRET}), r"entry\[1\]\.search\.mode"),
    "a total that is none": (bundle(total="7"), "total"),
    "a negative total": (bundle(total=-1), "total"),
    "total is true": (bundle(total=True), "total"),
    "links that are none": (bundle(link={}), "link is no array"),
    "two next pages": (bundle(link=[{"relation": "next", "url": SECRET}] * 2), "more than one next"),
    "a next page without url": (bundle(link=[{"relation": "next"}]), "without url"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_page_is_refused_by_its_rule(name: str) -> None:
    said, rule = BROKEN[name]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    with pytest.raises(SearchsetRejected, match=rule) as caught:
        page(body, "application/fhir+json", resource_type="Observation", what="search of Observation")
    assert SECRET not in repr(caught.value)


def test_a_page_to_log_in_is_told_by_its_type() -> None:
    with pytest.raises(SearchsetRejected, match="HTML"):
        page(b"{}", "text/html", resource_type="Observation", what="search")


def issue(
    severity: str, code: str = "", system: str = "urn:oid:1.2.840.114350.1.13.5325.1.7.2.657369"
) -> dict[str, Any]:
    return {"severity": severity, "code": "processing", "details": {"coding": [{"system": system, "code": code}]}}


@pytest.mark.parametrize(
    ("issues", "counts"),
    [
        ([issue("information")], False),
        ([issue("warning")], True),
        ([issue("error")], True),
        ([issue("fatal")], True),
        ([issue("information"), issue("warning")], True),
        ([issue("warning", "4101")], False),
        ([issue("warning", "4119"), issue("information")], False),
        ([issue("warning", "59109")], True),
        ([issue("error", "4101")], True),
        ([issue("warning", "4101", "urn:oid:1.2.3")], True),
        ([7], True),
        ([], True),
        ("", True),
    ],
)
def test_what_says_more_than_information_is_an_error(issues: Any, counts: bool) -> None:
    assert is_error({"resourceType": "OperationOutcome", "issue": issues}) is counts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values), st.sampled_from([None, 1, "\t"]))
def test_members_stand_where_they_are_said_to(said: dict[str, Any], indent: Any) -> None:
    text = json.dumps(said, indent=indent)
    found = {member.name: json.loads(text[member.start : member.end]) for member in members(text, 0)}
    assert found == said
    assert all(line(text, member).count(b"\n") == 1 for member in members(text, 0))


@given(st.lists(json_values), st.sampled_from([None, 1]))
def test_elements_stand_where_they_are_said_to(said: list[Any], indent: Any) -> None:
    text = json.dumps(said, indent=indent)
    assert [json.loads(line(text, item)) for item in items(text, 0)] == said
