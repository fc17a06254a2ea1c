"""How we prove who we are to a FHIR server, and how long what we get for it is good."""

from __future__ import annotations

import base64
import logging
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from concord.acquire.fhir_bulk.smart import Smart, signing_key
from concord.acquire.http.client import Http
from concord.acquire.http.urls import UrlRefused
from concord.errors import ConcordError, LoginRefused, SourceRefused, SourceUnavailable
from concord.token_cache import Token, TokenCache, TokensInPostgres, TokensInProcess
from tests.unit.fhir_server import BASE, SECRET_BODY, SECRET_TOKEN, TOKENS, Answers, access, ec_pem, reply, rsa_pem

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WELL_KNOWN = f"{BASE}/.well-known/smart-configuration"


def smart(answers: Answers, **changes: Any) -> Smart:
    reached = access(**changes)
    http = Http(BASE, allowed_hosts=reached.allowed_hosts, transport=answers.transport)
    return Smart(reached, http, clock=lambda: NOW)


def form(request: httpx.Request) -> dict[str, str]:
    return {name: texts[0] for name, texts in parse_qs(request.content.decode(), strict_parsing=True).items()}


def verified(statement: str, pem: str, algorithm: str, audience: str = TOKENS) -> dict[str, Any]:
    public = load_pem_private_key(pem.encode(), None).public_key()
    found: dict[str, Any] = jwt.decode(
        statement, public, [algorithm], audience=audience, options={"verify_exp": False}  # type: ignore[arg-type]
    )  # fmt: skip
    return found


@pytest.mark.parametrize(("pem", "algorithm"), [(ec_pem, "ES384"), (rsa_pem, "RS384")], ids=["ec", "rsa"])
def test_the_statement_is_as_smart_wants_it(pem: Any, algorithm: str) -> None:
    answers = Answers()
    smart(answers, private_key=pem()).mint()
    sent = form(answers.asked[0])
    assert sent.pop("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    statement = sent.pop("client_assertion")
    assert sent == {"grant_type": "client_credentials", "scope": "system/*.read"}
    assert jwt.get_unverified_header(statement) == {"alg": algorithm, "kid": "key-1", "typ": "JWT"}
    said = verified(statement, pem(), algorithm)
    assert (said["iss"], said["sub"], said["aud"]) == ("concord", "concord", TOKENS)
    assert NOW < datetime.fromtimestamp(said["exp"], UTC) <= NOW + timedelta(minutes=5)


def test_each_statement_is_said_once() -> None:
    answers = Answers()
    one = smart(answers)
    one.mint()
    one.mint()
    said = [verified(form(request)["client_assertion"], ec_pem(), "ES384")["jti"] for request in answers.asked]
    assert len(set(said)) == 2


def test_scopes_are_those_that_were_granted() -> None:
    answers = Answers()
    smart(answers, scopes=("system/Patient.rs", "system/Observation.rs")).mint()
    assert form(answers.asked[0])["scope"] == "system/Patient.rs system/Observation.rs"


def test_the_token_server_is_discovered_once() -> None:
    answers = Answers().on("GET", WELL_KNOWN, lambda: reply(200, {"token_endpoint": TOKENS}))
    one = smart(answers, token_url=None)
    one.mint()
    one.mint()
    assert len(answers.to(WELL_KNOWN)) == 1
    assert "authorization" not in answers.asked[0].headers


def test_discovery_may_not_send_our_statement_just_anywhere() -> None:
    answers = Answers().on("GET", WELL_KNOWN, lambda: reply(200, {"token_endpoint": "https://evil.example/token"}))
    with pytest.raises(UrlRefused, match="token_endpoint"):
        smart(answers, token_url=None).mint()
    assert len(answers.asked) == 1


def test_a_token_server_elsewhere_has_to_be_agreed_on() -> None:
    elsewhere = "https://auth.example/token"
    answers = Answers().on("GET", WELL_KNOWN, lambda: reply(200, {"token_endpoint": elsewhere}))
    answers.on("POST", elsewhere, lambda: reply(200, {"access_token": "a", "expires_in": 300}))
    assert smart(answers, token_url=None, allowed_hosts=("auth.example",)).mint().text == "a"
    assert verified(form(answers.asked[1])["client_assertion"], ec_pem(), "ES384", elsewhere)


@pytest.mark.parametrize("answer", [(404, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b"[" * 100_000)])
def test_a_server_without_discovery_is_told(answer: tuple[int, bytes]) -> None:
    with pytest.raises(SourceRefused, match="give a token_url"):
        smart(Answers().on("GET", WELL_KNOWN, lambda: reply(*answer)), token_url=None).mint()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_server_that_is_down_is_asked_again_later(status: int) -> None:
    for url in (WELL_KNOWN, TOKENS):
        answers = Answers().on("POST" if url == TOKENS else "GET", url, lambda: reply(status, retry_after="30"))
        with pytest.raises(SourceUnavailable) as caught:
            smart(answers, token_url=TOKENS if url == TOKENS else None).mint()
        assert caught.value.retry_after == 30.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
def test_a_refused_client_is_a_refused_login_and_tried_once(status: int) -> None:
    said = {"error": "invalid_client", "error_description": SECRET_BODY}
    answers = Answers().on("POST", TOKENS, lambda: reply(status, said, location=f"{TOKENS}/2"))
    with pytest.raises(LoginRefused, match=rf"answered {status} \(invalid_client\)") as caught:
        smart(answers).mint()
    assert len(answers.asked) == 1, "nor is the statement sent on by a redirect"
    assert SECRET_BODY not in str(caught.value)


def test_words_of_the_servers_own_are_not_repeated() -> None:
    answers = Answers().on("POST", TOKENS, lambda: reply(400, {"error": SECRET_BODY}))
    with pytest.raises(LoginRefused) as caught:
        smart(answers).mint()
    assert SECRET_BODY not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"access_token": 7, "expires_in": 300},
        {"access_token": "", "expires_in": 300},
        {"access_token": "a b", "expires_in": 300},
        {"access_token": "a\r\nHost: evil", "expires_in": 300},
        {"access_token": "a", "expires_in": -1},
        {"access_token": "a", "expires_in": 0},
        {"access_token": "a", "expires_in": True},
        {"access_token": "a", "expires_in": "soon"},
        {"access_token": "a" * 20_000, "expires_in": 300},
    ],
)
def test_a_token_that_makes_no_sense_is_not_used(said: dict[str, Any]) -> None:
    with pytest.raises(SourceUnavailable, match="token: the answer"):
        smart(Answers().on("POST", TOKENS, lambda: reply(200, said))).mint()


@pytest.mark.parametrize(("said", "life"), [(60, 60), ("60", 60), (1.5, 1.5), (None, 300), (10**12, 86_400)])
def test_a_token_lives_as_long_as_its_server_says(said: object, life: float) -> None:
    token = smart(Answers().on("POST", TOKENS, lambda: reply(200, {"access_token": "a", "expires_in": said}))).mint()
    assert (token.minted_at, token.expires_at) == (NOW, NOW + timedelta(seconds=life))


def broken_key(pem: str) -> str:
    return pem.replace("A", "B", 5)


@pytest.mark.parametrize(
    "pem",
    ["", "nonsense", ec_pem("P-256"), rsa_pem(1024), broken_key(rsa_pem()), rsa_pem().replace("PRIVATE", "PUBLIC")],
    ids=["none", "nonsense", "P-256", "1024 bits", "broken", "public"],
)
def test_a_key_that_cannot_sign_is_told_without_quoting_it(pem: str) -> None:
    with pytest.raises(SourceRefused, match="private key") as caught:
        signing_key(pem)
    quoted = [line for line in pem.splitlines()[1:-1] if line in spoken(caught.value)]
    assert quoted == []


def test_a_key_may_stand_in_a_field_that_lost_its_last_line_end() -> None:
    assert signing_key(f"  {ec_pem().strip()}")[1] == "ES384"


# ── nothing is told ────────────────────────────────────────────────────────────


def spoken(error: ConcordError) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("status", [200, 401, 500])
def test_neither_key_nor_statement_nor_token_is_seen(status: int, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore.http11", "concord"):
        caplog.set_level(logging.DEBUG, logger=name)
    answers = Answers().on("POST", TOKENS, lambda: reply(status, {"access_token": SECRET_TOKEN, "expires_in": 300}))
    one, heard = smart(answers), repr(access())
    try:
        heard += repr(one.mint())
    except ConcordError as error:
        heard += spoken(error)
    statement = form(answers.asked[0])["client_assertion"]
    key = "".join(ec_pem().splitlines()[1:-1])
    parts = [SECRET_TOKEN, key[:40], key[-40:], *statement.split("."), base64.b64encode(SECRET_TOKEN.encode()).decode()]
    heard += repr(one) + caplog.text + repr(caplog.records) + repr(TokensInProcess())
    assert [part for part in parts if part in heard] == []
    assert "key-1" in repr(one), "what names a key is not the key"


# ── how long a token is good ───────────────────────────────────────────────────


def token(life_s: float, text: str = "a") -> Token:
    return Token(text, NOW, NOW + timedelta(seconds=life_s))


@pytest.mark.parametrize(
    ("life_s", "after_s", "is_fresh"),
    [(300, 269, True), (300, 270, False), (60, 39, True), (60, 40, False), (3600, 3569, True), (3600, 3570, False)],
)
def test_a_token_is_over_a_little_before_its_end(life_s: float, after_s: float, is_fresh: bool) -> None:
    assert token(life_s).is_fresh(NOW + timedelta(seconds=after_s)) is is_fresh


class Watch:
    """A clock that stands until it is put forward."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Mint:
    """Counts what it made; each token has another text."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.made = watch, 0

    def __call__(self) -> Token:
        self.made += 1
        return Token(f"token-{self.made}", self.watch.now, self.watch.now + timedelta(seconds=300))


def test_a_token_is_shared_until_it_is_over() -> None:
    watch = Watch()
    mint, cache = Mint(watch), TokensInProcess(clock=watch)
    assert [cache.get(mint).text, cache.get(mint).text] == ["token-1", "token-1"]
    watch.now += timedelta(seconds=271)
    assert cache.get(mint).text == "token-2"


def test_a_refused_token_is_dropped_and_a_newer_one_stays() -> None:
    watch = Watch()
    mint, cache = Mint(watch), TokensInProcess(clock=watch)
    old = cache.get(mint)
    cache.forget(old)
    assert cache.get(mint).text == "token-2"
    cache.forget(old)
    assert cache.get(mint).text == "token-2"


def test_both_caches_are_caches() -> None:
    caches: list[type[TokenCache]] = [TokensInProcess, TokensInPostgres]
    assert all(hasattr(cache, "get") and hasattr(cache, "forget") for cache in caches)


def test_the_configuration_is_asked_for_as_json() -> None:
    answers = Answers().on("GET", WELL_KNOWN, lambda: reply(200, {"token_endpoint": TOKENS}))
    smart(answers, token_url=None).mint()
    assert {request.headers["accept"] for request in answers.asked} == {"application/json"}
