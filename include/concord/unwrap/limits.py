"""Limits that hold while bytes come, whatever was said of them before."""

from __future__ import annotations

import re
from typing import Protocol

from concord.errors import DeliveryRejected

HEAD_BYTES = 64
LEAST_JUDGED = 1_000_000
"""Below this many bytes no ratio is suspicious."""
ARCHIVES = (b"\x1f\x8b", b"-----BEGIN PGP", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ")
WORKBOOK = re.compile(rb"PK\x03\x04.{26}(?:\[Content_Types\]|_rels/|docProps/|xl/)", re.DOTALL)


class Writes(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes) -> int:
        """Takes the next bytes."""


class Bounded:
    """Passes bytes on to ``target`` while they are no more than ``most``, and than ``ratio`` times what was read."""

    def __init__(self, target: Writes, *, most: int, ratio: int | None = None) -> None:
        self._target, self._most, self._ratio = target, most, ratio
        self.size = 0

    def write(self, data: bytes, *, of: int = 0) -> int:
        """Takes bytes that came out of ``of`` compressed ones so far; raises ``envelope.bomb``."""
        self.size += len(data)
        refuse_bomb(self.size, of, most=self._most, ratio=self._ratio)
        return self._target.write(data)


def refuse_bomb(size: int, of: int, *, most: int, ratio: int | None) -> None:
    """Raises ``envelope.bomb`` for more than ``most`` bytes, or more than ``ratio`` times the ``of`` they came from."""
    if size > most:
        raise DeliveryRejected("envelope.bomb", f"it opens to more than {most:,} bytes")
    if ratio is not None and size > LEAST_JUDGED and size > ratio * max(of, 1):
        raise DeliveryRejected("envelope.bomb", f"it opens to more than {ratio:,} times its size")


class Innermost:
    """What is read in the end: nothing that is wrapped once more (a workbook is a zip, and is meant)."""

    def __init__(self, target: Writes) -> None:
        self._target, self._head, self._is_judged = target, b"", False
        self.size = 0

    def write(self, data: bytes) -> int:
        """Takes the next bytes; raises ``envelope.nested``."""
        self.size += len(data)
        if not self._is_judged:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                self.finish()
        return self._target.write(data)

    def finish(self) -> None:
        """Judges what is shorter than a head as well."""
        self._is_judged = True
        is_archive = self._head.startswith(ARCHIVES) or (
            self._head.startswith(b"PK\x03\x04") and not WORKBOOK.match(self._head)
        )
        if is_archive:
            raise DeliveryRejected("envelope.nested", "what it holds is wrapped once more than was agreed on")
