"""The ``concord`` command: what a data engineer, an analyst and on-call type.

Errors are one clear line and exit code 2; ``check`` exits 1 on findings.
"""

from concord.cli.main import app

__all__ = ["app"]
