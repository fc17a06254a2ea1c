"""Where a partner may send us: the origin of its base, and hosts that were agreed on.

Manifests, status URLs and redirects come from a server: each is checked before anybody
follows it (OWASP SSRF prevention: scheme, host and address by allow-list). No message
quotes a URL: its query may be a key to a file, its path may name a person.
PURE: no I/O; what a host's name stands for is judged in ``addresses.py``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import httpx

from concord.errors import DeliveryRejected, SourceRefused

LONGEST_URL = 8_192
"""Presigned URLs take some 2,000 characters; servers commonly stop reading at 8 KB."""
PLAIN = re.compile(r"[\x21-\x7e]+")
PORTS = {"https": 443, "http": 80}


class UrlRefused(DeliveryRejected):
    """The partner named a place that nobody agreed on; nothing was asked there."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__("acquire.url_refused", f"{what}: {rule}")


class Origin(NamedTuple):
    """Scheme, host and port (RFC 6454): what a token is for."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """The origin of an absolute URL; raises ``ValueError``, which quotes nothing, where it has none."""
    parsed = _parsed(url)
    if parsed is None or parsed.scheme not in PORTS or not parsed.host:
        raise ValueError("not an absolute http or https URL")
    return Origin(parsed.scheme, _host(parsed.host), parsed.port or PORTS[parsed.scheme])


def same_origin(one: str, other: str) -> bool:
    """Whether a secret for ``one`` may be shown to ``other``; False where either has no origin."""
    try:
        return origin_of(one) == origin_of(other)
    except ValueError:
        return False


@dataclass(frozen=True)
class Reach:
    """The base of a partner, and the hosts its URLs may lead to (``name`` or ``name:port``), beside the base's own."""

    base: str
    hosts: frozenset[str]

    @classmethod
    def of(cls, base_url: str, allowed_hosts: Iterable[str] = ()) -> Reach:
        """The reach of a connection; raises :class:`SourceRefused` for a base that is neither https nor loopback."""
        base = base_url.rstrip("/")
        broken = _ill_formed(base)
        if broken is None and not _is_safe(origin_of(base), http_too=is_loopback(origin_of(base).host)):
            broken = "has to begin with https:// (http:// only on this machine)"
        if broken is not None:
            raise SourceRefused(f"the base URL of the connection {broken}")
        return cls(base, frozenset(host.strip().lower() for host in allowed_hosts if host.strip()))

    @property
    def origin(self) -> Origin:
        """Where the partner's token is for."""
        return origin_of(self.base)

    def checked(self, url: str, what: str) -> str:
        """``url`` where it may be followed; raises :class:`UrlRefused` naming ``what`` and the rule."""
        broken = _ill_formed(url) or self._out_of_reach(origin_of(url))
        if broken is not None:
            raise UrlRefused(what, f"the URL {broken}")
        return url

    def joined(self, url: str, relative: str, what: str) -> str:
        """``relative`` as seen from ``url``, checked; raises :class:`UrlRefused`."""
        try:
            found = str(httpx.URL(url).join(relative)) if PLAIN.fullmatch(relative) else relative
        except httpx.InvalidURL:
            found = ""
        return self.checked(found, what)

    def _out_of_reach(self, origin: Origin) -> str | None:
        http_too = self.origin.scheme == "http" and is_loopback(self.origin.host)
        if not _is_safe(origin, http_too=http_too):
            return "has another scheme than the base"
        named = {origin.host, f"{origin.host}:{origin.port}"}
        if origin.host != self.origin.host and not named & self.hosts:
            return "leads to a host that is not in allowed_hosts of the connection"
        return None


def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ill_formed(url: str) -> str | None:
    if len(url) > LONGEST_URL:
        return f"has more than {LONGEST_URL} characters"
    parsed = _parsed(url)
    if parsed is None or parsed.scheme not in PORTS or not parsed.host:
        return "is no absolute http or https URL of plain characters"
    return "carries a user name or password" if parsed.userinfo else None


def _parsed(url: str) -> httpx.URL | None:
    """Read by the parser that will be asked to go there: two parsers may see two hosts."""
    if not PLAIN.fullmatch(url) or "\\" in url:
        return None
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    return parsed if parsed.port is None or 0 < parsed.port < 65_536 else None


def _host(host: str) -> str:
    return host.lower().rstrip(".")


def _is_safe(origin: Origin, *, http_too: bool) -> bool:
    return origin.scheme == "https" or http_too
