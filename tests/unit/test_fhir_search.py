"""Searches at a FHIR server: to the last page, counted, patient with its moods, and silent about whom they are of."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import httpx
import pytest

from concord.acquire.fhir_bulk.refusals import RequestRejected
from concord.acquire.fhir_search.client import EARLIER, LONGEST_NAP_S, TRIES, Found, Limits, Search
from concord.acquire.fhir_search.query import Query
from concord.acquire.fhir_search.refusals import PageGone, SearchsetRejected, SearchShifted, TotalBroken
from concord.acquire.http.answers import AccessDenied, TokenRefused
from concord.acquire.http.urls import UrlRefused
from concord.errors import ConcordError, DeliveryRejected, SourceUnavailable
from tests.unit.fhir_server import BASE, SECRET_BODY, SECRET_TOKEN, Answers, access, outcome, reply

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PATIENT = "p1-Kowalewska-planted"
FORM, NEXT = f"{BASE}/Observation/_search", f"{BASE}/page"
QUERY = Query("Observation", PATIENT, page_size=2)
Json = dict[str, Any]


def observation(number: int, of: str = PATIENT, **more: Any) -> Json:
    return {"resourceType": "Observation", "id": f"o{number}", "subject": {"reference": f"Patient/{of}"}, **more}


def bundle(*resources: Json, following: str | None = None, **more: Any) -> Json:
    entries = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    link = [{"relation": "next", "url": following}] if following else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": link, **more}


def pages(*bodies: Json) -> Answers:
    """The first by the form, the others at :data:`NEXT`, which a list of answers uses up one by one."""
    answers = Answers().on("POST", FORM, lambda: reply(200, bodies[0]))
    return answers.on("GET", NEXT, *(_answer(body) for body in bodies[1:])) if bodies[1:] else answers


def _answer(body: Json) -> Callable[[], httpx.Response]:
    return lambda: reply(200, body)


class Reader:
    """A server's searches, and what they brought."""

    def __init__(self, answers: Answers, **more: Any) -> None:
        self.lines, self.errors, self.naps = list[bytes](), list[bytes](), list[float]()
        limits = more.pop("limits", None)
        self.server = Search(
            access(**more), limits=limits, clock=lambda: NOW, transport=answers.transport, sleep=self.naps.append
        )

    def read(self, query: Query = QUERY, **more: Any) -> Found:
        return self.server.read(query, self.lines.append, self.errors.append, **more)


def read(*bodies: Json, **more: Any) -> Found:
    return Reader(pages(*bodies), **more).read()


# ── asking ─────────────────────────────────────────────────────────────────────


def test_a_patients_id_is_sent_in_the_body() -> None:
    answers = pages(bundle(observation(1), total=1))
    Reader(answers).read()
    (asked,) = answers.to(FORM)
    assert asked.content == f"patient={PATIENT}&_count=2".encode()
    assert asked.url.query == b""
    assert asked.headers["authorization"] == f"Bearer {SECRET_TOKEN}-1"


def test_negative_control_without_by_post_it_stands_in_the_url() -> None:
    answers = Answers().on("GET", f"{BASE}/Observation", lambda: reply(200, bundle(total=0)))
    Reader(answers).read(Query("Observation", PATIENT, page_size=2, by_post=False))
    assert PATIENT in str(answers.to(f"{BASE}/Observation")[0].url)


@pytest.mark.parametrize(
    ("query", "form"),
    [
        (Query("Patient", "p1"), "_id=p1&_count=100"),
        (Query("Location"), "_count=100"),
        (
            Query("Coverage", "p1", datetime(2026, 11, 1, 12, tzinfo=UTC), 5),
            "patient=p1&_lastUpdated=ge2026-11-01T12%3A00%3A00.000Z&_count=5",
        ),
    ],
)
def test_what_a_search_asks_for(query: Query, form: str) -> None:
    assert query.call(BASE).content == form.encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"patient": "p1,p2"},
        {"patient": None},
        {"type": "Location"},
        {"type": "observation"},
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is wrong
        {"page_size": 0},
    ],
)
def test_a_search_that_nobody_would_understand_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        Query(**{"type": "Observation", "patient": "p1", **wrong})
    assert "p1" not in str(caught.value)


# ── pages ──────────────────────────────────────────────────────────────────────


def test_pages_are_followed_to_the_last_and_counted() -> None:
    answers = pages(
        bundle(observation(1), observation(2), total=4, following=f"{NEXT}?after=2"),
        bundle(total=4, following="page?after=2b"),
        bundle(observation(3), observation(4), total=4),
    )
    reader = Reader(answers)
    assert reader.read() == Found(matches=4, total=4, errors=0, pages=3)
    assert [json.loads(line)["id"] for line in reader.lines] == ["o1", "o2", "o3", "o4"]
    assert [request.method for request in answers.asked if "token" not in str(request.url)] == ["POST", "GET", "GET"]


def test_a_resource_is_kept_as_its_server_wrote_it() -> None:
    raw = (
        b'{"resourceType":"Observation",\n "id":"o1", "valueQuantity":{"value":1.50, "unit":"\\u00b5\\n"},"x":1,"x":2}'
    )
    body = (
        b'{"resourceType":"Bundle","type":"searchset", "entry" : [ {"search":{"mode":"match"},\r\n"resource": %s } ] }'
    )
    answers = Answers().on("POST", FORM, lambda: reply(200, body % raw))
    reader = Reader(answers)
    reader.read()
    assert reader.lines == [raw.replace(b"\n", b" ") + b"\n"]


@pytest.mark.parametrize("following", [f"{NEXT}?after=2", FORM])
def test_pages_that_go_round_in_a_circle_are_left(following: str) -> None:
    looping = bundle(following=following)
    answers = pages(bundle(following=f"{NEXT}?after=2"), looping).on("GET", FORM, lambda: reply(200, looping))
    with pytest.raises(SearchsetRejected, match="circle"):
        Reader(answers).read()


def test_pages_without_end_are_left() -> None:
    numbers = iter(range(1_000))
    answers = Answers().on("POST", FORM, lambda: reply(200, bundle(following=f"{NEXT}?n=x")))
    answers.on("GET", NEXT, lambda: reply(200, bundle(following=f"{NEXT}?n={next(numbers)}")))
    with pytest.raises(SearchsetRejected, match="more than 7 pages"):
        Reader(answers, limits=Limits(pages=7)).read()
    assert len(answers.to(NEXT)) == 7


@pytest.mark.parametrize("url", ["https://evil.example/page", "file:///etc/passwd", "http://169.254.169.254/"])
def test_a_next_page_elsewhere_is_not_asked_for(url: str) -> None:
    answers = pages(bundle(following=url))
    with pytest.raises(UrlRefused):
        Reader(answers).read()
    assert len(answers.to(FORM)) == len(answers.asked) - 1


def test_a_next_page_at_an_agreed_host_gets_no_token() -> None:
    there = "https://pages.example/2"
    answers = pages(bundle(following=there)).on("GET", there, lambda: reply(200, bundle()))
    Reader(answers, allowed_hosts=("pages.example",)).read()
    assert "authorization" not in answers.to(there)[0].headers


def test_a_page_that_is_too_large_is_refused() -> None:
    with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
        read(bundle(observation(1)), limits=Limits(page_bytes=50))


# ── counting ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("total", [0, 2])
def test_a_total_that_is_not_what_came_rejects(total: int) -> None:
    with pytest.raises(TotalBroken, match=rf"search of Observation: the server says {total} and gave 1"):
        read(bundle(observation(1), total=total))


def test_negative_control_a_total_that_nobody_believes_passes() -> None:
    assert Reader(pages(bundle(observation(1), total=9))).read(totals=False) == Found(1, None, 0, 1)


def test_a_server_may_say_no_total() -> None:
    assert read(bundle(observation(1))) == Found(matches=1, total=None, errors=0, pages=1)


def test_a_total_that_changes_between_pages_begins_anew() -> None:
    with pytest.raises(SearchShifted, match="total changed"):
        read(bundle(observation(1), total=2, following=NEXT), bundle(observation(2), total=3))


@pytest.mark.parametrize("again", [bundle(observation(1), total=2), bundle(observation(2), observation(2), total=2)])
def test_a_resource_on_two_pages_begins_anew(again: Json) -> None:
    with pytest.raises(SearchShifted, match="stands on two pages"):
        read(bundle(observation(1), total=2, following=NEXT), again)


def test_remarks_are_no_matches_and_errors_are_counted() -> None:
    told = {"resource": outcome("processing") | {"id": "x"}, "search": {"mode": "outcome"}}
    unmarked = {"resource": outcome("incomplete")}
    included = {"resource": {"resourceType": "Patient", "id": "p9"}, "search": {"mode": "include"}}
    body = bundle(observation(1), total=1)
    body["entry"] += [told, unmarked, included]
    reader = Reader(pages(body))
    assert reader.read() == Found(matches=1, total=1, errors=2, pages=1)
    assert [json.loads(line)["issue"][0]["code"] for line in reader.errors] == ["processing", "incomplete"]
    assert len(reader.lines) == 1


def test_a_server_that_heeds_no_patient_is_found_out() -> None:
    with pytest.raises(SearchsetRejected, match="other patients"):
        read(bundle(observation(1), observation(2, of="p2"), following=NEXT), bundle(observation(3, of="p3")))


def test_the_record_that_a_merge_left_may_answer() -> None:
    assert read(bundle(observation(1), observation(2, of="p2"))).matches == 2


# ── moods ──────────────────────────────────────────────────────────────────────


def moody(*answers: Callable[[], httpx.Response]) -> tuple[Reader, Answers]:
    routes = Answers().on("POST", FORM, *answers)
    return Reader(routes), routes


def good() -> httpx.Response:
    return reply(200, bundle(observation(1), total=1))


def test_a_server_that_wants_a_pause_gets_it() -> None:
    reader, _ = moody(
        lambda: reply(429, retry_after="7"), lambda: reply(503), lambda: reply(500, outcome("transient")), good
    )
    assert reader.read().matches == 1
    assert reader.naps == [7, 2, 4]


def test_a_long_pause_is_the_callers() -> None:
    reader, answers = moody(lambda: reply(429, retry_after="600"), good)
    with pytest.raises(SourceUnavailable) as caught:
        reader.read()
    assert caught.value.retry_after == 600 > LONGEST_NAP_S
    assert len(answers.to(FORM)) == 1


def test_patience_has_an_end() -> None:
    reader, answers = moody(lambda: reply(503))
    with pytest.raises(SourceUnavailable):
        reader.read()
    assert len(answers.to(FORM)) == TRIES
    assert len(reader.naps) == TRIES - 1


def test_who_was_stopped_asks_nothing() -> None:
    reader, answers = moody(good)
    stop = Event()
    stop.set()
    with pytest.raises(SourceUnavailable):
        reader.read(stop=stop)
    assert (answers.asked, reader.naps) == ([], [])


@pytest.mark.parametrize("status", [400, 404, 405, 410, 422, 501])
def test_a_search_that_is_not_taken_needs_another_contract(status: int) -> None:
    reader, answers = moody(lambda: reply(status, outcome("not-supported")))
    with pytest.raises(RequestRejected, match=rf"search of Observation: answered {status} \(not-supported\)"):
        reader.read()
    assert len(answers.to(FORM)) == 1


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_later_page_that_is_gone_begins_anew(status: int) -> None:
    answers = pages(bundle(following=NEXT)).on("GET", NEXT, lambda: reply(status, outcome("not-found")))
    with pytest.raises(PageGone):
        Reader(answers).read()


def test_a_refused_token_is_replaced_once() -> None:
    reader, answers = moody(lambda: reply(401), good)
    assert reader.read().matches == 1
    assert [request.headers["authorization"][-1] for request in answers.to(FORM)] == ["1", "2"]
    reader, answers = moody(lambda: reply(401))
    with pytest.raises(TokenRefused):
        reader.read()


def test_a_missing_scope_is_named() -> None:
    reader, _ = moody(lambda: reply(403))
    with pytest.raises(AccessDenied, match="search of Observation"):
        reader.read()


# ── rosters and clocks ─────────────────────────────────────────────────────────


def group(*members: Json, **more: Any) -> Answers:
    body = {"resourceType": "Group", "id": "g1", "member": list(members), **more}
    return Answers().on("GET", f"{BASE}/Group/g1", lambda: reply(200, body))


def member(reference: str, **more: Any) -> Json:
    return {"entity": {"reference": reference}, **more}


def test_the_members_of_a_group_that_still_belong_to_it() -> None:
    answers = group(
        member("Patient/p1"), member(f"{BASE}/Patient/p2"), member("Patient/p3", inactive=True),
        member("Patient/p1/_history/4"),
    )  # fmt: skip
    assert Reader(answers).server.members("g1") == ("p1", "p2")


@pytest.mark.parametrize("broken", [member("Practitioner/p1"), member("#p1"), {"entity": {"display": "P"}}, {}, 7])
def test_a_member_that_cannot_be_asked_for_refuses_the_group(broken: Any) -> None:
    with pytest.raises(SearchsetRejected, match=r"member\[1\]"):
        Reader(group(member("Patient/p1"), broken)).server.members("g1")


def test_a_group_that_is_gone_rejects() -> None:
    answers = Answers().on("GET", f"{BASE}/Group/g1", lambda: reply(404))
    with pytest.raises(RequestRejected):
        Reader(answers).server.members("g1")


def test_the_servers_clock_counts_and_a_little_before_it() -> None:
    there = f"{BASE}/metadata"
    told = Answers().on("GET", there, lambda: reply(200, {}, date="Sat, 28 Nov 2026 11:00:00 GMT"))
    assert Reader(told).server.server_time() == NOW - timedelta(hours=1) - EARLIER
    untold = Answers().on("GET", there, lambda: reply(200, {}))
    assert Reader(untold).server.server_time() == NOW - EARLIER


# ── nothing is told ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("by_post", [True, False])
def test_no_patient_and_no_secret_is_in_an_error_or_a_log(
    status: int, by_post: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "httpx", "concord"):
        caplog.set_level(logging.DEBUG, logger=name)
    following = f"https://evil.example/?patient={PATIENT}"
    said = bundle(observation(1, note=SECRET_BODY), following=following) if status == 200 else outcome("processing")
    answers = Answers().on("POST", FORM, lambda: reply(status, said))
    answers.on("GET", f"{BASE}/Observation", lambda: reply(status, said))
    reader, query = Reader(answers), Query("Observation", PATIENT, by_post=by_post)
    with pytest.raises(ConcordError) as caught:
        reader.read(query)
    heard = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__) + caplog.text
    heard += repr(caplog.records) + repr(reader.server) + repr(query) + repr(query.call(BASE))
    assert [secret for secret in (PATIENT, SECRET_TOKEN, SECRET_BODY) if secret in heard] == []
