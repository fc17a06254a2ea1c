"""Runs ``sql/migrations/0014_clinical_marts.sql``."""

from concord.migrations.files import execute

revision = "0014_clinical_marts"
down_revision = "0013_persons"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
