"""Who the patients are: links to members are planned, and applied where that is ordinary or somebody approved it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from concord import identity, incidents
from concord.errors import BaseMoved, NeedsDecision
from concord.identity import Answer, Applied, LinkPlan
from concord.incidents import Text
from concord.steps.site import Site

CAUSE = "links"
PLANS = 3
"""How often links are planned again within one step before its own retry takes over."""


def link(site: Site, *, actor: str = "concord links") -> dict[str, Any]:
    """Plans the links of everybody and applies what may be; returns counts, the verdict and what people are asked.

    Nothing is applied twice, and a link that would go waits for somebody (see :mod:`concord.identity.guard`).
    Raises :class:`BaseMoved` where members or patients keep changing meanwhile.
    """
    for _ in range(PLANS):
        plan = plan_links(site)
        try:
            applied = _apply(plan, site, actor)
        except BaseMoved:
            continue
        _tell(plan, site)
        return {"verdict": plan.verdict, "counts": plan.counts, "asks": plan.asks, **_counted(applied)}
    raise BaseMoved(f"members or patients changed {PLANS} times while they were linked")


def plan_links(site: Site) -> LinkPlan:
    """Stores what would be linked now."""
    with site.database("link") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return identity.plan_links(connection, site.keys)


def _apply(plan: LinkPlan, site: Site, actor: str) -> Applied | None:
    """One fenced try; None where nobody approved what there is to write."""
    with site.database("link") as connection:
        fence = identity.take_fence(connection)
    try:
        with site.database("link") as connection:
            applied = identity.apply_links(connection, plan.plan_id, fence, actor)
    except NeedsDecision:
        return None
    return applied


def _counted(applied: Applied | None) -> dict[str, Any]:
    """What was written; nothing of it where the plan waits."""
    if applied is None:
        return {"state": "held"}
    return {"state": "applied", **{name: value for name, value in asdict(applied).items() if name != "again"}}


def _tell(plan: LinkPlan, site: Site) -> None:
    """An incident while links wait for somebody, and as long as they do."""
    with site.database("link") as connection:
        asked = plan.asks
        if asked is None or identity.answered(connection, asked):
            incidents.resolve_cause(connection, CAUSE)
        else:
            incidents.report(connection, "links", waits(plan), feed=None, cause=CAUSE)


def waits(plan: LinkPlan) -> Text:
    """For links that would go or move."""
    digest = (plan.asks or "")[:12]
    everything = plan.verdict == "hold"
    happened = (
        "so many links of patients to members would move at once that it is the data or the rules that moved"
        if everything
        else "links of patients to members would go: what stood under them was told or shown as somebody's"
    )
    return Text(
        f"Links: plan {plan.plan_id} waits for a person",
        f"All partners: links are held. {happened[0].upper()}{happened[1:]} "
        f"({plan.counts.get('changed', 0):,} of {plan.counts.get('linked', 0):,}).",
        "every link stands as it is"
        + ("; new records are not linked either." if everything else "; new ones are made."),
        f"concord links plan, then concord links approve {digest} or concord links decline {digest} --reason …; the "
        "next run of concord_links does it.",
    )


def decide_links(digest: str, *, verdict: str, by: str, via: str, reason: str, ticket: str, site: Site) -> Answer:
    """A person's answer to what the newest plan asks."""
    with site.database(by) as connection:
        answer = identity.decide_links(
            connection, digest=digest, verdict=verdict, by=by, via=via, ticket=ticket, reason=reason
        )
        incidents.resolve_cause(connection, CAUSE)
    return answer


def decide_review(review_id: int, *, person_id: str | None, by: str, via: str, reason: str, site: Site) -> Answer:
    """A person's answer to which member a patient is: ``person_id``, or nobody of those named."""
    verdict = "apart" if person_id is None else "link"
    with site.database(by) as connection:
        return identity.decide_review(
            connection, review_id, verdict=verdict, person_id=person_id, by=by, via=via, reason=reason
        )
