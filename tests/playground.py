"""One database that tests take turns at: emptied, or put back to a kept state, before each.

Cloning a database per test creates five hundred files each time; putting rows back
takes some hundredths of a second.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from concord.settings import Settings

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, n.nspname || '_' || c.relname AS kept
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('ops', 'core') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname NOT IN ('state', 'legal_edge', 'reveal_field', 'analyst_scope')
"""
STAGED = "SELECT relname FROM pg_class WHERE relnamespace = 'stage'::regnamespace AND relkind = 'r'"
STORED = """
SELECT string_agg(format('%%I', attname), ', ' ORDER BY attnum) AS names FROM pg_attribute
WHERE attrelid = ('stage.' || %s)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


@dataclass
class Playground:
    """The database, as its superuser; triggers and foreign keys do not fire for this connection.

    ``kept`` has, for each kept state, its stage tables and their stored columns.
    """

    connection: Any
    settings: Settings = field(repr=False)
    tables: list[tuple[str, str]] = field(default_factory=list)
    kept: dict[str, dict[str, str]] = field(default_factory=dict)

    def empty(self, *, sparing: frozenset[str] = frozenset()) -> None:
        """As after migrating: no delivery, no member; stage tables in ``sparing`` may stay."""
        self.tables = self.tables or [(r["name"], r["kept"]) for r in self.connection.execute(TABLES).fetchall()]
        for table in self.staged() - sparing:
            self.connection.execute(f"DROP TABLE stage.{table}")
        self.connection.execute("; ".join(f"DELETE FROM {name}" for name, _ in self.tables))
        # Anchors of a trail that is no more: they would rightly be missed.
        shutil.rmtree(Path(self.settings.landing_url.removeprefix("file://"), "audit"), ignore_errors=True)

    def staged(self) -> set[str]:
        """Names of the stage tables."""
        return {row["relname"] for row in self.connection.execute(STAGED).fetchall()}

    def keep(self, state: str) -> None:
        """Remembers everything as it is now."""
        for name, kept in self.tables:
            self.connection.execute(f"CREATE TABLE kept.{state}_{kept} AS SELECT * FROM {name}")
        columns = {table: self.connection.execute(STORED, (table,)).fetchone()["names"] for table in self.staged()}
        for table, names in columns.items():
            self.connection.execute(
                f"CREATE TABLE kept.{state}_{table} (LIKE stage.{table} INCLUDING ALL);"
                f"INSERT INTO kept.{state}_{table} ({names}) SELECT {names} FROM stage.{table}"
            )
        self.kept[state] = columns

    def put_back(self, state: str) -> None:
        """As it was when ``state`` was kept."""
        self.empty(sparing=frozenset(self.kept[state]))
        self.connection.execute(
            "; ".join(
                f"INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM kept.{state}_{kept}"
                for name, kept in self.tables
            )
        )
        for table, names in self.kept[state].items():
            self.connection.execute(
                f"CREATE UNLOGGED TABLE IF NOT EXISTS stage.{table} (LIKE kept.{state}_{table} INCLUDING ALL);"
                f"ALTER TABLE stage.{table} OWNER TO concord_loader; DELETE FROM stage.{table};"
                f"INSERT INTO stage.{table} ({names}) SELECT {names} FROM kept.{state}_{table}"
            )


@contextmanager
def playground(template: Any, landing: Path) -> Iterator[Playground]:
    """A database of its own with nothing in it yet, its archive in ``landing``; dropped afterwards."""
    from concord.sandbox.roles import grant_connect
    from concord.settings import Settings

    name = f"steps_{secrets.token_hex(4)}"
    settings = Settings(
        loader_url=at(template.loader_url, name),
        analyst_url=at(template.analyst_url, name),
        auditor_url=at(template.auditor_url, name),
        revealer_url=at(template.revealer_url, name),
        landing_url=landing.as_uri(),
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
