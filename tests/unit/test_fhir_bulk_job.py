"""The life of an export at a server: started, looked at, ended; a server's moods by remedy."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from concord.acquire.fhir_bulk.access import Limits
from concord.acquire.fhir_bulk.client import Bulk
from concord.acquire.fhir_bulk.manifest import Manifest
from concord.acquire.fhir_bulk.progress import InProgress
from concord.acquire.fhir_bulk.refusals import (
    ExportBusy,
    ExportFailed,
    ExportGone,
    ManifestRejected,
    RequestRejected,
)
from concord.acquire.fhir_bulk.request import ExportRequest, Level, Method
from concord.acquire.http.answers import AccessDenied, TokenRefused
from concord.acquire.http.urls import UrlRefused
from concord.errors import ConcordError, DeliveryRejected, LoginRefused, SourceRefused, SourceUnavailable
from tests.unit.fhir_server import (
    BASE,
    SECRET_BODY,
    SECRET_QUERY,
    SECRET_TOKEN,
    STATUS,
    TOKENS,
    Answers,
    access,
    outcome,
    reply,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
EXPORT = ExportRequest(Level.GROUP, "g1", types=("Patient",))
KICK_OFF = f"{BASE}/Group/g1/$export"


def bulk(answers: Answers, *, limits: Limits | None = None, **changes: Any) -> Bulk:
    return Bulk(access(**changes), limits=limits, clock=lambda: NOW, transport=answers.transport)


def manifest(*urls: str, **more: Any) -> dict[str, Any]:
    output = [{"type": "Patient", "url": url} for url in urls]
    return {"transactionTime": "2026-11-28T11:00:00Z", "requiresAccessToken": True, "output": output} | more


def polled(*answers: Callable[[], httpx.Response], **more: Any) -> InProgress | Manifest:
    return bulk(Answers().on("GET", STATUS, *answers), **more).poll(STATUS)


# ── kick-off ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("location", [STATUS, "/fhir/jobs/7", "../../jobs/7"])
def test_a_started_export_is_known_by_its_status_url(location: str) -> None:
    answers = Answers().on("GET", KICK_OFF, lambda: reply(202, content_location=location))
    assert bulk(answers).kick_off(EXPORT) == STATUS
    (asked,) = answers.to(KICK_OFF)
    assert asked.url.query == b"_type=Patient"
    assert asked.headers["prefer"] == "respond-async"
    assert asked.headers["authorization"] == f"Bearer {SECRET_TOKEN}-1"


def test_patients_are_sent_in_the_body() -> None:
    answers = Answers().on("POST", KICK_OFF, lambda: reply(202, content_location=STATUS))
    request = ExportRequest(Level.GROUP, "g1", patients=("p1",), method=Method.POST)
    assert bulk(answers).kick_off(request) == STATUS
    assert b"Patient/p1" in answers.to(KICK_OFF)[0].content


@pytest.mark.parametrize(
    "location",
    ["", KICK_OFF + "?_type=Patient", "https://evil.example/jobs/7", "http://ehr.example/jobs/7", "file:///x"],
)
def test_a_status_url_out_of_reach_is_not_believed(location: str) -> None:
    answers = Answers().on("GET", KICK_OFF, lambda: reply(202, content_location=location))
    with pytest.raises(DeliveryRejected, match="status URL"):
        bulk(answers).kick_off(EXPORT)


@pytest.mark.parametrize("answer", [(429, {}), (429, outcome("throttled")), (400, outcome("throttled"))])
def test_a_server_that_runs_another_export_is_busy(answer: tuple[int, dict[str, Any]]) -> None:
    answers = Answers().on("GET", KICK_OFF, lambda: reply(*answer, retry_after="600"))
    with pytest.raises(ExportBusy) as caught:
        bulk(answers).kick_off(EXPORT)
    assert caught.value.retry_after == 600.0


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid", RequestRejected),
        (404, "not-found", RequestRejected),
        (422, "not-supported", RequestRejected),
        (501, "not-supported", RequestRejected),
        (200, "informational", RequestRejected),
        (403, "forbidden", AccessDenied),
        (503, "transient", SourceUnavailable),
        (500, "exception", SourceUnavailable),
    ],
)
def test_a_refused_kick_off_says_by_whom_it_is_mended(status: int, code: str, kind: type[ConcordError]) -> None:
    answers = Answers().on("GET", KICK_OFF, lambda: reply(status, outcome(code)))
    with pytest.raises(kind, match=str(status)) as caught:
        bulk(answers).kick_off(EXPORT)
    assert type(caught.value) is kind
    assert SECRET_BODY not in str(caught.value)


def test_a_code_of_the_servers_own_is_not_repeated() -> None:
    answers = Answers().on("GET", KICK_OFF, lambda: reply(400, outcome(SECRET_BODY)))
    with pytest.raises(RequestRejected, match=r"answered 400 \(unknown\)"):
        bulk(answers).kick_off(EXPORT)


# ── poll ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("Sat, 28 Nov 2026 12:05:00 GMT", 300.0), ("later", None), ("99999", 7200.0)],
)
def test_an_export_that_is_being_made_says_how_far_it_is(header: str, seconds: float | None) -> None:
    found = polled(lambda: reply(202, b"...", x_progress="42% (17 of 40)", retry_after=header))
    assert found == InProgress("42% (17 of 40)", seconds)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>\x1b[31mdone</b>", "b 31mdone /b"),
        ("x" * 500, "x" * 99),
        ("", ""),
        ("at patient 078-05-1120", "at patient [ssn]"),
    ],
)
def test_what_a_server_says_of_its_progress_is_made_plain(text: str, shown: str) -> None:
    answer = httpx.Response(202, headers=[(b"X-Progress", text.encode())], content=iter([b""]))
    found = polled(lambda: answer)
    assert isinstance(found, InProgress)
    assert found.progress == shown


def test_a_finished_export_has_its_manifest() -> None:
    found = polled(lambda: reply(200, manifest("/fhir/f/1", f"{BASE}/f/2"), expires="Sun, 29 Nov 2026 12:00:00 GMT"))
    assert isinstance(found, Manifest)
    assert [file.url for file in found.files] == [f"{BASE}/f/1", f"{BASE}/f/2"]
    assert (found.transaction_time, found.expires_at) == (NOW - timedelta(hours=1), NOW + timedelta(days=1))


@pytest.mark.parametrize("status", [404, 410])
def test_an_export_that_is_gone_needs_a_new_one(status: int) -> None:
    with pytest.raises(ExportGone, match=rf"acquire\.export_gone: poll: answered {status}"):
        polled(lambda: reply(status, outcome("not-found")))


@pytest.mark.parametrize("code", ["transient", "lock-error", "timeout", "throttled", "no-store"])
@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_a_transient_failure_of_the_question_is_none_of_the_export(status: int, code: str) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        polled(lambda: reply(status, outcome(code), retry_after="5"))
    assert type(caught.value) is SourceUnavailable
    assert caught.value.retry_after == 5.0


def test_an_export_that_failed_is_told_from_a_server_that_is_down() -> None:
    with pytest.raises(ExportFailed, match="exception"):
        polled(lambda: reply(500, outcome("exception")))
    with pytest.raises(SourceUnavailable) as caught:
        polled(lambda: reply(500, b"<html>"))
    assert type(caught.value) is SourceUnavailable


@pytest.mark.parametrize(("status", "kind"), [(429, SourceUnavailable), (400, RequestRejected), (204, RequestRejected)])
def test_other_answers_to_a_poll_are_judged_by_their_status(status: int, kind: type[ConcordError]) -> None:
    with pytest.raises(kind) as caught:
        polled(lambda: reply(status))
    assert type(caught.value) is kind


def test_a_page_of_html_is_no_manifest() -> None:
    with pytest.raises(ManifestRejected, match="HTML"):
        polled(lambda: reply(200, b"<html>", content_type="text/html"))


def test_a_manifest_is_not_larger_than_agreed() -> None:
    with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
        polled(lambda: reply(200, manifest(*(f"/fhir/f/{n}" for n in range(100)))), limits=Limits(manifest_bytes=999))
    with pytest.raises(ManifestRejected, match="more than 99 files"):
        polled(lambda: reply(200, manifest(*(f"/fhir/f/{n}" for n in range(100)))), limits=Limits(files=99))


@pytest.mark.parametrize(
    "url", ["https://evil.example/1", "http://169.254.169.254/latest", "https://a:b@ehr.example/1"]
)
def test_a_hostile_url_in_a_manifest_is_refused_before_anybody_goes_there(url: str) -> None:
    answers = Answers().on("GET", STATUS, lambda: reply(200, manifest(url)))
    with pytest.raises(UrlRefused, match=r"output file 1 \(Patient\)") as caught:
        bulk(answers).poll(STATUS)
    assert url not in str(caught.value)


def test_a_status_url_that_was_kept_is_checked_anew() -> None:
    with pytest.raises(UrlRefused):
        bulk(Answers()).poll("https://evil.example/jobs/7")


# ── pages ──────────────────────────────────────────────────────────────────────


def paged(number: int, following: str | None) -> Callable[[], httpx.Response]:
    link = [{"relation": "next", "url": following}] if following else []
    return lambda: reply(200, manifest(f"/fhir/f/{number}", link=link))


def test_a_manifest_in_pages_is_one_manifest() -> None:
    answers = Answers().on("GET", STATUS, paged(1, f"{STATUS}/2")).on("GET", f"{STATUS}/2", paged(2, "3"))
    found = bulk(answers.on("GET", f"{BASE}/jobs/7/3", paged(3, None))).poll(STATUS)
    assert isinstance(found, Manifest)
    assert [(file.number, file.url) for file in found.files] == [(n, f"{BASE}/f/{n}") for n in (1, 2, 3)]


def test_a_page_that_is_not_there_yet_means_that_the_export_goes_on() -> None:
    answers = Answers().on("GET", STATUS, paged(1, "8")).on("GET", f"{BASE}/jobs/8", lambda: reply(202))
    assert bulk(answers).poll(STATUS) == InProgress("", None)


def test_pages_that_go_round_in_a_circle_end() -> None:
    answers = Answers().on("GET", STATUS, paged(1, "8")).on("GET", f"{BASE}/jobs/8", paged(2, STATUS))
    with pytest.raises(ManifestRejected, match="circle"):
        bulk(answers).poll(STATUS)


def test_pages_without_end_end() -> None:
    answers = Answers()
    for n in range(10):
        answers.on("GET", f"{BASE}/jobs/{n}", paged(n, f"{n + 1}"))
    with pytest.raises(ManifestRejected, match="more than 3 pages"):
        bulk(answers, limits=Limits(manifest_pages=3)).poll(f"{BASE}/jobs/0")


def test_the_next_page_may_not_lead_out_of_reach() -> None:
    with pytest.raises(UrlRefused, match="next page"):
        polled(paged(1, "https://evil.example/2"))


# ── cancel ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 202, 204, 404, 410])
def test_a_job_may_go_and_may_be_gone(status: int) -> None:
    answers = Answers().on("DELETE", STATUS, lambda: reply(status))
    bulk(answers).cancel(STATUS)
    assert answers.to(STATUS)[0].headers["authorization"]


@pytest.mark.parametrize(("status", "kind"), [(503, SourceUnavailable), (405, RequestRejected), (403, AccessDenied)])
def test_a_job_that_may_not_go_is_told(status: int, kind: type[ConcordError]) -> None:
    with pytest.raises(kind):
        bulk(Answers().on("DELETE", STATUS, lambda: reply(status))).cancel(STATUS)


# ── tokens ─────────────────────────────────────────────────────────────────────


def test_a_token_is_shared_by_the_calls() -> None:
    answers = Answers().on("GET", STATUS, lambda: reply(202)).on("DELETE", STATUS, lambda: reply(202))
    one = bulk(answers)
    one.poll(STATUS)
    one.cancel(STATUS)
    assert answers.minted == 1


def test_a_token_that_ran_out_between_polls_is_minted_anew() -> None:
    answers = Answers().on("GET", STATUS, lambda: reply(202))
    watch = [NOW]
    one = Bulk(access(), clock=lambda: watch[0], transport=answers.transport)
    one.poll(STATUS)
    watch[0] += timedelta(minutes=10)
    one.poll(STATUS)
    assert [r.headers["authorization"][-1] for r in answers.to(STATUS)] == ["1", "2"]


@pytest.mark.parametrize("ask", ["poll", "cancel", "kick_off"])
def test_a_token_that_is_refused_is_minted_anew_once(ask: str) -> None:
    way = {"poll": ("GET", STATUS), "cancel": ("DELETE", STATUS), "kick_off": ("GET", KICK_OFF)}[ask]
    answers = Answers().on(*way, lambda: reply(401), lambda: reply(202, content_location=STATUS))
    getattr(bulk(answers), ask)(EXPORT if ask == "kick_off" else STATUS)
    assert [r.headers["authorization"][-1] for r in answers.to(way[1])] == ["1", "2"]


def test_a_fresh_token_that_is_refused_is_not_minted_for_ever() -> None:
    answers = Answers().on("GET", STATUS, lambda: reply(401))
    with pytest.raises(TokenRefused):
        bulk(answers).poll(STATUS)
    assert (answers.minted, len(answers.to(STATUS))) == (2, 2)


def test_a_refused_login_ends_it() -> None:
    answers = Answers().on("POST", TOKENS, lambda: reply(401))
    with pytest.raises(LoginRefused):
        bulk(answers).poll(STATUS)


def test_a_status_url_at_another_origin_gets_no_token() -> None:
    elsewhere = "https://jobs.example/7"
    answers = Answers().on("GET", elsewhere, lambda: reply(202))
    bulk(answers, allowed_hosts=("jobs.example",)).poll(elsewhere)
    assert "authorization" not in answers.to(elsewhere)[0].headers
    assert answers.minted == 0


def test_a_token_server_that_was_named_is_in_reach() -> None:
    elsewhere = "https://auth.example:8443/token"
    answers = Answers().on("POST", elsewhere, lambda: reply(200, {"access_token": "a", "expires_in": 300}))
    bulk(answers.on("GET", STATUS, lambda: reply(202)), token_url=elsewhere).poll(STATUS)
    assert answers.to(STATUS)[0].headers["authorization"] == "Bearer a"
    with pytest.raises(SourceRefused, match="token_url"):
        bulk(answers, token_url="token")


# ── nothing is told ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 404, 429, 500, 503])
def test_no_secret_is_in_an_error_or_a_log(status: int, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "concord"):
        caplog.set_level(logging.DEBUG, logger=name)
    url = f"{STATUS}?{SECRET_QUERY}"
    link = [{"relation": "next", "url": f"https://evil.example/?{SECRET_QUERY}"}]
    said = {**manifest(link=link), "secret": SECRET_BODY} if status == 200 else outcome("processing")
    one = bulk(Answers().on("GET", STATUS, lambda: reply(status, said)))
    heard = ""
    try:
        heard += repr(one.poll(url))
    except ConcordError as error:
        heard += "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    heard += caplog.text + repr(caplog.records) + repr(one)
    assert [secret for secret in (SECRET_TOKEN, SECRET_QUERY, SECRET_BODY) if secret in heard] == []
