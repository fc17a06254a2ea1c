"""Ways in: one module per kind of partner system, and what they have in common.

A way in lists what waits at the partner, and copies one thing that waits into
landing. What it knows of a file is a :class:`RemoteFile`; a partner's file name
may carry a person's name, so it is kept out of every ``repr``, log and error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concord.landing import Manifest


@dataclass(frozen=True)
class SftpAccess:
    """How to reach a partner's SFTP server, as plain values.

    ``host_key`` holds the pinned public key as ``ssh-ed25519 AAAA…``; several, one a
    line, while a key is being changed. With both ``private_key`` (OpenSSH or PEM text)
    and ``password`` the key is offered, and the password only to a server that asks
    for both. ``timeout_s`` bounds each wait, in seconds: connect, banner, key exchange,
    authentication, and every answer.
    """

    host: str
    port: int
    username: str
    host_key: str
    private_key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 30.0


@dataclass(frozen=True)
class PartFile:
    """One file of a delivery that is more than a file: ``kind`` is data, control or checksum.

    ``part`` counts data files from 1; of a companion it is that of the file it stands beside, None for all of them.
    """

    kind: str
    part: int | None
    name: str = field(repr=False)
    size: int
    modified_at: datetime


@dataclass(frozen=True)
class RemoteFile:
    """One delivery at the partner: ``size`` in bytes, ``modified_at`` in UTC by the partner's clock.

    ``files`` are those it is made of, where it is more than a file: companions that say something, then the data in
    order. Then the name is that of the first data file, the size that of all, the time that of the last change.
    """

    name: str = field(repr=False)
    size: int
    modified_at: datetime
    file_date: date | None = None
    sequence: int | None = None
    files: tuple[PartFile, ...] = ()


@dataclass(frozen=True)
class Incomplete:
    """A delivery of which only ``present`` of ``expected`` files are there (None: nobody says how many).

    ``flaw`` is empty, or why they can be no delivery: ``twice`` (one part under two names), ``number`` (more than one
    number of parts, or a part beyond it), ``apart`` (changed too long after each other), ``companion`` (its content),
    ``size`` (too large together). ``since`` is the last change.
    """

    present: int
    expected: int | None
    flaw: str
    since: datetime


@dataclass(frozen=True)
class Listing:
    """What a drop holds.

    ``ready`` may be fetched, in order of file date, sequence and mtime; ``not_ready``
    is still being written. ``refused`` counts entries that a person should look at: a
    hostile name, a link or folder under a name of ours, an impossible date, too many
    bytes. ``ignored`` counts names that the pattern does not speak of. ``incomplete`` are deliveries in parts of
    which not all are there; their files are among those not ready.
    """

    ready: tuple[RemoteFile, ...] = ()
    not_ready: tuple[RemoteFile, ...] = ()
    refused: int = 0
    ignored: int = 0
    incomplete: tuple[Incomplete, ...] = ()


@dataclass(frozen=True)
class Fetched:
    """What was landed: ``size`` in bytes and ``sha256`` (hex) of the plaintext, and its manifest."""

    size: int
    sha256: str
    manifest: Manifest
