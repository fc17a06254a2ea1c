"""Bytes that are needed twice while a delivery is unwrapped: ciphertext among the parts, its key in memory only."""

from __future__ import annotations

import io
import secrets
from typing import BinaryIO, cast

from concord.landing.chunks import ChunkCipher, ChunkReader, ChunkWriter
from concord.landing.manifest import Manifest, chunk_count
from concord.landing.store import Store


class Scratch:
    """Written once, then read: gone with :meth:`discard`, and unreadable with the process that made it."""

    def __init__(self, store: Store, name: str, chunk_bytes: int) -> None:
        self._store, self._chunk_bytes, self._object_id = store, chunk_bytes, secrets.token_bytes(16)
        self._cipher = ChunkCipher(secrets.token_bytes(32), self._object_id, chunk_bytes)
        self._path = f"parts/{name}.{self._object_id.hex()[:12]}.part"
        self._file = store.create(self._path)
        self._chunks = ChunkWriter(self._file, self._cipher, chunk_bytes)
        self._length, self._is_open = 0, True

    def write(self, data: bytes) -> int:
        """Takes the next bytes; ``OSError`` where the store does not (a full disk)."""
        self._chunks.write(data)
        self._length += len(data)
        return len(data)

    def reopen(self) -> BinaryIO:
        """What was written, seekable; nothing can be added any more."""
        if self._is_open:
            self._chunks.finish()
            self._store.finish(self._file)
            self._is_open = False
        reader = ChunkReader(self._store.open(self._path), self._cipher, self._described())
        return cast(BinaryIO, io.BufferedReader(reader, 1 << 16))

    def _described(self) -> Manifest:
        return Manifest(
            object_url=self._path,
            sha256="",
            length=self._length,
            chunk_bytes=self._chunk_bytes,
            chunk_count=chunk_count(self._length, self._chunk_bytes),
            object_id=self._object_id.hex(),
            wrapped_key="",
        )

    def discard(self) -> None:
        """Removes it; twice changes nothing."""
        if self._is_open:
            self._store.abandon(self._file)
            self._is_open = False
        self._store.remove(self._path)
