"""Members of a zip archive that are data: which they are, and their contents (PKWARE APPNOTE 6.3.10)."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import BinaryIO

from concord.contract.envelope import Zip
from concord.errors import DeliveryRejected
from concord.unwrap.directory import Entry, entries
from concord.unwrap.inflating import OUT_BYTES, RAW, inflated
from concord.unwrap.limits import most
from concord.unwrap.values import Sealing

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def chosen(source: BinaryIO, size: int, layer: Zip) -> tuple[list[Entry], int]:
    """Members of the archive of ``size`` bytes that are data, and how many are left; raises :class:`DeliveryRejected`.

    What the directory says of them is within the limits, and nothing is opened yet.
    """
    found = entries(source, size, layer)
    data = [entry for entry in found if fnmatchcase(entry.info.orig_filename, layer.member)]
    if not data:
        raise DeliveryRejected("envelope.no_member", f"none of its {len(found)} members is named as data is")
    if len(data) > 1 and not layer.several:
        raise DeliveryRejected("envelope.several_members", f"{len(data)} members are named as data is, one may be")
    _refuse_large(data, layer)
    return data, len(found) - len(data)


def _refuse_large(data: Sequence[Entry], layer: Zip) -> None:
    if any(entry.info.compress_type not in METHODS for entry in data):
        raise DeliveryRejected("envelope.method", "a member is compressed by another method than deflate")
    for entry in data:
        limit = most(size=entry.info.compress_size, max_ratio=layer.max_ratio, max_bytes=layer.max_bytes)
        if entry.info.file_size > limit:
            raise DeliveryRejected("envelope.bomb", f"more than {limit:,} bytes come out of a member")
    if sum(entry.info.file_size for entry in data) > layer.max_bytes:
        raise DeliveryRejected("envelope.bomb", f"more than {layer.max_bytes:,} bytes come out of it")


def write_member(source: BinaryIO, entry: Entry, target: Sealing) -> None:
    """Writes the content of a member to ``target``: as many bytes as the directory says, with the hash it says."""
    length, crc = 0, 0
    for piece in _pieces(source, entry):
        length, crc = length + len(piece), zlib.crc32(piece, crc)
        if length > entry.info.file_size:
            raise DeliveryRejected("envelope.bomb", "more bytes come out of a member than the directory says")
        target.write(piece)
    if (length, crc) != (entry.info.file_size, entry.info.CRC):
        raise DeliveryRejected("envelope.damaged", "a member is not as long or not what its hash says")


def _pieces(source: BinaryIO, entry: Entry) -> Iterator[bytes]:
    source.seek(entry.start)
    left = entry.stop - entry.start

    def read(count: int) -> bytes:
        nonlocal left
        data = source.read(min(count, left))
        left -= len(data)
        return data

    if entry.info.compress_type == zipfile.ZIP_STORED:
        yield from iter(lambda: read(OUT_BYTES), b"")
    elif (yield from inflated(read, b"", RAW)) or left:
        raise DeliveryRejected("envelope.trailing", "a member goes on after its compressed content ends")
