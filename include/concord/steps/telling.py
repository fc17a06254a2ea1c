"""Tells people what happened to incidents: every notice, by every channel that should take it, at least once.

The notices are rows that were written with what they tell of (``concord.incidents``).
A channel that refuses is asked again the next time somebody tells: at the end of every
task, and by ``concord_reconciler``. A crash between telling and remembering tells twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from concord.failpoint import failpoint
from concord.incidents import Severity
from concord.postgres import Connection, one, run
from concord.publish.notify import Channel, Message, NotTold
from concord.steps.site import Site


@dataclass(frozen=True)
class Told:
    """What became of telling: notices that every channel has now, and why channels refused, by name."""

    notices: int
    refusals: Mapping[str, str]


def tell(site: Site, channels: Sequence[Channel]) -> Told:
    """Tells what has not been told; never raises for a channel that refuses, which is left out from then on."""
    told, after, refusals = 0, 0, dict[str, str]()
    with site.database("tell") as connection:
        while (notice := one(connection, "incident/claim_notice", {"after": after})) is not None:
            told += _tell(connection, notice, channels, refusals)
            connection.commit()
            after = notice["notice_id"]
    return Told(told, refusals)


def _tell(
    connection: Connection, notice: Mapping[str, Any], channels: Sequence[Channel], refusals: dict[str, str]
) -> bool:
    """Whether every channel that wants the notice has it now. The row stays locked meanwhile: others tell others."""
    wanting = [c for c in channels if Severity(notice["severity"]).reaches(c.least) and c.name not in notice["told"]]
    took = [channel.name for channel in wanting if _took(channel, notice, refusals)]
    failpoint("tell.sent")
    by_all = len(took) == len(wanting)
    run(connection, "incident/mark_told", {"notice_id": notice["notice_id"], "took": took, "by_all": by_all})
    return by_all


def _took(channel: Channel, notice: Mapping[str, Any], refusals: dict[str, str]) -> bool:
    if channel.name in refusals:
        return False
    try:
        channel.send(message_of(notice))
    except NotTold as error:
        refusals[channel.name] = str(error)
        return False
    return True


def message_of(notice: Mapping[str, Any]) -> Message:
    """The words of a notice: the incident's own, and before them what happened to it."""
    beginning, words = FRAMES[notice["event"]]
    values = {**notice, "age": in_words(notice["age"]), "state": _state(notice)}
    subject = beginning.format(**values) + notice["subject"]
    return Message(subject, words.format(**values), Severity(notice["severity"]))


def _state(notice: Mapping[str, Any]) -> str:
    feed, delivery = notice["feed"], notice["delivery_id"]
    about = f"Partner {notice['partner']}, feed {feed}" if feed else "All partners"
    return f"{about}, delivery {delivery}: {notice['delivery_state']}" if delivery else f"{about}, no delivery"


ON_IT = "If you are on it: `concord incidents ack {incident_id} --by NAME`; it then escalates no further."
SAFE_NOW = "Safe: what it said does not hold any more; nothing was lost meanwhile.\n\nPress: nothing."
FRAMES = {
    "opened": ("", "{text}"),
    "changed": ("", "{text}"),
    "escalated": (
        "Still open after {age}: ",
        f"Nobody has resolved or acknowledged this for {{age}}.\n\n{{text}}\n\n{ON_IT}",
    ),
    "acknowledged": (
        "Acknowledged: ",
        "{acked_by} is on it, {age} after it was opened; it escalates no further and stays open.\n\n{text}",
    ),
    "recovered": ("Over: ", f"{{state}}. The incident is over after {{age}}.\n\n{SAFE_NOW}"),
}
"""What a message begins with by what happened to the incident, in subject and text."""


def in_words(age: timedelta) -> str:
    """``3 h 12 min``; days from two on."""
    minutes = max(round(age.total_seconds() / 60), 0)
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
