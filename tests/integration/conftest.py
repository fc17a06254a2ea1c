"""One database per worker for the tests of the steps: emptied, or put back to its first day, before each.

Cloning a database per test creates five hundred files each time; putting rows back
takes some hundredths of a second.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from concord.settings import Settings
    from tests.rosters import Driver

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, n.nspname || '_' || c.relname AS kept
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('ops', 'core') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname NOT IN ('state', 'legal_edge')
"""
STAGED = "SELECT relname FROM pg_class WHERE relnamespace = 'stage'::regnamespace AND relkind = 'r'"
STORED = """
SELECT string_agg(format('%%I', attname), ', ' ORDER BY attnum) AS names FROM pg_attribute
WHERE attrelid = ('stage.' || %s)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


@dataclass
class Playground:
    """The worker's database, as its superuser; triggers and foreign keys do not fire for this connection."""

    connection: Any
    settings: Settings = field(repr=False)
    tables: list[tuple[str, str]] = field(default_factory=list)
    staged: str = ""

    def empty(self) -> None:
        """As after migrating: no delivery, no member."""
        self.tables = self.tables or [(r["name"], r["kept"]) for r in self.connection.execute(TABLES).fetchall()]
        for row in self.connection.execute(STAGED).fetchall():
            if row["relname"] != self.staged:
                self.connection.execute(f"DROP TABLE stage.{row['relname']}")
        self.connection.execute("; ".join(f"DELETE FROM {name}" for name, _ in self.tables))

    def keep(self) -> None:
        """Remembers everything as it is now."""
        for name, kept in self.tables:
            self.connection.execute(f"CREATE TABLE kept.{kept} AS SELECT * FROM {name}")
        self.staged = self.connection.execute(STAGED).fetchone()["relname"]
        self.names = self.connection.execute(STORED, (self.staged,)).fetchone()["names"]
        self.connection.execute(f"CREATE TABLE kept.staged (LIKE stage.{self.staged} INCLUDING ALL)")
        self.connection.execute(f"INSERT INTO kept.staged ({self.names}) SELECT {self.names} FROM stage.{self.staged}")

    def put_back(self) -> None:
        """As it was when it was kept."""
        self.empty()
        self.connection.execute(
            "; ".join(
                f"INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{kept}" for name, kept in self.tables
            )
        )
        self.connection.execute(
            f"CREATE UNLOGGED TABLE IF NOT EXISTS stage.{self.staged} (LIKE kept.staged INCLUDING ALL);"
            f"ALTER TABLE stage.{self.staged} OWNER TO concord_loader; DELETE FROM stage.{self.staged};"
            f"INSERT INTO stage.{self.staged} ({self.names}) SELECT {self.names} FROM kept.staged"
        )


@pytest.fixture(scope="session")
def blank(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """The worker's database, nothing in it yet."""
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row

    from concord.sandbox.roles import grant_connect
    from concord.settings import Settings

    name = f"steps_{secrets.token_hex(4)}"
    settings = Settings(
        loader_url=at(template.loader_url, name),
        auditor_url=at(template.auditor_url, name),
        landing_url=tmp_path_factory.mktemp("landing").as_uri(),
        seal_keys={"test": secrets.token_bytes(32)},
        token_keys={"test": secrets.token_bytes(32)},
    )
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER concord_owner STRATEGY FILE_COPY")
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template.name)))
        grant_connect(admin, name)
        with psycopg.connect(at(template.admin_url, name), autocommit=True, row_factory=dict_row) as connection:
            connection.execute("SET session_replication_role = replica; CREATE SCHEMA kept")
            yield Playground(connection, settings)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def at(url: str, name: str) -> str:
    """The same login at another database."""
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def first_day(blank: Playground) -> Playground:
    """:data:`tests.rosters.BASE` delivered on Wednesday, approved and published."""
    from concord.steps import open_site
    from tests.rosters import BASE, Driver, lax

    blank.empty()
    Driver(lax(), open_site(blank.settings)).begin(BASE)
    blank.keep()
    return blank


@pytest.fixture
def new_acme(blank: Playground) -> Iterator[Driver]:
    """Acme before its first day, guards lax."""
    blank.empty()
    yield from driver(blank)


@pytest.fixture
def acme(first_day: Playground) -> Iterator[Driver]:
    """Acme after its first day, guards lax."""
    first_day.put_back()
    yield from driver(first_day)


def driver(playground: Playground) -> Iterator[Driver]:
    """Acme's driver; its connection is closed afterwards, so that no test inherits an open transaction."""
    from concord.steps import open_site
    from tests.rosters import Driver, lax, quick

    site = quick(open_site(playground.settings))
    yield Driver(lax(), site)
    site.close()
