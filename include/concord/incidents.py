"""Incidents: what on-call has to know, one open row per cause.

Every text says partner, delivery, state, what is safe and what to press; ids,
codes and counts only.
"""

from __future__ import annotations

from concord.postgres import Connection, one, run


def report(
    connection: Connection, *, cause: str, kind: str, subject: str, text: str, feed: str | None, delivery_id: str | None
) -> bool:
    """Opens an incident, or counts the open one of the same cause again; True when it is new."""
    values = {
        "cause": cause, "kind": kind, "subject": subject, "text": text, "feed": feed, "delivery_id": delivery_id,
    }  # fmt: skip
    row = one(connection, "incident/report_incident", values)
    return bool(row and row["times"] == 1)


def resolve_cause(connection: Connection, cause: str) -> None:
    """Closes the open incident of ``cause``, where there is one."""
    run(connection, "incident/resolve_cause", {"cause": cause})
