"""Where the bytes of a file go."""

from __future__ import annotations

from typing import Protocol


class Sink(Protocol):
    """Takes plaintext: a writer of landing, a file opened in binary, a hash."""

    def write(self, data: bytes, /) -> object:
        """Takes the next bytes, all of them."""
