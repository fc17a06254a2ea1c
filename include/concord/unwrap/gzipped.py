"""Gzip files (RFC 1952): one member or several, and nothing else."""

from __future__ import annotations

from typing import BinaryIO

from concord.contract.envelope import Gzip
from concord.errors import DeliveryRejected
from concord.unwrap.inflating import GZIP, IN_BYTES, inflated
from concord.unwrap.values import Sealing

MAGIC = b"\x1f\x8b"


def open_gzip(source: BinaryIO, layer: Gzip, target: Sealing) -> None:
    """Writes the contents of all members to ``target``; raises :class:`DeliveryRejected`."""
    head, members = source.read(IN_BYTES), 0
    if not head.startswith(MAGIC):
        raise DeliveryRejected("envelope.not_gzip", "it does not begin as a gzip file does")
    while head:
        members += 1
        if members > layer.max_members:
            raise DeliveryRejected("envelope.too_many_members", f"more than {layer.max_members:,} members")
        head = _member(source, head, target)
        if len(head) < len(MAGIC):
            head += source.read(IN_BYTES)
        if head and not head.startswith(MAGIC):
            raise DeliveryRejected("envelope.trailing", "something that is not gzip comes after it")


def _member(source: BinaryIO, head: bytes, target: Sealing) -> bytes:
    """Writes one member; returns what was read of the next."""
    pieces = inflated(source.read, head, GZIP)
    while True:
        try:
            target.write(next(pieces))
        except StopIteration as end:
            return bytes(end.value)
