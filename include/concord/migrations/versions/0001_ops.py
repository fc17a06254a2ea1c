"""Runs ``sql/migrations/0001_ops.sql``."""

from concord.migrations.files import execute

revision = "0001_ops"
down_revision = None


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
