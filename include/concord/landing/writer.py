"""One object on its way in: encrypted as it comes, sealed when it is whole."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable

from concord.failpoint import failpoint
from concord.landing.chunks import ChunkCipher, ChunkWriter, derived
from concord.landing.manifest import Checkpoint, Manifest, chunk_count, key_context, object_path
from concord.landing.store import Store
from concord.protect import KeyRing


class LandingWriter:
    """Takes plaintext and writes ciphertext into a part file; :meth:`seal` makes it an object.

    ``intact`` says which sound object of a hash the archive has already, if any.
    The wrapped data key is durable before the first byte of ciphertext is written.
    """

    def __init__(
        self, store: Store, keys: KeyRing, name: str, chunk_bytes: int, intact: Callable[[str], Manifest | None]
    ) -> None:
        self._store, self._chunk_bytes, self._intact = store, chunk_bytes, intact
        self._object_id = secrets.token_bytes(16)
        data_key, self._wrapped = keys.new_data_key(context=key_context(self._object_id))
        self._manifest_key = derived(data_key, self._object_id, "manifest")
        self._cipher = ChunkCipher(data_key, self._object_id, chunk_bytes)
        self._part = f"parts/{name}.{self._object_id.hex()[:12]}.part"
        self._hash, self._length = hashlib.sha256(), 0
        self._open, self._astray = True, False
        self._begin()

    def _begin(self) -> None:
        header = {"object_id": self._object_id.hex(), "wrapped_key": self._wrapped_text}
        try:
            self._store.put_new(self._part + ".key", json.dumps(header).encode())
            failpoint("landing.key_persisted")
            self._file = self._store.create(self._part)
            self._chunks = ChunkWriter(self._file, self._cipher, self._chunk_bytes)
        except BaseException:
            self._remove_parts()
            raise

    @property
    def _wrapped_text(self) -> str:
        return base64.b64encode(self._wrapped).decode("ascii")

    @property
    def length(self) -> int:
        """Plaintext bytes written so far."""
        return self._length

    @property
    def sha256(self) -> str:
        """Hash (hex) of the plaintext written so far."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Takes the next bytes; ``OSError`` where the store does not (a full disk)."""
        if not self._open:
            raise ValueError("the object is sealed or given up")
        self._hash.update(data)
        self._length += len(data)
        self._chunks.write(data)
        return len(data)

    def seal(self, checkpoints: Iterable[Checkpoint] = ()) -> Manifest:
        """Makes the part an object and returns its manifest; the one of an equal, sound object if there is one."""
        if not self._open:
            raise ValueError("the object is sealed or given up")
        self._chunks.finish()
        self._store.finish(self._file)
        self._open = False
        failpoint("landing.part_complete")
        kept = self._intact(self.sha256) or self._publish(self._manifest(checkpoints))
        self._remove_parts()
        return kept

    def _manifest(self, checkpoints: Iterable[Checkpoint]) -> Manifest:
        return Manifest(
            object_url=object_path(self.sha256, self._object_id.hex()),
            sha256=self.sha256,
            length=self._length,
            chunk_bytes=self._chunk_bytes,
            chunk_count=chunk_count(self._length, self._chunk_bytes),
            object_id=self._object_id.hex(),
            wrapped_key=self._wrapped_text,
            checkpoints=tuple(checkpoints),
        ).signed(self._manifest_key)

    def _publish(self, manifest: Manifest) -> Manifest:
        """Object first, manifest last; whose manifest comes first wins, unless its object is damaged.

        In between, the key among the parts is the only trace of an object that nothing names yet.
        """
        self._astray = True
        self._store.move(self._part, manifest.object_url)
        failpoint("landing.object_moved")
        text = manifest.to_json().encode()
        if not self._store.put_new(manifest.path, text):
            if (winner := self._intact(self.sha256)) is not None:
                self._store.remove(manifest.object_url)
                self._astray = False
                return winner
            self._store.replace(manifest.path, text)
        self._astray = False
        failpoint("landing.manifest_written")
        return manifest

    def discard(self) -> None:
        """Gives up what was not sealed; afterwards nothing of it is left. Does nothing once sealed.

        Only what failed between object and manifest is left to the reconciler, and its key to lead there.
        """
        if self._open:
            self._open = False
            self._store.abandon(self._file)
        if not self._astray:
            self._remove_parts()

    def _remove_parts(self) -> None:
        self._store.remove(self._part)
        self._store.remove(self._part + ".key")
