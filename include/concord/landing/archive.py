"""Write, seal, read and list: the archive itself.

A crash at any point leaves either a sealed object or none: an object counts from
the moment its manifest stands next to it, and the manifest is written last, at
once, and never over another one.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import IO, BinaryIO, Final, cast

from concord.errors import LandingDamaged, LandingShredded
from concord.landing.chunks import ChunkCipher, ChunkReader, derived, sealed_size
from concord.landing.keeper import Keeper
from concord.landing.manifest import Checkpoint, Manifest, key_context, manifest_path
from concord.landing.scratch import Scratch
from concord.landing.store import open_store
from concord.landing.writer import LandingWriter
from concord.protect import KeyRing, ProtectError, UnknownKey

DELIVERY_ID: Final = re.compile(r"\A[0-9a-z]{1,32}\Z")
READ_BYTES: Final = 1 << 20


class Landing:
    """The archive at ``url`` (``file:///…`` or any fsspec URL, ``s3://bucket/prefix``).

    ``chunk_bytes`` is the plaintext of one chunk of *new* objects; each manifest
    says what its own object has.
    """

    def __init__(self, url: str, keys: KeyRing, *, chunk_bytes: int = 1 << 20) -> None:
        if chunk_bytes < 1:
            raise ValueError("a chunk holds at least one byte")
        self._store, self._keys, self._chunk_bytes = open_store(url), keys, chunk_bytes
        self.keeper = Keeper(self._store, keys)

    # ── writing ────────────────────────────────────────────────────────────────

    @contextmanager
    def begin(self, delivery_id: str, attempt: int) -> Iterator[LandingWriter]:
        """A writer of one new object; leaving without ``seal()`` keeps nothing of it.

        Raises ``OSError`` where the store does not take it (a full disk).
        """
        name = _part_name(delivery_id, attempt)
        writer = LandingWriter(self._store, self._keys, name, self._chunk_bytes, self._intact)
        try:
            yield writer
        finally:
            writer.discard()

    @contextmanager
    def scratch(self, delivery_id: str, attempt: int) -> Iterator[Callable[[], Scratch]]:
        """Makes scratch objects, all of which are gone when it is left."""
        name = _part_name(delivery_id, attempt)
        made: list[Scratch] = []

        def make() -> Scratch:
            made.append(Scratch(self._store, name, self._chunk_bytes))
            return made[-1]

        try:
            yield make
        finally:
            for scratch in made:
                scratch.discard()

    def with_checkpoints(self, manifest: Manifest, checkpoints: Iterable[Checkpoint]) -> Manifest:
        """``manifest`` with the record boundaries that only parsing found, authenticated anew, for the ledger."""
        _, key = unlocked(manifest, self._keys)
        return replace(manifest, checkpoints=tuple(checkpoints)).signed(key)

    # ── reading ────────────────────────────────────────────────────────────────

    def open(self, manifest: Manifest, *, offset: int = 0) -> BinaryIO:
        """The plaintext from byte ``offset`` on, seekable; chunks before it are not read.

        Raises :class:`~concord.errors.LandingDamaged` here for an edited manifest, a
        missing or truncated object, and while reading for a chunk that does not
        authenticate; :class:`~concord.protect.UnknownKey` where the key is gone.
        """
        if not 0 <= offset <= manifest.length:
            raise ValueError("the offset lies outside the object")
        cipher, _ = unlocked(manifest, self._keys)
        reader = ChunkReader(self._source(manifest), cipher, manifest, offset)
        try:
            reader.check_header()
        except BaseException:
            reader.close()
            raise
        return cast(BinaryIO, io.BufferedReader(reader, 1 << 16))

    def verify(self, manifest: Manifest) -> None:
        """Reads the whole object and its stored manifest; raises :class:`~concord.errors.LandingDamaged`."""
        self.manifest(manifest.sha256)
        digest = hashlib.sha256()
        with self.open(manifest) as stream:
            while piece := stream.read(READ_BYTES):
                digest.update(piece)
        if digest.hexdigest() != manifest.sha256:
            raise LandingDamaged(f"{manifest.object_url}: its content has another hash")

    def manifest(self, sha256: str) -> Manifest:
        """The manifest stored next to the object of this hash; raises :class:`~concord.errors.LandingDamaged`."""
        try:
            found = Manifest.from_json(self._store.read(manifest_path(sha256)))
        except FileNotFoundError:
            raise LandingDamaged(f"{manifest_path(sha256)}: there is no manifest") from None
        if found.sha256 != sha256:
            raise LandingDamaged(f"{manifest_path(sha256)}: is another object's manifest")
        unlocked(found, self._keys)
        return found

    def _intact(self, sha256: str) -> Manifest | None:
        """The manifest of the object of this hash, if both look sound (its chunks are not read)."""
        try:
            found = self.manifest(sha256)
            self.open(found).close()
        except (LandingDamaged, LandingShredded):
            return None
        return found

    def exists(self, sha256: str) -> bool:
        """Whether an object of this hash was sealed."""
        try:
            return self._store.size(manifest_path(sha256)) >= 0
        except FileNotFoundError:
            return False

    # ── listing ────────────────────────────────────────────────────────────────

    def sealed_objects(self, older_than: timedelta = timedelta(0)) -> Iterator[str]:
        """``object_url`` of every sealed object that is there; to be compared with the ledger.

        ``older_than`` leaves out those written lately, which a fetch may be about to enter.
        """
        latest = datetime.now(UTC) - older_than
        for sha256, (urls, sealed) in self._listing().items():
            if sealed and (current := self._current(sha256, urls)) in urls and urls[current] <= latest:
                yield current

    def orphans(self, older_than: timedelta = timedelta(0)) -> Iterator[str]:
        """Objects that no stored manifest names: a crash came between object and manifest.

        The ledger has the last word before one is removed: a damaged object that was
        landed again stays, and is listed here.
        """
        latest = datetime.now(UTC) - older_than
        for sha256, (urls, sealed) in self._listing().items():
            current = self._current(sha256, urls) if sealed else ""
            yield from (url for url, modified_at in urls.items() if url != current and modified_at <= latest)

    def parts(self, older_than: timedelta = timedelta(0)) -> Iterator[str]:
        """Files below ``parts/`` last written ``older_than`` ago: what killed attempts left (ciphertext)."""
        latest = datetime.now(UTC) - older_than
        return (file.path for file in self._store.files("parts") if file.modified_at <= latest)

    def remove_part(self, path: str) -> None:
        """Removes one of :meth:`parts`."""
        if not re.fullmatch(r"parts/[0-9a-z.]+", path):
            raise ValueError("not a part")
        self._store.remove(path)

    def remove_orphan(self, path: str) -> None:
        """Removes one of :meth:`orphans` that the ledger does not name either: its key is gone, nobody can read it."""
        if not re.fullmatch(r"objects/[0-9a-f]{2}/[0-9a-f]{64}\.[0-9a-f]+", path):
            raise ValueError("not an object")
        self._store.remove(path)

    def _current(self, sha256: str, urls: Iterable[str]) -> str:
        """Which of the objects of a hash its manifest means; only where there are several is it read."""
        first, *others = urls
        if not others:
            return first
        try:
            return self.manifest(sha256).object_url
        except (LandingDamaged, LandingShredded):
            return ""

    def _listing(self) -> dict[str, tuple[dict[str, datetime], bool]]:
        """By hash: its objects with the time they were written, and whether it has a manifest."""
        objects: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        sealed = set()
        for file in self._store.files("objects"):
            sha256, _, suffix = file.path.rpartition("/")[2].partition(".")
            if suffix == "manifest":
                sealed.add(sha256)
            else:
                objects[sha256][file.path] = file.modified_at
        return {sha256: (urls, sha256 in sealed) for sha256, urls in objects.items()}

    def _source(self, manifest: Manifest) -> IO[bytes]:
        try:
            source = self._store.open(manifest.object_url)
        except FileNotFoundError:
            raise LandingDamaged(f"{manifest.object_url}: is missing") from None
        size = source.seek(0, io.SEEK_END)
        if size != sealed_size(manifest):
            source.close()
            raise LandingDamaged(f"{manifest.object_url}: has {size} bytes instead of {sealed_size(manifest)}")
        return source


def _part_name(delivery_id: str, attempt: int) -> str:
    if not DELIVERY_ID.match(delivery_id):
        raise ValueError("a delivery id is 1 to 32 of 0-9 a-z")
    return f"{delivery_id}.{int(attempt)}"


def unlocked(manifest: Manifest, keys: KeyRing) -> tuple[ChunkCipher, bytes]:
    """Cipher and manifest key of an object, once its manifest proved genuine; raises ``LandingDamaged``."""
    object_id = bytes.fromhex(manifest.object_id)
    try:
        data_key = keys.unwrap(manifest.wrapped(), context=key_context(object_id))
    except UnknownKey:
        raise
    except ProtectError:
        raise LandingDamaged(f"{manifest.object_url}: its data key does not open") from None
    key = derived(data_key, object_id, "manifest")
    if not manifest.is_genuine(key):
        raise LandingDamaged(f"{manifest.object_url}: its manifest was altered")
    return ChunkCipher(data_key, object_id, manifest.chunk_bytes), key
