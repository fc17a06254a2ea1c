"""Files of a delivery as they arrived, in the ledger: of one that is more than one plain file.

They are entered with the delivery, and land one by one, each in a commit of its own: what
arrived before a crash is not fetched again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from concord.postgres import Connection, run

if TYPE_CHECKING:
    from concord.protect import KeyRing

DATA = "data"


@dataclass(frozen=True)
class Arrival:
    """One row of ``ops.arrival``; the name in it is sealed. What was landed of it is null before."""

    delivery_id: str
    file: int
    kind: str
    part: int | None
    file_name_sealed: bytes | None = field(repr=False)
    remote_size: int
    remote_modified_at: datetime
    manifest: Mapping[str, Any] | None = field(repr=False)
    record_count: int | None
    first_byte: int | None
    content_bytes: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Arrival:
        """A file from a row with at least these columns."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Slice:
    """Where a file's content is in the delivery's object, and how many records it was promised to have.

    Of one that was encrypted or signed: fingerprints of our key and of the partner's certificates.
    """

    file: int
    first_byte: int | None
    content_bytes: int | None
    record_count: int | None
    opened_by: str | None = None
    signed_by: str | None = None


def name_context(delivery_id: str, file: int) -> str:
    """What a file's name is sealed to."""
    return f"ops.arrival|file_name|{delivery_id}|{file}"


def enter(connection: Connection, delivery_id: str, files: Sequence[Mapping[str, Any]], keys: KeyRing) -> None:
    """Enters the files of a new delivery, in the order they are to be fetched.

    Of each: ``kind``, ``part``, ``name``, ``size``, ``modified_at``.
    """
    sealed = [
        keys.seal(each["name"].encode(), context=name_context(delivery_id, number))
        for number, each in enumerate(files, start=1)
    ]
    columns = {"kinds": "kind", "parts": "part", "sizes": "size", "times": "modified_at"}
    values: dict[str, Any] = {label: [each[name] for each in files] for label, name in columns.items()}
    values |= {"delivery_id": delivery_id, "names": sealed}
    run(connection, "arrivals/insert_files", values)


def files(connection: Connection, delivery_id: str) -> list[Arrival]:
    """The files of a delivery, companions first; none of one that is a plain file."""
    return [Arrival.from_row(row) for row in run(connection, "arrivals/list_files", {"delivery_id": delivery_id})]


def land(connection: Connection, arrival: Arrival, manifest: Mapping[str, Any], sha256: str, size: int) -> None:
    """One file is in landing; of two attempts the first is believed."""
    values = {"delivery_id": arrival.delivery_id, "file": arrival.file, "sha256": sha256, "byte_count": size}
    run(connection, "arrivals/land_file", values | {"manifest": Jsonb(manifest)})


def place(connection: Connection, delivery_id: str, slices: Sequence[Slice]) -> None:
    """Where the files' contents are in the delivery's object."""
    values = {
        "delivery_id": delivery_id,
        "files": [each.file for each in slices],
        "starts": [each.first_byte for each in slices],
        "lengths": [each.content_bytes for each in slices],
        "records": [each.record_count for each in slices],
        "openers": [each.opened_by for each in slices],
        "signers": [each.signed_by for each in slices],
    }
    run(connection, "arrivals/place_files", values)
