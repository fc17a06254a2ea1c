"""A piece of a seekable stream as a stream of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Window(io.RawIOBase):
    """``length`` bytes of ``source`` from ``start`` on; closes ``source`` with it."""

    def __init__(self, source: BinaryIO, start: int, length: int) -> None:
        self._source, self._start, self._length, self._position = source, start, length, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Position in the window."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a byte of the window."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise ValueError("a position is not negative")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills ``buffer`` as far as the window reaches; 0 at its end."""
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self._length - self._position))
        if self._source.tell() != self._start + self._position:
            self._source.seek(self._start + self._position)
        piece = self._source.read(wanted)
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Closes the source too."""
        if not self.closed:
            self._source.close()
        super().close()


def window(source: BinaryIO, start: int, length: int) -> BinaryIO:
    """``length`` bytes of ``source`` from ``start`` on, buffered and seekable."""
    return cast(BinaryIO, io.BufferedReader(Window(source, start, length), 1 << 16))
