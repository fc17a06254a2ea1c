"""Puts reading, rules and schema together: which rows are accepted, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas import DataFrame

from concord.contract import Feed
from concord.entities import ELIGIBILITY, MEMBER
from concord.validate.damage import DAMAGED, damaged, repaired
from concord.validate.dates import UNREADABLE
from concord.validate.reading import read_column
from concord.validate.rules import verdicts
from concord.validate.schema import schema_for, verdict_column

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


TELLING = ("birth_date", "relationship_code")
"""What a rejected row tells besides its key: whom it may be about, and whether that is the subscriber."""


@dataclass(frozen=True, eq=False)
class Rejected:
    """Rows that broke a promise: where, every reason code, and whose they are.

    ``position`` (int64) are rows of the chunk, ascending; ``reasons`` has one tuple for
    each, columns first, in contract order. ``keys`` (same length, index 0..n-1, object)
    has the canonical key columns, ``birth_date`` (ISO) and ``relationship_code``, each None
    where it is blank or broke a promise itself. PHI: kept out of the ``repr``.
    """

    position: NDArray[np.int64]
    reasons: list[tuple[str, ...]]
    keys: DataFrame

    def __len__(self) -> int:
        return len(self.reasons)

    def __repr__(self) -> str:
        return f"Rejected({len(self)} rows)"


@dataclass(frozen=True, eq=False)
class Validated:
    """The verdict on one chunk: every row is in ``accepted`` or in ``rejected``, once.

    ``accepted`` has canonical columns (mapped ones and constants), dtype ``str``, blank
    = ``""``, dates as ISO text, index 0..n-1; ``positions`` are its rows in the chunk.
    ``flags`` counts what was noticed in accepted rows without rejecting them.
    """

    accepted: DataFrame
    positions: NDArray[np.int64]
    rejected: Rejected
    flags: Counter[str]

    def __repr__(self) -> str:
        return f"Validated(accepted={len(self.positions)}, rejected={len(self.rejected)})"


def validate(feed: Feed, chunk_frame: DataFrame, *, as_of: date, missing: frozenset[str] = frozenset()) -> Validated:
    """Judges ``chunk_frame`` (source columns, dtype ``str``, blank = ``""``) against the contract.

    ``missing`` are source columns of optional columns that the file does not have; they
    are read as blank, without default. Raises ``KeyError`` for any other absent column.
    """
    table, flags, damage = canonical_text(feed, chunk_frame, missing)
    judged = tuple(name for name, mapping in feed.columns.items() if mapping.source not in missing)
    broken = broken_promises(feed, table, judged, as_of, damage)
    rejected = np.fromiter(sorted(broken), np.int64, len(broken))
    positions = np.delete(np.arange(len(chunk_frame), dtype=np.int64), rejected)
    reasons = [broken[int(position)] for position in rejected]
    return Validated(
        accepted=table.take(pa.array(positions)).to_pandas() if len(rejected) else table.to_pandas(),
        positions=positions,
        rejected=Rejected(rejected, reasons, readable_keys(feed, table.take(pa.array(rejected)), reasons)),
        flags=Counter({code: int(count) for code, mask in flags.items() if (count := mask[positions].sum())}),
    )


class CanonicalText(NamedTuple):
    """Canonical columns as text; what was noticed (code → which rows); what of spreadsheets refuses rows."""

    table: pa.Table
    flags: dict[str, NDArray[np.bool_]]
    damage: dict[str, pa.Array]


def canonical_text(feed: Feed, frame: DataFrame, missing: frozenset[str]) -> CanonicalText:
    """The canonical columns of ``frame``, and what was noticed in reading them."""
    read = CanonicalText(pa.table({}), {}, {})
    columns: dict[str, pa.Array] = {}
    for name, mapping in feed.columns.items():
        if mapping.source in missing:
            columns[name] = _constant("", len(frame))
        else:
            columns[name] = _read(feed, name, pa.array(frame[mapping.source].array, pa.large_string()), read)
    columns |= {name: _constant(value, len(frame)) for name, value in feed.constants.items()}
    return read._replace(table=pa.table(columns))


def _read(feed: Feed, name: str, values: pa.Array, read: CanonicalText) -> pa.Array:
    """One column; adds to ``read`` what was noticed. A damaged value is refused by its damage alone."""
    mapping = feed.columns[name]
    harm = damaged(mapping.read, values) if feed.columnar.is_spreadsheet else {}
    values, noticed = repaired(values) if feed.columnar.is_spreadsheet else (values, {})
    canonical, flags = read_column(mapping, values, feed)
    for code, mask in (noticed | flags).items():
        read.flags[f"{name}.{code}"] = mask.to_numpy(zero_copy_only=False)
    for code, mask in harm.items():
        read.damage[f"{name}.{code}"] = mask
        canonical = pc.if_else(mask, DAMAGED, canonical)
    return canonical


def _constant(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.large_string()), count)


def broken_promises(
    feed: Feed, table: pa.Table, judged: tuple[str, ...], as_of: date, damage: Mapping[str, pa.Array]
) -> dict[int, tuple[str, ...]]:
    """Row position → reason codes, for the rows that broke a promise."""
    given = table.select([*judged, *feed.constants])
    held = verdicts(feed, given, as_of) | {code: pc.invert(mask) for code, mask in damage.items()}
    schema = schema_for(feed, judged, tuple(held))
    table = without_coverage_spared(feed, table)
    verdict_columns = {verdict_column(code): kept for code, kept in held.items()}
    frame = pa.table({**{name: table[name] for name in judged}, **verdict_columns}).to_pandas()
    return _by_row(_failures(schema, frame))


BEGUN_BEFORE = ("end", "reinstate")
"""Actions on a coverage that is held: it has a beginning already, and the row need not repeat it."""


def without_coverage_spared(feed: Feed, table: pa.Table) -> pa.Table:
    """``table`` in which a member without coverage promises nothing about coverage (834: a 2000 loop without HD)."""
    if not feed.columnar.brings_members_alone or "coverage_line" not in table.column_names:
        return table
    alone = pc.equal(table["coverage_line"], "")
    actions = table["maintenance_action"] if "maintenance_action" in table.column_names else None
    goes = pc.is_in(actions, pa.array(BEGUN_BEFORE, actions.type)) if actions is not None else None
    for name in (name for name in ELIGIBILITY.names if name not in MEMBER.names and name in table.column_names):
        unbegun = pc.or_(alone, goes) if name == ELIGIBILITY.start and goes is not None else alone
        spared = pc.and_(unbegun, pc.equal(table[name], ""))
        table = table.set_column(
            table.column_names.index(name), name, pc.if_else(spared, DAMAGED, table[name]).combine_chunks()
        )
    return table


def _failures(schema: DataFrameSchema, frame: DataFrame) -> Iterable[tuple[int, str]]:
    """(position, code) of every failed check, in order. pandera's own report quotes values: it ends here."""
    from pandera.errors import SchemaErrors

    cases = DataFrame({"index": [], "check": []})
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases[["index", "check"]]
    if cases["index"].isna().any():  # no row's fault: a check could not run
        raise RuntimeError(f"checks that could not run: {', '.join(sorted(set(cases['check'].astype(str))))}")
    return zip(cases["index"].tolist(), cases["check"].tolist(), strict=True)


def _by_row(failures: Iterable[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
    broken: dict[int, dict[str, None]] = {}
    for position, code in failures:
        broken.setdefault(int(position), {})[code] = None
    return {position: tuple(codes) for position, codes in broken.items()}


def readable_keys(feed: Feed, rows: pa.Table, reasons: list[tuple[str, ...]]) -> DataFrame:
    """Key columns, birth date and relationship of rejected ``rows``, each None where it cannot be relied on."""
    names = dict.fromkeys(name for entity in feed.entities for name in entity.key)
    names |= dict.fromkeys(name for name in TELLING if name in feed.canonical)
    keys = {name: _readable(name, rows, reasons) for name in names}
    return DataFrame(keys, columns=list(names), dtype=object)


def _readable(name: str, rows: pa.Table, reasons: list[tuple[str, ...]]) -> list[str | None]:
    if name not in rows.column_names:
        return [None] * len(reasons)
    values = rows[name].to_pylist()
    return [
        value
        if value not in ("", UNREADABLE, DAMAGED) and not any(code.startswith(f"{name}.") for code in codes)
        else None
        for value, codes in zip(values, reasons, strict=True)
    ]
