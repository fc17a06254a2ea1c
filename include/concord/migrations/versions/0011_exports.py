"""Runs ``sql/migrations/0011_exports.sql``."""

from concord.migrations.files import execute

revision = "0011_exports"
down_revision = "0010_incidents_of_their_own"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
