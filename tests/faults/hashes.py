"""What the tables say, whatever ids and times it was written with: to compare a night with a fault with a clean one."""

from __future__ import annotations

from typing import Any

from tests.rosters import Driver

OF_THE_NIGHT = {
    "row_id",
    "delivery_id",
    "known_from",
    "known_to",
    "ssn_sealed",
    "outbox_id",
    "known_at",
    "end_evidence",
    "closed_by_delivery_id",
}
"""Columns that differ from night to night: ids, times, evidence naming them, a ciphertext with a random nonce."""


def beliefs(driver: Driver) -> list[list[str]]:
    """Every row of core and of the outbox, table by table, sorted."""
    return [sorted(map(_said, table)) for table in driver.tables()]


def _said(row: dict[str, Any]) -> str:
    return repr({name: value for name, value in row.items() if name not in OF_THE_NIGHT})
