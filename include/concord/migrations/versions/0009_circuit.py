"""Runs ``sql/migrations/0009_circuit.sql``."""

from concord.migrations.files import execute

revision = "0009_circuit"
down_revision = "0008_expectations"


def upgrade() -> None:
    """Forward only: a mistake is mended by a new migration."""
    execute(revision)
