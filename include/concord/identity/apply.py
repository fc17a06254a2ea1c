"""Writes a plan of links: one fenced transaction, checked before and after. Twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from concord import audit
from concord.errors import BaseMoved, Fenced, NeedsDecision, Unbalanced
from concord.identity.rules import rules_hash
from concord.postgres import Connection, one, run

GRANT, LOSS = "grant", "loss"


@dataclass(frozen=True)
class Applied:
    """What an apply of links did: counts, and which parts of the plan. ``again``: it had been applied before."""

    parts: tuple[str, ...]
    persons: int = 0
    closed: int = 0
    opened: int = 0
    reviews: int = 0
    withdrawn: int = 0
    again: bool = False


def apply_links(connection: Connection, plan_id: int, fence: int, actor: str) -> Applied:
    """Applies what may be applied of plan ``plan_id``, in the caller's transaction.

    Grants of a plan whose losses wait are applied without them; the next plan states the losses again, under the
    same ``loss_digest``. Raises :class:`Fenced` (a newer attempt writes), :class:`BaseMoved` (plan again),
    :class:`NeedsDecision` (nobody approved what there is to write), Unbalanced.
    """
    lease = one(connection, "identity/hold_lease", {"fence": fence})
    if lease is None:
        raise Fenced(f"links: fence {fence} is no longer the newest")
    plan = one(connection, "identity/get_plan", {"plan_id": plan_id})
    if plan is None:
        raise BaseMoved(f"link plan {plan_id} is not there")
    if plan["applied_parts"] is not None:
        return Applied(tuple(plan["applied_parts"]), again=True)
    _check_base(connection, plan)
    values = {"plan_id": plan_id, "fence": fence, "known_at": lease["known_at"], "parts": _parts(connection, plan)}
    done = _write(connection, values)
    _enter(connection, values, done, actor)
    return done


def _check_base(connection: Connection, plan: dict[str, Any]) -> None:
    """Everything that must still be so, now that nobody else can write links."""
    base = one(connection, "identity/get_base") or {}
    same = all(base[name] == plan[name] for name in ("base_seq", "sources_seq"))
    if not same or plan["rules_hash"] != rules_hash():
        raise BaseMoved(f"link plan {plan['link_plan_id']}: links, members, patients or rules changed since")
    digests = one(connection, "identity/digest_plan", {"plan_id": plan["link_plan_id"]}) or {}
    if any(digests[name] != plan[name] for name in ("digest", "loss_digest")):
        raise BaseMoved(f"link plan {plan['link_plan_id']} is not what its digest says")


def _parts(connection: Connection, plan: dict[str, Any]) -> list[str]:
    if plan["verdict"] == "apply":
        return [GRANT, LOSS]
    asked = plan["digest"] if plan["verdict"] == "hold" else plan["loss_digest"]
    answer = one(connection, "identity/get_decision", {"digest": asked})
    if answer is not None and answer["verdict"] == "approve":
        return [GRANT, LOSS]
    grants = one(connection, "identity/count_grants", {"plan_id": plan["link_plan_id"]}) or {}
    if plan["verdict"] == "hold_losses" and grants["rows"]:
        return [GRANT]
    said = "declined" if answer is not None else "not approved by anybody"
    raise NeedsDecision(f"link plan {plan['link_plan_id']}: digest {asked[:12]} is {said}")


def _write(connection: Connection, values: dict[str, Any]) -> Applied:
    """Closes the links the plan replaces and opens those it states; counts must agree with the plan."""
    closed = _counted(connection, "close_links", values, "closed")
    opened = _counted(connection, "open_links", values, "opened")
    withdrawn = one(connection, "identity/withdraw_reviews", values) or {}
    asked = one(connection, "identity/open_reviews", values) or {}
    return Applied(
        tuple(values["parts"]), opened["persons"], closed["closed"], opened["opened"], asked["opened"],
        withdrawn["withdrawn"],
    )  # fmt: skip


def _counted(connection: Connection, name: str, values: dict[str, Any], what: str) -> dict[str, int]:
    """Runs a statement that counts what it did beside what the plan has; raises Unbalanced where they differ."""
    counts = dict(one(connection, f"identity/{name}", values) or {})
    if counts[what] != counts["planned"]:
        raise Unbalanced(f"link plan {values['plan_id']}: {counts[what]} of {counts['planned']} {what}")
    return counts


def _enter(connection: Connection, values: dict[str, Any], done: Applied, actor: str) -> None:
    """Lease, plan and audit, in the same transaction as the links."""
    if one(connection, "identity/advance_lease", values) is None:
        raise Fenced(f"links: fence {values['fence']} is no longer the newest")
    run(connection, "identity/mark_applied", values)
    audit.record(
        connection, actor=actor, action="link.apply", object_id=f"link_plan:{values['plan_id']}",
        count=done.closed + done.opened, purpose="linking", parts=list(done.parts), reviews=done.reviews,
    )  # fmt: skip
