"""The end of a run: publish, tell, clean up, and say what may start next."""

from __future__ import annotations

from typing import Any

from concord import incidents, ledger
from concord import stage as staging
from concord.contract import Feed
from concord.ledger import Delivery, UnknownDelivery
from concord.postgres import Connection, one
from concord.steps import texts
from concord.steps.arriving import open_runs, run_of
from concord.steps.deciding import standing
from concord.steps.site import Site

GREEN = frozenset({"published", "superseded", "compared", "duplicate"})
UNFINISHED = frozenset({"landed", "waiting", "staged", "planned"})
MOST_ATTEMPTS = 20
"""A delivery that is held again and again is broken in a way that no further attempt mends."""


def settle(feed: Feed, delivery_id: str, site: Site) -> dict[str, Any]:
    """Brings the delivery to an end, or opens its next attempt; the colour of the run comes from the ledger."""
    with site.database("settle") as connection:
        delivery = ledger.find(connection, delivery_id)
    if delivery.state == "applied":
        delivery = _publish(feed, delivery, site)
    elif delivery.state in UNFINISHED:
        delivery = _give_up(feed, delivery, site)
    runs = _next_attempt(feed, delivery, site) if delivery.state == "held" else []
    if delivery.state == "held" and not runs:
        delivery = _give_up(feed, delivery, site)
    held = delivery.state == "held"
    note = "held again: another person, or the plan as it is now, must be approved" if held else delivery.state_reason
    ok = delivery.state in GREEN or held
    return {"state": delivery.state, "ok": ok, "note": note or "", "open": [*runs, *open_runs(feed, site)]}


def _publish(feed: Feed, delivery: Delivery, site: Site) -> Delivery:
    with site.database("settle") as connection:
        ledger.move(connection, delivery.delivery_id, "published", "applied, and everybody was told")
        incidents.resolve(connection, delivery_id=delivery.delivery_id)
        base = one(connection, "plan/get_base", {"feed": feed.name}) or {}
        staging.drop(connection, [base["seen_delivery_id"]] if base.get("seen_delivery_id") else [])
        return ledger.find(connection, delivery.delivery_id)


def _give_up(feed: Feed, delivery: Delivery, site: Site) -> Delivery:
    """A run ends and its delivery has not: a step ran out of retries. It may be opened again."""
    with site.database("settle") as connection:
        ledger.move(connection, delivery.delivery_id, "failed", f"its run ended while it was {delivery.state}")
    fail(feed, delivery.delivery_id, site, step="run", error=f"it ended while the delivery was {delivery.state}")
    with site.database("settle") as connection:
        return ledger.find(connection, delivery.delivery_id)


def _next_attempt(feed: Feed, delivery: Delivery, site: Site) -> list[dict[str, Any]]:
    """A held delivery whose plan nobody approved as it is now gets a run of its own to be asked in."""
    if standing(feed, delivery.delivery_id, site) == "approve" or delivery.attempt >= MOST_ATTEMPTS:
        return []
    with site.database("settle") as connection:
        return [run_of(ledger.reopen(connection, delivery, "held again"))]


def fail(feed: Feed, delivery_id: str | None, site: Site, *, step: str, error: str) -> None:
    """Records an incident for a step that ran out of retries, once per cause, and tells people."""
    with site.database("fail") as connection:
        delivery = _known(connection, delivery_id)
        told = {"feed": feed.name, "delivery_id": delivery.delivery_id if delivery else None}
        if delivery is None or delivery.state == "discovered":
            cause, (subject, text) = f"watch:{feed.name}:{step}", texts.watch_failed(feed, step, error)
        else:
            cause = f"failed:{delivery.delivery_id}"
            subject, text = texts.failed(feed, delivery, step, error)
        if delivery is not None and delivery.state == "rejected":
            return  # told already, with what to press for a rejection
        new = incidents.report(connection, cause=cause, kind="failed", subject=subject, text=text, **told)
    if new:
        site.notifier(subject, text)


def _known(connection: Connection, delivery_id: str | None) -> Delivery | None:
    try:
        return ledger.find(connection, delivery_id) if delivery_id else None
    except UnknownDelivery:
        return None
