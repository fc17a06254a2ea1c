"""Envelopes for tests: what opens them, and messages that no honest program writes."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import BinaryIO

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from pysequoia import Cert, CipherSuite, SignatureMode, Tsk, encrypt, sign
from pysequoia.packet import Packet, PacketPile, Tag

from concord.contract.envelope import Pgp, Wrapping
from concord.unwrap import PgpAccess, Unwrapped, unwrap

ROWS = b"member,name\r\n" + b"".join(b"E%07d,Smithqzbcdfgh\r\n" % number for number in range(2_000))
PGP = Pgp("partner_pgp")


@cache
def key(name: str) -> Tsk:
    """A private key; those of one name are equal. ``rsa…`` are RSA, for :func:`sealed`."""
    return Tsk.generate(name, cipher_suite=CipherSuite.RSA2k if name.startswith("rsa") else None)


def cert(name: str) -> Cert:
    return key(name).extract_certificate()


def access(ours: str = "us", theirs: str = "partner", passphrase: str | None = None) -> PgpAccess:
    """Access with the keys of these names, several between blanks."""
    private = "\n".join(str(key(name)) for name in ours.split())
    return PgpAccess("partner_pgp", private, "\n".join(str(cert(name)) for name in theirs.split()), passphrase)


def message(data: bytes = ROWS, *, to: str = "us", by: str | None = "partner", armor: bool = False) -> bytes:
    """What a partner sends, to those and by who has these names."""
    return encrypt(data, [cert(name) for name in to.split()], key(by).signer() if by else None, armor=armor)


def signed(data: bytes = ROWS, by: str = "partner") -> bytes:
    """Signed, and not encrypted."""
    return sign(key(by).signer(), data, mode=SignatureMode.INLINE, armor=False)


@dataclass
class Kept:
    """A scratch in memory."""

    content: io.BytesIO = field(default_factory=io.BytesIO)
    gone: bool = False

    def write(self, data: bytes) -> int:
        return self.content.write(data)

    def reopen(self) -> BinaryIO:
        return io.BytesIO(self.content.getvalue())

    def discard(self) -> None:
        self.gone = True


def opened(
    data: bytes, *envelope: Wrapping, keys: PgpAccess | None = None, scratch: Callable[[], Kept] = Kept
) -> tuple[bytes, Unwrapped]:
    """The content of ``data``, and what is said of it."""
    target = io.BytesIO()
    said = unwrap(io.BytesIO(data), envelope, keys, target, scratch)
    return target.getvalue(), said


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


# ── OpenPGP packets by hand (RFC 9580) ──


def packet(tag: int, body: bytes) -> bytes:
    """A packet in the new format, its length in five octets (4.2.1)."""
    return bytes([0xC0 | tag, 255]) + struct.pack(">I", len(body)) + body


def literal(data: bytes) -> bytes:
    return packet(11, b"b\x00\x00\x00\x00\x00" + data)


def compressed(packets: bytes, deflated: bytes) -> bytes:
    """ZIP-compressed packets (5.6), deflated already where ``deflated`` is given."""
    return packet(8, b"\x01" + (deflated or _deflate(packets)))


def _deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def sealed(packets: bytes, to: str = "rsa us", *, mdc: bool = True) -> bytes:
    """``packets`` encrypted for an RSA key: SEIPD version 1 with its MDC, or the legacy packet without (5.7, 5.13)."""
    session = os.urandom(32)
    return _session_key(session, to) + (_seipd(session, packets) if mdc else _sed(session, packets))


def _session_key(session: bytes, to: str) -> bytes:
    """PKESK version 3 (5.1.1, 5.1.3): the key for AES-256 and its checksum."""
    packets = list(PacketPile.from_bytes(bytes(cert(to))))
    subkey = next(one for one, binding in pairwise(packets) if one.tag == Tag.PublicSubkey and _encrypts(binding))
    public = rsa.RSAPublicNumbers(*reversed(_numbers(subkey.body[6:]))).public_key()
    plain = b"\x09" + session + struct.pack(">H", sum(session) & 0xFFFF)
    secret = public.encrypt(plain, padding.PKCS1v15()).lstrip(b"\x00")
    bits = (len(secret) - 1) * 8 + secret[0].bit_length()
    return packet(1, b"\x03" + bytes.fromhex(str(subkey.key_id)) + b"\x01" + struct.pack(">H", bits) + secret)


def _encrypts(binding: Packet) -> bool:
    return bool(binding.key_flags and binding.key_flags.transport_encryption)


def _numbers(data: bytes) -> tuple[int, int]:
    """n and e (3.2)."""
    length = (int.from_bytes(data[:2], "big") + 7) // 8
    modulus, rest = data[2 : 2 + length], data[2 + length :]
    return int.from_bytes(modulus, "big"), int.from_bytes(rest[2:], "big")


def _seipd(session: bytes, packets: bytes) -> bytes:
    prefix = os.urandom(16)
    plain = prefix + prefix[-2:] + packets + b"\xd3\x14"
    plain += hashlib.sha1(plain).digest()
    return packet(18, b"\x01" + _cfb(session, bytes(16), plain))


def _sed(session: bytes, packets: bytes) -> bytes:
    prefix = os.urandom(16)
    first = _cfb(session, bytes(16), prefix + prefix[-2:])
    return packet(9, first + _cfb(session, first[2:18], packets))


def _cfb(session: bytes, iv: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES256(session), CFB(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()
