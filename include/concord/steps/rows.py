"""Rows under a column mapping: judged by the contract, typed, their SSNs sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from concord import stage as staging
from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.ledger import Delivery
from concord.parse import Said
from concord.protect import KeyRing
from concord.quarantine import RefusedRow
from concord.steps.hints import array_of, hints
from concord.steps.numbers import sealed
from concord.steps.pieces import Piece

if TYPE_CHECKING:
    from pandas import DataFrame

    from concord.parse import Chunk, RowFile
    from concord.validate import Validated


MEMBER = ("subscriber_id", "person_code")
PATIENT = ("resource_id",)
"""Whom an SSN is sealed to."""


class RowReading:
    """Reads the rows of ``file``: a :class:`~concord.steps.pieces.Reading`."""

    def __init__(self, feed: Feed, delivery: Delivery, file: RowFile, keys: KeyRing) -> None:
        self._feed, self._delivery, self._file, self._keys = feed, delivery, file, keys

    @property
    def line_count(self) -> int:
        """Physical lines, once all pieces are read."""
        return self._file.line_count

    @property
    def drift(self) -> dict[str, Any]:
        """How the header differs: an extra column by count, since its name is the partner's text."""
        found = self._file.drift
        missing = [name for name, column in self._feed.columns.items() if column.source in found.missing_optional]
        return {"extra_columns": len(found.extra), "missing_columns": missing, "reordered": found.reordered}

    @property
    def said(self) -> Said:
        """What the delivery says of itself."""
        return self._file.said

    def pieces(self, tokens_under: str) -> Iterator[Piece]:
        """One piece for each chunk of the file; raises :class:`DeliveryRejected` where it breaks the contract."""
        as_of = self._delivery.as_of_date or self._delivery.file_date
        if as_of is None:
            raise DeliveryRejected("order.no_date", "neither the file's name nor its time says what day it speaks of")
        for chunk in self._file:
            yield self._piece(chunk, as_of, tokens_under)

    def _piece(self, chunk: Chunk, as_of: Any, tokens_under: str) -> Piece:
        from concord.transform import transform
        from concord.validate import validate

        missing = frozenset(self._file.drift.missing_optional)
        judged = validate(self._feed, chunk.frame, as_of=as_of, missing=missing)
        frame = protected(self._feed, transform(self._feed, judged.accepted), self._keys, tokens_under)
        frame.insert(0, "line", chunk.line[judged.positions])
        frame.insert(1, "lines", chunk.lines[judged.positions])
        frame.insert(2, "refused", False)
        found = [*_rejected(chunk, judged), *_broken(chunk)]
        shadows = [_shadows(self._feed, chunk, judged)] if found else []
        return Piece(
            frames=[frame, *shadows],
            refused=found,
            flags=Counter(judged.flags),
            control=[(line, 1) for line in chunk.control],
            ignored=[(ignored.reason, ignored.line, ignored.lines) for ignored in chunk.ignored],
        )


def protected(feed: Feed, frame: DataFrame, keys: KeyRing, tokens_under: str | None = None) -> DataFrame:
    """``frame`` with each ``ssn`` replaced by its protected forms (see :func:`numbers.sealed`), and, of records, named.

    A row of records says of which table it is and that it deletes nothing.
    """
    if "ssn" in frame.columns:
        owners = frame.loc[frame["ssn"].notna(), list(PATIENT if feed.is_of_records else MEMBER)]
        context = staging.patient_ssn_context if feed.is_of_records else staging.ssn_context
        contexts = [context(feed.partner, *owner) for owner in owners.itertuples(index=False, name=None)]
        frame = sealed(frame, contexts, keys, tokens_under)
    return frame.assign(entity=feed.entities[0].name, deleted=False) if feed.is_of_records else frame


def _rejected(chunk: Chunk, judged: Validated) -> Iterator[RefusedRow]:
    for position, reasons in zip(judged.rejected.position, judged.rejected.reasons, strict=True):
        at = int(position)
        yield RefusedRow(int(chunk.line[at]), int(chunk.lines[at]), "validate", reasons, chunk.raw(at))


def _broken(chunk: Chunk) -> Iterator[RefusedRow]:
    for row in chunk.refused:
        yield RefusedRow(row.line, row.lines, "parse", row.reasons, row.raw)


def _shadows(feed: Feed, chunk: Chunk, judged: Validated) -> DataFrame:
    """Stage rows for refused rows: their lines, and whom they show as far as it can be read.

    Of records only the lines: nobody is missed who is not in the file.
    """
    import numpy as np
    import pandas as pd

    rejected = judged.rejected
    if feed.is_of_records:
        lines = np.concatenate([chunk.line[rejected.position], [row.line for row in chunk.refused]])
        counts = np.concatenate([chunk.lines[rejected.position], [row.lines for row in chunk.refused]])
        bare = pd.DataFrame({"line": lines, "lines": counts}).astype("int64")
        return bare.assign(refused=True, deleted=False)
    keyed = rejected.keys.assign(
        line=chunk.line[rejected.position],
        lines=chunk.lines[rejected.position],
        hints=pd.Series([array_of(hints(feed, chunk.raw(int(at)))) for at in rejected.position], dtype=object),
    )
    broken = pd.DataFrame.from_records(
        [(row.line, row.lines, array_of(hints(feed, row.raw))) for row in chunk.refused],
        columns=["line", "lines", "hints"],
    )
    rows = pd.concat([keyed, broken], ignore_index=True).assign(refused=True)
    return rows.astype({"line": "int64", "lines": "int64"})
