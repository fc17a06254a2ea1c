"""Runs ``sql/migrations/0002_core.sql``."""

from concord.migrations.files import execute

revision = "0002_core"
down_revision = "0001_ops"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
