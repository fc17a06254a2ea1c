"""The child's side of :mod:`concord.sandbox.processes`; standard library only, run as a script.

Arguments: signal at the parent's death, parent's pid, uid or ``-``, gid or ``-``, command...
The interpreter may lie where the account it changes to cannot read: everything is
imported before.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
"""prctl(2), linux/prctl.h."""


def harden() -> None:
    """New files are private, and a crash writes no memory (with PHI in it) to disk; children inherit both."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def become(arguments: list[str]) -> None:
    """Drops privileges, ties the life to the parent's, becomes the command; does not return."""
    death, parent, uid, gid, *command = arguments
    harden()
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)  # after setuid, which clears it
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvpe(command[0], command, os.environ)  # noqa: S606 - the command is ours


if __name__ == "__main__":
    become(sys.argv[1:])
