"""What a partner wraps around a file: encryption, compression, an archive; and how much may come out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 20_000_000_000
MOST_RATIO = 200
"""A file of fixed width that is mostly blanks is deflated to a hundredth; deflate's own limit is 1,032."""
DEFLATE_LIMIT = 1_032


@dataclass(frozen=True)
class Pgp:
    """OpenPGP (RFC 9580, RFC 4880): encrypted for us and signed by the partner, binary or armored.

    ``conn_id`` is an Airflow connection of type ``pgp``: our private keys (several while rotating) and the partner's
    certificates. With ``signed`` a valid signature of one of these is demanded. ``max_bytes`` of content may come out
    of it, and ``max_ratio`` times its own size, for OpenPGP compresses too.
    """

    conn_id: str
    signed: bool = True
    max_ratio: int = MOST_RATIO
    max_bytes: int = MOST_BYTES

    @property
    def phrase(self) -> str:
        """In a few words."""
        return f"PGP, {'signed, ' if self.signed else ''}keys in connection `{self.conn_id}`"


@dataclass(frozen=True)
class Gzip:
    """Gzip (RFC 1952), in one or several members one after the other: their contents are one file."""

    max_ratio: int = MOST_RATIO
    max_bytes: int = MOST_BYTES
    max_members: int = 1_000_000

    @property
    def phrase(self) -> str:
        """In a few words."""
        return "gzip"


@dataclass(frozen=True)
class Zip:
    """A zip archive (PKWARE APPNOTE 6.3), zip64 as well, members stored or deflated, none encrypted.

    ``member`` is a pattern as a shell has it (``*.txt``, in the case of the names) of the member that is data; with
    ``several`` there may be more of them, read one after the other in the archive's order. Other members are left.
    ``max_members`` counts all of them, ``max_bytes`` the contents of those that are data.
    """

    member: str = "*"
    several: bool = False
    max_ratio: int = MOST_RATIO
    max_bytes: int = MOST_BYTES
    max_members: int = 100

    @property
    def phrase(self) -> str:
        """In a few words."""
        return f"zip, member{'s' if self.several else ''} `{self.member}`"


Wrapping = Pgp | Zip | Gzip


def envelope_flaws(envelope: tuple[Wrapping, ...]) -> Iterator[tuple[str, str]]:
    """Contradictions of an envelope, as field and text; the outermost layer comes first."""
    for layer in envelope:
        yield from _limits(layer)
    if len({layer.conn_id for layer in envelope if isinstance(layer, Pgp)}) > 1:
        yield "source.envelope", "its layers of PGP name different connections"


def _limits(layer: Wrapping) -> Iterator[tuple[str, str]]:
    if layer.max_bytes < 1 or not 1 < layer.max_ratio <= DEFLATE_LIMIT:
        yield "source.envelope", f"max_bytes must be positive, and max_ratio lie between 2 and {DEFLATE_LIMIT}"
    if not isinstance(layer, Pgp) and layer.max_members < 1:
        yield "source.envelope", "max_members must be positive"
    if isinstance(layer, Pgp) and not layer.conn_id:
        yield "source.envelope", "PGP needs a connection with keys"
    if isinstance(layer, Zip) and not layer.member:
        yield "source.envelope", "the pattern of a member must not be empty"
