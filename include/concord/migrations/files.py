"""Runs the SQL file of a migration through Alembic's connection."""

from __future__ import annotations

from alembic import op

from concord.postgres import statement


def execute(revision: str) -> None:
    """Runs ``sql/migrations/<revision>.sql`` as it stands (no parameters, ``%`` and ``:`` are literal)."""
    op.get_bind().connection.cursor().execute(statement(f"migrations/{revision}"))
