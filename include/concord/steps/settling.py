"""The end of a run: publish, tell, clean up, and say what may start next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from concord import audit, incidents, ledger
from concord import stage as staging
from concord.contract import Feed
from concord.errors import NeedsDecision
from concord.failpoint import failpoint
from concord.ledger import Delivery, UnknownDelivery
from concord.postgres import Connection, run
from concord.steps import texts
from concord.steps.arriving import open_runs, run_of
from concord.steps.deciding import standing
from concord.steps.site import Site

GREEN = frozenset({"published", "superseded", "compared", "duplicate"})
UNFINISHED = frozenset({"landed", "waiting", "staged", "planned"})
WRITTEN = frozenset({"applied", "published"})
MOST_ATTEMPTS = 20
"""A delivery that is held again and again is broken in a way that no further attempt mends."""


def settle(feed: Feed, delivery_id: str, attempt: int, site: Site) -> dict[str, Any]:
    """Brings the delivery to an end, or opens its next attempt; the colour of the run comes from the ledger.

    A run whose attempt is over decides nothing: it only makes sure that the attempt that counts has its run.
    """
    with site.database("settle") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id)
    if delivery.attempt != attempt:
        return _overtaken(feed, delivery, site)
    if delivery.state == "applied":
        delivery = _publish(delivery, site)
    elif delivery.state in UNFINISHED:
        delivery = give_up(feed, delivery, site)
    runs = _next_attempt(feed, delivery, site) if delivery.state == "held" else []
    if delivery.state == "held" and not runs:
        delivery = give_up(feed, delivery, site)
    held = delivery.state == "held"
    note = "held again: another person, or the plan as it is now, must be approved" if held else delivery.state_reason
    ok = delivery.state in GREEN or held
    return {"state": delivery.state, "ok": ok, "note": note or "", "open": [*runs, *open_runs(feed, site)]}


def _overtaken(feed: Feed, delivery: Delivery, site: Site) -> dict[str, Any]:
    runs = [run_of(delivery)] if delivery.state in (UNFINISHED | {"held"}) - {"waiting"} else []
    note = f"attempt {delivery.attempt} counts"
    return {"state": delivery.state, "ok": True, "note": note, "open": [*runs, *open_runs(feed, site)]}


def _publish(delivery: Delivery, site: Site) -> Delivery:
    with site.database("settle") as connection:
        if ledger.find(connection, delivery.delivery_id, lock=True).state == "applied":
            ledger.move(connection, delivery.delivery_id, "published", "applied, and everybody was told")
            failpoint("settle.published")
        # Of every feed: each needs the stage table of its latest full to see a truncation.
        staging.drop(connection, [row["seen_delivery_id"] for row in run(connection, "ledger/list_seen")])
        settled = ledger.find(connection, delivery.delivery_id)
        failpoint("settle.before_commit")
    failpoint("settle.committed")
    return settled


def give_up(feed: Feed, delivery: Delivery, site: Site) -> Delivery:
    """A run ends and its delivery has not: a step ran out of retries. It may be opened again."""
    with site.database("settle") as connection:
        present = ledger.find(connection, delivery.delivery_id, lock=True)
        if (present.attempt, present.state) != (delivery.attempt, delivery.state):
            return present
        ledger.move(connection, delivery.delivery_id, "failed", f"its run ended while it was {delivery.state}")
        ended = ledger.find(connection, delivery.delivery_id)
        _report(connection, feed, ended, "run", f"it ended while the delivery was {delivery.state}")
        failpoint("give_up.before_commit")
    failpoint("give_up.committed")
    return ended


def _next_attempt(feed: Feed, delivery: Delivery, site: Site) -> list[dict[str, Any]]:
    """A held delivery whose plan nobody approved as it is now gets a run of its own to be asked in."""
    if standing(feed, delivery.delivery_id, site) == "approve" or delivery.attempt >= MOST_ATTEMPTS:
        return []
    with site.database("settle") as connection:
        present = ledger.find(connection, delivery.delivery_id, lock=True)
        ledger.require_attempt(present, delivery.attempt)
        reopened = ledger.reopen(connection, present, "held again")
        failpoint("settle.reopened")
    return [run_of(reopened)]


def revive(feed: Feed, delivery_id: str, attempt: int, site: Site) -> list[dict[str, Any]]:
    """A new attempt for a delivery whose run is gone or ended without it; empty where it is past help, or moved on."""
    with site.database("revive") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
        if delivery.attempt != attempt or delivery.state not in UNFINISHED | {"held"}:
            return []
        if delivery.attempt < MOST_ATTEMPTS:
            reopened = ledger.reopen(connection, delivery, "its run was gone")
            failpoint("revive.before_commit")
            return [run_of(reopened)]
    give_up(feed, delivery, site)
    return []


def unattended(feed: Feed, site: Site, *, after: timedelta | None = None) -> list[dict[str, Any]]:
    """Deliveries that a run should be working on, unmoved for ``after``: ``delivery_id``, ``attempt``, ``run_id``.

    None means as long as the settings say.
    """
    after = site.settings.lost_after if after is None else after
    with site.database("revive") as connection:
        rows = run(connection, "ledger/list_unattended", {"feed": feed.name, "after": after})
    deliveries = [Delivery.from_row(row) for row in rows]
    return [{"delivery_id": d.delivery_id, "attempt": d.attempt, "run_id": d.run_id} for d in deliveries]


def skip(feed: Feed, delivery_id: str, *, by: str, reason: str, site: Site) -> None:
    """A person says that a failed or rejected delivery need not get in, so that what waits behind it goes on.

    The reason is free text, so it goes where only the auditor reads. Raises IllegalTransition for other states.
    """
    with site.database(by) as connection:
        delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
        if delivery.state == "held":
            raise NeedsDecision(f"delivery {delivery_id} is held: decline it instead")
        ledger.move(connection, delivery_id, "declined", f"skipped by {by}")
        audit.record(connection, actor=by, action="skip", object_id=delivery_id, purpose=reason)
        failpoint("skip.before_commit")


def fail(feed: Feed, delivery_id: str | None, site: Site, *, step: str, error: str) -> None:
    """Records an incident for a step that ran out of retries, once per cause."""
    with site.database("fail") as connection:
        delivery = _known(connection, delivery_id)
        if delivery is not None and delivery.state in ("rejected", "superseded", "declined"):
            return  # told already, with what to press, or nobody's concern any more
        _report(connection, feed, delivery, step, error)
        failpoint("fail.before_commit")
    failpoint("fail.committed")


def overdue(feed: Feed, dag: str, minutes: int, site: Site, *, delivery_id: str | None) -> bool:
    """Records a run that missed its deadline; False for a delivery that is over or waits for a person."""
    with site.database("deadline") as connection:
        delivery = _known(connection, delivery_id)
        if delivery is not None and delivery.state not in UNFINISHED | {"discovered", "applied"}:
            return False
        text, of = texts.slow(feed, dag, minutes, delivery), delivery.delivery_id if delivery else None
        incidents.report(connection, "slow", text, feed=feed.name, delivery_id=of)
    return True


def _report(connection: Connection, feed: Feed, delivery: Delivery | None, step: str, error: str) -> None:
    if delivery is None or delivery.state == "discovered":
        text, cause = texts.watch_failed(feed, step, error), f"watch:{feed.name}:{step}"
        incidents.report(connection, "watch", text, feed=feed.name, cause=cause)
        return
    words = texts.not_settled if delivery.state in WRITTEN else texts.failed
    text = words(feed, delivery, step, error)
    incidents.report(connection, "failed", text, feed=feed.name, delivery_id=delivery.delivery_id)


def _known(connection: Connection, delivery_id: str | None) -> Delivery | None:
    try:
        return ledger.find(connection, delivery_id) if delivery_id else None
    except UnknownDelivery:
        return None
