"""Runs ``sql/migrations/0006_audit.sql``."""

from concord.migrations.files import execute

revision = "0006_audit"
down_revision = "0005_replay"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
