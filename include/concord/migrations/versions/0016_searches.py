"""Runs ``sql/migrations/0016_searches.sql``."""

from concord.migrations.files import execute

revision = "0016_searches"
down_revision = "0015_reveal_records"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
