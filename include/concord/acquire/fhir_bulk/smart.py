"""SMART Backend Services: a signed statement of who we are, against a token that lives for minutes.

SMART App Launch 2.2, "Backend Services" and "Client Authentication: Asymmetric"; RFC 7523.
Neither key, statement nor token gets into an error, a log or a ``repr``.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from concord.acquire.fhir_bulk.access import FhirAccess
from concord.acquire.http.answers import Answer, failure
from concord.acquire.http.client import Call, Http
from concord.errors import LoginRefused, SourceRefused, SourceUnavailable
from concord.token_cache import Clock, Token, utc_now

WELL_KNOWN = ".well-known/smart-configuration"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STATEMENT_LIVES = timedelta(minutes=4)
"""The server must refuse more than five minutes, by its own clock: a minute is left for the difference."""
UNSAID_LIFE_S = 300
"""``expires_in`` is required, and recommended to be at most this, in seconds; some servers leave it out."""
LONGEST_LIFE_S = 86_400
MOST_BYTES = 1 << 20
SMALLEST_RSA_BITS = 2048
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
"""Goes into a header as it is: no space, no control character (RFC 6750 2.1)."""
OAUTH_ERRORS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
     "invalid_scope"}
)  # fmt: skip
"""RFC 6749 5.2: other words of the server's are not repeated."""


class Smart:
    """Mints tokens for ``access`` over ``http``, which has to reach the token server as well.

    Raises :class:`SourceRefused` for a key that cannot sign.
    """

    def __init__(self, access: FhirAccess, http: Http, *, clock: Clock = utc_now) -> None:
        self._access, self._http, self._clock = access, http, clock
        self._key, self._algorithm = signing_key(access.private_key)
        self._token_url = access.token_url

    def __repr__(self) -> str:
        return f"Smart({self._algorithm}, kid={self._access.kid!r})"

    def mint(self) -> Token:
        """A new token, dated from before it was asked for.

        Raises :class:`LoginRefused` where the server does not accept us (each further try
        may lock the client), :class:`SourceRefused` where it speaks no SMART,
        :class:`SourceUnavailable`, UrlRefused for a token server out of reach.
        """
        began = self._clock()
        url = self._token_url or self._discovered()
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(self._access.scopes),
            "client_assertion_type": BEARER,
            "client_assertion": self._statement(url, began),
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        call = Call("POST", url, "token", headers, urlencode(form).encode(), follow=False)
        return _token(self._http.ask(call, limit=MOST_BYTES), began)

    def _discovered(self) -> str:
        call = Call("GET", f"{self._http.reach.base}/{WELL_KNOWN}", "discovery", {"Accept": "application/json"})
        answer = self._http.ask(call, limit=MOST_BYTES)
        if broken := failure(answer.status, answer.headers, "discovery", self._clock()):
            raise broken
        url = _object(answer).get("token_endpoint") if answer.status == 200 else None
        if not isinstance(url, str):
            raise SourceRefused(f"discovery: answered {answer.status} without a token_endpoint: give a token_url")
        self._token_url = self._http.reach.checked(url, "token_endpoint of discovery")
        return self._token_url

    def _statement(self, token_url: str, now: datetime) -> str:
        """The client assertion. Without ``iat`` and ``nbf``: a server whose clock is behind would refuse them."""
        said = {
            "iss": self._access.client_id,
            "sub": self._access.client_id,
            "aud": token_url,
            "jti": str(uuid.uuid4()),
            "exp": int((now + STATEMENT_LIVES).timestamp()),
        }
        return jwt.encode(said, self._key, algorithm=self._algorithm, headers={"kid": self._access.kid, "typ": "JWT"})


def signing_key(pem: str) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, str]:
    """The key in ``pem`` and the algorithm that servers must take with it.

    Raises :class:`SourceRefused`, without quoting it, for any other key.
    """
    try:
        key = load_pem_private_key(pem.strip().encode() + b"\n", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SMALLEST_RSA_BITS:
        return key, "RS384"
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return key, "ES384"
    raise SourceRefused(
        f"the private key of the connection cannot be used: unencrypted PEM of RSA from {SMALLEST_RSA_BITS} bits or "
        "of EC P-384 is needed"
    )


def _token(answer: Answer, began: datetime) -> Token:
    if answer.status not in (200, 201):
        raise _refusal(answer, began)
    said = _object(answer)
    text, life = said.get("access_token"), _life(said.get("expires_in"))
    if not isinstance(text, str) or not TOKEN.fullmatch(text) or life is None:
        raise SourceUnavailable("token: the answer has no access_token, or no expires_in that makes sense")
    return Token(text, began, began + timedelta(seconds=life))


def _refusal(answer: Answer, now: datetime) -> Exception:
    broken = failure(answer.status, answer.headers, "token", now)
    if isinstance(broken, SourceUnavailable):
        return broken
    word = _object(answer).get("error")
    said = f" ({word})" if word in OAUTH_ERRORS else ""
    return LoginRefused(f"token: the client was refused: answered {answer.status}{said} (tried once)")


def _life(found: Any) -> float | None:
    """Seconds, from a number or the text of one."""
    if found is None:
        return UNSAID_LIFE_S
    if isinstance(found, str) and re.fullmatch(r"[0-9]{1,9}", found):
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not found > 0:
        return None
    return float(min(found, LONGEST_LIFE_S))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        said: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {}
