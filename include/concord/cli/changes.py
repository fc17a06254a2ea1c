"""Changes per column of a plan: in how many rows, and what for columns that identify nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from concord.entities import CLINICAL, ENTITIES, Phi
from concord.postgres import Connection, run
from concord.stage import table

OPEN = frozenset({"staged", "planned", "held", "compared"})
"""States in which core still holds what was believed before this delivery."""
SHOWN = 3
HIDDEN = "(masked)"


def column_changes(connection: Connection, found: Mapping[str, Any]) -> Iterator[tuple[str, str, int, str]]:
    """Rows of (entity, column, rows, commonest changes); identifiers are ``(masked)``.

    ``found`` is the delivery with its newest plan. Without a stage table there are counts only.
    """
    staged = stage_table(connection, found)
    for row in run(connection, "cli/select_plan_columns", {"plan_id": found["plan_id"]}):
        entity, column = row["entity"], row["column"]
        if phi(entity, column) is not Phi.NONE:
            text = HIDDEN
        else:
            text = commonest(connection, found["plan_id"], entity, column, staged) if staged else ""
        yield entity, column, row["rows"], text


def phi(entity: str, column: str) -> Phi:
    """PHI class of a changed column; what the entity does not name (an SSN's token) is secret."""
    known = ENTITIES[entity]
    return known.column(column).phi if column in known.names else Phi.SECRET


def commonest(connection: Connection, plan_id: int, entity: str, column: str, staged: sql.Identifier) -> str:
    """``PPO1 → HMO2 (35), ...``: the changes that most rows make."""
    parts = {
        "core": sql.Identifier("core", entity),
        "stage": staged,
        "column": sql.Identifier(column),
        "is_row": is_row(entity),
    }
    values = {"plan_id": plan_id, "entity": entity, "name": column, "limit": SHOWN}
    rows = run(connection, "cli/select_column_changes", values, **parts)
    return ", ".join(f"{row['before'] or 'blank'} → {row['after'] or 'blank'} ({row['rows']})" for row in rows)


def is_row(entity: str) -> sql.Composable:
    """What tells the row of a plan among those of its line: a line is one row, but for records."""
    known = ENTITIES[entity]
    if known not in CLINICAL:
        return sql.SQL("true")
    key = sql.SQL(", ").join(sql.Identifier("s", name) for name in known.key)
    return sql.SQL("s.entity = r.entity AND ARRAY[{}] = r.key").format(key)


def stage_table(connection: Connection, found: Mapping[str, Any]) -> sql.Identifier | None:
    """The stage table the plan was made from, while it can still be compared with core; else None."""
    if found["stage_no"] is None or found["state"] not in OPEN:
        return None
    name = table(found["delivery_id"], found["stage_no"])
    present = run(connection, "cli/has_table", {"name": name.as_string(connection)})
    return name if present[0]["present"] else None
