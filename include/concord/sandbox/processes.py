"""Starting and stopping the sandbox's own processes, so that none is left behind.

Every child gets a session of its own, umask 077 and no core dumps, and is told
by the kernel to stop when its starter dies (Linux). Children are stopped by pid,
never by name: on one host every Airflow looks like every other.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from concord.sandbox.accounts import Account

BECOME = Path(__file__).with_name("become.py")


@dataclass
class Child:
    """A running child. ``name`` is for people; ``log`` receives both output streams."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Process id, and the id of its process group."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs; reaps it when it does not."""
        return self.process.poll() is None

    def family(self) -> list[psutil.Process]:
        """Everything that runs in its session: a killed parent's children stay in it."""
        return [process for process in psutil.process_iter() if _session(process.pid) == self.pid]

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log, for an error message."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    at_parents_death: signal.Signals = signal.SIGTERM,
) -> Child:
    """Starts ``command`` with its output appended to ``log`` (0600).

    Call it from a thread that lives on: the kernel counts the end of the *thread*
    that started the child as its parent's death.
    """
    options = [
        str(at_parents_death.value),
        str(os.getpid()),
        *((f"{account.uid}", f"{account.gid}") if account else ("-", "-")),
    ]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(BECOME), *options, *command],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=cwd or "/",
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    return Child(name, process, log)


def ask(children: Iterable[Child], by: signal.Signals = signal.SIGTERM) -> None:
    """Asks ``children`` to stop, and does not wait."""
    for child in children:
        if child.alive():
            child.process.send_signal(by)


def wait(children: Sequence[Child], *, within: float) -> bool:
    """Waits up to ``within`` seconds for all ``children`` to end; returns whether they did."""
    until = time.monotonic() + within
    while (alive := any(child.alive() for child in children)) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive


def stop(children: Iterable[Child], *, patience: float = 25, by: signal.Signals = signal.SIGTERM) -> list[str]:
    """Asks all children at once, waits up to ``patience`` seconds, then kills what is left of their sessions.

    Returns the names of those that had to be killed.
    """
    children = list(children)
    ask(children, by)
    wait(children, within=patience)
    killed = [child.name for child in children if child.alive()]
    _kill([process for child in children for process in child.family()])
    for child in children:
        child.process.wait()
    return killed


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def _session(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None


def stop_recorded(pid: int, since: float, *, patience: float = 25) -> bool:
    """Stops a session leader of an earlier start, told from a reused pid by its creation time.

    Returns whether there was one.
    """
    if (found := created(pid)) is None or abs(found - since) > 1:
        return False
    leader = psutil.Process(pid)
    with suppress(psutil.Error):
        leader.terminate()
    psutil.wait_procs([leader], timeout=patience)
    _kill([process for process in psutil.process_iter() if _session(process.pid) == pid])
    return True


def created(pid: int) -> float | None:
    """When process ``pid`` was created, in seconds since the epoch; None when there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def free_ports(count: int) -> list[int]:
    """``count`` different free ports of 127.0.0.1."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
