"""Runs ``sql/migrations/0004_grants.sql``."""

from concord.migrations.files import execute

revision = "0004_grants"
down_revision = "0003_mart"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
