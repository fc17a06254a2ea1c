"""Runs ``sql/migrations/0012_clinical.sql``."""

from concord.migrations.files import execute

revision = "0012_clinical"
down_revision = "0011_exports"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
