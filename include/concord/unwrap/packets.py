"""The outermost packets of an OpenPGP message: what it is, before anything is decrypted (RFC 9580, 4.2, 5, 10.3).

The library reads a message that is only signed as readily as one that is encrypted, and says of none of its
refusals which kind it was: so the headers are looked at here, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from concord.errors import DeliveryRejected

HEAD_BYTES = 1 << 17
ARMOR = b"-----BEGIN PGP MESSAGE-----"
PKESK, SKESK, SED, MARKER, SEIPD, LIBREPGP, PADDING = 1, 3, 9, 10, 18, 20, 21
SESSION_KEYS = {PKESK: (2, 3, 6), SKESK: (4, 5, 6)}
"""Versions of the packets that session keys are in."""
PLAIN = (2, 4, 8, 11)
"""Signature, one-pass signature, compressed and literal data: a message that is not encrypted."""
BEFORE_DATA = (PKESK, SKESK, MARKER, PADDING)
NO_PACKET = -1


def refuse_unencrypted(head: bytes) -> None:
    """Raises :class:`DeliveryRejected` unless ``head``, up to ``HEAD_BYTES`` of a file, begins an encrypted message."""
    tags = list(_tags(_binary(head)))
    last = tags[-1] if tags else NO_PACKET
    if last == SEIPD:
        return
    if last == SED:
        raise DeliveryRejected("envelope.no_integrity", "it is encrypted without protection of its integrity (no MDC)")
    if last == LIBREPGP:
        raise DeliveryRejected("envelope.method", "it is encrypted as LibrePGP has it (OCB): RFC 9580 is needed")
    if (tags[:1] and tags[0] in SESSION_KEYS) or (head.lstrip().startswith(ARMOR) and last not in PLAIN):
        raise DeliveryRejected("envelope.damaged", "it begins as an encrypted message, and does not go on as one")
    raise DeliveryRejected("envelope.not_encrypted", "it is no encrypted OpenPGP message")


def _binary(head: bytes) -> bytes:
    """Without armor (RFC 9580, 6.2); what cannot be decoded is left out."""
    if not head.lstrip().startswith(ARMOR):
        return head
    lines = head.lstrip().replace(b"\r", b"").split(b"\n")
    blank = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    body = b"".join(line.strip() for line in lines[blank + 1 :] if not line.startswith((b"=", b"-")))
    try:
        return base64.b64decode(body[: len(body) // 4 * 4])
    except binascii.Error:
        return b""


def _tags(data: bytes) -> Iterator[int]:
    """Types of the packets up to the first that is data; ``NO_PACKET`` where there should be one and is none."""
    at = 0
    while at < len(data):
        tag, start, length = _header(data[at : at + 6])
        if tag in SESSION_KEYS and data[at + start : at + start + 1] not in map(_byte, SESSION_KEYS[tag]):
            tag = NO_PACKET
        yield tag
        if tag not in BEFORE_DATA or length is None:
            return
        at += start + length


def _byte(number: int) -> bytes:
    return bytes([number])


def _header(data: bytes) -> tuple[int, int, int | None]:
    """Type, bytes of the header, bytes of the body; None where the length is partial or open (4.2.1, 4.2.2)."""
    first, rest = data[0], data[1:]
    if not first & 0x80 or not rest:
        return NO_PACKET, 0, None
    if not first & 0x40:
        size = 1 << (first & 3)
        return (first >> 2) & 15, 1 + size, None if size > 4 else int.from_bytes(rest[:size], "big")
    tag = first & 63
    if rest[0] < 192:
        return tag, 2, rest[0]
    if rest[0] < 224:
        return tag, 3, ((rest[0] - 192) << 8) + int.from_bytes(rest[1:2], "big") + 192
    return tag, 6, int.from_bytes(rest[1:5], "big") if rest[0] == 255 else None
