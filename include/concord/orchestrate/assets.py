"""The core tables as Airflow assets: who wrote them, when, and how many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, get_current_context

from concord.contract import Feed
from concord.entities import Entity


def core_asset(entity: Entity) -> Asset:
    """The asset of ``core.<entity>``; ``x-`` marks a scheme that Airflow gives no meaning to."""
    return Asset(name=f"core.{entity.name}", uri=f"x-concord://core/{entity.name}", group="core")


def core_assets(feed: Feed) -> list[Asset]:
    """The assets that deliveries of ``feed`` write."""
    return [core_asset(entity) for entity in feed.entities]


def tell_rows(feed: Feed, delivery_id: str, rows: Mapping[str, Mapping[str, int]]) -> None:
    """Puts feed, delivery and row counts by action into the events of this task's assets.

    ``rows`` maps an entity's name to its counts, as ``steps.apply`` returns them.
    """
    events = get_current_context()["outlet_events"]
    for entity in feed.entities:
        extra: dict[str, Any] = {"feed": feed.name, "delivery_id": delivery_id, **rows.get(entity.name, {})}
        events[core_asset(entity)].extra = extra
