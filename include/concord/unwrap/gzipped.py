"""gzip (RFC 1952): members in a row, each with its own checksum."""

from __future__ import annotations

import contextlib
import zlib
from typing import BinaryIO

from concord.contract import Gzip
from concord.errors import DeliveryRejected
from concord.unwrap.limits import Bounded, Writes

BLOCK_BYTES = 1 << 18
MOST_AT_ONCE = 1 << 20
GZIP = 16 + zlib.MAX_WBITS
MAGIC = b"\x1f\x8b"


def expand(source: BinaryIO, layer: Gzip, target: Writes) -> None:
    """Writes what is in ``source``; raises ``envelope.not_gzip``, ``.damaged`` and ``.bomb``."""
    out = Bounded(target, most=layer.max_bytes, ratio=layer.max_ratio)
    data, taken = source.read(BLOCK_BYTES), 0
    if not data.startswith(MAGIC):
        raise DeliveryRejected("envelope.not_gzip", "it is not compressed by gzip")
    while data:
        reader = zlib.decompressobj(GZIP)
        data, taken = _member(reader, data, source, out, taken)
        data = _next_member(data or source.read(BLOCK_BYTES), source)


def _member(reader: zlib._Decompress, data: bytes, source: BinaryIO, out: Bounded, taken: int) -> tuple[bytes, int]:
    """Expands one member; returns what was read behind it, and how many compressed bytes were taken so far."""
    while True:
        taken += len(data)
        rest = _step(reader, data, out, taken)
        if reader.eof:
            return reader.unused_data, taken
        data = rest or _more(source)


def _more(source: BinaryIO) -> bytes:
    data = source.read(BLOCK_BYTES)
    if not data:
        raise DeliveryRejected("envelope.damaged", "its compressed content ends too early")
    return data


def _step(reader: zlib._Decompress, data: bytes, out: Bounded, taken: int) -> bytes:
    """Expands a little; returns what is still to be expanded."""
    piece = None
    with contextlib.suppress(zlib.error):
        piece = reader.decompress(data, MOST_AT_ONCE)
    if piece is None:
        raise DeliveryRejected("envelope.damaged", "its compressed content is damaged")
    out.write(piece, of=taken)
    return reader.unconsumed_tail


def _next_member(data: bytes, source: BinaryIO) -> bytes:
    """What follows a member: another one, padding (RFC 1952 says nothing of it, tapes write zeros), or garbage."""
    while data and not data.strip(b"\0"):
        data = source.read(BLOCK_BYTES)
    data = data.lstrip(b"\0")
    data += source.read(len(MAGIC)) if 0 < len(data) < len(MAGIC) else b""
    if data and not data.startswith(MAGIC):
        raise DeliveryRejected("envelope.damaged", "something follows its compressed content")
    return data
