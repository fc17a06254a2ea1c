"""Requests to a partner: bounded, followed by hand, and never spoken of in a log or an error."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from concord.acquire.http import client
from concord.acquire.http.answers import Answer
from concord.acquire.http.client import Call, Http, open_client
from concord.acquire.http.urls import UrlRefused
from concord.errors import ConcordError, DeliveryRejected, HostNotTrusted, SourceRefused, SourceUnavailable
from tests.unit.fhir_server import SECRET_BODY, SECRET_QUERY, SECRET_TOKEN, Answers, reply, send, wire

BASE = "https://ehr.example/fhir"
STORE = "https://files.example/a"


def talking_to(answers: Answers, **more: object) -> Http:
    return Http(BASE, allowed_hosts=("files.example",), transport=answers.transport, **more)  # type: ignore[arg-type]


def get(http: Http, url: str = BASE, **more: object) -> Answer:
    return http.ask(Call("GET", url, "file 1", **more), SECRET_TOKEN, limit=1000)  # type: ignore[arg-type]


def moved(to: str, status: int = 307) -> httpx.Response:
    return reply(status, SECRET_BODY.encode(), location=to)


def test_every_wait_has_an_end() -> None:
    http = Http(BASE, timeout_s=7, transport=Answers().transport)
    assert http._client.timeout == httpx.Timeout(connect=7, read=7, write=7, pool=7)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        http = Http(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(SourceUnavailable, match=r"no answer in time \(ReadTimeout\)"):
            get(http, http.reach.base)


def test_nobody_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        base = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(SourceUnavailable, match="ConnectError"):
        get(Http(base), base)


def test_a_redirect_within_the_origin_keeps_the_token() -> None:
    answers = Answers().on("GET", BASE, lambda: moved("/fhir/2")).on("GET", f"{BASE}/2", lambda: reply(200, b"{}"))
    assert get(talking_to(answers)).url == f"{BASE}/2"
    assert [r.headers.get("authorization") for r in answers.asked] == [f"Bearer {SECRET_TOKEN}"] * 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_token_goes_to_another_origin_nor_comes_back_from_it(status: int) -> None:
    answers = Answers().on("GET", BASE, lambda: moved(f"{STORE}?sig=x%2Fy", status))
    answers.on("GET", STORE, lambda: moved(f"{BASE}/2", status)).on("GET", f"{BASE}/2", lambda: reply(200, b"{}"))
    get(talking_to(answers))
    assert [r.headers.get("authorization") for r in answers.asked] == [f"Bearer {SECRET_TOKEN}", None, None]
    assert answers.asked[1].url.query == b"sig=x%2Fy", "a signature is over the query as it was given"


@pytest.mark.parametrize("target", ["https://evil.example/", "http://ehr.example/", "", "file:///etc/passwd"])
def test_a_redirect_out_of_reach_is_not_followed(target: str) -> None:
    answers = Answers().on("GET", BASE, lambda: moved(target))
    with pytest.raises(UrlRefused, match="file 1, redirected"):
        get(talking_to(answers))
    assert len(answers.asked) == 1


def test_redirects_have_an_end() -> None:
    answers = Answers().on("GET", BASE, lambda: moved(BASE))
    with pytest.raises(UrlRefused, match="more than 5 times"):
        get(talking_to(answers))
    assert len(answers.asked) == 6


@pytest.mark.parametrize(("status", "target"), [(302, f"{BASE}/2"), (307, STORE)])
def test_what_is_sent_is_sent_nowhere_else(status: int, target: str) -> None:
    answers = Answers().on("POST", BASE, lambda: moved(target, status))
    with pytest.raises(UrlRefused, match="a POST was redirected"):
        talking_to(answers).ask(Call("POST", BASE, "kick-off", content=b"x"), limit=10)
    assert len(answers.asked) == 1


def test_a_post_may_move_within_its_origin() -> None:
    answers = Answers().on("POST", BASE, lambda: moved(f"{BASE}/2", 308)).on("POST", f"{BASE}/2", lambda: reply(202))
    assert talking_to(answers).ask(Call("POST", BASE, "kick-off", content=b"x"), limit=10).status == 202
    assert answers.asked[1].content == b"x"


def test_cookies_are_not_kept() -> None:
    answers = Answers().on("GET", BASE, lambda: reply(200, b"{}", set_cookie="session=1"))
    http = talking_to(answers)
    get(http)
    get(http)
    assert "cookie" not in answers.asked[1].headers


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with wire(lambda to: send(to, 200, b"{}")) as base:
        assert get(Http(base), base).body == b"{}"


def test_an_answer_is_not_larger_than_was_asked_for() -> None:
    answers = Answers().on("GET", BASE, lambda: reply(200, gzip.compress(b" " * 1001), content_encoding="gzip"))
    with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
        get(talking_to(answers))


def test_a_compression_nobody_asked_for_is_refused() -> None:
    answers = Answers().on("GET", BASE, lambda: reply(200, b"...", content_encoding="br"))
    with pytest.raises(DeliveryRejected, match=r"acquire\.encoding"):
        get(talking_to(answers))


def test_a_status_is_not_hidden_by_a_body_that_breaks() -> None:
    answers = Answers().on("GET", BASE, lambda: reply(503, gzip.compress(b"x" * 99)[:20], retry_after="9"))
    answer = get(talking_to(answers))
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b"", "9")


def test_a_body_that_breaks_off_is_unavailable() -> None:
    with wire(lambda to: send(to, 200, b"{", length=100)) as base, pytest.raises(SourceUnavailable, match="broke"):
        get(Http(base), base)


def test_an_address_of_our_network_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the checked network: without it the connection would be made."""

    def landed(to: BaseHTTPRequestHandler) -> None:
        send(to, 200, b"{}")

    with wire(landed) as inside:
        port = inside.rpartition(":")[2]
        world = {"ehr.example": ["93.184.216.34"], "files.example": ["127.0.0.1"]}
        http = Http(BASE, allowed_hosts=("files.example",), resolve=lambda host, _: world[host], timeout_s=2)
        url = f"https://files.example:{port}/a"
        with pytest.raises(UrlRefused, match="private network"):
            get(http, url)
        monkeypatch.setattr(client, "Addresses", lambda *_, **__: Believing())
        with pytest.raises(SourceUnavailable, match="broke"):  # a TLS greeting to a plain server: it was connected to
            get(Http(BASE, allowed_hosts=("files.example",), timeout_s=2), url)


class Believing:
    def of(self, host: str, port: int) -> list[str]:
        return ["127.0.0.1"]


def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError(f"no {SECRET_QUERY}")

    with pytest.raises(SourceUnavailable, match="ConnectError"):
        get(Http(BASE, resolve=nothing))


# ── certificates ───────────────────────────────────────────────────────────────


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ehr.example")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(1), now + timedelta(1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("ehr.example")]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    (tmp_path / "certificate").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(encoding))
    return tmp_path / "certificate", tmp_path / "key"


def over_tls(certificate: tuple[Path, Path], host: str, ca_file: str | None) -> Answer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with wire(lambda to: send(to, 200, b"{}"), context) as base:
        port = base.rpartition(":")[2]
        url = f"https://{host}:{port}"
        return get(Http(url, ca_file=ca_file, timeout_s=5, resolve=lambda *_: ["127.0.0.1"]), url)


def test_a_partner_may_have_its_own_authority(certificate: tuple[Path, Path]) -> None:
    assert over_tls(certificate, "ehr.example", str(certificate[0])).status == 200


def test_a_certificate_of_nobody_we_know_is_not_believed(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(HostNotTrusted, match="certificate"):
        over_tls(certificate, "ehr.example", None)


def test_a_certificate_for_another_name_is_not_believed(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(HostNotTrusted, match="certificate"):
        over_tls(certificate, "other.example", str(certificate[0]))


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nonsense")
    for path in ("ca", "missing"):
        with pytest.raises(SourceRefused, match="ca_file"):
            Http(BASE, ca_file=str(tmp_path / path))


# ── nothing is told ────────────────────────────────────────────────────────────

PLANTED = (SECRET_TOKEN, SECRET_QUERY, SECRET_BODY)


def spoken(error: ConcordError) -> str:
    """All that anybody could print of an error, with what it came from."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__) + repr(error.__cause__)


def say_no(to: BaseHTTPRequestHandler) -> None:
    send(to, 302, SECRET_BODY.encode(), Location=f"http://127.0.0.1:1/?{SECRET_QUERY}")


def break_off(to: BaseHTTPRequestHandler) -> None:
    send(to, 200, SECRET_BODY.encode(), length=5000)


def talk_nonsense(to: BaseHTTPRequestHandler) -> None:
    to.wfile.write(f"HTTP/1.1 200 {SECRET_BODY}\r\n{SECRET_QUERY}\r\n\r\n".encode())


@pytest.mark.parametrize("handle", [say_no, break_off, talk_nonsense])
def test_no_url_header_or_body_is_in_an_error_or_a_log(handle: object, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", *client.SPEAKS_OF_REQUESTS):
        caplog.set_level(logging.DEBUG, logger=name)
    with wire(handle) as base, Http(base) as http, pytest.raises(ConcordError) as caught:  # type: ignore[arg-type]
        get(http, f"{base}/x?{SECRET_QUERY}")
    heard = spoken(caught.value) + caplog.text + repr(caplog.records) + repr(http)
    assert [secret for secret in PLANTED if secret in heard] == []


def test_without_the_filter_the_log_would_tell(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, logger="httpx")
    monkeypatch.setattr(client._Unspoken, "filter", lambda *_: True)
    with wire(lambda to: send(to, 200)) as base, Http(base) as http:
        get(http, f"{base}/x?{SECRET_QUERY}")
    assert SECRET_QUERY in caplog.text


def test_a_call_and_an_answer_show_nothing() -> None:
    call = Call("GET", f"{BASE}?{SECRET_QUERY}", "poll", {"Authorization": SECRET_TOKEN}, SECRET_BODY.encode())
    answer = Answer(200, {"x": SECRET_TOKEN}, SECRET_BODY.encode(), f"{BASE}?{SECRET_QUERY}")
    assert [secret for secret in PLANTED if secret in repr(call) + repr(answer)] == []


def test_the_filter_is_put_on_once() -> None:
    for _ in range(3):
        open_client(1, Answers().transport).close()
    assert len(logging.getLogger("httpx").filters) == 1
