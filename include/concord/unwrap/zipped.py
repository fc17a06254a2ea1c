"""Zip archives: what the directory says is judged before any work, what comes out of it while it comes."""

from __future__ import annotations

import contextlib
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import BinaryIO

from concord.contract import Zip
from concord.errors import DeliveryRejected
from concord.unwrap.limits import Bounded, Writes, refuse_bomb

BLOCK_BYTES = 1 << 18
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)
"""What zipfile raises for what it cannot read; its messages quote names."""
LOCAL_HEADER = 30


def extract(source: BinaryIO, layer: Zip, target: Writes) -> None:
    """Writes the one member that is data; raises ``envelope.*`` where the archive is not what was agreed on."""
    archive = _opened(source)
    with archive:
        member = chosen(archive.infolist(), layer)
        out = Bounded(target, most=layer.max_bytes, ratio=layer.max_ratio)
        for piece in _pieces(archive, member):
            out.write(piece, of=member.compress_size)


def _opened(source: BinaryIO) -> zipfile.ZipFile:
    head = source.read(4)
    source.seek(0)
    archive = None
    with contextlib.suppress(*DAMAGED):
        archive = zipfile.ZipFile(source)
    if archive is None:
        code = "envelope.damaged" if head.startswith(b"PK") else "envelope.not_zip"
        raise DeliveryRejected(code, "it is no zip archive that can be read")
    return archive


def chosen(members: Sequence[zipfile.ZipInfo], layer: Zip) -> zipfile.ZipInfo:
    """The member that is data, after the whole directory was judged."""
    if len(members) > layer.max_members:
        raise DeliveryRejected("envelope.too_many_members", f"the archive has more than {layer.max_members:,} members")
    _judge_names([member.orig_filename for member in members])
    for member in members:
        _judge(member)
    _judge_places(members)
    fitting = [member for member in members if fnmatchcase(member.filename, layer.member)]
    if not fitting:
        raise DeliveryRejected("envelope.no_member", "no member of the archive has the agreed name")
    if len(fitting) > 1 or (len(members) > 1 and not layer.others):
        raise DeliveryRejected("envelope.several_members", "the archive has more members than the one that is data")
    (member,) = fitting
    refuse_bomb(member.file_size, member.compress_size, most=layer.max_bytes, ratio=layer.max_ratio)
    return member


def _judge_names(names: Sequence[str]) -> None:
    """Names that could lead anywhere, mislead a reader, or stand for two members at once."""
    for name in names:
        plain = name.isprintable() and not name.startswith((".", "-")) and len(name) <= 255
        if not plain or not name or any(mark in name for mark in ("/", "\\", ":", "\0")):
            raise DeliveryRejected("envelope.hostile_name", "a member of the archive has no ordinary file name")
    if len({name.casefold() for name in names}) != len(names):
        raise DeliveryRejected("envelope.hostile_name", "two members of the archive have the same name")


def _judge(member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise DeliveryRejected("envelope.link", "a member of the archive is a link, a folder or a device")
    if member.flag_bits & ENCRYPTED:
        raise DeliveryRejected("envelope.encrypted_member", "a member of the archive is encrypted by zip's own means")
    if member.compress_type not in METHODS:
        raise DeliveryRejected("envelope.damaged", "a member of the archive is compressed by a method that is not read")


def _judge_places(members: Sequence[zipfile.ZipInfo]) -> None:
    """Members that share bytes make a small archive endless (Fifield, "A better zip bomb", 2019)."""
    end = 0
    for member in sorted(members, key=lambda each: each.header_offset):
        if member.header_offset < end:
            raise DeliveryRejected("envelope.bomb", "members of the archive share their bytes")
        end = member.header_offset + LOCAL_HEADER + member.compress_size


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a member, piece by piece; raises ``envelope.damaged``, also for a wrong checksum at its end."""
    failed = False
    try:
        with archive.open(member) as content:
            while piece := content.read(BLOCK_BYTES):
                yield piece
    except DAMAGED:
        failed = True
    if failed:
        raise DeliveryRejected("envelope.damaged", "the member is not what the archive says of it")
