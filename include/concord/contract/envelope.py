"""What a partner wraps around a file: encryption, compression, an archive; the outermost layer first.

Limits are for hostile files and mistakes: an honest one is far below. They are held against what an archive says of
itself before any work, and against what really comes out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Pgp:
    """OpenPGP (RFC 9580, RFC 4880), encrypted to one of our keys.

    ``conn_id`` is the Airflow connection (type ``pgp``) with our private keys, several while one takes the other's
    place, and the partner's certificates. With ``signed`` a valid signature by one of those is demanded. A message is
    opened in the memory of a process of its own: ``max_bytes`` bounds what it may hold, encrypted and opened.
    """

    conn_id: str
    signed: bool = True
    max_bytes: int = 2_000 * MEGABYTE

    @property
    def phrase(self) -> str:
        """In a few words."""
        return f"PGP, {'signed, ' if self.signed else ''}keys in connection `{self.conn_id}`"


@dataclass(frozen=True)
class Gzip:
    """gzip (RFC 1952), one member or several in a row."""

    max_ratio: int = 200
    max_bytes: int = 20_000 * MEGABYTE

    @property
    def phrase(self) -> str:
        """In a few words."""
        return "gzip"


@dataclass(frozen=True)
class Zip:
    """A zip archive with one member, ``member`` by shell pattern (``*.csv``); others must not be there.

    With ``others`` members that do not fit are left alone (a readme). Members in folders, links and encrypted members
    are refused.
    """

    member: str = "*"
    others: bool = False
    max_members: int = 10
    max_ratio: int = 200
    max_bytes: int = 20_000 * MEGABYTE

    @property
    def phrase(self) -> str:
        """In a few words."""
        return f"zip, member `{self.member}`"


Wrapping = Pgp | Gzip | Zip


def contradictions(envelope: tuple[Wrapping, ...]) -> Iterator[str]:
    """What cannot be meant; empty for a sound envelope."""
    kinds = [type(layer) for layer in envelope]
    if len(set(kinds)) != len(kinds):
        yield "one kind of layer stands twice"
    for layer in envelope:
        if layer.max_bytes < 1 or (not isinstance(layer, Pgp) and layer.max_ratio < 1):
            yield "a limit leaves nothing"
        if isinstance(layer, Zip) and (not layer.member or layer.max_members < 1):
            yield "an archive holds at least one member, and its pattern says which"
