"""Several messages about one record to one row: the newest word on each column counts.

Messages tell changes, so the newest row alone would lose what only an older one said
(an A01 with everything, then an A03 with little more than a number).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concord.parse.hl7v2.frames import BEYOND


def fold(rows: pd.DataFrame, key: Sequence[str] = ("resource_id",)) -> pd.DataFrame:
    """One row for each key of ``rows`` (frames of :class:`~concord.parse.hl7v2.AdtChunk`, one below the other).

    Order is ``last_updated``, then ``line``; rows without ``last_updated`` come first. A
    value or a ``cleared`` column replaces what was before, null leaves it; nothing from
    before a delete comes back. ``line``, ``lines``, ``deleted`` and ``last_updated`` are the
    newest row's; ``cleared`` names the columns whose newest word is that there is none,
    for the merge with what is held. Rows that are held may be put in as rows of line 0.
    """
    if rows.empty:
        return rows.copy()
    ordered = rows.sort_values(["last_updated", "line"], kind="stable", na_position="first", ignore_index=True)
    group = ordered.groupby(list(key), sort=False, dropna=False).ngroup().to_numpy().astype(np.int64)
    kept = np.arange(len(ordered)) >= _last(group, ordered["deleted"].to_numpy())[group]
    ordered, group = ordered[kept].reset_index(drop=True), group[kept]
    newest = _last(group, np.ones(len(group), dtype=bool))
    columns: dict[str, object] = {}
    cleared: list[list[str]] = [[] for _ in newest]
    for name in ordered.columns:
        if name in (*BEYOND, *key, "last_updated"):
            columns[name] = ordered[name].take(newest).array
            continue
        emptied = np.array([name in each for each in ordered["cleared"]], dtype=bool)
        spoken = _last(group, ordered[name].notna().to_numpy() | emptied)
        columns[name] = ordered[name].reindex(spoken).array  # -1 is no row: null
        for place in np.flatnonzero((spoken >= 0) & emptied[spoken]):
            cleared[place].append(name)
    columns["cleared"] = pd.Series([tuple(names) for names in cleared], dtype=object)
    return pd.DataFrame(columns)


def _last(group: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each group (0..n-1) the last position where ``mask`` holds; -1 where it nowhere does."""
    last = np.full(int(group.max()) + 1, -1, dtype=np.int64)
    np.maximum.at(last, group[mask], np.flatnonzero(mask))
    return last
