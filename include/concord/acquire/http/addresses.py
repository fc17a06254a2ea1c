"""The addresses that a partner's host names may stand for, looked at where the connection is made.

A name that is allowed may still resolve to our own network (a mistake, or DNS rebinding),
so names are resolved here, once, and the connection goes to the very address that was
judged; TLS still proves the name. An address of the internet is fine; one of a private
network, this machine or the link only where the base of the connection is of that kind
itself (a hospital behind a VPN, the sandbox); the cloud's metadata service never, unless
the base is on the link.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import httpcore
import httpx

from concord.acquire.http.urls import UrlRefused

Resolve = Callable[[str, int], list[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_CONNECTIONS = 16
KEPT_S = 30.0
"""Seconds an idle connection is kept: less than load balancers do, so that we do not write into a closed one."""


def resolved(host: str, port: int) -> list[str]:
    """Addresses of ``host``, in the order of the system; raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Addresses:
    """Which addresses may be connected to, for a connection whose base is ``base_host``."""

    def __init__(self, base_host: str, *, resolve: Resolve = resolved) -> None:
        self.base_host, self._resolve = base_host, resolve

    def of(self, host: str, port: int) -> list[str]:
        """Addresses of ``host``.

        Raises ``OSError`` where it has none, :class:`UrlRefused` where one is not ours to
        ask: a name with a good and a bad address is a trap as well.
        """
        found = self._resolve(host, port)
        if host.lower().rstrip(".") != self.base_host and any(kind(a) not in self._kinds for a in found):
            raise UrlRefused("connecting", "a host of the partner's stands for an address of a private network")
        return found

    @cached_property
    def _kinds(self) -> frozenset[str]:
        return frozenset({"internet"} | {kind(address) for address in self._resolve(self.base_host, 443)} - {"other"})


def kind(text: str) -> str:
    """``internet``, ``private``, ``loopback``, ``link`` or ``other`` (multicast, reserved, unspecified)."""
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "other"
    return "internet" if address.is_global else "private"


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one (mapped, 6to4), where there is one."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


class _CheckedNetwork(httpcore.SyncBackend):
    """Connects to judged addresses only; the name is resolved nowhere else."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        last: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("no address")
        for address in self._found(host, port):
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    def _found(self, host: str, port: int) -> list[str]:
        try:
            return self._addresses.of(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the name does not resolve") from None


class CheckedTransport(httpx.HTTPTransport):
    """httpx's transport over a checked network. The environment's proxies are not asked: they would resolve anew."""

    def __init__(self, verify: ssl.SSLContext, addresses: Addresses) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no public way to give the network to its pool; a test turns red when it is called otherwise.
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=KEPT_S,
            network_backend=_CheckedNetwork(addresses),
        )
