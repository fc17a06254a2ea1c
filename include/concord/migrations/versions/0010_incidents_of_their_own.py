"""Runs ``sql/migrations/0010_incidents_of_their_own.sql``."""

from concord.migrations.files import execute

revision = "0010_incidents_of_their_own"
down_revision = "0009_circuit"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
