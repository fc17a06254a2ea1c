"""Rows to frames: the columns of the entity in its order, and what a row is beyond them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from concord.entities import Entity, Kind
from concord.entities.clinical import ENCOUNTER, PATIENT
from concord.parse.hl7v2.rows import Row

ENTITIES: Mapping[str, Entity] = {entity.name: entity for entity in (PATIENT, ENCOUNTER)}
BOOLEAN = pd.BooleanDtype()
BEYOND = ("line", "lines", "deleted", "cleared")
"""Columns of a frame that are not the entity's."""

Placed = tuple[int, int, Row]
"""First line of the message, how many lines the row accounts for (0 for further rows of a message), the row."""


def frame(entity: Entity, rows: Sequence[Placed]) -> pd.DataFrame:
    """``line`` and ``lines`` (int64), ``deleted`` (bool), ``cleared``, then every column of ``entity``.

    ``cleared`` has a tuple of the columns that the sender emptied. Columns of Kind.BOOLEAN have
    pandas' boolean, all others text (``str``): dates YYYY-MM-DD, timestamps ISO in UTC.
    Missing is NA. Raises ``KeyError`` for a column that is not the entity's.
    """
    for stray in {name for _, _, row in rows for name in (*row.values, *row.cleared)} - set(entity.names):
        raise KeyError(f"{entity.name} has no column {stray}")
    columns: dict[str, pa.Array] = {
        "line": pa.array([line for line, _, _ in rows], pa.int64()),
        "lines": pa.array([lines for _, lines, _ in rows], pa.int64()),
        "deleted": pa.array([row.deleted for _, _, row in rows], pa.bool_()),
    }
    for column in entity.columns:
        kind = pa.bool_() if column.kind is Kind.BOOLEAN else pa.large_string()
        columns[column.name] = pa.array([row.values.get(column.name) for _, _, row in rows], kind)
    text: pd.DataFrame = pa.table(columns).to_pandas()
    text.insert(3, "cleared", pd.Series([tuple(sorted(row.cleared)) for _, _, row in rows], dtype=object))
    return text.astype({column.name: BOOLEAN for column in entity.columns if column.kind is Kind.BOOLEAN})
