"""Which operating-system account the embedded Postgres runs as: it refuses root.

Nothing is created and no permission outside our own folders is widened. Where root's
folders are closed to others (``/root`` usually is), programs are copied and data is
put elsewhere instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concord.errors import DatabaseUnavailable

LENT = ("postgres", "nobody")
"""Existing unprivileged accounts that root may lend the server, in order."""


@dataclass(frozen=True)
class Account:
    """An operating-system account a child runs as."""

    uid: int
    gid: int


def for_server() -> Account | None:
    """The account to lend the server when we are root; None (our own) when we are not."""
    if os.geteuid() != 0:
        return None
    for name in LENT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(f"Postgres refuses to run as root, and there is no account {' or '.join(LENT)}")


def may_reach(account: Account | None, path: Path) -> bool:
    """Whether ``account`` may walk to ``path`` through the parents that exist."""
    parents = [parent.stat() for parent in path.parents if parent.exists()]
    return account is None or all(p.st_mode & stat.S_IXOTH or p.st_uid == account.uid for p in parents)


def may_run(account: Account | None, program: Path) -> bool:
    """Whether ``account`` may reach and execute ``program``."""
    open_to_all = stat.S_IROTH | stat.S_IXOTH
    return account is None or (may_reach(account, program) and program.stat().st_mode & open_to_all == open_to_all)


def give(path: Path, account: Account | None) -> None:
    """Makes ``account`` the owner of ``path``."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def as_popen(account: Account | None) -> dict[str, Any]:
    """``subprocess`` arguments that run a program as ``account``."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def readable_copy(install: Path, target: Path) -> Path:
    """Copies a Postgres installation (35 MB) to ``target``, readable for everyone; once."""
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(install, target, ignore=shutil.ignore_patterns("include", "*.a", "doc"))
        for path in (target, *target.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.parent.name == "bin" else 0o444))
        (target / "complete").touch()
    return target
