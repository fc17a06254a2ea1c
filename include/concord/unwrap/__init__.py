"""From a file as it arrived to what is read of it: PGP, gzip, zip, layer by layer.

``pgp.py`` (and ``pgp_child.py``, the process that opens messages) · ``gzipped.py`` · ``zipped.py`` · ``limits.py``.
Plaintext goes from memory into sealed objects: no layer writes it anywhere else. Every refusal is a
:class:`~concord.errors.DeliveryRejected` whose code begins with ``envelope.``; none names a member or a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from concord.contract import Gzip, Pgp, Zip
from concord.contract.envelope import Wrapping
from concord.unwrap.access import PgpAccess
from concord.unwrap.limits import Innermost


class Sealing(Protocol):
    """Where plaintext may go: a sealed object, or an encrypted scratch."""

    def write(self, data: bytes) -> int:
        """Takes the next bytes."""


class Scratch(Sealing, Protocol):
    """An encrypted object that is needed between two layers."""

    def reopen(self) -> BinaryIO:
        """What was written, seekable."""

    def discard(self) -> None:
        """Removes it; twice changes nothing."""


@dataclass
class Unwrapped:
    """What was found on the way: bytes of the innermost plaintext, and whose certificates (fingerprints) were used."""

    size: int = 0
    signer: str | None = None
    opened_with: str | None = None
    members: int = field(default=0)


def unwrap(
    source: BinaryIO,
    envelope: tuple[Wrapping, ...],
    keys: PgpAccess | None,
    target: Sealing,
    scratch: Callable[[], Scratch],
) -> Unwrapped:
    """Writes what ``envelope`` holds (outermost layer first) to ``target``; raises DeliveryRejected ``envelope.*``.

    ``source`` is the seekable content of the file as it arrived.
    """
    found = Unwrapped()
    kept: list[Scratch] = []
    try:
        for layer in envelope[:-1]:
            kept.append(scratch())
            _open(layer, source, keys, kept[-1], found)
            source = kept[-1].reopen()
        innermost = Innermost(target)
        _open(envelope[-1], source, keys, innermost, found)
        innermost.finish()
        found.size = innermost.size
    finally:
        for each in kept:
            each.discard()
    return found


def _open(layer: Wrapping, source: BinaryIO, keys: PgpAccess | None, target: Sealing, found: Unwrapped) -> None:
    if isinstance(layer, Pgp):
        from concord.unwrap.pgp import open_message

        found.signer, found.opened_with = open_message(source, layer, keys, target)
    elif isinstance(layer, Gzip):
        from concord.unwrap.gzipped import expand

        expand(source, layer, target)
    elif isinstance(layer, Zip):
        from concord.unwrap.zipped import extract

        extract(source, layer, target)
        found.members = 1


__all__ = ["PgpAccess", "Scratch", "Sealing", "Unwrapped", "unwrap"]
