"""Opens one OpenPGP message from standard input to standard output, in bounded memory.

The first line is a request (JSON: our keys, the partner's certificates), the message follows. The first line of the
answer says how it went, the plaintext follows. Nothing is logged: what the library says may quote anything.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from typing import IO, Any

import pysequoia
from pysequoia.packet import PacketPile, Tag

ENCRYPTED, UNPROTECTED, TO_A_KEY = ("SEIP", "AED"), "SED", ("PKESK", "SKESK", "Marker", "Padding")
NOT_OURS = ("No key to decrypt", "Missing session key")
"""How the library says that a key is not the one."""
UNVERIFIED = "Signature verification failed"
ARMOR = b"-----BEGIN PGP MESSAGE"


class Refused(Exception):
    """The code of a refusal."""


def main(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answers one request."""
    request = json.loads(requests.readline())
    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    plaintext = b""
    try:
        plaintext, answer = opened(requests.read(), request)
    except Refused as refusal:
        answer = {"code": str(refusal)}
    answers.write(json.dumps(answer | {"size": len(plaintext)}).encode() + b"\n")
    answers.write(plaintext)


def opened(message: bytes, request: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The plaintext, and by whom it is; raises :class:`Refused`."""
    if len(message) < request["size"]:
        raise Refused("envelope.damaged")
    judge_packets(message)
    certificates = [pysequoia.Cert.from_bytes(each.encode()) for each in request["certificates"]]
    for text in request["keys"]:
        key = pysequoia.Tsk.from_bytes(text.encode())
        found = _decrypted(message, key, request["passphrase"], certificates)
        if found is not None:
            plaintext, signer = found
            if request["signed"] and signer is None:
                raise Refused("envelope.not_signed")
            return plaintext, {"signer": signer, "key": key.extract_certificate().fingerprint}
    raise Refused("envelope.wrong_key")


def judge_packets(message: bytes) -> None:
    """A message is encrypted, with protection of its integrity (RFC 9580, 5.7: packets of tag 9 have none)."""
    looks_so = message.lstrip().startswith(ARMOR) or message[:1] >= b"\x80"
    tags = None
    with suppress(Exception):  # the library raises RuntimeError and others, and its texts may quote
        tags = [str(packet.tag).rpartition(".")[2] for packet in PacketPile.from_bytes(message)]
    if tags is None:
        raise Refused("envelope.damaged" if looks_so else "envelope.not_encrypted")
    content = [tag for tag in tags if tag not in TO_A_KEY]
    if content[:1] == [UNPROTECTED]:
        raise Refused("envelope.no_integrity")
    if not content or content[0] not in ENCRYPTED:
        raise Refused("envelope.not_encrypted")


def _decrypted(
    message: bytes, key: pysequoia.Tsk, passphrase: str | None, certificates: list[pysequoia.Cert]
) -> tuple[bytes, str | None] | None:
    """Plaintext and the signer's fingerprint; None where the message is not for this key."""
    asked: list[str] = []

    def known(key_ids: list[str]) -> list[pysequoia.Cert]:
        asked.extend(key_ids)
        return certificates

    failure = ""
    try:
        # A key's passphrase is not one for those that have none.
        decryptor = key.decryptor(passphrase) if passphrase else key.decryptor()
        found = pysequoia.decrypt(message, decryptor=decryptor, store=known)
    except Exception as error:  # noqa: BLE001 - as above
        failure = str(error).partition("\n")[0]
    if not failure:
        return bytes(found.bytes or b""), next((each.certificate for each in found.valid_sigs), None)
    if failure.startswith(NOT_OURS):
        return None
    if not failure.startswith(UNVERIFIED):
        raise Refused("envelope.damaged")
    if not asked:
        plain = pysequoia.decrypt(message, decryptor=key.decryptor(passphrase) if passphrase else key.decryptor())
        return bytes(plain.bytes or b""), None
    raise Refused("envelope.bad_signature" if _is_known(asked, certificates) else "envelope.unknown_signer")


def _is_known(key_ids: list[str], certificates: list[pysequoia.Cert]) -> bool:
    """Whether one of the keys that signed belongs to a certificate of the partner."""
    own = {
        packet.fingerprint or ""
        for certificate in certificates
        for packet in PacketPile.from_bytes(bytes(certificate))
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey)
    }
    return any(mine.endswith(asked.lower()) or mine.startswith(asked.lower()) for mine in own for asked in key_ids)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
