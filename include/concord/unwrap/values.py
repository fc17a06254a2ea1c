"""What opening an envelope takes and gives, as plain values and protocols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class PgpAccess:
    """Keys for a partner's envelopes, as armored text, several one after the other.

    ``private_keys`` are ours; ``certificates`` are the partner's, whose signatures are believed. ``passphrase``
    unlocks those private keys that are locked.
    """

    conn_id: str
    private_keys: str = field(repr=False)
    certificates: str = field(default="", repr=False)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Unwrapped:
    """What was opened: ``lengths`` in bytes of each content, in the order in which they were written.

    ``signed_by`` and ``opened_by`` are fingerprints (lower-case hex) of the certificates whose signatures are valid,
    and of our keys; ``left`` counts members of archives that are no data.
    """

    lengths: tuple[int, ...] = ()
    left: int = 0
    signed_by: tuple[str, ...] = ()
    opened_by: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes that were written."""
        return sum(self.lengths)

    @property
    def members(self) -> int:
        """Contents that were taken: one, but for an archive with several."""
        return len(self.lengths)


class Sealing(Protocol):
    """Something that encrypts what is written to it."""

    def write(self, data: bytes) -> int:
        """Takes all of ``data``."""
        ...


class Scratch(Sealing, Protocol):
    """Something that encrypts what is written to it, and gives it back once."""

    def reopen(self) -> BinaryIO:
        """What was written, seekable."""
        ...

    def discard(self) -> None:
        """Removes it; twice changes nothing."""
        ...
