"""Runs ``sql/migrations/0007_retention.sql``."""

from concord.migrations.files import execute

revision = "0007_retention"
down_revision = "0006_audit"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
