"""Runs ``sql/migrations/0015_reveal_records.sql``."""

from concord.migrations.files import execute

revision = "0015_reveal_records"
down_revision = "0014_clinical_marts"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
