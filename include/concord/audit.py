"""The append-only audit trail; the loader can add to it and do nothing else."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from concord.postgres import Connection, run


def record(connection: Connection, *, actor: str, action: str, object_id: str, **detail: Any) -> None:
    """Appends one entry in the caller's transaction; ``detail`` holds ids, codes and counts only."""
    values = {"actor": actor, "action": action, "object": object_id, "detail": Jsonb(detail)}
    run(connection, "ledger/append_audit", values)
