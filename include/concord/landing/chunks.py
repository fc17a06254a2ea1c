"""The ciphertext of an object: a header, then equal chunks sealed by AES-256-GCM.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as used by
age and Tink: a chunk's nonce is 7 bytes of the object id, its number in 4 bytes
and one byte that marks the last one; the header is its associated data. A chunk
that was altered, moved, taken from another object or is last too early does not
open. Each object has a data key of its own, so that nonces cannot repeat.
"""

from __future__ import annotations

import io
import struct
from typing import IO, TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from concord.errors import LandingDamaged
from concord.failpoint import failpoint
from concord.landing.manifest import Manifest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC: Final = b"concord\x01"
HEADER: Final = struct.Struct(">8s I 16s")
"""Magic with version, plaintext bytes of a chunk, object id."""
TAG_BYTES: Final = 16
MAX_CHUNKS: Final = 1 << 32


def header(object_id: bytes, chunk_bytes: int) -> bytes:
    """The first 28 bytes of an object."""
    return HEADER.pack(MAGIC, chunk_bytes, object_id)


def derived(data_key: bytes, object_id: bytes, purpose: str) -> bytes:
    """The 32-byte key of one ``purpose`` ("chunks", "manifest"): one key never does two things."""
    return HKDF(SHA256(), 32, object_id, f"concord landing {purpose}".encode()).derive(data_key)


class ChunkCipher:
    """Seals and opens the chunks of one object."""

    def __init__(self, data_key: bytes, object_id: bytes, chunk_bytes: int) -> None:
        self.header = header(object_id, chunk_bytes)
        self._prefix = object_id[:7]
        self._cipher = AESGCM(derived(data_key, object_id, "chunks"))

    def seal(self, number: int, plaintext: bytes | bytearray, *, last: bool) -> bytes:
        """Ciphertext and tag of chunk ``number`` (0-based)."""
        if number >= MAX_CHUNKS:
            raise ValueError("an object has at most 2^32 chunks")
        return self._cipher.encrypt(self._nonce(number, last), plaintext, self.header)

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """Plaintext of chunk ``number``; raises ``InvalidTag``."""
        return self._cipher.decrypt(self._nonce(number, last), sealed, self.header)

    def _nonce(self, number: int, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4, "big") + bytes((last,))


class ChunkWriter:
    """Writes the ciphertext of one object to ``file``: the header at once, and each chunk when it is full."""

    def __init__(self, file: IO[bytes], cipher: ChunkCipher, chunk_bytes: int) -> None:
        self._file, self._cipher, self._chunk_bytes = file, cipher, chunk_bytes
        self._buffer, self._number = bytearray(), 0
        file.write(cipher.header)

    def write(self, data: bytes) -> None:
        """Takes the next bytes of plaintext."""
        self._buffer += data
        # A full chunk waits until a byte follows it: the last one is sealed as such.
        while len(self._buffer) > self._chunk_bytes:
            self._emit(self._buffer[: self._chunk_bytes], last=False)
            del self._buffer[: self._chunk_bytes]

    def finish(self) -> None:
        """Seals what is left as the last chunk."""
        self._emit(self._buffer, last=True)
        self._buffer = bytearray()

    def _emit(self, plaintext: bytes | bytearray, *, last: bool) -> None:
        self._file.write(self._cipher.seal(self._number, plaintext, last=last))
        self._number += 1
        failpoint("landing.chunk_written")


class ChunkReader(io.RawIOBase):
    """Plaintext of a sealed object, chunk by verified chunk; seekable by plaintext byte.

    Takes over ``source``, the ciphertext opened for reading and seekable. Raises
    :class:`~concord.errors.LandingDamaged` where a chunk is not the one that was
    sealed in its place.
    """

    def __init__(self, source: IO[bytes], cipher: ChunkCipher, manifest: Manifest, offset: int = 0) -> None:
        self._source, self._cipher, self._manifest = source, cipher, manifest
        self._position = offset
        self._number, self._chunk = -1, memoryview(b"")

    def check_header(self) -> None:
        """Raises where the object does not begin as the manifest says."""
        self._source.seek(0)
        if self._source.read(HEADER.size) != self._cipher.header:
            raise LandingDamaged(f"{self._manifest.object_url}: is not the object its manifest describes")

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Position in plaintext bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a plaintext byte; the chunks between are not read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._manifest.length}[whence]
        if base + offset < 0:
            raise ValueError("a position is not negative")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills ``buffer`` from the chunk at the position; 0 at the end, which the last chunk has confirmed."""
        target = memoryview(buffer).cast("B")
        manifest = self._manifest
        self._load(min(self._position // manifest.chunk_bytes, manifest.chunk_count - 1))
        start = self._position - self._number * manifest.chunk_bytes
        piece = self._chunk[start : start + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _load(self, number: int) -> None:
        if number == self._number:
            return
        manifest = self._manifest
        last = number == manifest.chunk_count - 1
        size = manifest.length - number * manifest.chunk_bytes if last else manifest.chunk_bytes
        self._source.seek(HEADER.size + number * (manifest.chunk_bytes + TAG_BYTES))
        sealed = self._source.read(size + TAG_BYTES)
        try:
            self._chunk, self._number = memoryview(self._cipher.open(number, sealed, last=last)), number
        except InvalidTag:
            raise LandingDamaged(f"{manifest.object_url}: chunk {number} does not authenticate") from None

    def close(self) -> None:
        """Closes the ciphertext too."""
        if not self.closed:
            self._source.close()
        super().close()


def sealed_size(manifest: Manifest) -> int:
    """Bytes of the object on disk."""
    return HEADER.size + manifest.length + manifest.chunk_count * TAG_BYTES
