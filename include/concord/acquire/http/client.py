"""Requests to one partner: bounded in time, in reach, in size; redirects followed by hand.

Only imported inside tasks (httpx is slow to load).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from concord.acquire.http.addresses import Addresses, CheckedTransport, Resolve, resolved
from concord.acquire.http.answers import Answer
from concord.acquire.http.plaintext import plain
from concord.acquire.http.urls import Reach, UrlRefused, same_origin
from concord.errors import ConcordError, DeliveryRejected, HostNotTrusted, SourceRefused, SourceUnavailable

Result = TypeVar("Result")
REMOTE_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError)

MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPS_METHOD = frozenset({307, 308})
READ_BYTES = 1 << 16
MOST_OF_AN_ERROR = 1 << 18
"""Bytes of an error's body that are looked at: an OperationOutcome is a few hundred."""
UNDERSTOOD = frozenset({"", "identity", "gzip", "x-gzip"})
USER_AGENT = "concord"

SPEAKS_OF_REQUESTS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
"""Loggers that write URLs with their queries (httpx, at INFO) and headers (httpcore, at DEBUG)."""


@dataclass(frozen=True)
class Call:
    """One request. ``what`` names it in errors; nothing else of it is ever printed.

    A ``GET`` is redirected anywhere in reach, anything else only within its origin; with
    ``follow`` off a redirect is an answer like any other.
    """

    method: str
    url: str = field(repr=False)
    what: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    follow: bool = True


class Http:
    """One partner over HTTP; a context manager that closes its connections. Threads may share it.

    ``timeout_s`` bounds each wait, in seconds: for a connection of the pool, connect, every
    write and every read. ``ca_file`` (PEM) replaces the authorities of the system where the
    partner has its own. ``transport`` and ``resolve`` are for tests. Raises
    :class:`SourceRefused` for a base URL or authority file that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        allowed_hosts: Iterable[str] = (),
        timeout_s: float = 30.0,
        ca_file: str | None = None,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = resolved,
    ) -> None:
        self.reach = Reach.of(base_url, allowed_hosts)
        addresses = Addresses(self.reach.origin.host, resolve=resolve)
        self._client = open_client(timeout_s, transport or CheckedTransport(authorities(ca_file), addresses))

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @contextmanager
    def sent(self, call: Call, bearer: str | None = None) -> Iterator[httpx.Response]:
        """The answer to ``call``, its body still to be read; closed afterwards.

        ``bearer`` goes with it until a redirect leaves the origin it was sent to, and not
        again afterwards. Raises :class:`SourceUnavailable`; HostNotTrusted for a certificate
        that does not prove the host; :class:`UrlRefused` for a place out of reach.
        """
        response = self._arrived(call, bearer)
        try:
            yield response
        finally:
            response.close()

    def ask(self, call: Call, bearer: str | None = None, *, limit: int) -> Answer:
        """The whole answer to ``call``; raises as :meth:`sent`, and where its plaintext has more than ``limit``."""
        with self.sent(call, bearer) as response:
            return whole(response, call.what, limit=limit)

    def _arrived(self, call: Call, bearer: str | None) -> httpx.Response:
        url = self.reach.checked(call.url, call.what)
        for _ in range(MOST_REDIRECTS + 1):
            response = self._send(call, url, bearer)
            if response.status_code not in REDIRECTS or not call.follow:
                return response
            response.close()
            target = self._target(call, url, response)
            bearer = bearer if same_origin(url, target) else None
            url = target
        raise UrlRefused(call.what, f"redirected more than {MOST_REDIRECTS} times")

    def _send(self, call: Call, url: str, bearer: str | None) -> httpx.Response:
        headers = dict(call.headers) | ({"Authorization": f"Bearer {bearer}"} if bearer else {})

        def send() -> httpx.Response:
            request = self._client.build_request(call.method, url, headers=headers, content=call.content)
            return self._client.send(request, stream=True)

        return answered(call.what, send)

    def _target(self, call: Call, url: str, response: httpx.Response) -> str:
        target = self.reach.joined(url, response.headers.get("location", ""), f"{call.what}, redirected")
        kept = response.status_code in KEEPS_METHOD and same_origin(url, target)
        if call.method != "GET" and not kept:
            raise UrlRefused(call.what, f"a {call.method} was redirected ({response.status_code}) to another place")
        return target


def open_client(timeout_s: float, transport: httpx.BaseTransport) -> httpx.Client:
    """httpx as it is used here: no environment, no cookies, no redirects of its own, nothing in the log."""
    for name in SPEAKS_OF_REQUESTS:
        logger = logging.getLogger(name)
        if not any(isinstance(present, _Unspoken) for present in logger.filters):
            logger.addFilter(_Unspoken())
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(
        transport=transport, timeout=httpx.Timeout(timeout_s), trust_env=False, headers=headers, cookies=no_cookies
    )


class _Unspoken(logging.Filter):
    """Drops what is below a warning, whatever level somebody set."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


def authorities(ca_file: str | None) -> ssl.SSLContext:
    """Who may vouch for the partner: the usual authorities, or only those of ``ca_file``."""
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise SourceRefused("the ca_file of the connection cannot be read as certificates in PEM") from None


# ── answers ────────────────────────────────────────────────────────────────────


def whole(response: httpx.Response, what: str, *, limit: int) -> Answer:
    """The answer with its body; of an error's body only the beginning, and nothing where it cannot be read."""
    is_error = response.status_code >= 400
    body = _beginning(response, what) if is_error else b"".join(pieces(response, what, limit=limit))
    headers = {name.lower(): text for name, text in response.headers.items()}
    return Answer(response.status_code, headers, body, str(response.url))


def pieces(response: httpx.Response, what: str, *, limit: int) -> Iterator[bytes]:
    """The body's plaintext, piece by piece, at most ``limit`` bytes.

    Raises :class:`SourceUnavailable` where it breaks off, DeliveryRejected
    ``acquire.too_large``, and ``acquire.encoding`` for a compression nobody asked for.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in UNDERSTOOD:
        raise DeliveryRejected("acquire.encoding", f"{what}: compressed otherwise than by gzip")
    return plain(_raw(response, what), what, limit=limit)


def _raw(response: httpx.Response, what: str) -> Iterator[bytes]:
    coming = response.iter_raw(READ_BYTES)
    while (chunk := answered(what, lambda: next(coming, None))) is not None:
        yield chunk


def _beginning(response: httpx.Response, what: str) -> bytes:
    """A status says more than a body that breaks: its error must not hide the status."""
    found = b""
    try:
        for piece in pieces(response, what, limit=MOST_OF_AN_ERROR):
            found += piece
    except (SourceUnavailable, DeliveryRejected):
        return b""
    return found


def answered(what: str, ask: Callable[[], Result]) -> Result:
    """The result of a remote call; its failures become ours, without httpx's words, which quote URLs and headers.

    Only remote calls belong inside: a full local disk is not the partner's fault.
    """
    try:
        return ask()
    except REMOTE_ERRORS as error:
        broken = _failure(what, error)
    raise broken


def _failure(what: str, error: BaseException) -> ConcordError:
    if _is_about_the_certificate(error):
        return HostNotTrusted(f"{what}: the server's certificate does not prove the host: nothing was said to it")
    if isinstance(error, httpx.TimeoutException):
        return SourceUnavailable(f"{what}: no answer in time ({type(error).__name__})")
    return SourceUnavailable(f"{what}: the connection broke or the answer made no sense ({type(error).__name__})")


def _is_about_the_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
