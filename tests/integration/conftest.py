"""A first day that many tests begin after: approved once per worker, then cloned."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from concord.settings import Settings
    from tests.rosters import Driver


@dataclass(frozen=True)
class FirstDay:
    """An installation in which :data:`tests.rosters.BASE` was applied; nobody connects to its database."""

    name: str
    settings: Settings = field(repr=False)


@contextmanager
def clone(template: Any, source: str) -> Iterator[str]:
    """A database like ``source``; dropped afterwards."""
    import psycopg
    from psycopg import sql

    from concord.sandbox.roles import grant_connect

    name = f"test_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER concord_owner STRATEGY FILE_COPY")
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(source)))
        grant_connect(admin, name)
        try:
            yield name
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def at(url: str, name: str) -> str:
    """The same login at another database."""
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def first_day(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstDay]:
    """:data:`tests.rosters.BASE` delivered on Wednesday, approved and published."""
    from concord.settings import Settings
    from concord.steps import open_site
    from tests.rosters import BASE, Driver, lax

    with clone(template, template.name) as name:
        settings = Settings(
            loader_url=at(template.loader_url, name),
            landing_url=tmp_path_factory.mktemp("landing").as_uri(),
            seal_keys={"test": secrets.token_bytes(32)},
            token_keys={"test": secrets.token_bytes(32)},
        )
        Driver(lax(), open_site(settings)).begin(BASE)
        yield FirstDay(name, settings)


@pytest.fixture
def acme(template: Any, first_day: FirstDay) -> Iterator[Driver]:
    """Acme after its first day, guards lax; a copy of its own."""
    from concord.steps import open_site
    from tests.rosters import Driver, lax

    with clone(template, first_day.name) as name:
        settings = replace(first_day.settings, loader_url=at(template.loader_url, name))
        settings = replace(settings, auditor_url=at(template.auditor_url, name))
        yield Driver(lax(), open_site(settings))
