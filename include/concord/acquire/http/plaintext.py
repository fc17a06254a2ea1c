"""Bodies as they come: gzip undone by what the bytes are, piece by piece, never more than a limit.

Some servers compress and do not say so, some say so and do not, and some send a file that
was a .gz before it was compressed for transport. So the header is not asked: gzip begins
with 1f 8b (RFC 1952 2.3.1), and neither JSON nor NDJSON does. Memory is flat: a piece is at
most :data:`PIECE_BYTES`, whatever it was made of.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from concord.errors import DeliveryRejected, SourceUnavailable

MAGIC = b"\x1f\x8b"
GZIP = 31
"""zlib's number for a gzip member with header and trailer."""
PIECE_BYTES = 1 << 20
MOST_LAYERS = 2


def plain(chunks: Iterable[bytes], what: str, *, limit: int) -> Iterator[bytes]:
    """The pieces of a body, decompressed; raises what :func:`gunzipped` and :func:`limited` do."""
    for _ in range(MOST_LAYERS):
        chunks = gunzipped(chunks, what)
    return limited(chunks, what, limit=limit)


def gunzipped(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """``chunks`` without one layer of gzip, where they have one.

    Raises :class:`SourceUnavailable` for half a gzip or a damaged one: what a broken
    transfer leaves.
    """
    coming, head = iter(chunks), b""
    for chunk in coming:
        head += chunk
        if len(head) >= len(MAGIC):
            break
    whole = chain([head] if head else [], coming)
    yield from _inflated(whole, what) if head.startswith(MAGIC) else whole


def _inflated(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    member = zlib.decompressobj(GZIP)
    for chunk in chunks:
        data = _after(member, chunk)
        while data:
            member = zlib.decompressobj(GZIP) if member.eof else member
            if piece := _step(member, data, what):
                yield piece
            data = _after(member, member.unused_data) if member.eof else member.unconsumed_tail
    if not member.eof:
        raise SourceUnavailable(f"{what}: the gzip ends in the middle: the transfer was cut off")


def _after(member: zlib._Decompress, data: bytes) -> bytes:
    """Members may follow each other (RFC 1952 2.2), and zeros may follow the last one (gzip(1))."""
    return data.lstrip(b"\0") if member.eof else data


def _step(member: zlib._Decompress, data: bytes, what: str) -> bytes:
    try:
        return member.decompress(data, PIECE_BYTES)
    except zlib.error:
        raise SourceUnavailable(f"{what}: the gzip is damaged") from None


def limited(chunks: Iterable[bytes], what: str, *, limit: int) -> Iterator[bytes]:
    """``chunks`` up to ``limit`` bytes; raises :class:`DeliveryRejected` ``acquire.too_large`` beyond."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise DeliveryRejected("acquire.too_large", f"{what}: more than {limit} bytes of plaintext")
        yield chunk
