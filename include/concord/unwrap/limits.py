"""How much may come out of an envelope, and what must not: checked on every piece that does."""

from __future__ import annotations

import re

from concord.errors import DeliveryRejected
from concord.unwrap.values import Sealing

FREE_BYTES = 1 << 20
"""So much may come out of anything: a small file of blanks is no bomb."""
HEAD_BYTES = 512
TAR_MARK = slice(257, 262)
ARCHIVES = (
    b"\x1f\x8b\x08", b"\x1f\x9d", b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07",
    b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"-----BEGIN PGP MESSAGE-----",
)  # fmt: skip
"""First bytes of gzip, compress, zip (also empty and in several parts), 7z, rar, xz, zstd, armored OpenPGP."""
BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
OFFICE = re.compile(rb"PK\x03\x04.{26}(\[Content_Types\]\.xml|_rels/|docProps/|customXml/|xl/|mimetype)", re.DOTALL)
"""A workbook is a zip archive too, and is content (ECMA-376 part 2; OpenDocument 1.3 part 2, 3.3)."""


class Limited:
    """Passes on what is written, until it is more than ``max_bytes`` or ``max_ratio`` times ``size`` bytes."""

    def __init__(self, target: Sealing, *, size: int, max_ratio: int, max_bytes: int) -> None:
        self._target, self.length = target, 0
        self.most = most(size=size, max_ratio=max_ratio, max_bytes=max_bytes)

    def write(self, data: bytes) -> int:
        """Raises :class:`DeliveryRejected` (``envelope.bomb``) before it passes on too much."""
        self.length += len(data)
        if self.length > self.most:
            raise DeliveryRejected("envelope.bomb", f"more than {self.most:,} bytes come out of it")
        return self._target.write(data)


def most(*, size: int, max_ratio: int, max_bytes: int) -> int:
    """Bytes that may come out of ``size`` bytes."""
    return min(max_bytes, max(max_ratio * size, FREE_BYTES))


class Content:
    """Passes on a content, unless it is an archive or envelope in its turn: what is not declared is not opened."""

    def __init__(self, target: Sealing) -> None:
        self._target, self._head, self.length = target, b"", 0

    def write(self, data: bytes) -> int:
        """Raises :class:`DeliveryRejected` (``envelope.nested``) as soon as the first bytes say so."""
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                self.finish()
        self.length += len(data)
        return self._target.write(data)

    def finish(self) -> None:
        """Looks at the first bytes once more: a content may be shorter than they are."""
        if _is_archive(self._head):
            raise DeliveryRejected("envelope.nested", "what is in it is an archive or envelope that nobody declared")


def _is_archive(head: bytes) -> bool:
    is_marked = head.startswith(ARCHIVES) or BZIP2.match(head) or head[TAR_MARK] == b"ustar"
    return bool(is_marked) and not OFFICE.match(head)
