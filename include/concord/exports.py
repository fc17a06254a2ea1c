"""Exports in the ledger: the job at a FHIR server that brings a delivery, and the files of its manifest.

``wanted`` is entered before the server hears of it and ``running`` with its answer, in a
commit of its own: whoever comes after a crash finds the job and asks for no second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from concord.contract import Feed, FhirSearch, Stage
from concord.errors import Fenced
from concord.ledger import new_id
from concord.postgres import Connection, one, run


@dataclass(frozen=True)
class Export:
    """One row of ``ops.export``; the addresses in it are sealed."""

    delivery_id: str
    feed: str
    group_id: str
    state: str
    since: datetime | None
    types: tuple[str, ...]
    transaction_time: datetime | None
    wanted_at: datetime
    polls: int
    status_url_sealed: bytes | None = field(repr=False)
    manifest_sealed: bytes | None = field(repr=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Export:
        """An export from a row with at least these columns."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__} | {"types": tuple(row["types"])})


@dataclass(frozen=True)
class ExportFile:
    """A file of the manifest: ``kind`` is output, deleted or error; what was landed of it is null before."""

    delivery_id: str
    part: int
    kind: str
    resource_type: str
    declared_count: int | None
    manifest: Mapping[str, Any] | None
    sha256: str | None
    byte_count: int | None
    resource_count: int | None
    line_count: int | None
    first_line: int | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ExportFile:
        """A file from a row with at least these columns."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


def context(delivery_id: str, what: str) -> str:
    """What an address is sealed to: ``status_url`` or ``manifest`` of this delivery."""
    return f"ops.export|{what}|{delivery_id}"


def want(connection: Connection, feed: Feed, group_id: str, since: datetime | None, day: date) -> str:
    """Enters an export and its delivery; returns the delivery's id. One at a time for each group."""
    values = {
        "delivery_id": new_id(),
        "feed": feed.name,
        "partner": feed.partner,
        "mode": feed.mode.value,
        "is_pilot": feed.stage is Stage.PILOT,
        "file_date": day,
        "group_id": group_id,
        "types": list(feed.asked.types),
        "since": since,
    }
    return str((one(connection, "exports/insert_export", values) or {})["delivery_id"])


def find(connection: Connection, delivery_id: str, *, lock: bool = False) -> Export | None:
    """The export that brings a delivery; None for a delivery that comes another way."""
    row = one(connection, "exports/lock_export" if lock else "exports/get_export", {"delivery_id": delivery_id})
    return Export.from_row(row) if row else None


def open_of(connection: Connection, feed: str) -> list[Export]:
    """Exports of a feed that the server is asked for, works on, or has ready."""
    return [Export.from_row(row) for row in run(connection, "exports/list_open", {"feed": feed})]


def unforgotten(connection: Connection, feed: str) -> list[Export]:
    """Exports that are landed and which the server was not told to forget yet."""
    return [Export.from_row(row) for row in run(connection, "exports/list_unforgotten", {"feed": feed})]


def unsettled(connection: Connection, feed: str, group_id: str) -> str | None:
    """The delivery of an earlier export of the group that has come to no end yet, or None."""
    row = one(connection, "exports/find_unsettled", {"feed": feed, "group_id": group_id})
    return row["delivery_id"] if row else None


def watermark(connection: Connection, feed: Feed, group_id: str) -> datetime | None:
    """Since when the next export asks: the server's clock of the last one that got in; None asks for everything."""
    values = {
        "feed": feed.name, "group_id": group_id, "types": list(feed.asked.types),
        "is_crawl": isinstance(feed.source, FhirSearch),
    }  # fmt: skip
    row = one(connection, "exports/get_watermark", values) if feed.asked.incremental else None
    return row["transaction_time"] if row else None


def start_crawl(
    connection: Connection, delivery_id: str, sealed: bytes, server_time: datetime, types: Sequence[str]
) -> None:
    """Whom a crawl asks for is settled, one file for each of ``types``; raises :class:`Fenced` where it was before."""
    values = {"delivery_id": delivery_id, "manifest_sealed": sealed, "transaction_time": server_time}
    if one(connection, "exports/start_crawl", values) is None:
        raise Fenced(f"crawl {delivery_id} was started by another attempt")
    kinds, counts = ["output"] * len(types), [None] * len(types)
    files = {"delivery_id": delivery_id, "kinds": kinds, "types": list(types), "counts": counts}
    run(connection, "exports/insert_files", files)


def land_unit(connection: Connection, file: ExportFile, declared: int | None, landed: Mapping[str, Any]) -> bool:
    """One file of a crawl is in landing, as in :func:`land_file`; False where another attempt was first.

    ``manifest`` is None for one without bytes, which needs no object.
    """
    values = {"delivery_id": file.delivery_id, "part": file.part, "declared_count": declared, **_with_json(landed)}
    return one(connection, "exports/land_unit", values) is not None


def land_errors(connection: Connection, file: ExportFile, part: int, landed: Mapping[str, Any]) -> None:
    """The errors that the server named while it was asked for ``file``, as file ``part`` of the crawl."""
    run(connection, "exports/insert_errors", {"delivery_id": file.delivery_id, "part": part, **_with_json(landed)})


def _with_json(landed: Mapping[str, Any]) -> dict[str, Any]:
    return {**landed, "manifest": None if landed["manifest"] is None else Jsonb(landed["manifest"])}


def finish_crawl(connection: Connection, delivery_id: str) -> None:
    """All files of a crawl are in landing; finishing twice changes nothing."""
    run(connection, "exports/finish_crawl", {"delivery_id": delivery_id})


def byte_count(connection: Connection, delivery_id: str) -> int:
    """Bytes of an export's files that are in landing."""
    return int((one(connection, "exports/sum_bytes", {"delivery_id": delivery_id}) or {})["byte_count"])


def held_patients(connection: Connection, partner: str, feeds: Sequence[str]) -> list[str]:
    """Logical ids of the patients that are held from ``feeds``, in order. PHI."""
    rows = run(connection, "exports/list_patients", {"partner": partner, "feeds": list(feeds)})
    return [row["resource_id"] for row in rows]


def last_crawl(connection: Connection, export: Export) -> Export | None:
    """The crawl since whose time ``export`` asks."""
    values = {"feed": export.feed, "group_id": export.group_id, "since": export.since}
    row = one(connection, "exports/find_crawl", values)
    return Export.from_row(row) if row else None


def start(connection: Connection, delivery_id: str, status_url_sealed: bytes) -> None:
    """The server took the job; raises :class:`Fenced` where somebody else entered an answer first."""
    values = {"delivery_id": delivery_id, "status_url_sealed": status_url_sealed}
    if one(connection, "exports/start_export", values) is None:
        raise Fenced(f"export {delivery_id} was started by another attempt")


def note_poll(connection: Connection, delivery_id: str, progress: str | None) -> None:
    """The server was asked how far it is."""
    run(connection, "exports/note_poll", {"delivery_id": delivery_id, "progress": progress})


def note_failure(connection: Connection, delivery_id: str) -> int:
    """The server said that the job failed; returns how often in a row."""
    return int((one(connection, "exports/note_failure", {"delivery_id": delivery_id}) or {})["failures"])


def note_unreached(connection: Connection, delivery_id: str) -> int:
    """The server did not answer as it should; returns how often in a row."""
    return int((one(connection, "exports/note_unreached", {"delivery_id": delivery_id}) or {})["unreached"])


def enter_manifest(
    connection: Connection,
    delivery_id: str,
    manifest_sealed: bytes,
    transaction_time: datetime,
    files: Sequence[tuple[str, str, int | None]],
) -> bool:
    """The server is done; ``files`` are (kind, type, count) in the manifest's order. False where that is known."""
    values = {
        "delivery_id": delivery_id, "manifest_sealed": manifest_sealed, "transaction_time": transaction_time,
    }  # fmt: skip
    if one(connection, "exports/enter_manifest", values) is None:
        return False
    kinds, types, counts = ([file[place] for file in files] for place in range(3))
    run(
        connection,
        "exports/insert_files",
        {"delivery_id": delivery_id, "kinds": kinds, "types": types, "counts": counts},
    )
    return True


def files(connection: Connection, delivery_id: str) -> list[ExportFile]:
    """The files of the manifest, in order."""
    return [ExportFile.from_row(row) for row in run(connection, "exports/list_files", {"delivery_id": delivery_id})]


def land_file(connection: Connection, file: ExportFile, landed: Mapping[str, Any]) -> None:
    """One file is in landing: ``manifest``, ``sha256``, ``byte_count``, ``resource_count``, ``line_count``."""
    values = {"delivery_id": file.delivery_id, "part": file.part, **landed}
    run(connection, "exports/land_file", values | {"manifest": Jsonb(landed["manifest"])})


def renew_manifest(connection: Connection, delivery_id: str, manifest_sealed: bytes) -> None:
    """The same files at new addresses."""
    run(connection, "exports/renew_manifest", {"delivery_id": delivery_id, "manifest_sealed": manifest_sealed})


def land(connection: Connection, delivery_id: str) -> None:
    """All files are one object: each gets its first line in it."""
    run(connection, "exports/number_lines", {"delivery_id": delivery_id})
    run(connection, "exports/land_export", {"delivery_id": delivery_id})


def end(connection: Connection, delivery_id: str, reason: str) -> None:
    """The server has forgotten the job, or was told to. Ending twice changes nothing."""
    run(connection, "exports/end_export", {"delivery_id": delivery_id, "reason": reason})


def made_good(connection: Connection, delivery_id: str) -> Iterable[str]:
    """Deliveries of the group that failed or were rejected, and whose content this one brings again."""
    return [row["delivery_id"] for row in run(connection, "exports/supersede_failed", {"delivery_id": delivery_id})]
