"""Runs ``sql/migrations/0003_mart.sql``."""

from concord.migrations.files import execute

revision = "0003_mart"
down_revision = "0002_core"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
