"""Runs ``sql/migrations/0019_interchanges.sql``."""

from concord.migrations.files import execute

revision = "0019_interchanges"
down_revision = "0018_outgoing"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
