"""Files by relative path, on local disk or in an object store: what the archive needs and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from errno import errorcode
from os import strerror
from pathlib import Path
from typing import IO, Protocol

from concord.errors import LandingUnavailable


@dataclass(frozen=True)
class Stored:
    """A file of the store: relative path and when it was last written (UTC)."""

    path: str
    modified_at: datetime


STORE_LIBRARIES = {"fsspec", "s3fs", "botocore", "aiobotocore", "aiohttp"}
"""Libraries behind an object store, whose errors are no OSError."""


class Store(Protocol):
    """All paths are relative to the landing. ``OSError`` (``FileNotFoundError``, ...) as usual."""

    def create(self, path: str) -> IO[bytes]:
        """A new file to write; ``FileExistsError`` where there is one."""

    def finish(self, file: IO[bytes]) -> None:
        """Makes durable what was written to ``file``, and closes it."""

    def abandon(self, file: IO[bytes]) -> None:
        """Closes ``file``, of which nothing is wanted."""

    def open(self, path: str) -> IO[bytes]:
        """A file to read, seekable."""

    def read(self, path: str) -> bytes:
        """The whole of a small file."""

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def put_new(self, path: str, data: bytes) -> bool:
        """Writes a small file at once, whole and durable; false where there is one already."""

    def replace(self, path: str, data: bytes) -> None:
        """Writes a small file at once, whole and durable, over any that is there."""

    def move(self, source: str, target: str) -> None:
        """Renames; durable when it returns."""

    def remove(self, path: str) -> None:
        """Removes; a file that is not there is fine."""

    def files(self, folder: str) -> Iterator[Stored]:
        """Every file below ``folder``."""


@contextmanager
def available(what: str) -> Iterator[None]:
    """Turns the archive's own failures into :class:`~concord.errors.LandingUnavailable`, which names ``what``.

    For whatever may write to or read from the archive and has turned other failures into ours already.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in STORE_LIBRARIES:
            raise
        raise LandingUnavailable(f"{what}: the archive does not take it or give it ({_named(error)})") from None


def _named(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return f"{errorcode.get(number, number)}: {strerror(number)}" if number else type(error).__name__


def open_store(url: str) -> Store:
    """The store at ``url``: ``file:///…`` or an absolute path, else any fsspec URL (``s3://bucket/prefix``)."""
    if url.startswith(("file://", "/")):
        from concord.landing.disk import LocalStore

        return LocalStore(Path(url.removeprefix("file://")))
    from concord.landing.bucket import ObjectStore

    return ObjectStore(url)
