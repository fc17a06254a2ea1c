"""Runs ``sql/migrations/0013_persons.sql``."""

from concord.migrations.files import execute

revision = "0013_persons"
down_revision = "0012_clinical"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
