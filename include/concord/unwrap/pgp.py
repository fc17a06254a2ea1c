"""OpenPGP messages: which of our keys opens one, and whose signature is on it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGABRT, SIGSEGV, SIGXCPU
from threading import Thread
from typing import IO, BinaryIO, cast

from concord import openpgp
from concord.contract.envelope import Pgp
from concord.errors import DeliveryRejected
from concord.settings import SettingMissing
from concord.unwrap.limits import most
from concord.unwrap.packets import HEAD_BYTES, refuse_unencrypted
from concord.unwrap.values import PgpAccess, Sealing

SCRIPT = Path(__file__).with_name("decrypting.py")
COPY_BYTES = 1 << 18
MEMORY = 1 << 30
"""Address space of the process that decrypts: a message needs some 100 MB at any size."""
LEAST_SECONDS, BYTES_A_SECOND = 60, 2_000_000
"""Its processor time, by what may come out: a tenth of the speed that it has."""
TOO_MUCH = (-SIGXCPU, -SIGABRT, -SIGSEGV)
"""How it ends when it needs more."""
ASK_PLAIN = "ask for it signed, encrypted, and not compressed (gpg: --compress-algo none)"
PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "TZ")
"""All that it gets of our environment, which has keys in it."""


@dataclass(frozen=True)
class Opened:
    """Fingerprints (lower-case hex): of our key that opened a message, and of the certificates that signed it."""

    opened_by: str
    signed_by: tuple[str, ...]


@dataclass(frozen=True)
class _Verdict:
    verdict: str
    said: Sequence[str] = field(default=(), repr=False)
    valid: Sequence[str] = ()


def open_pgp(source: BinaryIO, size: int, layer: Pgp, keys: PgpAccess | None, target: Sealing) -> Opened:
    """Writes the content of the message in ``source`` (``size`` bytes) to ``target``; raises :class:`DeliveryRejected`.

    What was written must not be believed before this returns: integrity and signature are certain at the end only.
    Raises :class:`SettingMissing` where the connection has no usable key or certificate.
    """
    refuse_unencrypted(source.read(HEAD_BYTES))
    openers, certificates = _usable(layer, keys)
    for opener in openers:
        source.seek(0)
        verdict = _decrypt(source, size, layer, opener, keys, certificates, target)
        if verdict.verdict != "wrong_key":
            _refuse(verdict, certificates)
            return Opened(opener.fingerprint, tuple(verdict.valid))
    raise DeliveryRejected("envelope.wrong_key", f"none of our {len(openers)} keys opens it")


def _usable(layer: Pgp, keys: PgpAccess | None) -> tuple[list[openpgp.Opener], list[openpgp.Certificate]]:
    found: tuple[list[openpgp.Opener], list[openpgp.Certificate]] = [], []
    try:
        if keys is not None:
            certificates = openpgp.certificates(keys.certificates) if layer.signed else []
            found = openpgp.openers(keys.private_keys, keys.passphrase), certificates
    except openpgp.Unreadable:
        pass
    if not found[0]:
        text = f"connection {layer.conn_id!r} has no private key that can be used, or a certificate that cannot be read"
        raise SettingMissing(text)
    return found


def _refuse(verdict: _Verdict, certificates: Sequence[openpgp.Certificate]) -> None:
    if verdict.verdict == "damaged":
        raise DeliveryRejected("envelope.damaged", "it cannot be decrypted to its end, or was altered on its way")
    if verdict.verdict == "layered":
        raise DeliveryRejected("envelope.method", f"its signature lies where it cannot be verified: {ASK_PLAIN}")
    if verdict.verdict != "signature":
        return
    if not verdict.said:
        raise DeliveryRejected("envelope.not_signed", "it carries no signature")
    known = frozenset[str]().union(*(certificate.key_ids for certificate in certificates))
    if known.isdisjoint(name.lower() for name in verdict.said):
        raise DeliveryRejected("envelope.unknown_signer", "it is signed by nobody whose certificate we have")
    raise DeliveryRejected("envelope.bad_signature", "its signature is not valid, or its key was expired or revoked")


# ── the process that decrypts ──


def _decrypt(
    source: BinaryIO,
    size: int,
    layer: Pgp,
    opener: openpgp.Opener,
    keys: PgpAccess | None,
    certificates: Sequence[openpgp.Certificate],
    target: Sealing,
) -> _Verdict:
    output = most(size=size, max_ratio=layer.max_ratio, max_bytes=layer.max_bytes)
    asked = {
        "key": _text(opener.data),
        "passphrase": keys.passphrase if keys else None,
        "certificates": [_text(one.data) for one in certificates] if layer.signed else None,
        "seconds": LEAST_SECONDS + output // BYTES_A_SECOND,
        "memory": MEMORY,
    }
    with _child() as child:
        feeder = _Feeder(child.stdin, json.dumps(asked).encode() + b"\n", source)
        with feeder.feeding(child):
            while piece := child.stdout.read(COPY_BYTES):
                target.write(piece)
        if feeder.failure is not None:
            raise feeder.failure
        return _judged(child.process.wait(), child.verdict.read())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _judged(code: int, said: bytes) -> _Verdict:
    if code == 0:
        return _Verdict(**json.loads(said))
    if code in TOO_MUCH:
        raise DeliveryRejected("envelope.bomb", "it takes more memory or time to open than its size allows")
    raise ChildProcessError("the process that decrypts was ended from outside")


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    stdout: IO[bytes]
    verdict: IO[bytes]


@contextmanager
def _child() -> Iterator[_Child]:
    """Starts the process; when it is left it has ended, whatever happened."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as verdict:
        try:
            process = subprocess.Popen(  # noqa: S603 — our own script
                [sys.executable, "-P", str(SCRIPT), str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(writing,),
                bufsize=0,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            )
        finally:
            os.close(writing)
        with process:
            try:
                yield _Child(process, cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout), verdict)
            finally:
                process.kill()


class _Feeder:
    """Gives the process what it reads, while what it writes is taken from it."""

    def __init__(self, pipe: IO[bytes], head: bytes, source: BinaryIO) -> None:
        self._pipe, self._head, self._source = pipe, head, source
        self.failure: Exception | None = None

    @contextmanager
    def feeding(self, child: _Child) -> Iterator[None]:
        """Feeds it inside; outside ``source`` is nobody's any more."""
        thread = Thread(target=self._feed, name="concord-pgp-feeder", daemon=True)
        thread.start()
        try:
            yield
        finally:
            if thread.is_alive():
                child.process.kill()
            thread.join()

    def _feed(self) -> None:
        try:
            with self._pipe:
                _write(self._pipe, self._head)
                while piece := self._source.read(COPY_BYTES):
                    _write(self._pipe, piece)
        except BrokenPipeError:
            pass  # It has seen enough: its verdict says why.
        except Exception as error:  # noqa: BLE001 — the archive's, raised again by who waits for the thread
            self.failure = error


def _write(pipe: IO[bytes], data: bytes) -> None:
    """All of it: a pipe takes what there is room for."""
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]
