"""The archive in an object store, through fsspec, with the credentials of the environment.

A part is a multipart upload, which nobody sees until it is finished; what a killed
upload leaves is aborted by the bucket's lifecycle rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

from fsspec.core import url_to_fs

from concord.landing.store import Stored


class ObjectStore:
    """A bucket, or anything else fsspec speaks to; see :class:`~concord.landing.store.Store`."""

    def __init__(self, url: str) -> None:
        # Listings are never cached: another worker's writes have to be seen.
        found: tuple[Any, str] = url_to_fs(url, use_listings_cache=False)
        self._fs, self._root = found[0], found[1].rstrip("/")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def create(self, path: str) -> IO[bytes]:
        """Names are random, so that existence is not asked for."""
        file: IO[bytes] = self._fs.open(self._at(path), "wb", block_size=8 << 20, autocommit=False)
        return file

    def finish(self, file: IO[bytes]) -> None:
        file.close()
        file.commit()  # type: ignore[attr-defined]

    def abandon(self, file: IO[bytes]) -> None:
        """Never raises: the error that led here is the one to report."""
        with suppress(Exception):
            file.close()
            file.discard()  # type: ignore[attr-defined]

    def open(self, path: str) -> IO[bytes]:
        file: IO[bytes] = self._fs.open(self._at(path), "rb", block_size=4 << 20)
        return file

    def read(self, path: str) -> bytes:
        return bytes(self._fs.cat_file(self._at(path)))

    def size(self, path: str) -> int:
        return int(self._fs.size(self._at(path)))

    def put_new(self, path: str, data: bytes) -> bool:
        """A conditional write (If-None-Match), so that one of two writers wins."""
        try:
            self._fs.pipe_file(self._at(path), data, mode="create")
        except OSError:
            if self._fs.exists(self._at(path)):
                return False
            raise
        return True

    def replace(self, path: str, data: bytes) -> None:
        self._fs.pipe_file(self._at(path), data)

    def move(self, source: str, target: str) -> None:
        """Copied by the store itself, then removed."""
        self._fs.cp_file(self._at(source), self._at(target))
        self._fs.rm_file(self._at(source))

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._at(path))

    def files(self, folder: str) -> Iterator[Stored]:
        for path, details in self._fs.find(self._at(folder), detail=True).items():
            written = details.get("LastModified") or details.get("created") or datetime.now(UTC)
            yield Stored(path[len(self._root) :].lstrip("/"), written)
