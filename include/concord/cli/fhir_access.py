"""Which feed is meant and how its server is reached: its Airflow connection, or what was typed.

A private key comes from a file or the environment, never from an argument: those are in the shell's
history and in the list of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concord.catalogue import feed as feed_of
from concord.catalogue import feeds as every_feed
from concord.contract import Feed, FhirBulk
from concord.errors import ConcordError
from concord.settings import SettingMissing, with_files

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess

KEY = "CONCORD_FHIR_KEY"
"""The private key in PEM, or with ``_FILE`` the path of a mounted file that has it."""

FeedName = Annotated[
    str | None, typer.Option("--feed", help="The feed; the one whose connection has --base where left out.")
]
Base = Annotated[str | None, typer.Option("--base", help="FHIR base URL; the connection's where left out.")]
ClientId = Annotated[str | None, typer.Option("--client-id", help="As the server knows us.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help=f"Private key (PEM) that only you may read; or {KEY}, {KEY}_FILE."),
]
Kid = Annotated[str | None, typer.Option("--kid", help="What the key is called in our JWKS.")]
Scope = Annotated[list[str] | None, typer.Option("--scope", help="As granted, system/*.read or system/*.rs; repeat.")]
AllowedHost = Annotated[
    list[str] | None, typer.Option("--allowed-host", help="A further host (name or name:port) of the server; repeat.")
]
TokenUrl = Annotated[str | None, typer.Option("--token-url", help="Instead of what discovery says.")]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="Authorities (PEM) instead of the usual ones.")]
NoAuth = Annotated[bool, typer.Option("--no-auth", help="The server asks nobody who they are: open test servers.")]


class NotAnExport(ConcordError):
    """No feed that asks for exports is meant by what was typed."""


@dataclass(frozen=True)
class Typed:
    """What was typed about the server; None where nothing was."""

    base: str | None = None
    client_id: str | None = None
    key_file: Path | None = field(default=None, repr=False)
    kid: str | None = None
    scopes: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    token_url: str | None = None
    ca_file: Path | None = None
    no_auth: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it says who we are by itself; else the feed's connection does."""
        return self.no_auth or self.client_id is not None or self.key_file is not None

    def over(self, access: FhirAccess) -> FhirAccess:
        """``access`` with what was typed in its place."""
        said: dict[str, Any] = {
            "kid": self.kid, "scopes": self.scopes, "allowed_hosts": self.allowed_hosts, "token_url": self.token_url,
            "ca_file": str(self.ca_file) if self.ca_file else None,
        }  # fmt: skip
        return replace(access, **{name: value for name, value in said.items() if value})


def find_feed(name: str | None, base: str | None) -> Feed:
    """The feed of that name, or the one whose connection has that base; raises :class:`NotAnExport`."""
    if name is not None:
        return _exporting(feed_of(name))
    if base is None:
        raise NotAnExport(f"name a feed (--feed) or its server (--base); these ask for exports: {_names()}")
    found = [feed for feed in _exporting_feeds() if _is_of(feed, base)]
    if len(found) != 1:
        raise NotAnExport(
            f"{len(found) or 'no'} connections have that base: name the feed (--feed); there are {_names()}"
        )
    return found[0]


def _exporting_feeds() -> Iterator[Feed]:
    return (feed for feed in every_feed().values() if isinstance(feed.source, FhirBulk))


def _names() -> str:
    return ", ".join(feed.name for feed in _exporting_feeds())


def _exporting(feed: Feed) -> Feed:
    if not isinstance(feed.source, FhirBulk):
        raise NotAnExport(f"feed {feed.name} asks for no exports; these do: {_names()}")
    return feed


def connection_of(feed: Feed) -> FhirAccess | None:
    """What the feed's connection says; None where there is none that can be seen from here, or it is not whole."""
    from concord.orchestrate.access import fhir_access

    try:
        return fhir_access(feed.source.conn_id)
    except SettingMissing:
        return None


def _is_of(feed: Feed, base: str) -> bool:
    access = connection_of(feed)
    return access is not None and is_same_base(access.base_url, base)


def is_same_base(one: str, other: str) -> bool:
    """Whether two base URLs are the same but for a slash at the end."""
    return one.rstrip("/") == other.rstrip("/")


def access_of(feed: Feed, typed: Typed) -> FhirAccess:
    """How the server is reached; raises :class:`SettingMissing` naming what is missing, never a value."""
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.orchestrate.access import fhir_access

    if typed.no_auth and (typed.client_id or typed.key_file):
        raise SettingMissing("--no-auth asks for no token: leave --client-id and --key-file out")
    if typed.no_auth:
        return typed.over(FhirAccess.without_auth(_said(typed.base, "--base")))
    if typed.is_whole:
        client_id, kid = _said(typed.client_id, "--client-id"), _said(typed.kid, "--kid")
        base = _said(typed.base, "--base")
        return typed.over(FhirAccess(base, client_id=client_id, private_key=_key(typed.key_file), kid=kid))
    access = fhir_access(feed.source.conn_id)
    if typed.base is not None and not is_same_base(access.base_url, typed.base):
        raise SettingMissing(
            f"connection {feed.source.conn_id!r} has another base: give --client-id, --kid and --key-file, or --no-auth"
        )
    return typed.over(access)


def _said(value: str | None, option: str) -> str:
    if not value:
        raise SettingMissing(f"{option} is missing: what the connection says counts only as a whole")
    return value


def _key(file: Path | None) -> str:
    """The private key, in PEM."""
    if file is None:
        found = with_files(os.environ).get(KEY)
        if not found:
            raise SettingMissing(f"there is no private key: --key-file, {KEY}_FILE or {KEY}")
        return found
    try:
        if file.stat().st_mode & 0o077:
            raise SettingMissing("the key file may be read by others: chmod 600 it")
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        pass
    raise SettingMissing("the key file cannot be read as PEM")
