"""Keys of OpenPGP as people hand them over: one text with several of them, armored, one after the other.

What stands in an Airflow connection is read here, for the lint of connections and for opening envelopes.
The library's errors and reprs show keys: none of them leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pysequoia import Cert, Tsk
from pysequoia.packet import Packet, PacketPile, Tag

BLOCK = re.compile(r"-----BEGIN PGP [A-Z ]+-----.*?-----END PGP [A-Z ]+-----", re.DOTALL)
PRIMARY, SUBKEYS = (Tag.SecretKey, Tag.PublicKey), (Tag.SecretSubkey, Tag.PublicSubkey)
SECRET = (Tag.SecretKey, Tag.SecretSubkey)


class Unreadable(ValueError):
    """A text holds no OpenPGP keys, or one that is damaged; says nothing of the text."""


@dataclass(frozen=True)
class Certificate:
    """Whose signatures are believed. ``fingerprint`` is lower-case hex; ``expires`` is in UTC."""

    fingerprint: str
    expires: datetime | None
    is_revoked: bool
    has_secret: bool
    data: bytes = field(repr=False)

    @property
    def key_ids(self) -> frozenset[str]:
        """Fingerprints and key ids of its primary key and of each subkey, lower-case hex."""
        keys = [packet for packet in _packets(self.data) if packet.tag in (*PRIMARY, *SUBKEYS)]
        return frozenset(str(name) for key in keys for name in (key.fingerprint, key.key_id))


@dataclass(frozen=True)
class Opener:
    """A private key with one subkey that decrypts, still locked. ``fingerprint`` is that of its certificate."""

    fingerprint: str
    data: bytes = field(repr=False)


def certificates(text: str) -> list[Certificate]:
    """Every certificate of ``text``, in order, also that of a private key; raises :class:`Unreadable`."""
    try:
        return [_certificate(packets) for packets in _split(text)]
    except RuntimeError:
        pass
    raise Unreadable("damaged OpenPGP keys")


def _certificate(packets: Sequence[Packet]) -> Certificate:
    has_secret = any(packet.tag in SECRET for packet in packets)
    key = Tsk.from_packets(packets) if has_secret else Cert.from_packets(packets)
    cert = key.extract_certificate() if isinstance(key, Tsk) else key
    return Certificate(str(cert.fingerprint), cert.expiration, cert.is_revoked, has_secret, bytes(key))


def openers(text: str, passphrase: str | None) -> list[Opener]:
    """What of the private keys in ``text`` can decrypt, in order, a subkey at a time; raises :class:`Unreadable`.

    The library decrypts with a single subkey, the newest: after a rotation of subkeys only the new one would count.
    A key whose passphrase is another, that has expired, or that only signs, is left out.
    """
    private = [certificate for certificate in certificates(text) if certificate.has_secret]
    found = [Opener(one.fingerprint, data) for one in private for data in _by_subkey(one.data)]
    return [opener for opener in found if unlocks(opener.data, passphrase)]


def unlocks(data: bytes, passphrase: str | None) -> bool:
    """Whether a private key can be used for decryption with ``passphrase``, or without."""
    key = Tsk.from_bytes(data)
    for word in dict.fromkeys((passphrase, None)):
        try:
            key.decryptor(word)
        except RuntimeError:
            continue
        return True
    return False


def _by_subkey(data: bytes) -> list[bytes]:
    """One private key for each subkey, and one without any; a primary key may decrypt as well (RSA)."""
    primary: list[Packet] = []
    subkeys: list[list[Packet]] = []
    for packet in _packets(data):
        if packet.tag in SUBKEYS:
            subkeys.append([packet])
        else:
            (subkeys[-1] if subkeys else primary).append(packet)
    return [bytes(Tsk.from_packets([*primary, *subkey])) for subkey in [*reversed(subkeys), []]]


def _packets(data: bytes) -> Sequence[Packet]:
    return list(PacketPile.from_bytes(data))


def _split(text: str) -> list[list[Packet]]:
    """Packets of each key: it begins with a primary one (RFC 9580, 10.1, 10.2)."""
    keys: list[list[Packet]] = []
    for block in BLOCK.findall(text):
        for packet in _packets(block.encode()):
            if packet.tag in PRIMARY:
                keys.append([])
            if not keys:
                raise Unreadable("OpenPGP, and no keys")
            keys[-1].append(packet)
    if not keys:
        raise Unreadable("no OpenPGP keys")
    return keys
