"""Runs ``sql/migrations/0005_replay.sql``."""

from concord.migrations.files import execute

revision = "0005_replay"
down_revision = "0004_grants"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
