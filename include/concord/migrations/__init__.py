"""Schema migrations: Alembic runs our SQL files, as the owner role."""

from __future__ import annotations

from pathlib import Path


def migrate(owner_url: str, revision: str = "head") -> None:
    """Brings the database at ``owner_url`` (libpq URL) to ``revision``; running it again changes nothing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = owner_url.replace("postgresql://", "postgresql+psycopg://", 1)
    command.upgrade(config, revision)


def current_revision(url: str) -> str | None:
    """The revision the database is at, or None before the first migration."""
    from concord.postgres import connect

    with connect(url) as connection:
        row = connection.execute("SELECT to_regclass('public.alembic_version') AS present").fetchone()
        if row is None or row["present"] is None:
            return None
        found = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
        return found["version_num"] if found else None
