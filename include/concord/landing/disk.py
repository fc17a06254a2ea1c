"""The archive on a local disk: folders 0700, files 0600, durable before it is relied on.

Durable means: the file is fsynced, and so is the folder that names it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from concord.failpoint import failpoint
from concord.landing.store import Stored


class LocalStore:
    """A folder of this machine; see :class:`~concord.landing.store.Store`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, path: str) -> IO[bytes]:
        target = self._root / path
        self._make_folder(target.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(target, flags, 0o600), "wb")

    def finish(self, file: IO[bytes]) -> None:
        with file:
            file.flush()
            os.fsync(file.fileno())

    def abandon(self, file: IO[bytes]) -> None:
        """Closing flushes, which fails again on a full disk."""
        with suppress(OSError):
            file.close()

    def open(self, path: str) -> IO[bytes]:
        return (self._root / path).open("rb")

    def read(self, path: str) -> bytes:
        return (self._root / path).read_bytes()

    def size(self, path: str) -> int:
        return (self._root / path).stat().st_size

    def put_new(self, path: str, data: bytes) -> bool:
        """A hard link never overwrites, a rename would."""
        target, draft = self._root / path, self._draft(data)
        self._make_folder(target.parent)
        failpoint("landing.draft_written")
        try:
            os.link(draft, target)
            failpoint("landing.draft_linked")
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        _sync_folder(target.parent)
        return True

    def replace(self, path: str, data: bytes) -> None:
        target = self._root / path
        self._make_folder(target.parent)
        self._draft(data).replace(target)
        _sync_folder(target.parent)

    def move(self, source: str, target: str) -> None:
        old, new = self._root / source, self._root / target
        self._make_folder(new.parent)
        old.rename(new)
        _sync_folder(new.parent)
        _sync_folder(old.parent)

    def remove(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def files(self, folder: str) -> Iterator[Stored]:
        """A file that goes away meanwhile is left out."""
        for directory, _, names in os.walk(self._root / folder):
            for name in names:
                path = Path(directory, name)
                with suppress(FileNotFoundError):
                    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    yield Stored(path.relative_to(self._root).as_posix(), modified)

    def _draft(self, data: bytes) -> Path:
        """``data`` in a durable file below ``parts/``, where a crash leaves it to be found."""
        name = f"parts/{secrets.token_hex(8)}.draft"
        file = self.create(name)
        file.write(data)
        self.finish(file)
        return self._root / name

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != self._root:
            self._make_folder(folder.parent)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Makes names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
