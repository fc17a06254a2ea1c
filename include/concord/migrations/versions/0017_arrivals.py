"""Runs ``sql/migrations/0017_arrivals.sql``."""

from concord.migrations.files import execute

revision = "0017_arrivals"
down_revision = "0016_searches"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
