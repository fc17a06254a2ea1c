"""Runs ``sql/migrations/0018_outgoing.sql``."""

from concord.migrations.files import execute

revision = "0018_outgoing"
down_revision = "0017_arrivals"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
