"""Looks at a workbook's archive before anything is unpacked: limits, and what is no workbook at all."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO, TypeVar
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile, ZipInfo

from concord.contract import Xlsx
from concord.errors import DeliveryRejected

MAX_MEMBERS = 2_000
MAX_DIRECTORY_BYTES = 1_000_000
MAX_RATIO = 250
"""Packed to unpacked, of members above :data:`SMALL`: sheets of one word repeated stay below, bombs do not."""
SMALL = 1_000_000
COMPOUND_FILE = bytes.fromhex("D0CF11E0A1B11AE1")
"""How OLE files begin (MS-CFB 2.2): workbooks with a password, and .xls of before 2007."""
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
"""The stream in which such a file keeps the encrypted workbook (MS-OFFCRYPTO 2.3.4.4)."""
END_OF_DIRECTORY = b"PK\5\6"
LONGEST_END = 22 + 65_535
ENCRYPTED_FLAG = 0x1

BROKEN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, BadZipFile, ExpatError, struct.error, zlib.error,
)  # fmt: skip
"""What zipfile, expat and openpyxl raise for broken bytes; their messages quote them."""

Found = TypeVar("Found")


def unbroken(step: Callable[[], Found]) -> Found:
    """What ``step`` finds; raises ``structure.workbook`` where the bytes are broken. Nothing it says comes out."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's quote cells
            return step()
    except BROKEN:
        pass
    raise DeliveryRejected("structure.workbook", "the file is no workbook (.xlsx), or a broken one")


def archive_of(stream: BinaryIO, form: Xlsx) -> ZipFile:
    """The workbook in memory, its members within limits; nothing is unpacked.

    Raises :class:`DeliveryRejected`: ``structure.empty``, ``.too_large``, ``.encrypted``, ``.macros``, ``.workbook``.
    """
    data = stream.read(form.max_bytes + 1)
    if not data:
        raise DeliveryRejected("structure.empty", "the file has no byte of content")
    if len(data) > form.max_bytes:
        raise _too_large(f"more than {form.max_bytes} bytes")
    if data.startswith(COMPOUND_FILE):
        _refuse_compound(data)
    _refuse_big_directory(data)
    archive = unbroken(lambda: ZipFile(io.BytesIO(data)))
    _refuse_members(archive.infolist(), form)
    return archive


def _refuse_compound(data: bytes) -> None:
    if ENCRYPTED_STREAM in data:
        raise DeliveryRejected("structure.encrypted", "the workbook has a password")
    raise DeliveryRejected("structure.workbook", "the file is an old .xls, agreed is .xlsx")


def _refuse_big_directory(data: bytes) -> None:
    """zipfile makes an object of every entry as soon as it opens: so the directory's own size comes first."""
    tail = data[-LONGEST_END:]
    for at in (tail.rfind(END_OF_DIRECTORY), len(tail) - 22):
        size = tail[at + 12 : at + 16] if at >= 0 else b""
        if tail[at : at + 4] == END_OF_DIRECTORY and int.from_bytes(size, "little") > MAX_DIRECTORY_BYTES:
            raise _too_large("its directory is far too long")


def _refuse_members(members: list[ZipInfo], form: Xlsx) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS or sum(member.file_size for member in members) > form.max_bytes:
        raise _too_large(f"more than {MAX_MEMBERS} members, or {form.max_bytes} bytes unpacked")
    if any(member.file_size > max(SMALL, MAX_RATIO * member.compress_size) for member in members):
        raise _too_large("a member unpacks to far more than it is")
    if any(member.flag_bits & ENCRYPTED_FLAG for member in members):
        raise DeliveryRejected("structure.encrypted", "a member of the workbook is encrypted")
    if len(set(names)) != len(names):
        raise DeliveryRejected("structure.workbook", "two members of the workbook have one name")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise DeliveryRejected("structure.macros", "the workbook has macros (.xlsm)")


def _too_large(what: str) -> DeliveryRejected:
    return DeliveryRejected("structure.too_large", f"the workbook is too large: {what}")
