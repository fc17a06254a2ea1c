"""What a zip archive says of itself, before anything of it is opened (PKWARE APPNOTE 6.3.10, 4.3).

The standard library reads the central directory. What it believes is held against the local headers here: entries
that lie over each other (Fifield, "A better zip bomb", 2019), that are in one of the two only, or that differ.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, cast

from concord.contract.envelope import Zip
from concord.errors import DeliveryRejected
from concord.unwrap.names import refuse_hostile

LOCAL = struct.Struct("<4s5H3I2H")
SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
ENCRYPTED = 0x1 | 0x40 | 0x2000
HAS_DESCRIPTOR = 0x8
UTF8 = 0x800
DESCRIPTORS = (12, 16, 20, 24)
"""Bytes of a data descriptor: with a signature or not, with sizes of 8 bytes or not (4.3.9)."""
END, END_64, CENTRAL = 22, 22 + 20 + 56, 46
BIG = 0xFFFFFFFF
ZIP64, AES = 1, 99
REPARSE_POINT = 0x400
BYTES_PER_ENTRY = 4_096
"""What an entry of the directory may need: a name of 1,024 characters and what systems add."""


@dataclass(frozen=True)
class Entry:
    """A member: ``start`` and ``stop`` of its compressed bytes in the archive, and what the directory says of it."""

    info: zipfile.ZipInfo
    start: int
    stop: int


class _Bounded:
    """A source of which a directory that is too large is not even read."""

    def __init__(self, source: BinaryIO, size: int, most: int) -> None:
        self._source, self._size, self._most = source, size, most
        self.seek, self.tell, self.seekable = source.seek, source.tell, source.seekable

    def read(self, count: int = -1) -> bytes:
        if count < 0:
            count = self._size - self._source.tell()
        if count > self._most:
            raise DeliveryRejected("envelope.too_many_members", "its directory is larger than its members may need")
        return self._source.read(count)


def entries(source: BinaryIO, size: int, layer: Zip) -> list[Entry]:
    """The members of the archive of ``size`` bytes, in its order, folders left out; raises :class:`DeliveryRejected`.

    All of them have passed: number, names, kind, encryption, and where they lie.
    """
    archive = _archive(source, size, layer)
    infos = archive.infolist()
    if len(infos) > layer.max_members:
        raise DeliveryRejected("envelope.too_many_members", f"{len(infos):,} members, {layer.max_members:,} may be")
    refuse_hostile(info.orig_filename for info in infos)
    for number, info in enumerate(infos, start=1):
        _refuse_kind(number, info)
    if any(not 0 <= info.header_offset < archive.start_dir for info in infos):
        raise DeliveryRejected("envelope.contradiction", "a member is said to be where none can be")
    found = [_entry(source, number, info) for number, info in enumerate(infos, start=1)]
    _refuse_layout(found, archive, size)
    return [entry for entry in found if not entry.info.is_dir()]


def _archive(source: BinaryIO, size: int, layer: Zip) -> zipfile.ZipFile:
    source.seek(0)
    head = source.read(4)
    if head not in SIGNATURES:
        raise DeliveryRejected("envelope.not_zip", "it does not begin as a zip archive does")
    bounded = _Bounded(source, size, max(layer.max_members * BYTES_PER_ENTRY, 1 << 17))
    try:
        return zipfile.ZipFile(cast(BinaryIO, bounded))
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OverflowError):
        pass
    raise DeliveryRejected("envelope.damaged", "its directory is missing or cannot be read")


def _refuse_kind(number: int, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & ENCRYPTED or info.compress_type == AES:
        raise DeliveryRejected("envelope.encrypted_member", f"member {number} is encrypted")
    mode = info.external_attr >> 16
    is_plain = stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
    if not is_plain or info.external_attr & REPARSE_POINT:
        raise DeliveryRejected("envelope.link", f"member {number} is a link or a device")
    if info.is_dir() and info.file_size:
        raise _differs(number)


def _differs(number: int) -> DeliveryRejected:
    return DeliveryRejected("envelope.contradiction", f"directory and header of member {number} differ")


def _entry(source: BinaryIO, number: int, info: zipfile.ZipInfo) -> Entry:
    """The member by its local header, which must say what the directory says."""
    source.seek(info.header_offset)
    data = source.read(LOCAL.size)
    if len(data) < LOCAL.size or not data.startswith(SIGNATURES[0]):
        raise _differs(number)
    _, _, flags, method, _, _, crc, compressed, length, name_length, extra_length = LOCAL.unpack(data)
    name, extra = source.read(name_length), source.read(extra_length)
    said = _sizes(compressed, length, extra)
    if (flags, method, name) != (info.flag_bits, info.compress_type, _name(info)):
        raise _differs(number)
    actual = (crc, *said)
    if actual != (info.CRC, info.compress_size, info.file_size) and not (flags & HAS_DESCRIPTOR and not any(actual)):
        raise _differs(number)
    start = info.header_offset + LOCAL.size + name_length + extra_length
    return Entry(info, start, start + info.compress_size)


def _name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & UTF8 else "cp437")


def _sizes(compressed: int, length: int, extra: bytes) -> tuple[int, int]:
    """Compressed size and size of a local header, from its zip64 field where they stand there (4.5.3)."""
    if BIG not in (compressed, length):
        return compressed, length
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == ZIP64 and size >= 16 and len(extra) >= 20:
            big_length, big_compressed = struct.unpack_from("<2Q", extra, 4)
            return big_compressed if compressed == BIG else compressed, big_length if length == BIG else length
        extra = extra[4 + size :]
    return compressed, length


def _refuse_layout(found: Sequence[Entry], archive: zipfile.ZipFile, size: int) -> None:
    """Members lie one behind the other, and nothing between them that the directory does not speak of."""
    placed = sorted(found, key=lambda entry: entry.info.header_offset)
    starts = [*(entry.info.header_offset for entry in placed), archive.start_dir]
    if starts[0] != 0:
        raise DeliveryRejected("envelope.trailing", "something that is no member comes before its members")
    for entry, (_, following) in zip(placed, pairwise(starts), strict=True):
        if entry.stop > following:
            raise DeliveryRejected("envelope.overlapping", "members lie over each other")
        gap = following - entry.stop
        if gap and not (entry.info.flag_bits & HAS_DESCRIPTOR and gap in DESCRIPTORS):
            raise DeliveryRejected("envelope.contradiction", "there is something between members, or is none of them")
    length = sum(CENTRAL + len(_name(e.info)) + len(e.info.extra) + len(e.info.comment) for e in found)
    if size - archive.start_dir - length - len(archive.comment) not in (END, END_64):
        raise DeliveryRejected("envelope.trailing", "something that is no part of it comes after it")
