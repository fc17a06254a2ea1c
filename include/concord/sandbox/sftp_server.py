"""A partner's SFTP server on this machine, with faults that can be switched on.

``SftpPartner(root)`` serves one folder, from a thread with a loop of its own;
``python -m concord.sandbox.sftp_server`` does the same until it is told to stop.
It stands in for a partner and protects nothing: a link that already lies in the
folder is followed out of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import asyncssh

START_TIMEOUT_S = 20.0


@dataclass
class Faults:
    """What goes wrong; every field may be changed while the server runs.

    ``cut_after_bytes`` drops the connection when that much file content was sent (over
    all files since the server started); ``before_read`` is called with the bytes sent
    so far, before each read is answered; ``extra_names`` are listed as files of one
    byte each; ``cut_at_login`` hangs up instead of answering a login.
    """

    cut_after_bytes: int | None = None
    before_read: Callable[[int], None] | None = None
    seconds_per_read: float = 0.0
    shortest_answer: int | None = None
    """At most this many bytes for each read, as some servers do."""
    deny_rename: bool = False
    cut_at_login: bool = False
    extra_names: tuple[bytes, ...] = ()


@dataclass
class User:
    """How one user proves who it is, by password or public keys in their wire form, and the folder it sees as ``/``."""

    password: str | None = field(default=None, repr=False)
    keys: set[bytes] = field(default_factory=set)
    root: Path | None = None


class SftpPartner:
    """Serves ``root`` over SFTP on 127.0.0.1; a context manager.

    ``port`` 0 takes a free one. ``host_key_line`` is what a client pins. Raises OSError
    when the port is taken. ``algorithms`` go to :func:`asyncssh.listen`, to play a
    server with weak ones.
    """

    def __init__(
        self, root: Path, *, port: int = 0, host_key: asyncssh.SSHKey | None = None, **algorithms: list[str]
    ) -> None:
        self.root = root
        self.port = port
        self.faults = Faults()
        self.logins_tried = 0
        self.bytes_sent = 0
        self.users: dict[str, User] = {}
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self._algorithms = algorithms
        self._failure: BaseException | None = None
        self._up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="sftp-partner", daemon=True)

    @property
    def host_key_line(self) -> str:
        """The public host key as ``ssh-ed25519 AAAA…``."""
        return " ".join(self._host_key.export_public_key().decode("ascii").split()[:2])

    def add_user(
        self, name: str, *, password: str | None = None, public_key: str | None = None, root: Path | None = None
    ) -> None:
        """Lets ``name`` in by ``password`` or by ``public_key`` (``ssh-… AAAA…``); may be called again.

        ``root`` is a folder of its own; without one the user sees the server's.
        """
        user = self.users.setdefault(name, User())
        user.root = root or user.root
        user.password = password or user.password
        if public_key is not None:
            user.keys.add(asyncssh.import_public_key(public_key).public_data)

    def __enter__(self) -> SftpPartner:
        self._thread.start()
        if not self._up.wait(START_TIMEOUT_S) or self._failure is not None:
            raise self._failure or TimeoutError("the SFTP server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except (OSError, asyncssh.Error) as error:
            self._failure = error
        finally:
            self._up.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self._host_key],
            server_factory=lambda: _Door(self),
            sftp_factory=lambda channel: _Files(channel, self),
            allow_scp=False,
            **self._algorithms,
        )
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._stop.wait()
        server.close()
        for connection in list(self.connections):
            connection.abort()
        await server.wait_closed()


class _Door(asyncssh.SSHServer):
    """Who may come in."""

    def __init__(self, partner: SftpPartner) -> None:
        self.partner = partner
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        self.partner.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncssh calls it so)
        if self.connection is not None:
            self.partner.connections.discard(self.connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 (asyncssh calls it so)
        return True

    def password_auth_supported(self) -> bool:
        return any(user.password for user in self.partner.users.values())

    def validate_password(self, username: str, password: str) -> bool:
        expected = self._try(username).password
        return expected is not None and hmac.compare_digest(expected.encode(), password.encode())

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data in self._try(username).keys

    def _try(self, username: str) -> User:
        self.partner.logins_tried += 1
        if self.partner.faults.cut_at_login and self.connection is not None:
            self.connection.abort()
        return self.partner.users.get(username, User())


class _Files(asyncssh.SFTPServer):
    """The folder, behind the faults."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], partner: SftpPartner) -> None:
        user = partner.users.get(str(channel.get_extra_info("username")), User())
        super().__init__(channel, chroot=os.fsencode(user.root or partner.root))
        self.partner = partner

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        faults = self.partner.faults
        if faults.seconds_per_read:
            await asyncio.sleep(faults.seconds_per_read)
        if faults.before_read is not None:
            faults.before_read(self.partner.bytes_sent)
        if faults.cut_after_bytes is not None and self.partner.bytes_sent >= faults.cut_after_bytes:
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("cut")
        data = super().read(file_obj, offset, min(size, faults.shortest_answer or size))
        self.partner.bytes_sent += len(data)  # type: ignore[arg-type]
        return data  # type: ignore[return-value]

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(path):
            yield entry
        for name in self.partner.faults.extra_names:
            yield asyncssh.SFTPName(name, b"", asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=0, mtime=0))

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._may_rename()
        super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._may_rename()
        super().posix_rename(oldpath, newpath)

    def _may_rename(self) -> None:
        if self.partner.faults.deny_rename:
            raise asyncssh.SFTPPermissionDenied("renaming is not allowed")


def host_key_from(path: Path) -> asyncssh.SSHKey:
    """The private host key in ``path``; made and written there (mode 0600) when there is none."""
    if not path.exists():
        text = asyncssh.generate_private_key("ssh-ed25519").export_private_key()
        path.touch(mode=0o600)
        path.write_bytes(text)
    return asyncssh.read_private_key(path)


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; prints the port and the host key, one line each."""
    given = _parser().parse_args(arguments)
    partner = SftpPartner(given.root, port=given.port, host_key=host_key_from(given.host_key_file))
    key = given.authorized_key.read_text() if given.authorized_key else None
    partner.add_user(given.user, password=given.password or os.environ.get("CONCORD_SANDBOX_PASSWORD"), public_key=key)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with partner:
        sys.stdout.write(f"port {partner.port}\nhost_key {partner.host_key_line}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="concord.sandbox.sftp_server", description="A partner's SFTP server.")
    parser.add_argument("--root", type=Path, required=True, help="the folder that is served as /")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host-key-file", type=Path, required=True, help="made when it is not there")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", help="better: the variable CONCORD_SANDBOX_PASSWORD, which ps does not show")
    parser.add_argument("--authorized-key", type=Path, help="file with the public key that may come in")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
