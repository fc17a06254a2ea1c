"""OpenPGP messages, opened by pysequoia in a process of its own (``pgp_child.py``).

The library takes and gives whole messages in memory, and expands what is compressed inside them without a limit. The
process has one: where a message would fill more memory than it may, it ends, and the delivery is refused. Keys go
through a pipe; plaintext comes back through one, and is written nowhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Any, BinaryIO

from concord.contract import Pgp
from concord.errors import DeliveryRejected, NeedsDecision
from concord.unwrap.access import PgpAccess
from concord.unwrap.limits import Bounded, Writes

BLOCK_BYTES = 1 << 18
BASE_MEMORY = 1 << 30
"""Of the process without any message: interpreter, library, and room to breathe."""
REFUSALS = {
    "envelope.not_encrypted": "it is not encrypted",
    "envelope.no_integrity": "it is encrypted without protection against changes",
    "envelope.wrong_key": "it is encrypted to none of our keys",
    "envelope.damaged": "its encrypted content is damaged or cut off",
    "envelope.not_signed": "it has no signature, and one was agreed on",
    "envelope.unknown_signer": "it is signed by none of the partner's certificates",
    "envelope.bad_signature": "its signature is not valid",
    "envelope.bomb": "it needs more memory than it may",
}


def open_message(source: BinaryIO, layer: Pgp, keys: PgpAccess | None, target: Writes) -> tuple[str | None, str | None]:
    """Writes the plaintext of a message; returns the fingerprints of its signer and of our key."""
    if keys is None or not keys.private_keys:
        raise NeedsDecision(f"connection {layer.conn_id} has no private key to open the partner's files with")
    size = source.seek(0, 2)
    source.seek(0)
    if size > layer.max_bytes:
        raise DeliveryRejected("envelope.bomb", f"it has more than {layer.max_bytes:,} bytes")
    request = {
        "keys": list(keys.private_keys), "passphrase": keys.passphrase, "certificates": list(keys.certificates),
        "signed": layer.signed, "memory": BASE_MEMORY + 3 * (size + layer.max_bytes), "size": size,
    }  # fmt: skip
    command = [sys.executable, "-m", "concord.unwrap.pgp_child"]
    # Our own program, without arguments; what it might print of a message is thrown away.
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            return _exchange(child, request, source, Bounded(target, most=layer.max_bytes))
        finally:
            child.kill()


def _exchange(
    child: subprocess.Popen[bytes], request: dict[str, Any], source: BinaryIO, target: Bounded
) -> tuple[str | None, str | None]:
    assert child.stdin is not None
    assert child.stdout is not None
    feeding = threading.Thread(target=_feed, args=(child.stdin, request, source), daemon=True)
    feeding.start()
    try:
        answer = _answer(child.stdout.readline())
        if code := answer.get("code"):
            raise DeliveryRejected(code, REFUSALS[code])
        _copy(child.stdout, int(answer["size"]), target)
    finally:
        child.kill()
        feeding.join()
    return answer["signer"], answer["key"]


def _feed(pipe: IO[bytes], request: dict[str, Any], source: BinaryIO) -> None:
    """The child may have seen enough before all is read."""
    with suppress(BrokenPipeError, OSError, ValueError), pipe:
        pipe.write(json.dumps(request).encode() + b"\n")
        while block := source.read(BLOCK_BYTES):
            pipe.write(block)


def _answer(line: bytes) -> dict[str, Any]:
    """What the child says first; one that says nothing had no memory left."""
    if not line.endswith(b"\n"):
        return {"code": "envelope.bomb"}
    return dict(json.loads(line))


def _copy(pipe: IO[bytes], size: int, target: Bounded) -> None:
    left = size
    while left and (block := pipe.read(min(BLOCK_BYTES, left))):
        left -= len(block)
        target.write(block)
    if left:
        raise DeliveryRejected("envelope.bomb", REFUSALS["envelope.bomb"])
