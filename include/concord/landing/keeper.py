"""The archive as its keeper sees it: data keys are wrapped anew, and destroyed; ciphertext is never touched.

Nobody has to wait: a manifest is replaced whole, and what it said before opens as
long as its seal key is in the ring.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator

from concord.errors import LandingDamaged
from concord.landing.manifest import Manifest, key_context, manifest_path
from concord.landing.store import Store
from concord.protect import KeyRing, ProtectError


class Keeper:
    """Made by :class:`~concord.landing.Landing`; the ledger says what may be done, and is locked by the caller."""

    def __init__(self, store: Store, keys: KeyRing) -> None:
        self._store, self._keys = store, keys

    def rewrapped(self, manifest: Manifest) -> Manifest:
        """``manifest`` with its data key wrapped under the seal key in use.

        Raises :class:`~concord.protect.ProtectError` where it does not open.
        """
        context = key_context(bytes.fromhex(manifest.object_id))
        return manifest.with_key(self._keys.rewrap(manifest.wrapped(), context=context))

    def put_key(self, manifest: Manifest) -> None:
        """Stores the wrapped key of ``manifest`` next to its object, unless another object's manifest stands there."""
        found = self.stored(manifest.sha256)
        if found is not None and found.object_id == manifest.object_id and found.wrapped_key != manifest.wrapped_key:
            self._store.replace(found.path, found.with_key(manifest.wrapped()).to_json().encode())

    def shred(self, manifest: Manifest) -> None:
        """Destroys what is stored of the object: its key first, then the ciphertext. Twice changes nothing."""
        found = self.stored(manifest.sha256)
        ours = found is not None and found.object_id == manifest.object_id
        if found is not None and ours and found.wrapped_key:
            self._store.replace(found.path, found.with_key(b"").to_json().encode())
        self._store.remove(manifest.object_url)
        if ours:
            self._store.remove(manifest_path(manifest.sha256))

    def is_sealed(self, manifest: Manifest) -> bool:
        """Whether the object is there with its own manifest, so that whoever goes by the ledger can read it."""
        found = self.stored(manifest.sha256)
        own = found is not None and found.object_id == manifest.object_id and bool(found.wrapped_key)
        return own and self._is_there(manifest.object_url)

    def stored(self, sha256: str) -> Manifest | None:
        """The manifest next to the object of this hash, as it stands; None where there is none that can be read."""
        try:
            return Manifest.from_json(self._store.read(manifest_path(sha256)))
        except (FileNotFoundError, LandingDamaged):
            return None

    def stale(self) -> Iterator[str]:
        """Hash of every object whose stored data key is wrapped under another seal key than the one in use."""
        paths = (file.path for file in self._store.files("objects") if file.path.endswith(".manifest"))
        for path in paths:
            wrapped = self._wrapped_at(path)
            if wrapped is not None and self._key_id(wrapped) != self._keys.seal_key_id:
                yield path.rpartition("/")[2].removesuffix(".manifest")

    def key_ids(self) -> Iterator[str]:
        """The seal key that each stored manifest and each fetch under way needs; empty for what cannot be read."""
        for folder, ending in (("objects", ".manifest"), ("parts", ".key")):
            for file in self._store.files(folder):
                if file.path.endswith(ending) and (wrapped := self._wrapped_at(file.path)) is not None:
                    yield self._key_id(wrapped)

    def _wrapped_at(self, path: str) -> str | None:
        """The wrapped key in a file of either kind; None for one that went away, or was shredded."""
        try:
            return str(json.loads(self._store.read(path))["wrapped_key"]) or None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return "?"

    def _key_id(self, wrapped: str) -> str:
        try:
            return self._keys.key_id_of(base64.b64decode(wrapped, validate=True))
        except (binascii.Error, ProtectError):
            return ""

    def _is_there(self, path: str) -> bool:
        try:
            return self._store.size(path) >= 0
        except FileNotFoundError:
            return False
