"""Records that say themselves what they are: FHIR resources and HL7v2 messages, from landing to stage rows."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from concord import exports, quarantine
from concord import stage as staging
from concord.contract import Feed, FhirNdjson, Hl7v2
from concord.exports import ExportFile
from concord.landing import Manifest, available
from concord.ledger import Delivery
from concord.parse import Said
from concord.protect import KeyRing
from concord.quarantine import RefusedRow
from concord.steps.numbers import sealed
from concord.steps.pieces import Piece, Reading
from concord.steps.site import Site

if TYPE_CHECKING:
    from pandas import DataFrame

    from concord.parse import Refused
    from concord.parse.fhir import ResourceChunk
    from concord.parse.hl7v2 import AdtChunk

NO_DRIFT: dict[str, Any] = {"extra_columns": 0, "missing_columns": [], "reordered": False}
REPEATED = "repeated_message"
HEAD = b"\n"
"""A replay begins with the header of its original, and records have none."""


@contextmanager
def records_of(feed: Feed, delivery: Delivery, site: Site) -> Iterator[Reading]:
    """The delivery's records; those of a replay are the refused ones it takes up, behind an empty first line."""
    if delivery.is_replay:
        with site.database("stage") as connection:
            rows = quarantine.in_replay(connection, delivery.delivery_id)
        text = HEAD + b"".join(quarantine.raw(site.keys, row) + b"\n" for row in rows)
        yield _reading(feed, io.BytesIO(text), (), site.keys)
        return
    with site.database("stage") as connection:
        files = exports.files(connection, delivery.delivery_id)
    manifest = Manifest.from_json(dict(delivery.manifest or {}))
    with available(f"delivery {delivery.delivery_id}"), site.landing.open(manifest) as stream:
        yield _reading(feed, stream, files, site.keys)


def _reading(feed: Feed, stream: BinaryIO, files: Sequence[ExportFile], keys: KeyRing) -> Reading:
    if isinstance(feed.format, FhirNdjson):
        return ResourceReading(feed, stream, files, keys)
    return MessageReading(feed, stream, keys)


class ResourceReading:
    """FHIR resources, one a line. ``files`` are what an export says where which type stands."""

    def __init__(self, feed: Feed, stream: BinaryIO, files: Sequence[ExportFile], keys: KeyRing) -> None:
        from concord.parse.fhir import FhirFile

        layout = feed.format
        limit = layout.max_resource_bytes if isinstance(layout, FhirNdjson) else 0
        self._feed, self._keys, self._files = feed, keys, [file for file in files if file.line_count]
        self._starts = [file.first_line or 0 for file in self._files]
        self._resources = FhirFile(stream, expected=self._declared, resource_limit_bytes=limit)
        self.drift, self.said = dict(NO_DRIFT), Said()

    @property
    def line_count(self) -> int:
        """Physical lines, once all pieces are read."""
        return self._resources.line_count

    def pieces(self, tokens_under: str) -> Iterator[Piece]:
        """One piece for each chunk of lines."""
        for chunk in self._resources:
            yield self._piece(chunk, tokens_under)

    def _piece(self, chunk: ResourceChunk, tokens_under: str) -> Piece:
        refused = [row for row in chunk.refused if not self._is_outcome(row.line)]
        frames = [_staged(self._feed, name, frame, self._keys, tokens_under) for name, frame in chunk.frames.items()]
        return Piece(
            frames=[*frames, *_shadows(refused)],
            refused=[*_broken(refused)],
            flags=Counter({f"unresolved:{name}": count for name, count in chunk.unresolved.items()}),
            control=[(row.line, row.lines) for row in chunk.refused if self._is_outcome(row.line)],
            ignored=[(ignored.reason, ignored.line, ignored.lines) for ignored in chunk.ignored],
        )

    def _file(self, line: int) -> ExportFile | None:
        return self._files[bisect_right(self._starts, line) - 1] if self._files else None

    def _is_outcome(self, line: int) -> bool:
        """Whether the line stands in a file in which the server names its errors: counted, and no record."""
        file = self._file(line)
        return file is not None and file.kind == "error"

    def _declared(self, line: int) -> str | None:
        """What the manifest says of the line's file; deletions come in Bundles (Bulk Data IG, ``deleted``)."""
        file = self._file(line)
        if file is None:
            return None
        return "Bundle" if file.kind == "deleted" else file.resource_type


class MessageReading:
    """HL7v2 ADT messages. A message tells changes: all about one record become one row, the newest word counting."""

    def __init__(self, feed: Feed, stream: BinaryIO, keys: KeyRing) -> None:
        from zoneinfo import ZoneInfo

        from concord.parse.hl7v2 import AdtFile, Options

        layout = feed.format if isinstance(feed.format, Hl7v2) else Hl7v2()
        options = Options(zone=ZoneInfo(layout.tz), charset=layout.encoding, authority=feed.partner)
        self._feed, self._keys = feed, keys
        self._messages = AdtFile(stream, options, max_message_bytes=layout.max_message_bytes)
        self.drift, self.said = dict(NO_DRIFT), Said()

    @property
    def line_count(self) -> int:
        """Physical lines (segments), once all pieces are read."""
        return self._messages.line_count

    def pieces(self, tokens_under: str) -> Iterator[Piece]:
        """A piece for each chunk of messages, without what they say; at the end one with what all of them say."""
        spoken: dict[str, list[DataFrame]] = {}
        for chunk in self._messages:
            for name, frame in chunk.frames.items():
                spoken.setdefault(name, []).append(frame)
            yield self._piece(chunk)
        yield Piece(frames=[self._folded(name, frames, tokens_under) for name, frames in spoken.items()], refused=[])

    def _folded(self, entity: str, frames: list[DataFrame], tokens_under: str) -> DataFrame:
        import pandas as pd

        from concord.parse.hl7v2 import fold

        rows = fold(pd.concat(frames, ignore_index=True))
        rows["lines"] = 0  # its messages account for their lines themselves
        rows["cleared"] = ["{" + ",".join(names) + "}" for names in rows["cleared"]]
        return _staged(self._feed, entity, rows, self._keys, tokens_under)

    def _piece(self, chunk: AdtChunk) -> Piece:
        repeated = [(REPEATED, row.line, row.lines) for row in chunk.repeated]
        flags = {f"event:{name}": count for name, count in chunk.events.items()} | {"visit_unnumbered": chunk.unkeyed}
        return Piece(
            frames=[*_accounts(chunk), *_shadows(chunk.refused)],
            refused=[*_broken(chunk.refused)],
            flags=Counter({name: count for name, count in flags.items() if count}),
            control=[(line, 1) for line in chunk.control],
            ignored=[*((row.reason, row.line, row.lines) for row in chunk.ignored), *repeated],
        )


def _staged(feed: Feed, entity: str, frame: DataFrame, keys: KeyRing, tokens_under: str) -> DataFrame:
    """Rows of one entity as the stage table wants them."""
    if "ssn" in frame.columns:
        owners = frame.loc[frame["ssn"].notna(), "resource_id"]
        contexts = [staging.patient_ssn_context(feed.partner, resource_id) for resource_id in owners]
        frame = sealed(frame, contexts, keys, tokens_under)
    return frame.assign(entity=entity, refused=False)


def _accounts(chunk: AdtChunk) -> Iterator[DataFrame]:
    """A stage row for each message: its lines were used, whatever record they ended up in."""
    import pandas as pd

    lines = pd.concat([frame[["line", "lines"]] for frame in chunk.frames.values()]) if chunk.frames else None
    if lines is not None:
        yield lines[lines["lines"] > 0].assign(refused=False, deleted=False)


def _broken(refused: Sequence[Refused]) -> Iterator[RefusedRow]:
    for row in refused:
        yield RefusedRow(row.line, row.lines, "parse", row.reasons, row.raw)


def _shadows(refused: Sequence[Refused]) -> Iterator[DataFrame]:
    """Stage rows for refused records: their lines, and nothing of what they say."""
    import pandas as pd

    if refused:
        places = [(row.line, row.lines) for row in refused]
        rows = pd.DataFrame.from_records(places, columns=["line", "lines"]).astype("int64")
        yield rows.assign(refused=True, deleted=False)
