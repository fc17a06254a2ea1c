"""Incidents: what on-call has to know, one open row per cause.

Every text says partner, delivery, state, what is safe and what to press; ids, codes
and counts only. Opening, escalating and closing one leaves a notice in the same
transaction (``ops.notice``, by a trigger): telling people is what ``steps.tell`` makes
of it, so nothing that happened can be kept from them by a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from concord.errors import NeedsDecision
from concord.postgres import Connection, one, run


class Severity(StrEnum):
    """How soon a person is needed, in growing order."""

    NOTE = "note"
    """Somebody should know; nothing is waiting for it."""
    ACTION = "action"
    """A delivery or a feed waits until somebody does something."""
    URGENT = "urgent"
    """It waited too long, or cannot wait at all."""

    def reaches(self, least: Severity) -> bool:
        """Whether this is at least as severe as ``least``."""
        order = list(Severity)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True)
class Kind:
    """What incidents of one kind are about, and when they escalate (None: never)."""

    means: str
    severity: Severity = Severity.ACTION
    escalates_after: timedelta | None = timedelta(hours=4)


KINDS = {
    "held": Kind("a plan is out of the ordinary and waits for a person"),
    "rejected": Kind("a delivery breaks the contract as a whole", escalates_after=timedelta(hours=8)),
    "failed": Kind("a delivery's retries are exhausted"),
    "login": Kind("a partner refused a login"),
    "blocked": Kind("so many logins were refused that none is tried any more"),
    "security": Kind("a server answers that is not the pinned one", Severity.URGENT, timedelta(hours=1)),
    "watch": Kind("the partner's folder could not be listed, or a file of it not fetched"),
    "gone": Kind("a file was removed before it was fetched", escalates_after=timedelta(hours=8)),
    "late": Kind("nothing arrived for a business day by the time promised"),
    "missing": Kind("a business day ended without its delivery", Severity.URGENT),
    "stale": Kind("deliveries come, and the tables stay behind", escalates_after=timedelta(hours=8)),
    "slow": Kind("a run takes longer than believed possible", Severity.NOTE, None),
    "gap": Kind("a change file's predecessor has not arrived"),
    "drift": Kind("a file comes with other columns than promised", Severity.NOTE, None),
    "listing": Kind("entries in the partner's folder were refused", Severity.NOTE, None),
    "incomplete": Kind("parts of a delivery are missing or contradict each other", escalates_after=timedelta(hours=8)),
    "answer": Kind("what a partner is owed cannot be sent", escalates_after=timedelta(hours=8)),
    "connection": Kind("a connection is not one that PHI may go over", escalates_after=timedelta(days=1)),
    "links": Kind("links of patients to members would go or move", escalates_after=timedelta(days=1)),
    "retention": Kind("more would be destroyed than in an ordinary night", escalates_after=timedelta(days=1)),
    "operation": Kind("a DAG that looks after all feeds failed", escalates_after=timedelta(hours=1)),
    "check": Kind("an invariant that should never break is broken", Severity.URGENT, timedelta(hours=1)),
}
"""Every kind there is; the runbook in ``docs`` is made from it and from the texts."""


@dataclass(frozen=True)
class Text:
    """What a person reads: one line, then what happened, what is safe, what to press, and more (Markdown)."""

    subject: str
    happened: str
    safe: str
    press: str
    more: str = ""

    @property
    def body(self) -> str:
        """Everything but the subject."""
        parts = (self.happened, f"Safe: {self.safe}", f"Press: {self.press}", self.more)
        return "\n\n".join(filter(None, parts))


def report(
    connection: Connection,
    kind: str,
    text: Text,
    *,
    feed: str | None,
    delivery_id: str | None = None,
    cause: str | None = None,
    escalates_after: timedelta | None = None,
) -> None:
    """Opens an incident, or counts the open one of the same cause again.

    ``cause`` is by default the kind and what it is about; ``escalates_after`` the kind's own.
    """
    values = {
        "kind": kind,
        "cause": cause or f"{kind}:{delivery_id or feed}",
        "severity": KINDS[kind].severity,
        "escalates_after": escalates_after or KINDS[kind].escalates_after,
        "subject": text.subject,
        "text": text.body,
        "feed": feed,
        "delivery_id": delivery_id,
    }
    run(connection, "incident/report_incident", values)


def resolve_cause(connection: Connection, cause: str) -> None:
    """Closes the open incident of ``cause``, where there is one."""
    run(connection, "incident/resolve_cause", {"cause": cause})


def resolve_rejected_replays(connection: Connection, original: str) -> None:
    """Closes what was told of rejected replays of a delivery, now that another one takes their rows up."""
    run(connection, "incident/resolve_rejected_replays", {"original": original})


def acknowledge(connection: Connection, incident_id: int, by: str) -> str:
    """Somebody is on it: it escalates no further, and stays open. Returns who is; the first one stays it.

    Raises :class:`NeedsDecision` where there is no such open incident.
    """
    row = one(connection, "incident/acknowledge_incident", {"incident_id": incident_id, "by": by})
    if row is None:
        raise NeedsDecision(f"there is no open incident {incident_id}: it may be over")
    return str(row["acked_by"])


def escalate(connection: Connection, now: datetime) -> int:
    """Raises the level of what is open, unacknowledged and older than its distance; returns how many."""
    return len(run(connection, "incident/escalate_waiting", {"now": now}))
