"""Keys of OpenPGP as people hand them over: one text with several of them, armored, one after the other.

What stands in an Airflow connection is read here, for the lint of connections and for opening envelopes.
The library's errors and reprs show keys: none of them leaves this module.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pysequoia import Cert, Tsk
from pysequoia.packet import Packet, PacketPile, Tag

BLOCK = re.compile(r"-----BEGIN PGP [A-Z ]+-----.*?-----END PGP [A-Z ]+-----", re.DOTALL)
SUBKEYS = (Tag.SecretSubkey, Tag.PublicSubkey)
KEYS = (Tag.SecretKey, Tag.PublicKey, *SUBKEYS)


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
        keys = [packet for packet in _packets(self.data) if packet.tag in KEYS]
        return frozenset(str(name) for key in keys for name in (key.fingerprint, key.key_id))


@dataclass(frozen=True)
class Opener:
    """A private key with one subkey that decrypts, still locked. ``fingerprint`` is that of its certificate."""

    fingerprint: str
    data: bytes = field(repr=False)


def certificates(text: str) -> list[Certificate]:
    """Every certificate of ``text``, in order; raises :class:`Unreadable`."""
    return [_certificate(cert) for cert in _split(text)]


def _certificate(cert: Cert) -> Certificate:
    has_secret = bool(cert.has_secret_keys)
    data = bytes(cert.secrets) if has_secret and cert.secrets else bytes(cert)
    return Certificate(str(cert.fingerprint), cert.expiration, cert.is_revoked, has_secret, data)


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


def _split(text: str) -> list[Cert]:
    blocks = BLOCK.findall(text)
    certs: list[Cert] = []
    try:
        with warnings.catch_warnings():
            # Said of every private key that is read as a certificate, which is how several in a block are told apart.
            warnings.simplefilter("ignore", DeprecationWarning)
            certs = [cert for block in blocks for cert in Cert.split_bytes(block.encode())]
    except RuntimeError:
        certs = []
    if not certs:
        raise Unreadable("no OpenPGP keys, or damaged ones")
    return certs
