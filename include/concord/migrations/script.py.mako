"""${message}"""

from concord.migrations.files import execute

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    execute(revision)
