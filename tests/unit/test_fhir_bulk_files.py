"""The files of an export: as bytes on the wire, whole or not at all, the token only to whom it belongs."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.fhir_bulk.access import Limits
from concord.acquire.fhir_bulk.client import Bulk
from concord.acquire.fhir_bulk.files import download_all
from concord.acquire.fhir_bulk.manifest import ExportFile
from concord.acquire.fhir_bulk.ndjson import Downloaded, Tally
from concord.acquire.fhir_bulk.refusals import ExportGone, LinkExpired, NotNdjson, RequestRejected
from concord.acquire.http.answers import AccessDenied, TokenRefused
from concord.acquire.http.urls import UrlRefused
from concord.errors import ConcordError, DeliveryRejected, SourceUnavailable
from concord.token_cache import Token, TokensInProcess
from tests.unit.fhir_server import (
    BASE,
    SECRET_BODY,
    SECRET_QUERY,
    SECRET_TOKEN,
    Answers,
    Bytes,
    access,
    outcome,
    reply,
    send,
    wire,
)

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FILE = f"{BASE}/f/1"
STORE = "https://files.example/1"
LINES = b"".join(b'{"resourceType":"Patient","id":"%d"}\n' % n for n in range(1000))


def file(url: str = FILE, *, needs_token: bool = True, section: str = "output", kind: str = "Patient") -> ExportFile:
    return ExportFile(section, 1, kind, url, None, needs_token)


def bulk(answers: Answers, **more: Any) -> Bulk:
    reached = access(allowed_hosts=("files.example",))
    return Bulk(reached, clock=lambda: NOW, transport=answers.transport, **more)


def served(body: bytes, status: int = 200, **headers: str) -> Callable[[], httpx.Response]:
    return lambda: reply(status, body, **headers)


def fetched(answers: Answers, wanted: ExportFile | None = None, **more: Any) -> tuple[Downloaded, bytes]:
    sink = Bytes()
    return bulk(answers, **more).download(wanted or file(), lambda: sink), bytes(sink)


def refused(answers: Answers, wanted: ExportFile | None = None, **more: Any) -> ConcordError:
    """What a download ends in; nothing may have been written, nor a sink been made."""
    with pytest.raises(ConcordError) as caught:
        bulk(answers, **more).download(wanted or file(), lambda: pytest.fail("a sink was made"))
    return caught.value


# ── what is written ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (LINES, {}),
        (gzip.compress(LINES), {"content_encoding": "gzip"}),
        (gzip.compress(LINES), {}),
        (LINES, {"content_encoding": "gzip"}),
        (gzip.compress(gzip.compress(LINES)), {"content_encoding": "gzip"}),
    ],
    ids=["plain", "gzip", "gzip unsaid", "gzip said and not done", "a .gz compressed again"],
)
def test_a_file_is_its_plaintext_however_it_came(raw: bytes, headers: dict[str, str]) -> None:
    answers = Answers().on("GET", FILE, served(raw, **headers))
    found, written = fetched(answers)
    assert written == LINES
    assert found == Downloaded(len(LINES), hashlib.sha256(LINES).hexdigest(), 1000, is_terminated=True)
    (asked,) = answers.to(FILE)
    assert (asked.headers["accept"], asked.headers["accept-encoding"]) == ("application/fhir+ndjson", "gzip")


@pytest.mark.parametrize(
    ("text", "lines", "is_terminated"),
    [
        (b"", 0, True),
        (b"{}", 1, False),
        (b"{}\n", 1, True),
        (b"{}\n\n{}\r\n \n", 2, True),
        (b"\xef\xbb\xbf{}\r\n{}", 2, False),
        (b"\n\n{}\n", 1, True),
    ],
)
def test_lines_are_those_that_are_not_blank(text: bytes, lines: int, is_terminated: bool) -> None:
    found, written = fetched(Answers().on("GET", FILE, served(text)))
    assert (found.lines, found.is_terminated, written) == (lines, is_terminated, text)


@given(st.lists(st.sampled_from([b"{}", b" ", b"\n", b"\r\n", b"\t", b"x"]), max_size=20), st.integers(1, 7))
def test_lines_are_counted_the_same_wherever_they_are_cut(parts: list[bytes], step: int) -> None:
    text, tally = b"".join(parts), Tally()
    for at in range(0, len(text), step):
        tally.take(text[at : at + step])
    expected = sum(1 for line in text.split(b"\n") if line.strip())
    is_terminated = text == b"" or text.endswith(b"\n")
    assert tally.result() == Downloaded(len(text), hashlib.sha256(text).hexdigest(), expected, is_terminated)


# ── what is not NDJSON ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (b"<!doctype html><title>Log in</title>", {}),
        (b"  \n<html>", {}),
        (b"{}\n", {"content_type": "text/html"}),
        (b"[{}]", {}),
        (b"Internal error", {}),
        (json.dumps(outcome("exception")).encode(), {"content_type": "application/fhir+json"}),
        (json.dumps(outcome("exception"), indent=2).encode(), {}),
        (b'{"issue":[],"resourceType":"OperationOutcome"}\n', {}),
        (b'\xef\xbb\xbf{ "resourceType" : "OperationOutcome"}', {}),
        (b'{\n  "resourceType": "Bundle"\n}', {}),
        (gzip.compress(b"<html>", mtime=0), {"content_encoding": "gzip"}),
    ],
)
def test_what_is_no_ndjson_is_refused_before_anything_is_written(text: bytes, headers: dict[str, str]) -> None:
    error = refused(Answers().on("GET", FILE, served(text, **headers)))
    assert isinstance(error, NotNdjson)
    assert SECRET_BODY not in str(error)


def test_a_file_of_outcomes_holds_outcomes() -> None:
    text = json.dumps(outcome("processing")).encode() + b"\n"
    for wanted in (
        file(section="error", kind="OperationOutcome"),
        file(section="outcome"),
        file(kind="OperationOutcome"),
    ):
        assert fetched(Answers().on("GET", FILE, served(text)), wanted)[0].lines == 1


def test_a_resource_that_speaks_of_an_outcome_is_none() -> None:
    text = b'{"resourceType":"Patient","contained":[{"resourceType":"OperationOutcome"}]}\n'
    assert fetched(Answers().on("GET", FILE, served(text)))[0].lines == 1


def test_a_first_line_as_long_as_a_document_is_let_through() -> None:
    text = b'{"resourceType":"Binary","data":"' + b"A" * 3_000_000 + b'"}\n'
    found, written = fetched(Answers().on("GET", FILE, served(text)))
    assert (found.lines, written) == (1, text)


# ── what is not whole ──────────────────────────────────────────────────────────


def test_half_a_gzip_is_no_file() -> None:
    raw = gzip.compress(LINES)
    with pytest.raises(SourceUnavailable, match=r"output file 1 \(Patient\): the gzip ends in the middle"):
        fetched(Answers().on("GET", FILE, served(raw[:-6], content_encoding="gzip")))


def test_a_file_has_at_most_so_many_bytes_of_plaintext() -> None:
    raw = gzip.compress(b'{"a":"' + b"0" * 50_000_000 + b'"}')
    with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
        fetched(Answers().on("GET", FILE, served(raw)), limits=Limits(file_bytes=10_000_000))


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_gone_needs_a_new_export(status: int) -> None:
    assert isinstance(refused(Answers().on("GET", FILE, served(b"", status))), ExportGone)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, AccessDenied),
        (500, SourceUnavailable),
        (503, SourceUnavailable),
        (400, RequestRejected),
        (206, RequestRejected),
    ],
)
def test_other_answers_are_judged_by_their_status(status: int, kind: type[ConcordError]) -> None:
    assert type(refused(Answers().on("GET", FILE, served(b"", status)))) is kind


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_link_to_a_store_that_is_over_asks_for_a_new_poll(status: int) -> None:
    answers = Answers().on("GET", FILE, served(b"", 307, location=STORE)).on("GET", STORE, served(b"<Error/>", status))
    assert isinstance(refused(answers), LinkExpired)
    assert answers.minted == 1, "a new token would not help"


# ── tokens ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "needs_token", "is_sent"),
    [(FILE, True, True), (FILE, False, False), (STORE, True, False), (STORE, False, False)],
)
def test_the_token_goes_to_the_base_where_it_is_needed_and_nowhere_else(
    url: str, needs_token: bool, is_sent: bool
) -> None:
    answers = Answers().on("GET", url, served(LINES))
    fetched(answers, file(url, needs_token=needs_token))
    assert ("authorization" in answers.to(url)[0].headers) is is_sent
    assert answers.minted == int(is_sent)


def test_a_presigned_store_is_gone_to_without_the_token() -> None:
    answers = Answers().on("GET", FILE, served(b"", 307, location=f"{STORE}?sig={SECRET_QUERY}"))
    fetched(answers.on("GET", STORE, served(LINES)))
    assert answers.to(FILE)[0].headers["authorization"]
    assert "authorization" not in answers.to(STORE)[0].headers


def test_a_token_that_ran_out_between_files_is_minted_anew_and_the_file_begun_again() -> None:
    answers = Answers().on("GET", FILE, served(b"", 401), served(LINES))
    found, written = fetched(answers)
    assert (found.lines, written) == (1000, LINES)
    assert [request.headers["authorization"][-1] for request in answers.to(FILE)] == ["1", "2"]


def test_a_fresh_token_that_is_refused_ends_it() -> None:
    answers = Answers().on("GET", FILE, served(b"", 401))
    assert isinstance(refused(answers), TokenRefused)
    assert answers.minted == 2


# ── on the wire ────────────────────────────────────────────────────────────────


def known() -> TokensInProcess:
    cache = TokensInProcess(clock=lambda: NOW)
    cache.get(lambda: Token(SECRET_TOKEN, NOW, NOW.replace(year=2027)))
    return cache


def on_wire(base: str, *hosts: str, **more: Any) -> Bulk:
    reached = access(base_url=base, token_url=f"{base}/token", allowed_hosts=hosts)
    return Bulk(reached, known(), clock=lambda: NOW, **more)


def test_bytes_that_break_off_are_no_file() -> None:
    broken = pytest.raises(SourceUnavailable, match=r"output file 1 \(Patient\): the connection broke")
    with wire(lambda to: send(to, 200, LINES[:-50], length=len(LINES))) as base, on_wire(base) as one, broken:
        one.download(file(f"{base}/1"), Bytes)


def test_half_a_gzip_on_the_wire_is_no_file() -> None:
    raw = gzip.compress(LINES)[:-20]
    broken = pytest.raises(SourceUnavailable, match="gzip ends in the middle")
    with wire(lambda to: send(to, 200, raw, Content_Encoding="gzip")) as base, on_wire(base) as one, broken:
        one.download(file(f"{base}/1"), Bytes)


def test_another_origin_on_the_wire_sees_no_token() -> None:
    seen: dict[str, str | None] = {}

    def store(to: BaseHTTPRequestHandler) -> None:
        seen["store"] = to.headers["Authorization"]
        send(to, 200, gzip.compress(LINES))

    with ExitStack() as stack:
        files = stack.enter_context(wire(store))

        def redirect(to: BaseHTTPRequestHandler) -> None:
            seen["base"] = to.headers["Authorization"]
            send(to, 307, Location=f"{files}/1?sig={SECRET_QUERY}")

        base = stack.enter_context(wire(redirect))
        sink = Bytes()
        found = stack.enter_context(on_wire(base)).download(file(f"{base}/1"), lambda: sink)
    assert (found.lines, bytes(sink)) == (1000, LINES)
    assert seen == {"base": f"Bearer {SECRET_TOKEN}", "store": None}


def test_a_large_file_takes_little_memory() -> None:
    line = b'{"resourceType":"Observation","note":"' + b"x" * 900 + b'"}\n'
    raw = gzip.compress(line * 100_000)

    class Nowhere:
        def write(self, data: bytes) -> None: ...

    with wire(lambda to: send(to, 200, raw)) as base, on_wire(base) as one:
        tracemalloc.start()
        found = one.download(file(f"{base}/1"), Nowhere)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (found.lines, found.size) == (100_000, len(line) * 100_000)
    assert peak < 16_000_000


# ── many at once ───────────────────────────────────────────────────────────────


def numbered(count: int) -> list[ExportFile]:
    return [ExportFile("output", n, "Patient", f"{BASE}/f/{n}", None, needs_token=True) for n in range(1, count + 1)]


def test_many_files_come_in_their_order_with_one_token() -> None:
    answers, files = Answers(), numbered(20)
    for each in files:
        answers.on("GET", each.url, served(b"{}\n" * each.number))
    sinks: dict[int, Bytes] = {}
    found = download_all(bulk(answers), files, lambda each: sinks.setdefault(each.number, Bytes()), workers=4)
    assert [one.lines for one in found] == list(range(1, 21))
    assert [len(sinks[n]) for n in range(1, 21)] == [3 * n for n in range(1, 21)]
    assert answers.minted == 1


def test_no_more_than_so_many_run_at_once() -> None:
    running, most, lock = [0], [0], threading.Lock()

    def slow(_: httpx.Request) -> httpx.Response:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        return reply(200, b"{}\n")

    answers, files = Answers(), numbered(9)
    for each in files:
        answers.on("GET", each.url, slow)
    download_all(bulk(answers), files, lambda _: Bytes(), workers=3)
    assert 1 < most[0] <= 3


def test_the_first_error_ends_the_others() -> None:
    answers, files, going = Answers(), numbered(50), threading.Event()

    def endless() -> httpx.Response:
        def body() -> Any:
            while True:
                going.set()
                yield b"{}\n" * 1000

        return httpx.Response(200, content=body())

    def gone() -> httpx.Response:
        going.wait(5)
        return reply(410)

    answers.on("GET", files[0].url, endless).on("GET", files[1].url, gone)
    with pytest.raises(ExportGone, match="output file 2"):
        download_all(bulk(answers), files, lambda _: Bytes(), workers=2)
    assert len(answers.asked) < 10


def test_nothing_to_fetch_is_fine() -> None:
    assert download_all(bulk(Answers()), [], lambda _: Bytes()) == []


def test_a_sink_that_is_full_is_not_the_partners_fault() -> None:
    class Full:
        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        bulk(Answers().on("GET", FILE, served(LINES))).download(file(), Full)


def test_a_file_out_of_reach_is_not_asked_for() -> None:
    answers = Answers()
    assert isinstance(refused(answers, file("https://evil.example/1", needs_token=False)), UrlRefused)
    assert answers.asked == []
