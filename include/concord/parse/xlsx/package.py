"""A workbook is a zip of XML (ECMA-376, part 2): what it says of itself is judged before it is opened."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from concord.errors import DeliveryRejected

OLE = b"\xd0\xcf\x11\xe0"
"""How an encrypted workbook begins, and one of before 2007."""
MOST_PARTS = 2_000
MOST_RATIO = 200
SMALL = 1_000_000
"""A part that is smaller is no bomb, whatever its ratio."""
MACROS = "vbaproject"
UNREADABLE = (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError)


def judge(stream: BinaryIO, max_bytes: int) -> None:
    """Raises :class:`DeliveryRejected` ``structure.*`` for what is no workbook, or one that harms."""
    head = stream.read(4)
    stream.seek(0)
    if not head:
        raise DeliveryRejected("structure.empty", "the file has no byte of content")
    if head == OLE:
        raise DeliveryRejected("structure.encrypted", "the workbook is encrypted, or of a version before 2007")
    parts = None
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
    except UNREADABLE:
        pass
    if parts is None or "[Content_Types].xml" not in {part.filename for part in parts}:
        raise DeliveryRejected("structure.workbook", "the file is no workbook (.xlsx) that can be read")
    _judge_parts(parts, max_bytes)
    stream.seek(0)


def _judge_parts(parts: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if any(MACROS in part.filename.lower() for part in parts):
        raise DeliveryRejected("structure.macros", "the workbook has macros")
    if any(part.flag_bits & 1 for part in parts):
        raise DeliveryRejected("structure.encrypted", "a part of the workbook is encrypted")
    grown = any(part.file_size > SMALL and part.file_size > MOST_RATIO * part.compress_size for part in parts)
    if grown or len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > max_bytes:
        raise DeliveryRejected("structure.bomb", f"the workbook opens to more than {max_bytes:,} bytes, or is odd")
