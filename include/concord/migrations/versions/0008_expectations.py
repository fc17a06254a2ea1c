"""Runs ``sql/migrations/0008_expectations.sql``."""

from concord.migrations.files import execute

revision = "0008_expectations"
down_revision = "0007_retention"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
