"""Airflow's deadlines on a feed's runs: one that takes too long is told while it still runs.

The watch has to be through when the contract says that the delivery is expected; a
delivery's run may take :data:`DELIVERY_MAY_TAKE`, unless it waits for a person. Airflow's
triggerer calls :func:`missed`, which therefore has to be importable there.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import date, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from concord.contract import Feed
from concord.orchestrate.tasks import DELIVERY_ID, described, opened

log = logging.getLogger(__name__)

DELIVERY_MAY_TAKE = timedelta(hours=6)
"""Longer than any step believably takes: two steps, or the retries of one, together."""


def watch_deadline(feed: Feed) -> DeadlineAlert:
    """A watch that was begun when it should be is through by ``expected_by``; an export may take its patience."""
    if feed.pulls:
        return _alert(feed, feed.asked.patience)
    day, schedule = date(2000, 1, 1), feed.schedule
    begun, through = (datetime.fromisoformat(f"{day}T{clock}") for clock in (schedule.at, schedule.expected_by))
    return _alert(feed, through - begun)


def delivery_deadline(feed: Feed) -> DeadlineAlert:
    """A delivery that nobody has to decide on is through in a few hours."""
    return _alert(feed, DELIVERY_MAY_TAKE)


def _alert(feed: Feed, within: timedelta) -> DeadlineAlert:
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within,
        callback=AsyncCallback(missed, kwargs={"feed": feed.name, "minutes": round(within.total_seconds() / 60)}),
        name=f"{feed.name}: over within {within}",
    )


async def missed(feed: str, minutes: int, context: Any) -> None:
    """Records a run that takes too long. Never raises: the triggerer would log what it was called with."""
    try:
        await asyncio.to_thread(_record, feed, minutes, context)
    except Exception as trouble:  # noqa: BLE001 — the triggerer logs tracebacks, which may quote values
        log.error("a missed deadline could not be recorded: %s", described(trouble))  # noqa: TRY400 — as above


def _record(feed: str, minutes: int, context: Any) -> None:
    from concord import catalogue, steps

    run = context["dag_run"]
    named = str((run.get("conf") or {}).get("delivery_id"))
    with opened() as site:
        delivery_id = named if DELIVERY_ID.match(named) else None
        steps.overdue(catalogue.feed(feed), str(run["dag_id"]), minutes, site, delivery_id=delivery_id)
