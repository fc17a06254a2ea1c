"""Named places where a test lets the program die, fail, sleep, stop or run out of disk.

Nothing happens unless ``CONCORD_FAILPOINTS`` is set, to faults by name::

    CONCORD_FAILPOINTS="apply.committed=kill;landing.chunk_written=enospc@2;stage.begun=sleep:30"
    CONCORD_FAILPOINTS_LOG=/tmp/fired

``@n`` means the n-th time this process comes by; without it the first. Every firing is
appended to the log before the action, so that a fault that never fired can fail its test.
A name is a literal where it is called: ``tests/faults`` collects them from the source.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from concord import errors

FAULTS = "CONCORD_FAILPOINTS"
LOG = "CONCORD_FAILPOINTS_LOG"
FAULT = re.compile(r"(?P<name>[a-z0-9_.]+)=(?P<action>[a-z]+)(:(?P<value>[\w.]+))?(@(?P<hit>[1-9]\d*))?")

_seen: Counter[str] = Counter()
_counting = threading.Lock()
"""Threads come by as well; each gets a number of its own."""


class BadFailpoint(errors.ConcordError):
    """``CONCORD_FAILPOINTS`` cannot be understood."""


@dataclass(frozen=True)
class Fault:
    """One fault: what happens at the ``hit``-th time."""

    action: str
    value: str
    hit: int


def failpoint(name: str) -> None:
    """Does what ``CONCORD_FAILPOINTS`` says of ``name``; nothing where it says nothing."""
    text = os.environ.get(FAULTS)
    if not text:
        return
    with _counting:
        _seen[name] += 1
        hit = _seen[name]
    for fault in faults(text).get(name, ()):
        if fault.hit == hit:
            _note(f"{name} {fault.action} {os.getpid()}\n")
            ACTIONS[fault.action](name, fault.value)


@cache
def faults(text: str) -> dict[str, list[Fault]]:
    """The faults of a specification by name; raises :class:`BadFailpoint`, naming the part that is wrong."""
    found: dict[str, list[Fault]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        parsed = FAULT.fullmatch(part)
        if parsed is None or not _is_possible(parsed["action"], parsed["value"] or ""):
            raise BadFailpoint(f"{FAULTS}: {part!r} is not name={'|'.join(ACTIONS)}[:value][@hit]")
        fault = Fault(parsed["action"], parsed["value"] or "", int(parsed["hit"] or 1))
        found.setdefault(parsed["name"], []).append(fault)
    return found


def _is_possible(action: str, value: str) -> bool:
    if action == "sleep":
        return re.fullmatch(r"\d+(\.\d+)?", value) is not None
    if action == "raise":
        return _error(value) is not None
    return action in ACTIONS and not value


def _error(value: str) -> type[Exception] | None:
    """The class to raise: one of ours that needs no more than a message, or OSError, which stands for all others."""
    found = {"": OSError, "OSError": OSError}.get(value) or getattr(errors, value, None)
    if not (isinstance(found, type) and issubclass(found, OSError | errors.ConcordError)):
        return None
    try:
        found("")
    except TypeError:
        return None
    return found


def _note(line: str) -> None:
    """One short write, durable: the next thing may be a SIGKILL."""
    path = os.environ.get(LOG)
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(handle, line.encode())
        os.fsync(handle)
        os.close(handle)


def _kill(_name: str, _value: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_name: str, _value: str) -> None:
    """Until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def _exit(_name: str, _value: str) -> None:
    """As after SIGTERM: what has a ``finally`` still runs."""
    raise SystemExit(143)


def _raise(name: str, value: str) -> None:
    error = _error(value)
    if error is not None:
        raise error(f"failpoint {name}")


def _sleep(_name: str, value: str) -> None:
    time.sleep(float(value))


def _disk_full(_name: str, _value: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


ACTIONS: dict[str, Callable[[str, str], None]] = {
    "kill": _kill,
    "stop": _stop,
    "exit": _exit,
    "raise": _raise,
    "sleep": _sleep,
    "enospc": _disk_full,
}
