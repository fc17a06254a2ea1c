"""Files through the pure stages, as the stage step takes them there, with every record they came to.

Rows are judged one by one whatever stands beside them, so that many files are judged at
once: pandera costs the same for a thousand rows as for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from itertools import groupby

import pandas as pd

from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.parse import Chunk, RowFile
from concord.parse.opening import open_rows
from concord.protect import KeyRing
from concord.stage import to_copy_text
from concord.steps.hints import hints
from concord.steps.rows import protected
from concord.transform import transform
from concord.validate import validate

KEYS = KeyRing({"fuzz": b"s" * 32}, {"fuzz": b"t" * 32})

Opener = Callable[[BytesIO], RowFile]


@dataclass
class Record:
    """Lines that became something: which, what, their bytes, and the values that were read (of sound records)."""

    line: int
    lines: int
    became: str
    raw: bytes | None = None
    values: dict[str, str] | None = None


@dataclass
class Outcome:
    """What became of a file; ``rejection`` is the whole file's."""

    line_count: int = 0
    columns: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    records: list[Record] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    """The sound ones of ``records``, in order: they are judged."""
    rejection: DeliveryRejected | None = None

    @property
    def verdict(self) -> str:
        """``rejected``, ``quarantined`` (some row was) or ``accepted``."""
        if self.rejection is not None:
            return "rejected"
        return "quarantined" if any(record.became == "quarantined" for record in self.records) else "accepted"


def read(
    feed: Feed, files: Iterable[bytes], as_of: date, *, chunk_rows: int = 100_000, opened: Opener | None = None
) -> list[Outcome]:
    """What becomes of each of ``files``; anything but a rejection that is raised on the way is a defect.

    ``opened`` opens the reader where the usual one of the feed's format is not meant.
    """
    how = opened or (lambda stream: open_rows(stream, feed, chunk_rows=chunk_rows))
    outcomes = [_parsed(feed, data, how) for data in files]
    sound = sorted((o for o in outcomes if o.rejection is None and o.rows), key=lambda outcome: sorted(outcome.missing))
    for missing, group in groupby(sound, key=lambda outcome: outcome.missing):
        _judge(feed, list(group), missing, as_of)
    return outcomes


def _parsed(feed: Feed, data: bytes, opened: Opener) -> Outcome:
    outcome = Outcome()
    try:
        file = opened(BytesIO(data))
        outcome.columns, outcome.missing = file.columns, frozenset(file.drift.missing_optional)
        for chunk in file:
            _take(feed, chunk, outcome)
        outcome.line_count = file.line_count
    except DeliveryRejected as error:
        outcome.rejection = error
    return outcome


def _take(feed: Feed, chunk: Chunk, outcome: Outcome) -> None:
    names = [str(name) for name in chunk.frame.columns]
    for at, values in enumerate(zip(*(chunk.frame[name].tolist() for name in names), strict=True)):
        text = dict(zip(names, values, strict=True))
        row = Record(int(chunk.line[at]), int(chunk.lines[at]), "consumed", chunk.raw(at), text)
        outcome.rows.append(row)
        outcome.records.append(row)
    for refused in chunk.refused:
        assert refused.reasons
        hints(feed, refused.raw)
        outcome.records.append(Record(refused.line, refused.lines, "quarantined", refused.raw))
    outcome.records += [Record(ignored.line, ignored.lines, "ignored") for ignored in chunk.ignored]
    outcome.records += [Record(line, 1, "control") for line in chunk.control]


def _judge(feed: Feed, outcomes: list[Outcome], missing: frozenset[str], as_of: date) -> None:
    rows = [row for outcome in outcomes for row in outcome.rows]
    frame = pd.DataFrame([row.values for row in rows], dtype="str")
    judged = validate(feed, frame, as_of=as_of, missing=missing)
    assert sorted([*judged.positions, *judged.rejected.position]) == list(range(len(rows)))
    to_copy_text(protected(feed, transform(feed, judged.accepted), KEYS))
    for position in judged.rejected.position:
        row = rows[int(position)]
        row.became = "quarantined"
        hints(feed, row.raw or b"")
