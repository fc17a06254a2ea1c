"""What tests share: a Postgres of their own, a migrated database per test, keys, an opened site, a partner.

One embedded server per worker and session; every test that asks for ``database`` gets
a clone of the migrated database, which costs some hundredths of a second.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from concord.protect import KeyRing
    from concord.sandbox.postgres import EmbeddedServer
    from concord.sandbox.sftp_server import SftpPartner
    from concord.settings import Settings
    from concord.steps import Site


@dataclass(frozen=True)
class Database:
    """One database with Concord's tables; libpq URLs by role."""

    name: str
    admin_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    loader_url: str = field(repr=False)
    analyst_url: str = field(repr=False)
    auditor_url: str = field(repr=False)
    revealer_url: str = field(repr=False)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """An embedded Postgres that nobody else uses; power cuts would lose its data."""
    from concord.sandbox.postgres import EmbeddedServer

    folder = Path(tempfile.mkdtemp(prefix="concord-test-"))
    folder.chmod(0o711)  # root lends the server another account, which has to walk through
    server = EmbeddedServer(folder / "postgres", durable=False)
    try:
        yield server.start()
        assert_silent(server.log)
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def assert_silent(log: Path) -> None:
    """Postgres writes statements and keys into its log unless it is told not to."""
    from tests.rosters import SEEN_OF_A_PERSON

    named = [number for number, line in enumerate(log.open(errors="replace"), 1) if SEEN_OF_A_PERSON.search(line)]
    assert named == [], f"Postgres' log names persons in {len(named)} lines, first in line {named[0]}"


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> Database:
    """The migrated database that tests get clones of; nobody connects to it."""
    from concord.migrations import migrate
    from concord.sandbox.roles import bootstrap

    urls = bootstrap(server.admin_url)
    migrate(urls["concord_owner"])
    return Database(
        name="concord",
        admin_url=server.admin_url,
        owner_url=urls["concord_owner"],
        loader_url=urls["concord_loader"],
        analyst_url=urls["concord_analyst"],
        auditor_url=urls["concord_auditor"],
        revealer_url=urls["concord_revealer"],
    )


@pytest.fixture
def database(template: Database) -> Iterator[Database]:
    """A fresh migrated database; dropped afterwards, whoever is still connected."""
    import psycopg
    from psycopg import sql

    from concord.sandbox.roles import grant_connect

    name = f"test_{secrets.token_hex(6)}"
    clone = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER concord_owner STRATEGY FILE_COPY")
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(clone.format(sql.Identifier(name), sql.Identifier(template.name)))
        grant_connect(admin, name)
        try:
            yield _renamed(template, name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _renamed(template: Database, name: str) -> Database:
    roles = ("owner_url", "loader_url", "analyst_url", "auditor_url", "revealer_url")
    return replace(template, name=name, **{role: _on(getattr(template, role), name) for role in roles})


def _on(url: str, database: str) -> str:
    """The same login, at ``database``."""
    return f"{url.rpartition('/')[0]}/{database}"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    """Settings of an installation with a fresh database, an empty landing and new keys."""
    from concord.settings import Settings

    return Settings(
        loader_url=database.loader_url,
        owner_url=database.owner_url,
        analyst_url=database.analyst_url,
        auditor_url=database.auditor_url,
        revealer_url=database.revealer_url,
        landing_url=(tmp_path / "landing").as_uri(),
        seal_keys={"test": secrets.token_bytes(32)},
        token_keys={"test": secrets.token_bytes(32)},
    )


@pytest.fixture
def keys() -> KeyRing:
    """A key ring of two seal keys and one token key."""
    from concord.protect import KeyRing

    return KeyRing({"new": secrets.token_bytes(32), "old": secrets.token_bytes(32)}, {"t": secrets.token_bytes(32)})


@pytest.fixture
def site(settings: Settings) -> Site:
    """An opened installation with a fresh database."""
    from concord.steps import open_site

    return open_site(settings)


@pytest.fixture
def sftp_partner(tmp_path: Path) -> Iterator[SftpPartner]:
    """An SFTP server with an empty ``/outbound``; add a user to it."""
    from concord.sandbox.sftp_server import SftpPartner

    (tmp_path / "partner" / "outbound").mkdir(parents=True)
    with SftpPartner(tmp_path / "partner") as partner:
        yield partner


@pytest.fixture(autouse=True)
def our_umask() -> Iterator[None]:
    """A command or a task that runs inside the test hardens the whole process; the sandbox's server could not start."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)


@pytest.fixture(autouse=True)
def our_logs() -> Iterator[None]:
    """Our loggers and httpx', which we quieten, speak, and unfiltered, whatever an earlier test did.

    Airflow's logging configuration disables loggers that exist already; the redaction
    filter, on pytest's own handlers, would hide what a later test looks for.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith(("concord", "httpx")) and isinstance(logger, logging.Logger):
            logger.disabled = False
            if not name.startswith("concord"):
                logger.filters.clear()  # a client that an earlier test made has quietened it for the whole process
    yield
    if "concord.redaction" in sys.modules:
        from concord.redaction import RedactionFilter

        for handler in logging.getLogger().handlers:
            for found in [present for present in handler.filters if isinstance(present, RedactionFilter)]:
                handler.removeFilter(found)


class Overheard(logging.Handler):
    """Keeps what was logged, with its traceback, as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def nobody_was_named(our_logs: None) -> Iterator[None]:
    """After every test: nobody of the rosters stands in what was logged while it ran."""
    from tests.rosters import SEEN_OF_A_PERSON

    ours, overheard = logging.getLogger("concord"), Overheard()
    level = ours.level
    ours.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(overheard)
    yield
    logging.getLogger().removeHandler(overheard)
    ours.setLevel(level)
    named = [line for line in overheard.lines if SEEN_OF_A_PERSON.search(line)]
    assert len(named) == 0, f"{len(named)} log lines name a person; the first comes from {named[0][:40]}"
