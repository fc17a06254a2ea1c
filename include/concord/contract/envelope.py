"""What a partner wraps around a file: encryption, compression, an archive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pgp:
    """OpenPGP (RFC 9580): whose keys open it, and whose signature it must carry."""

    conn_id: str
