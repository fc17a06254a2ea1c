"""What every process of ours keeps to before it touches anything (reliability §5, least privilege)."""

from __future__ import annotations

import os
import resource

OURS_ALONE = 0o077


def harden() -> None:
    """Files it makes are its user's alone, and a crash leaves no memory on disk. Called where a process begins."""
    os.umask(OURS_ALONE)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
