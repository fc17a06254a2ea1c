"""Where the command finds its installation: the environment, or ``.concord/environment``.

The demo in the background (``make up``) writes that file; it is looked up from the
current directory upward when ``CONCORD_LOADER_URL`` is unset.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from concord.errors import ConcordError
from concord.settings import SettingMissing, Settings

if TYPE_CHECKING:
    from concord.postgres import Connection
    from concord.steps import Site

ENVIRONMENT_FILE = Path(".concord") / "environment"


class NoInstallation(ConcordError):
    """Neither the environment nor a file says which installation is meant."""


def settings() -> Settings:
    """The installation's settings; raises :class:`NoInstallation` or :class:`SettingMissing`."""
    if os.environ.get("CONCORD_LOADER_URL") or os.environ.get("CONCORD_LOADER_URL_FILE"):
        return Settings.from_environment()
    file = environment_file(Path.cwd())
    if file is None:
        raise NoInstallation(f"set CONCORD_LOADER_URL, or run from a folder with {ENVIRONMENT_FILE} (make up)")
    return Settings.from_environment({**read_environment(file), **concord_variables()})


def concord_variables() -> dict[str, str]:
    """The ``CONCORD_*`` variables that are set: they win over the file."""
    return {name: value for name, value in os.environ.items() if name.startswith("CONCORD_") and value}


def environment_file(start: Path) -> Path | None:
    """The nearest ``.concord/environment`` from ``start`` upward."""
    folders = (start, *start.parents)
    return next((found for folder in folders if (found := folder / ENVIRONMENT_FILE).is_file()), None)


def read_environment(file: Path) -> dict[str, str]:
    """The ``KEY=VALUE`` lines of ``file``; blank lines and ``#`` comments are skipped.

    Raises :class:`NoInstallation` where others may read it: it holds passwords and keys.
    """
    if file.stat().st_mode & 0o077:
        raise NoInstallation(f"{file} may be read by others: chmod 600 it")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def site() -> Site:
    """The opened installation, for commands that decide or check."""
    from concord.steps import open_site

    return open_site(settings())


@contextmanager
def ledger(found: Settings) -> Iterator[Connection]:
    """A connection for reading the ledger."""
    from concord.postgres import connect

    with connect(found.loader_url, application="concord shell") as connection:
        connection.read_only = True
        yield connection


def required(value: str | None, variable: str) -> str:
    """``value``; raises :class:`SettingMissing` naming ``variable`` where it is not set."""
    if not value:
        raise SettingMissing(f"{variable} is not set")
    return value


def role_urls(found: Settings, airflow_url: str | None) -> dict[str, str]:
    """libpq URL by role, for the roles that have one."""
    urls = {
        "concord_owner": found.owner_url,
        "concord_loader": found.loader_url,
        "concord_analyst": found.analyst_url,
        "concord_auditor": found.auditor_url,
        "concord_revealer": found.revealer_url,
        "airflow": airflow_url,
    }
    return {role: url for role, url in urls.items() if url}


def passwords(urls: Mapping[str, str]) -> dict[str, str]:
    """Password by role, out of the URLs; raises :class:`SettingMissing` where a URL has none, or another user."""
    from psycopg.conninfo import conninfo_to_dict

    parts = {role: conninfo_to_dict(url) for role, url in urls.items()}
    for role, part in parts.items():
        if part.get("user") != role or not part.get("password"):
            raise SettingMissing(f"the URL of role {role} must name that user and a password")
    return {role: str(part["password"]) for role, part in parts.items()}
