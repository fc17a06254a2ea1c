"""A stand-in for envelopes: bytes turned over, behind a mark; the same content has as many forms as there are marks."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from unittest.mock import patch

from concord.errors import DeliveryRejected

MARK = b"sealed "


def stand_in() -> None:
    """From now on it stands in for what opens envelopes, in this process."""
    sys.modules["concord.unwrap"] = sys.modules[__name__]


LOCKED: list[bool] = []
"""Not empty while nobody has the key."""


@contextmanager
def no_key() -> Iterator[None]:
    """Inside, no envelope opens: the stand-in is there, and locked."""
    LOCKED.append(True)
    try:
        with patch.dict(sys.modules, {"concord.unwrap": sys.modules[__name__]}):
            yield
    finally:
        LOCKED.clear()


def wrapped(content: bytes, salt: bytes = b"a") -> bytes:
    """``content`` in an envelope; another ``salt`` gives other bytes."""
    return MARK + salt[:1] + bytes(255 - byte for byte in content)


def unwrap(source: BinaryIO, envelope: Any, keys: Any, target: Any, scratch: Any) -> None:
    """Opens :func:`wrapped`, by way of a scratch object."""
    if source.read(len(MARK) + 1)[:-1] != MARK or LOCKED:
        raise DeliveryRejected("envelope.format", "it is not what the contract says")
    kept = scratch()
    while piece := source.read(1000):
        kept.write(piece)
    again = kept.reopen()
    again.seek(0, io.SEEK_SET)
    while piece := again.read(1000):
        target.write(bytes(255 - byte for byte in piece))
    again.close()
    kept.discard()
