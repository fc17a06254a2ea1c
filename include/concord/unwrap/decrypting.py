"""The process in which an OpenPGP message is decrypted: ciphertext comes in at 0, plaintext goes out at 1.

The library decrypts a message in memory, or from one file to another and holding the interpreter: so it is given
pipes for files, in a process of its own, whose memory and processor time end before the machine's do. The first
line at 0 is JSON: the key, its passphrase, the partner's certificates, the limits. The verdict goes out at the
descriptor that is its argument. Run as a script: it imports nothing of ours, and says nothing of what it reads.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
from typing import Any

from pysequoia import Cert, PyDecryptor, Tsk, decrypt_file

SOURCE, TARGET = "/dev/fd/0", "/dev/fd/1"
LAYERED = "Unexpected message structure"
"""What the library says of a signature that lies under compression: it verifies none there (0.1.35)."""
VERDICTS = (("No key to decrypt", "wrong_key"), ("Signature verification failed", "signature"), (LAYERED, "layered"))
"""How the library's refusals begin; every other one is of a message that is damaged."""

MOST_SAID = 100
"""Signers that a message claims to have: the verdict has to fit into a pipe that nobody reads before the end."""


def main(verdict: int) -> None:
    """Decrypts one message."""
    asked = json.loads(_line())
    key = Tsk.from_bytes(base64.b64decode(asked["key"]))
    decryptor = _unlocked(key, asked["passphrase"])
    _bind(asked["seconds"], asked["memory"])
    with os.fdopen(verdict, "w", encoding="ascii") as out:
        json.dump(_decrypted(decryptor, asked["certificates"]), out)


def _line() -> bytes:
    """Byte by byte: what comes behind it is the library's to read."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(1)
        line += byte
    return bytes(line)


def _unlocked(key: Tsk, passphrase: str | None) -> PyDecryptor:
    try:
        return key.decryptor(passphrase)
    except RuntimeError:
        return key.decryptor()


def _bind(seconds: int, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _decrypted(decryptor: PyDecryptor, certificates: list[str] | None) -> dict[str, Any]:
    """What came of it: ``verdict``, the ids of keys that the message says signed it, and who did."""
    certs = [Cert.from_bytes(base64.b64decode(data)) for data in certificates or []]
    said: list[str] = []

    def store(ids: list[str]) -> list[Cert]:
        said.extend(ids)
        return certs

    try:
        done = decrypt_file(SOURCE, TARGET, decryptor, None if certificates is None else store)
    except BaseException as error:  # noqa: BLE001 — a panic of the library is no Exception
        text = str(error)
        named = next((name for begins, name in VERDICTS if text.startswith(begins)), "damaged")
        return {"verdict": named, "said": said[:MOST_SAID], "valid": []}
    return {"verdict": "opened", "said": [], "valid": sorted({str(sig.certificate) for sig in done.valid_sigs})}


if __name__ == "__main__":
    main(int(sys.argv[1]))
