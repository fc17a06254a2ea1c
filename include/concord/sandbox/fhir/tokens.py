"""The token endpoint: SMART Backend Services, client assertions signed by a registered key.

Source: hl7.org/fhir/smart-app-launch/backend-services.html (private_key_jwt, RFC 7523).
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

import jwt

from concord.sandbox.fhir.faults import Faults
from concord.sandbox.fhir.stats import Stats

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_S = 300
SKEW_S = 5
SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]+)\.(read|\*|c?r?u?d?s?)")
ALGORITHMS = ("RS384", "ES384")


class TokenRefused(Exception):
    """``error`` of RFC 6749 5.2, and why."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(f"{error}: {why}")
        self.error, self.why = error, why


@dataclass
class _Token:
    client: str
    dies: float
    requests_left: int | None


class TokenDesk:
    """Who may come in. ``url`` is the token endpoint's own address, which an assertion must be meant for."""

    def __init__(self, faults: Faults, stats: Stats) -> None:
        self.url = ""
        self.faults, self.stats = faults, stats
        self._lock = Lock()
        self._keys: dict[str, dict[str, dict[str, Any]]] = {}
        self._seen: dict[str, float] = {}
        self._tokens: dict[str, _Token] = {}

    def register(self, client: str, jwks: dict[str, Any]) -> None:
        """The public keys of ``client`` from now on: ``{"keys": [...]}``, each with its ``kid``."""
        self._keys[client] = {jwk["kid"]: jwk for jwk in jwks["keys"]}

    def issue(self, body: bytes) -> dict[str, Any]:
        """The token answer to a form; raises :class:`TokenRefused`."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "grant_type is not client_credentials")
        if form.get("client_assertion_type") != ASSERTION:
            raise TokenRefused("invalid_request", "client_assertion_type is not jwt-bearer")
        scope = form.get("scope", "")
        if not scope or not all(_grants(each) for each in scope.split()):
            raise TokenRefused("invalid_scope", "only system/ scopes that read are granted")
        client = self._verified(form.get("client_assertion", ""))
        return {
            "access_token": self._made(client),
            "token_type": "bearer",
            "expires_in": self.faults.expires_in,
            "scope": scope,
        }

    def client_of(self, authorization: str | None) -> str | None:
        """The client whose good token this header brings, None for others; counts the use."""
        scheme, _, value = (authorization or "").partition(" ")
        with self._lock:
            token = self._tokens.get(value) if scheme.lower() == "bearer" else None
            if token is None or token.dies <= time.monotonic() or token.requests_left == 0:
                return None
            if token.requests_left is not None:
                token.requests_left -= 1
            return token.client

    def revoke_all(self) -> None:
        """No token is good any more."""
        with self._lock:
            self._tokens.clear()

    def _made(self, client: str) -> str:
        lives = self.faults.token_lives_s
        dies = time.monotonic() + (self.faults.expires_in if lives is None else lives)
        value = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[value] = _Token(client, dies, self.faults.token_lives_requests)
        return value

    def _verified(self, assertion: str) -> str:
        """The client that signed; every reason to refuse is an ``invalid_client``."""
        try:
            header = jwt.get_unverified_header(assertion)
            client = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
            key = self._keys.get(client, {}).get(str(header.get("kid")))
            if key is None or header.get("alg") not in ALGORITHMS or key.get("alg", header["alg"]) != header["alg"]:
                raise TokenRefused("invalid_client", "no such client, kid or alg")
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(key, algorithm=header["alg"]).key,
                algorithms=[header["alg"]],
                audience=self.url,
                issuer=client,
                leeway=SKEW_S,
                options={"require": ["iss", "sub", "aud", "exp", "jti"]},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused("invalid_client", type(error).__name__) from None
        self._judge(claims, client)
        return client

    def _judge(self, claims: dict[str, Any], client: str) -> None:
        if claims["sub"] != client:
            raise TokenRefused("invalid_client", "sub is not iss")
        if claims["exp"] - time.time() > LONGEST_S + SKEW_S:
            raise TokenRefused("invalid_client", "exp is more than five minutes away")
        with self._lock:
            self._seen = {jti: exp for jti, exp in self._seen.items() if exp > time.time() - SKEW_S}
            key = f"{client}|{claims['jti']}"
            if key in self._seen:
                raise TokenRefused("invalid_client", "jti was used before")
            self._seen[key] = float(claims["exp"])


def _grants(scope: str) -> bool:
    match = SCOPE.fullmatch(scope)
    return match is not None and ("r" in match[2] or match[2] == "*")
