"""Rows to frames: the canonical columns of an entity, in its order and types, and where each row stood."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
from pandas import DataFrame

from concord.entities import Entity, Kind
from concord.parse.fhir.reading import Row

BOOLEAN = pd.BooleanDtype()
Placed = tuple[int, int, bool, Row]
"""First physical line, how many lines it accounts for (0 for further rows of a line), deleted, columns."""


def frame(entity: Entity, rows: Sequence[Placed]) -> DataFrame:
    """``line`` and ``lines`` (int64), ``deleted`` (bool), then every column of ``entity``.

    Columns of Kind.BOOLEAN have pandas' boolean, all others text (``str``): dates
    YYYY-MM-DD, timestamps ISO with offset, numbers as they were written. Missing is NA.
    """
    columns: dict[str, pa.Array] = {
        "line": pa.array([row[0] for row in rows], pa.int64()),
        "lines": pa.array([row[1] for row in rows], pa.int64()),
        "deleted": pa.array([row[2] for row in rows], pa.bool_()),
    }
    for column in entity.columns:
        kind = pa.bool_() if column.kind is Kind.BOOLEAN else pa.large_string()
        columns[column.name] = pa.array([row[3].get(column.name) for row in rows], kind)
    text: DataFrame = pa.table(columns).to_pandas()
    booleans = {column.name: BOOLEAN for column in entity.columns if column.kind is Kind.BOOLEAN}
    return text.astype(booleans) if booleans else text
