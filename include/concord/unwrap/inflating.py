"""One deflated stream, a piece at a time: nothing of it is held but one piece (RFC 1951, RFC 1952)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator

from concord.errors import DeliveryRejected

RAW, GZIP = -zlib.MAX_WBITS, zlib.MAX_WBITS + 16
IN_BYTES = 1 << 14
"""Small, for what is behind the end of a stream is copied: a file of a million empty gzip members must not hang."""
OUT_BYTES = 1 << 20


def inflated(read: Callable[[int], bytes], head: bytes, wbits: int) -> Generator[bytes, None, bytes]:
    """Yields the content of the stream that begins with ``head``; returns what was read behind its end.

    Raises :class:`DeliveryRejected` (``envelope.damaged``) where it is none, or ends too early.
    """
    stream, data, is_over = zlib.decompressobj(wbits), head, False
    while not stream.eof:
        if not data:
            data = read(IN_BYTES)
            is_over = not data
        piece = _next(stream, data)
        data = stream.unconsumed_tail
        if piece:
            yield piece
        elif is_over and not stream.eof:
            raise DeliveryRejected("envelope.damaged", "its compressed content ends in the middle")
    return stream.unused_data


def _next(stream: zlib._Decompress, data: bytes) -> bytes:
    try:
        return stream.decompress(data, OUT_BYTES)
    except zlib.error:
        pass
    raise DeliveryRejected("envelope.damaged", "its compressed content cannot be read, or is not what its hash says")
