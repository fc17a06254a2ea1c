"""A Postgres of its own that stops in the middle, has no room, or has no session left."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from concord import check
from concord.errors import DatabaseUnavailable
from concord.migrations import migrate
from concord.sandbox import accounts
from concord.sandbox.postgres import EmbeddedServer
from concord.sandbox.roles import bootstrap, grant_connect
from concord.settings import Settings
from concord.steps import open_site
from tests import tally
from tests.faults.hashes import beliefs
from tests.faults.proxy import Do, Fault, Way
from tests.faults.test_postgres_faults import MIDDLES
from tests.faults.wire import ORDINARY, STEPS, Wire
from tests.playground import at
from tests.rosters import BASE, THU, Driver, lax

pytestmark = pytest.mark.full


@dataclass
class OwnServer:
    """A migrated server of one's own, whose databases begin with Acme's first day; one set of keys for all of them."""

    server: EmbeddedServer
    urls: dict[str, str]
    settings: Settings

    def acme(self) -> Driver:
        """Acme after its first day, in a database that nobody else uses."""
        name = f"own_{secrets.token_hex(4)}"
        with self.admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE concord OWNER concord_owner").format(sql.Identifier(name))
            )
            grant_connect(admin, name)
        settings = replace(self.settings, loader_url=at(self.urls["concord_loader"], name))
        driver = Driver(lax(), open_site(settings))
        driver.begin(BASE)
        return driver

    def admin(self) -> psycopg.Connection[Any]:
        """As superuser."""
        return psycopg.connect(self.server.admin_url, autocommit=True)

    def drop(self, driver: Driver) -> None:
        """Its database."""
        name = driver.site.settings.loader_url.rpartition("/")[2]
        with self.admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Durable, unlike the other tests' server: what was committed survives an immediate stop."""
    folder = tmp_path_factory.mktemp("own")
    server = EmbeddedServer(folder / "postgres").start()
    urls = bootstrap(server.admin_url)
    migrate(urls["concord_owner"])
    keys = {"test": secrets.token_bytes(32)}
    settings = Settings(
        loader_url=urls["concord_loader"], landing_url=(folder / "landing").as_uri(), seal_keys=keys, token_keys=keys
    )
    yield OwnServer(server, urls, settings)
    server.remove()


@pytest.fixture(scope="module")
def clean(own: OwnServer) -> list[list[str]]:
    """What the tables say after Thursday without a fault."""
    driver = own.acme()
    with Wire.strung(driver, own.server.admin_url) as wire:
        wire.night("none")
    return beliefs(driver)


def assert_recovered(driver: Driver, clean: list[list[str]], *, fired: bool) -> None:
    assert fired
    findings = check.run(driver.site, deep=True)
    recovered = beliefs(driver) == clean
    tally.count("faults", injected=1, fired=1, recovered=int(recovered), violations=len(findings))
    assert findings == []
    assert recovered


# ── no room ────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_space(own: OwnServer) -> Iterator[Callable[[Driver], Any]]:
    """A table space of a few megabytes: makes it the one where a database builds its tables, and fills it."""
    folder = Path(tempfile.mkdtemp(prefix="concord-space-"))
    account = accounts.for_server()
    owner = f",uid={account.uid},gid={account.gid}" if account else ""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=8m,mode=700{owner}", "none", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    drivers: list[Driver] = []

    def used_by(driver: Driver) -> Any:
        drivers.append(driver)
        name = sql.Identifier(driver.site.settings.loader_url.rpartition("/")[2])
        with own.admin() as admin:
            for setting in ("default_tablespace", "temp_tablespaces"):
                admin.execute(sql.SQL("ALTER DATABASE {} SET {} = small").format(name, sql.SQL(setting)))
        return lambda: filled(own, driver)

    with own.admin() as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")  # type: ignore[arg-type]
        admin.execute("GRANT CREATE ON TABLESPACE small TO concord_loader")
    yield used_by
    for driver in drivers:
        own.drop(driver)
    with own.admin() as admin:
        admin.execute("DROP TABLESPACE small")
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


@contextmanager
def filled(own: OwnServer, driver: Driver) -> Iterator[None]:
    """Not one page is left in the table space."""
    name = driver.site.settings.loader_url.rpartition("/")[2]
    with psycopg.connect(at(own.server.admin_url, name), autocommit=True) as admin:
        admin.execute("CREATE TABLE public.filler (page text) TABLESPACE small")
        with pytest.raises(psycopg.errors.DiskFull):
            while True:
                admin.execute("INSERT INTO public.filler SELECT repeat(md5(i::text), 60) FROM generate_series(1, 40) i")
        try:
            yield
        finally:
            admin.execute("DROP TABLE public.filler")


@pytest.mark.parametrize("step", ["stage", "plan", "apply"])
def test_a_database_without_room_fails_clean_and_goes_on_when_there_is_room(
    own: OwnServer, clean: list[list[str]], small_space: Callable[[Driver], Any], step: str
) -> None:
    driver = own.acme()
    trouble = small_space(driver)
    with Wire.strung(driver, own.server.admin_url) as wire:
        raised = wire.night(step, trouble)
    assert isinstance(raised, DatabaseUnavailable)
    assert "53100" in str(raised)
    assert_recovered(driver, clean, fired=True)


# ── no session, no server ──────────────────────────────────────────────────────


def test_a_server_with_no_session_left_is_a_clean_error(own: OwnServer, clean: list[list[str]]) -> None:
    driver = own.acme()

    @contextmanager
    def crowded() -> Iterator[None]:
        with ExitStack() as stack:
            with pytest.raises(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(driver.site.settings.loader_url))
            yield

    with Wire.strung(driver, own.server.admin_url) as wire:
        raised = wire.night("plan", crowded)
    assert isinstance(raised, DatabaseUnavailable)
    assert_recovered(driver, clean, fired=True)
    own.drop(driver)


@pytest.mark.parametrize("step", ["stage", "plan", "apply"])
def test_a_server_that_stops_at_once_comes_back_and_the_step_begins_again(
    own: OwnServer, clean: list[list[str]], step: str
) -> None:
    """The stage table is unlogged, so recovery empties it: it is filled again from landing."""
    with Wire.strung(own.acme(), own.server.admin_url) as wire:
        delivery_id = wire.quick.deliver(ORDINARY, THU)
        before = [*STEPS][: [*STEPS].index(step)]
        for name in before:
            wire.do(name, delivery_id)
        wire.proxy.clear()
        down = threading.Event()
        wire.proxy.up = Way(
            fault=Fault(Do.GO_ON, words=(MIDDLES[step],), then=lambda: (own.server.crash(), down.set())[0])
        )
        raised = wire.failure(step, delivery_id)
        fired = down.wait(30)  # we lose the connection before the server is gone
        assert own.server.restart_ended()
        assert isinstance(raised, DatabaseUnavailable)
        for name in [*STEPS][len(before) :]:
            result = tried(wire, name, delivery_id)
        assert result["state"] == "published"
        assert_recovered(wire.driver, clean, fired=fired)


def tried(wire: Wire, step: str, delivery_id: str) -> dict[str, Any]:
    """As Airflow would: an error that is tried again is."""
    wire.failure(step, delivery_id)
    return wire.do(step, delivery_id)
