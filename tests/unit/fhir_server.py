"""A FHIR bulk server for tests: routes in a table, secrets planted, requests kept.

``Answers`` speaks through httpx without a network; ``Wire`` is a real server on loopback,
for what only bytes show.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from concord.acquire.fhir_bulk.access import FhirAccess

BASE = "https://ehr.example/fhir"
STATUS = f"{BASE}/jobs/7"
TOKENS = "https://ehr.example/token"
SECRET_TOKEN = "t0ken-Vq3xZ-planted"
SECRET_QUERY = "s1gnature-Kd8wP-planted"
SECRET_BODY = "Wojciechowska-planted"


def _pem(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    raw: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return raw.decode()


@cache
def ec_pem(curve: str = "P-384") -> str:
    return _pem(ec.generate_private_key(ec.SECP384R1() if curve == "P-384" else ec.SECP256R1()))


@cache
def rsa_pem(bits: int = 2048) -> str:
    return _pem(rsa.generate_private_key(65537, bits))


def access(**changes: Any) -> FhirAccess:
    return replace(FhirAccess(BASE, "concord", ec_pem(), "key-1", token_url=TOKENS, timeout_s=5), **changes)


def reply(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> httpx.Response:
    """An answer whose body has still to be read, as from a wire."""
    raw = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(status, headers=named, content=iter([raw[at : at + 7000] for at in range(0, len(raw), 7000)]))


def outcome(code: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"code": code, "diagnostics": SECRET_BODY}]}


Route = Callable[[httpx.Request], httpx.Response]


@dataclass
class Answers:
    """Answers by method and URL without query; a list is used up one by one, its last stays."""

    routes: dict[tuple[str, str], list[Route]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    minted: int = 0

    def on(self, method: str, url: str, *answers: Callable[[], httpx.Response] | Route) -> Answers:
        self.routes[method, url] = [_route(answer) for answer in answers]
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        url = str(request.url.copy_with(query=None))
        if url == TOKENS and ("POST", TOKENS) not in self.routes:
            self.minted += 1
            return reply(200, {"access_token": f"{SECRET_TOKEN}-{self.minted}", "expires_in": 300})
        ways = self.routes[request.method, url]
        return (ways.pop(0) if len(ways) > 1 else ways[0])(request)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)

    def to(self, url: str) -> list[httpx.Request]:
        return [request for request in self.asked if str(request.url.copy_with(query=None)) == url]


def _route(answer: Any) -> Route:
    return answer if answer.__code__.co_argcount else lambda _: answer()


Handler = Callable[[BaseHTTPRequestHandler], None]


class QuietServer(ThreadingHTTPServer):
    """Clients of these tests hang up in the middle: nobody needs to read of it."""

    def handle_error(self, *_: object) -> None: ...


@contextmanager
def wire(handle: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on loopback that answers every GET by ``handle``; its origin (as of http)."""

    class OneAnswer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            handle(self)

        def log_message(self, *_: object) -> None: ...

    server = QuietServer(("127.0.0.1", 0), OneAnswer)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(to: BaseHTTPRequestHandler, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
    to.send_response(status)
    for name, text in headers.items():
        to.send_header(name.replace("_", "-"), text)
    to.send_header("Content-Length", str(len(body) if length is None else length))
    to.end_headers()
    to.wfile.write(body)


class Bytes(bytearray):
    """A sink that keeps what it is given, and in what portions."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def write(self, data: bytes) -> int:
        self.extend(data)
        self.largest = max(self.largest, len(data))
        return len(data)
