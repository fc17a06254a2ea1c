"""How an SFTP server is reached, proves who it is, and is spoken to.

Uses paramiko's transport rather than its SSHClient: nothing is taken from the
machine (no known_hosts, agent or key files), and one login is tried, since partners
lock accounts. Three things paramiko does are done here instead, each for a reason
given there: reading ahead, listing, and logging.
"""

# paramiko offers no public way to list raw names or to ask for bytes without its racing thread.
# ruff: noqa: SLF001
from __future__ import annotations

import base64
import binascii
import errno
import io
import logging
import socket
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any, TypeVar

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from concord.acquire import SftpAccess
from concord.errors import ConcordError, HostNotTrusted, LoginRefused, SourceRefused, SourceUnavailable

Answer = TypeVar("Answer")
REMOTE_ERRORS = (paramiko.SSHException, paramiko.SFTPError, OSError, EOFError, UnicodeDecodeError)
KEY_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
SMALLEST_RSA_BITS = 3072
CMD_OPENDIR, CMD_READDIR, CMD_CLOSE = 11, 12, 4
CMD_READ_BYTES = 32_768
"""The most that every server must return for one read (draft-ietf-secsh-filexfer-02, 3)."""

# paramiko writes the paths it asks for to its log: file names of partners may carry names of persons.
WIRE_LOG = "concord.acquire.wire"
logging.getLogger(WIRE_LOG).setLevel(logging.CRITICAL + 1)


def answered(what: str, ask: Callable[[], Answer], *, missing: type[ConcordError] = SourceUnavailable) -> Answer:
    """The result of a remote call; its failures become ours, without the partner's words.

    ``missing`` is raised for what is not there. Only remote calls belong inside: a full
    local disk is not the partner's fault.
    """
    try:
        return ask()
    except REMOTE_ERRORS as error:
        failure = _failure(what, error, missing)
    raise failure


def _failure(what: str, error: BaseException, missing: type[ConcordError]) -> ConcordError:
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return HostNotTrusted(f"{what}: offers no host key of the pinned type, or only weak algorithms")
    if isinstance(error, paramiko.AuthenticationException) and "timeout" not in str(error).lower():
        # A server may also hang up to refuse; as accounts get locked, that is not tried again either.
        return LoginRefused(f"{what}: the login was refused (tried once)")
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EACCES:
        return SourceRefused(f"{what}: the partner's server does not let us read it")
    if number == errno.ENOENT:
        return missing(f"{what}: is not there (deleted, renamed or never made by the partner)")
    if isinstance(error, TimeoutError):
        return SourceUnavailable(f"{what}: no answer in time")
    return SourceUnavailable(f"{what}: the connection broke or the answer made no sense ({type(error).__name__})")


# ── connecting ─────────────────────────────────────────────────────────────────


def connect(access: SftpAccess) -> tuple[paramiko.Transport, paramiko.SFTPClient]:
    """A logged-in transport (close it) and its SFTP session.

    Raises :class:`HostNotTrusted` for a host key that is not pinned or weak algorithms,
    :class:`LoginRefused`, SourceRefused where the connection itself lacks something, and
    :class:`SourceUnavailable` when nothing answers.
    """
    where = f"{access.host}:{access.port}"
    pinned = _pinned(access.host_key)
    link = answered(where, lambda: socket.create_connection((access.host, access.port), access.timeout_s))
    transport = _transport(link, access)
    try:
        _prove_host(transport, pinned, access, where)
        _log_in(transport, access, where)
        return transport, answered(where, lambda: _session(transport, access))
    except BaseException:
        transport.close()
        raise


def _transport(link: socket.socket, access: SftpAccess) -> paramiko.Transport:
    transport = paramiko.Transport(link)
    transport.set_log_channel(WIRE_LOG)
    transport.banner_timeout = transport.handshake_timeout = access.timeout_s
    transport.auth_timeout = transport.channel_timeout = access.timeout_s
    options = transport.get_security_options()
    options.ciphers, options.digests = CIPHERS, MACS
    return transport


def _session(transport: paramiko.Transport, access: SftpAccess) -> paramiko.SFTPClient:
    """paramiko waits for the subsystem and for its version without any limit: closing the transport ends both."""
    giving_up = Timer(access.timeout_s, transport.close)
    giving_up.start()
    try:
        client = paramiko.SFTPClient.from_transport(transport)
    finally:
        giving_up.cancel()
    if client is None:
        raise EOFError
    channel = client.get_channel()
    if channel is not None:
        channel.settimeout(access.timeout_s)
    return client


# ── who they are ───────────────────────────────────────────────────────────────


def _pinned(lines: str) -> dict[bytes, str]:
    """Public keys by their bytes, with their type; several while a partner changes its key."""
    pinned = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        kind, _, rest = line.partition(" ")
        try:
            pinned[base64.b64decode(rest.split()[0], validate=True)] = kind
        except (IndexError, binascii.Error):
            kind = "?"
        if kind not in KEY_ALGORITHMS:
            raise SourceRefused("the pinned host key cannot be read: it must be 'ssh-ed25519 AAAA…' or ecdsa, rsa")
    if not pinned:
        raise SourceRefused("no host key is pinned for this connection")
    return pinned


def _prove_host(transport: paramiko.Transport, pinned: dict[bytes, str], access: SftpAccess, where: str) -> None:
    """Key exchange; only keys of a pinned type are asked for, and only a pinned key is accepted."""
    algorithms = dict.fromkeys(name for kind in pinned.values() for name in KEY_ALGORITHMS[kind])
    transport.get_security_options().key_types = tuple(algorithms)
    answered(where, lambda: transport.start_client(timeout=access.timeout_s))
    key = answered(where, transport.get_remote_server_key)
    if key.asbytes() not in pinned:
        raise HostNotTrusted(f"{where}: shows another host key than the pinned one: ask the partner before changing it")
    if isinstance(key, paramiko.RSAKey) and key.get_bits() < SMALLEST_RSA_BITS:
        raise HostNotTrusted(f"{where}: its RSA host key has fewer than {SMALLEST_RSA_BITS} bits")


# ── who we are ─────────────────────────────────────────────────────────────────


def _log_in(transport: paramiko.Transport, access: SftpAccess, where: str) -> None:
    """One try: by key where there is one, else by password; both where the server asks for both."""
    user, password = access.username, access.password
    if access.private_key is None and password is None:
        raise SourceRefused(f"{where}: the connection has neither key nor password")
    missing: list[str] = []
    if access.private_key is not None:
        key = _private_key(access.private_key)
        missing = answered(where, lambda: transport.auth_publickey(user, key))
    if password is not None and (access.private_key is None or "password" in missing):
        missing = answered(where, lambda: transport.auth_password(user, password))
    if missing:
        raise LoginRefused(f"{where}: asks for another proof ({len(missing)} more) that the connection does not have")


def _private_key(text: str) -> paramiko.PKey:
    """A private key from OpenSSH or PEM text; raises :class:`SourceRefused` without quoting it."""
    try:
        key = _parsed(text.strip().encode() + b"\n")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    for kind, holder in _HOLDERS.items():
        if key is not None and isinstance(key, kind):
            return holder.from_private_key(io.StringIO(_openssh(key)))
    raise SourceRefused("the private key of the connection cannot be read: unencrypted Ed25519, ECDSA or RSA is needed")


_HOLDERS: dict[type[Any], type[paramiko.PKey]] = {
    ed25519.Ed25519PrivateKey: paramiko.Ed25519Key,
    ec.EllipticCurvePrivateKey: paramiko.ECDSAKey,
    rsa.RSAPrivateKey: paramiko.RSAKey,
}


def _parsed(text: bytes) -> Any:
    if b"BEGIN OPENSSH" in text:
        return serialization.load_ssh_private_key(text, password=None)
    return serialization.load_pem_private_key(text, password=None)


def _openssh(key: Any) -> str:
    """The form all paramiko key classes read (Ed25519Key reads no other)."""
    form = serialization.PrivateFormat.OpenSSH
    raw: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return raw.decode("ascii")


# ── listing and reading ────────────────────────────────────────────────────────


def entries(sftp: Any, directory: str, what: str) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
    """Entries of ``directory`` as raw name and attributes, packet by packet (100,000 are fine).

    ``SFTPClient.listdir_iter`` dies of the first name that is not UTF-8, and one such
    name must not stop a feed. Raises as :func:`answered`; a directory that is not there
    is :class:`SourceRefused`, since waiting does not make one.
    """
    handle = answered(what, lambda: _opened(sftp, directory), missing=SourceRefused)
    while (packet := answered(what, lambda: _next_names(sftp, handle), missing=SourceRefused)) is not None:
        yield from packet
    answered(what, lambda: sftp._request(CMD_CLOSE, handle))


def _opened(sftp: Any, directory: str) -> bytes:
    handle: bytes = sftp._request(CMD_OPENDIR, directory)[1].get_binary()
    return handle


def _next_names(sftp: Any, handle: bytes) -> list[tuple[bytes, paramiko.SFTPAttributes]] | None:
    try:
        message = sftp._request(CMD_READDIR, handle)[1]
    except EOFError:
        return None
    return [_entry(message) for _ in range(message.get_int())]


def _entry(message: Any) -> tuple[bytes, paramiko.SFTPAttributes]:
    name = message.get_binary()
    message.get_binary()  # the line that ``ls -l`` would print
    return name, paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]


def request_ahead(remote: Any, start: int, end: int) -> None:
    """Asks for the bytes from ``start`` to ``end`` of an open file, to be read in order.

    ``SFTPFile.prefetch`` asks from a second thread: when an answer is in before the next
    request is noted, it takes itself for finished and reads the rest one request at a
    time (seen in 11 of 400 reads on loopback; some 6 MB/s instead of 100). Asking from
    this thread leaves nothing to race; the caller keeps ``end - start`` small, since
    nobody reads meanwhile.
    """
    steps = [(at, min(CMD_READ_BYTES, end - at)) for at in range(start, end, CMD_READ_BYTES)]
    remote._prefetch_data.clear()  # left over where the server answered with less than was asked
    remote._prefetching, remote._prefetch_done = True, False
    remote._prefetch_thread(steps, None)
