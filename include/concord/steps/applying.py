"""Applies a plan when it is ordinary, or when a person approved exactly its digest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from concord import ledger
from concord import stage as staging
from concord.contract import Feed
from concord.errors import BaseMoved, NeedsDecision, StageLost
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, one
from concord.reconcile.apply import Applied
from concord.reconcile.apply import apply as write
from concord.steps.planning import compute_plan
from concord.steps.reading import build
from concord.steps.site import Site

APPLIED = frozenset({"applied", "published"})
LONG_HOLD = timedelta(hours=1)
PLANS = 3
"""How often a plan is computed again within one apply before the task's own retry takes over."""


def apply(feed: Feed, delivery_id: str, attempt: int, site: Site) -> dict[str, Any]:
    """Writes the delivery's plan; returns the state it came to and, when applied, row counts.

    ``held`` comes back when nobody approved the plan as it is now; ``declined`` when a
    person refused it. Applying twice changes nothing.
    """
    with site.database("apply") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id)
    if delivery.state in APPLIED:
        return {"state": delivery.state, "rows": {}}
    ledger.require_attempt(delivery, attempt)
    if delivery.state not in ("planned", "held"):
        return {"state": delivery.state}
    if _declined(site, delivery):
        return {"state": "declined"}
    _refresh_long_hold(feed, delivery, site)
    for _ in range(PLANS):
        outcome = _apply_once(feed, delivery, site)
        if outcome is not None:
            return outcome
    raise BaseMoved(f"delivery {delivery_id}: the tables moved {PLANS} times while it was applied")


def _declined(site: Site, delivery: Delivery) -> bool:
    """Moves the delivery to declined when a decline stands for its present plan."""
    with site.database("apply") as connection:
        plan = _plan(connection, delivery)
        values = {"delivery_id": delivery.delivery_id, "digest": plan["digest"]}
        decision = one(connection, "apply/get_decision", values)
        if delivery.state != "held" or decision is None or decision["verdict"] != "decline":
            return False
        ledger.move(connection, delivery.delivery_id, "declined", f"declined by {decision['decided_by']}")
        failpoint("apply.declined")
        return True


def _plan(connection: Connection, delivery: Delivery) -> dict[str, Any]:
    plan = one(connection, "plan/get_plan", {"delivery_id": delivery.delivery_id})
    if plan is None:
        raise BaseMoved(f"delivery {delivery.delivery_id} has no plan")
    return dict(plan)


def _refresh_long_hold(feed: Feed, delivery: Delivery, site: Site) -> None:
    """A stage table is a cache, and a hold may last days: what was waiting long is read from landing again."""
    with site.database("apply") as connection:
        age = datetime.now(UTC) - _plan(connection, delivery)["created_at"]
    if delivery.state == "held" and age > LONG_HOLD:
        build(feed, delivery, site, writes_quarantine=True)


def _apply_once(feed: Feed, delivery: Delivery, site: Site) -> dict[str, Any] | None:
    """One fenced try; None when the plan had to be computed again and may now be applied."""
    with site.database("apply") as connection:
        fence = ledger.take_fence(connection, feed.name)
    failpoint("apply.fence_taken")
    try:
        done = _write(feed, delivery, site, fence)
    except (BaseMoved, StageLost):
        done = None
    except NeedsDecision:
        return {"state": "held"}
    if done is not None:
        failpoint("apply.committed")
        return {"state": "applied", "rows": done.rows, "known_at": done.known_at.isoformat()}
    return _plan_again(feed, delivery, site)


def _write(feed: Feed, delivery: Delivery, site: Site, fence: int) -> Applied:
    with site.database("apply") as connection:
        plan = _plan(connection, delivery)
        staged = staging.current(connection, delivery.delivery_id)
        if staged is None or staged.stage_no != plan["stage_no"]:
            raise StageLost(f"delivery {delivery.delivery_id}: it was staged again since it was planned")
        connection.commit()
        return write(connection, feed, delivery, staged, plan, fence, "concord apply")


def _plan_again(feed: Feed, delivery: Delivery, site: Site) -> dict[str, Any] | None:
    """Plans against the tables as they are now. The same digest may go on; another one holds again (reconcile §5)."""
    computed, state = compute_plan(feed, delivery, site)
    if state != "held":
        return None if state == "planned" else {"state": state}
    with site.database("apply") as connection:
        values = {"delivery_id": delivery.delivery_id, "digest": computed.digest}
        decision = one(connection, "apply/get_decision", values)
    return None if decision is not None and decision["verdict"] == "approve" else {"state": "held"}
