"""Decisions on holds: the row in ``ops.decision`` is the authority, whoever wrote it."""

from __future__ import annotations

from typing import Any

from concord import audit, ledger
from concord.contract import Feed
from concord.errors import NeedsDecision
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.steps import texts
from concord.steps.site import Site


def decide(
    feed: Feed,
    delivery_id: str,
    *,
    digest: str,
    verdict: str,
    by: str,
    via: str,
    reason: str = "",
    ticket: str = "",
    site: Site,
) -> dict[str, Any]:
    """Records an answer to a held plan; the first complete one stands.

    Returns ``verdict`` and ``by`` of what stands; ``standing`` is False while the
    contract asks for another person. Raises :class:`NeedsDecision` when the delivery is
    not held, or its plan no longer has this digest (reconcile §7).
    """
    with site.database(by) as connection:
        delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
        plan = one(connection, "plan/get_plan", {"delivery_id": delivery_id})
        values = {
            "delivery_id": delivery_id, "digest": digest, "verdict": verdict, "by": by, "via": via,
            "reason": reason or None, "ticket": ticket or None,
        }  # fmt: skip
        found = one(connection, "apply/get_decision", values)
        if found is not None:
            return _standing(found)
        if delivery.state != "held" or plan is None or plan["digest"] != digest:
            raise NeedsDecision(f"delivery {delivery_id} is {delivery.state}, or its plan changed: look at it again")
        if verdict == "approve" and (earlier := _earlier_hold(connection, feed, delivery)):
            raise NeedsDecision(f"delivery {earlier} is held and comes first: change files are approved in order")
        answer = _record(connection, feed, values | {"plan_id": plan["plan_id"]})
        failpoint("decide.before_commit")
    failpoint("decide.committed")
    return answer


def hold_text(feed: Feed, delivery_id: str, site: Site) -> dict[str, str]:
    """Subject and body (Markdown) of the approval: why it is held, what is safe, what to press, what it would do."""
    with site.database("hold") as connection:
        text = texts.held(connection, feed, delivery_id)
    return {"subject": text.subject, "body": text.body}


def _earlier_hold(connection: Connection, feed: Feed, delivery: Delivery) -> str | None:
    """A held change file before this one: applied after it, its changes would be lost (reconcile §7)."""
    if not feed.never_passes or delivery.is_replay:
        return None
    held = ledger.files(connection, feed.name, frozenset({"held"}))
    return next((other.delivery_id for other in held if other.order < delivery.order), None)


def _standing(row: dict[str, Any]) -> dict[str, Any]:
    return {"verdict": row["verdict"], "standing": True, "by": row["decided_by"]}


def _record(connection: Connection, feed: Feed, values: dict[str, Any]) -> dict[str, Any]:
    audit.record(
        connection, actor=values["by"], action=values["verdict"], object_id=values["delivery_id"],
        digest=values["digest"], via=values["via"], ticket=values["ticket"], purpose=values["reason"],
    )  # fmt: skip
    if values["verdict"] == "approve":
        run(connection, "apply/insert_endorsement", values)
        persons = (one(connection, "apply/count_endorsements", values) or {})["persons"]
        if persons < feed.policy.approvers:
            return {"verdict": "approve", "standing": False, "by": values["by"]}
    run(connection, "apply/insert_decision", values)
    found = one(connection, "apply/get_decision", values)
    if found is None:
        raise NeedsDecision(f"delivery {values['delivery_id']}: its plan was decided under another digest")
    return _standing(found)


def standing(feed: Feed, delivery_id: str, site: Site) -> str | None:
    """The verdict that stands: of the decision on the present plan, or of what became of the delivery.

    ``approve``, ``decline``, or None while somebody has to decide. A delivery that ended
    otherwise (superseded, failed) can no longer be approved.
    """
    with site.database("standing") as connection:
        delivery = ledger.find(connection, delivery_id)
        if delivery.feed != feed.name or delivery.state in ledger.ENDED | {"applied"}:
            return "approve" if delivery.state in ("applied", "published") else "decline"
        plan = one(connection, "plan/get_plan", {"delivery_id": delivery_id})
        if plan is None:
            return None
        found = one(connection, "apply/get_decision", {"delivery_id": delivery_id, "digest": plan["digest"]})
    return found["verdict"] if found else None
