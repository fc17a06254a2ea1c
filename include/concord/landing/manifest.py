"""What a sealed object is: its lengths, hash, wrapped key and checkpoints, under a MAC.

The MAC is keyed by the object's own data key, so that nobody without the seal key
can edit a manifest; it leaves out the wrapped key, so that rotation may wrap the
data key anew (another wrapped key gives another data key, and the MAC fails).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from concord.errors import LandingDamaged, LandingShredded

OBJECT_URL: Final = re.compile(r"\Aobjects/([0-9a-f]{2})/(\1[0-9a-f]{62})\.([0-9a-f]{32})\Z")


@dataclass(frozen=True)
class Checkpoint:
    """A record boundary a reader may start at: plaintext byte, physical line (1-based), record (0-based)."""

    byte_offset: int
    line: int
    record: int


@dataclass(frozen=True)
class Manifest:
    """One sealed object. Carries no PHI and no key in the clear; safe to keep in the ledger.

    ``object_url`` is relative to the landing; ``sha256`` (hex) and ``length``
    (bytes) are the plaintext's; ``wrapped_key`` is base64 and names its seal key;
    ``object_id`` is 32 hex digits, and part of every chunk's associated data.
    """

    object_url: str
    sha256: str
    length: int
    chunk_bytes: int
    chunk_count: int
    object_id: str
    wrapped_key: str = field(repr=False)
    checkpoints: tuple[Checkpoint, ...] = field(default=(), repr=False)
    mac: str = field(default="", repr=False)

    def to_json(self) -> str:
        """JSON text, for the ledger and the file next to the object."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes | Mapping[str, Any]) -> Manifest:
        """A manifest from :meth:`to_json`, or from the mapping a ``jsonb`` column gives.

        Raises :class:`~concord.errors.LandingDamaged` where the shape is wrong;
        whether it is *genuine* is seen when the object is opened.
        """
        try:
            values = dict(text) if isinstance(text, Mapping) else json.loads(text)
            points = tuple(Checkpoint(**point) for point in values.pop("checkpoints"))
            manifest = cls(**values, checkpoints=points)
            manifest._check_shape()
            return manifest
        except (ValueError, TypeError, KeyError, AttributeError):
            raise LandingDamaged("a manifest cannot be read") from None

    def _check_shape(self) -> None:
        """Raises ``ValueError`` or ``TypeError``: the path above all, since it is opened."""
        parts = OBJECT_URL.match(self.object_url)
        if parts is None or (parts[2], parts[3]) != (self.sha256, self.object_id):
            raise ValueError("object_url")
        numbers = (self.length, self.chunk_bytes, self.chunk_count)
        if any(type(number) is not int for number in numbers) or self.length < 0 or self.chunk_bytes < 1:
            raise ValueError("lengths")
        if self.chunk_count != chunk_count(self.length, self.chunk_bytes):
            raise ValueError("chunk_count")

    def wrapped(self) -> bytes:
        """The wrapped data key; raises :class:`~concord.errors.LandingDamaged`, or LandingShredded where it is gone."""
        if not self.wrapped_key:
            raise LandingShredded(f"{self.object_url}: was shredded when its retention was over")
        try:
            return base64.b64decode(self.wrapped_key, validate=True)
        except binascii.Error:
            raise LandingDamaged("a manifest's key cannot be read") from None

    def with_key(self, wrapped: bytes) -> Manifest:
        """The same with its data key wrapped anew; none at all for ``b""``. The MAC does not cover it."""
        return replace(self, wrapped_key=base64.b64encode(wrapped).decode("ascii"))

    def signed(self, key: bytes) -> Manifest:
        """The same with its MAC under the object's manifest ``key``."""
        return replace(self, mac=self._mac(key))

    def is_genuine(self, key: bytes) -> bool:
        """Whether the MAC is right under the object's manifest ``key``."""
        return hmac.compare_digest(self._mac(key).encode(), self.mac.encode())

    def _mac(self, key: bytes) -> str:
        covered = replace(self, wrapped_key="", mac="").to_json()
        return hmac.digest(key, covered.encode(), hashlib.sha256).hex()

    @property
    def path(self) -> str:
        """Where the manifest is kept, relative to the landing."""
        return manifest_path(self.sha256)


def chunk_count(length: int, chunk_bytes: int) -> int:
    """Chunks of an object; an empty one has a single empty chunk, so that emptiness is authenticated too."""
    return max(1, -(-length // chunk_bytes))


def manifest_path(sha256: str) -> str:
    """``objects/<aa>/<sha256>.manifest``."""
    return f"objects/{sha256[:2]}/{sha256}.manifest"


def object_path(sha256: str, object_id: str) -> str:
    """``objects/<aa>/<sha256>.<object id>``: unique, so that writers of one content never mix keys."""
    return f"objects/{sha256[:2]}/{sha256}.{object_id}"


def key_context(object_id: bytes) -> str:
    """What a data key is wrapped for: it opens for its own object only."""
    return f"landing|{object_id.hex()}"
