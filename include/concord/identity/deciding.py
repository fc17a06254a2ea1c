"""Answers of persons: to a held plan of links, and to the question which member a patient is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from concord import audit
from concord.errors import NeedsDecision
from concord.identity.plan import newest_plan
from concord.postgres import Connection, one, run

LINK, APART = "link", "apart"


@dataclass(frozen=True)
class Answer:
    """The answer that stands, whoever gave it."""

    verdict: str
    by: str


def decide_links(
    connection: Connection, *, digest: str, verdict: str, by: str, via: str, ticket: str = "", reason: str = ""
) -> Answer:
    """Records ``approve`` or ``decline`` for what the newest plan asks about; the first answer stands.

    Raises :class:`NeedsDecision` when the newest plan does not ask about this digest.
    """
    found = one(connection, "identity/get_decision", {"digest": digest})
    if found is not None:
        return Answer(found["verdict"], found["decided_by"])
    plan = newest_plan(connection)
    if plan is None or plan.asks != digest:
        raise NeedsDecision("the newest plan of links does not ask about this digest: look at it again")
    values = {"digest": digest, "plan_id": plan.plan_id, "verdict": verdict, "by": by, "via": via}
    if one(connection, "identity/insert_decision", values | _said(ticket, reason)) is not None:
        audit.record(
            connection, actor=by, action=f"link.{verdict}", object_id=f"link_plan:{plan.plan_id}", digest=digest,
            via=via, ticket=ticket or None, purpose=reason or None,
        )  # fmt: skip
    stands = one(connection, "identity/get_decision", {"digest": digest}) or {}
    return Answer(stands["verdict"], stands["decided_by"])


def answered(connection: Connection, digest: str) -> bool:
    """Whether somebody answered what a plan asks."""
    return one(connection, "identity/get_decision", {"digest": digest}) is not None


def reviews(connection: Connection) -> list[dict[str, Any]]:
    """Open reviews as counts: ``partner``, ``reason``, ``rows``, ``oldest``."""
    return [dict(row) for row in run(connection, "identity/count_reviews")]


def decide_review(
    connection: Connection,
    review_id: int,
    *,
    verdict: str,
    by: str,
    via: str,
    person_id: str | None = None,
    ticket: str = "",
    reason: str = "",
) -> Answer:
    """Records that a patient is ``person_id`` (``link``) or no candidate (``apart``); the first answer stands.

    Nothing is linked here: the next plan says what follows from it. Raises :class:`NeedsDecision` where there is no
    such open review, or where ``person_id`` is not one of its candidates.
    """
    review = one(connection, "identity/lock_review", {"review_id": review_id})
    if review is not None and review["state"] == "decided":
        return Answer(review["verdict"], review["decided_by"])
    if review is None or review["state"] != "open":
        raise NeedsDecision(f"review {review_id} is not open")
    named = person_id is not None and person_id in map(str, review["candidates"])
    if not (named if verdict == LINK else verdict == APART and person_id is None):
        raise NeedsDecision(f"review {review_id}: link names one of the candidates, apart names nobody")
    values = {"review_id": review_id, "verdict": verdict, "person_id": person_id, "by": by, "via": via}
    run(connection, "identity/decide_review", values | _said(ticket, reason))
    _enter(connection, f"link.{verdict}", review_id, by, reason, via=via, ticket=ticket or None)
    return Answer(verdict, by)


def reopen_review(connection: Connection, review_id: int, *, by: str, reason: str = "") -> None:
    """Takes an answer back: the next plan asks again. Raises :class:`NeedsDecision` where there is no answer."""
    if one(connection, "identity/reopen_review", {"review_id": review_id}) is None:
        raise NeedsDecision(f"review {review_id} was not decided")
    _enter(connection, "link.reopen", review_id, by, reason)


def _enter(connection: Connection, action: str, review_id: int, by: str, reason: str, **detail: Any) -> None:
    """The base of every plan moves with an answer: what was planned without it is planned again."""
    run(connection, "identity/move_base")
    audit.record(
        connection, actor=by, action=action, object_id=f"link_review:{review_id}", count=1, purpose=reason or None,
        **detail,
    )  # fmt: skip


def _said(ticket: str, reason: str) -> dict[str, str | None]:
    return {"ticket": ticket or None, "reason": reason or None}
