"""A delivery as text: a landed file, or the refused rows that a replay takes up.

The raw rows of a replay are sealed in quarantine and their header is in their file, so
a replay has no object of its own in landing: there is no second copy to protect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from concord import arrivals, ledger, quarantine
from concord.arrivals import Arrival
from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.landing import Manifest, available
from concord.ledger import Delivery
from concord.postgres import Connection
from concord.quarantine import Kept
from concord.reconcile.since import Unheard
from concord.steps.hints import hints
from concord.steps.site import Site

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from concord.parse import RowFile
    from concord.parse.chained import Part

CHUNK_ROWS = 100_000
"""Rows that are read, judged and copied at once: a whole file may not fit into memory."""
HEADER_LINES = 1
"""A replay begins with a header, whatever its format; then each record takes as many lines as it had."""
SHOWN = ("subscriber_id", "person_code", "coverage_line", "birth_date")
"""Whom a row shows, as far as it can be read."""
NOBODY = (None,) * len(SHOWN)
RECORD_SHOWN = ("resource_id",)
"""The same of records: all rows of one record are one unit."""


@contextmanager
def text_of(feed: Feed, delivery: Delivery, site: Site) -> Iterator[RowFile]:
    """The delivery's records; raises :class:`DeliveryRejected` where its header breaks the contract."""
    if delivery.is_replay:
        yield taken_up(feed, delivery, site)
        return
    with site.database("stage") as connection:
        files = arrivals.files(connection, delivery.delivery_id)
    with available(f"delivery {delivery.delivery_id}"), ExitStack() as stack:
        parts = [_part(feed, delivery, file, stack, site) for file in files if file.kind == arrivals.DATA]
        counts = [file.record_count for file in files if file.record_count is not None]
        if len(parts) < 2 and not counts:
            yield _opened(feed, delivery, stack.enter_context(_stream(delivery, site)))
        else:
            from concord.parse.chained import ChainedRows

            whole = next((file.record_count for file in files if file.kind == "control"), None)
            yield ChainedRows(parts, whole)


def _part(feed: Feed, delivery: Delivery, file: Arrival, stack: ExitStack, site: Site) -> Part:
    """One file of a delivery in several: a piece of its object, opened when it is its turn."""
    from concord.landing.window import window
    from concord.parse.chained import Part

    def opened() -> RowFile:
        piece = window(_stream(delivery, site), file.first_byte or 0, file.content_bytes or 0)
        return _opened(feed, delivery, stack.enter_context(piece))

    return Part(opened, file.record_count)


def _stream(delivery: Delivery, site: Site) -> BinaryIO:
    return site.landing.open(Manifest.from_json(dict(delivery.manifest or {})))


def _opened(feed: Feed, delivery: Delivery, stream: BinaryIO) -> RowFile:
    from concord.parse.opening import open_rows

    return open_rows(stream, feed, file_date=delivery.file_date, sequence=delivery.file_sequence, chunk_rows=CHUNK_ROWS)


def taken_up(feed: Feed, replay: Delivery, site: Site) -> RowFile:
    """The rows of a replay, under the header of their file."""
    with site.database("stage") as connection:
        rows = quarantine.in_replay(connection, replay.delivery_id)
        original = ledger.find(connection, replay.replay_of or "")
    return reread(feed, original, rows, site)


def reread(feed: Feed, original: Delivery, rows: Sequence[Kept], site: Site) -> RowFile:
    """``rows`` of ``original``, to be read by today's contract."""
    from concord.parse.opening import reread_rows

    records = [quarantine.raw(site.keys, row) for row in rows]
    line_counts = [row.line_count for row in rows]
    return reread_rows(columns(feed, original, site), records, line_counts, feed, chunk_rows=CHUNK_ROWS)


def columns(feed: Feed, original: Delivery, site: Site) -> tuple[str, ...]:
    """The header of a landed file, judged by today's contract; raises :class:`DeliveryRejected`."""
    with text_of(feed, original, site) as file:
        return file.columns


def shown(feed: Feed, original: Delivery, rows: Sequence[Kept], site: Site) -> dict[int, tuple[str | None, ...]]:
    """Whom ``rows`` show under today's contract (:data:`SHOWN`, :data:`RECORD_SHOWN`), by quarantine id. PHI."""
    ends = accumulate((row.line_count for row in rows), initial=HEADER_LINES + 1)
    found = _by_line(feed, original, reread(feed, original, rows, site))
    return {row.quarantine_id: found.get(line, NOBODY) for row, line in zip(rows, ends, strict=False)}


def _by_line(feed: Feed, original: Delivery, file: RowFile) -> dict[int, tuple[str | None, ...]]:
    from concord.validate import validate

    found: dict[int, tuple[str | None, ...]] = {}
    for chunk in file:
        missing = frozenset(file.drift.missing_optional)
        judged = validate(feed, chunk.frame, as_of=original.speaks_of, missing=missing)
        found |= _named(feed, chunk.line[judged.positions], judged.accepted)
        found |= _named(feed, chunk.line[judged.rejected.position], judged.rejected.keys)
    return found


def _named(feed: Feed, lines: NDArray[np.int64], frame: DataFrame) -> dict[int, tuple[str | None, ...]]:
    names = RECORD_SHOWN if feed.is_of_records else SHOWN
    rows = frame.reindex(columns=list(names)).itertuples(index=False, name=None)
    named = (tuple(value if isinstance(value, str) and value else None for value in row) for row in rows)
    return dict(zip(lines.tolist(), named, strict=True))


def unheard(feed: Feed, connection: Connection, fulls: Iterable[Delivery], site: Site) -> tuple[Unheard, ...]:
    """Whom the refused rows of ``fulls`` show: of them those files said nothing that could be read."""
    by_id = {delivery.delivery_id: delivery for delivery in fulls}
    kept: dict[str, list[Kept]] = defaultdict(list)
    for row in quarantine.unheard(connection, list(by_id)):
        kept[row.delivery_id].append(row)
    return tuple(said for delivery_id, rows in kept.items() for said in _unheard(feed, by_id[delivery_id], rows, site))


def _unheard(feed: Feed, delivery: Delivery, rows: Sequence[Kept], site: Site) -> Iterator[Unheard]:
    """One entry for each row; where today's contract cannot read the file's header, what the bytes hint at."""
    who: dict[int, tuple[str | None, ...]] = {}
    with suppress(DeliveryRejected):
        who = shown(feed, delivery, rows, site)
    for row in rows:
        hinted = tuple(hints(feed, quarantine.raw(site.keys, row)))
        yield Unheard(delivery.delivery_id, who.get(row.quarantine_id, NOBODY), hinted)
