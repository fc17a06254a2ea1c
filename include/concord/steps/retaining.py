"""Every night, what was kept long enough goes (docs/security.md, Retention and legal holds)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from concord import incidents
from concord.contract import Feed
from concord.custody import retention
from concord.custody.retention import Night
from concord.errors import NeedsDecision
from concord.incidents import Text
from concord.steps.site import Site


def retain(
    feeds: Iterable[Feed],
    site: Site,
    *,
    dry_run: bool = False,
    confirm: int | None = None,
    actor: str = "concord retention",
    now: datetime | None = None,
) -> dict[str, Any]:
    """Destroys files and refused rows whose retention is over; returns counts by feed, and what was done.

    More than usual of one feed (a shortened retention looks like that) destroys nothing of it and
    opens an incident, until somebody ``confirm``\\ s the number of deliveries. Raises NeedsDecision
    where that is not the number any more.
    """
    feeds, now = list(feeds), now or datetime.now(UTC)
    with site.database(actor) as connection:
        night = retention.survey(connection, feeds, now)
    if confirm is not None and confirm != night.due.total():
        raise NeedsDecision(f"{night.due.total()} deliveries are due by now, not {confirm}: look again")
    stopped = [] if confirm is not None else night.unusual
    outcome = {"due": dict(night.due), "stays": {f: dict(n) for f, n in night.stays.items()}, "stopped": stopped}
    if dry_run:
        return {**outcome, "files": 0, "rows": 0}
    ordinary = night.without(stopped)
    done = retention.shred(site.database, site.landing, feeds, ordinary, now=now, actor=actor)
    _tell(feeds, night, stopped, site)
    return {**outcome, "files": done["files"], "rows": done["rows"]}


def _tell(feeds: list[Feed], night: Night, stopped: list[str], site: Site) -> None:
    """An incident for each feed that was stopped; of the others it is over."""
    with site.database("retention") as connection:
        for feed in feeds:
            if feed.name in stopped:
                text = unusual(feed, night.due[feed.name], night.kept[feed.name], night.due.total())
                incidents.report(connection, "retention", text, feed=feed.name)
            else:
                incidents.resolve_cause(connection, f"retention:{feed.name}")


def unusual(feed: Feed, due: int, kept: int, due_of_all: int) -> Text:
    """What on-call reads when more deliveries of a feed are due than in an ordinary night."""
    return Text(
        f"{feed.name}: retention would destroy {due} of {kept} deliveries in one night",
        f"Partner {feed.partner}, feed {feed.name}, no delivery: stopped. Files or refused rows of {due} deliveries "
        f"are older than the {feed.retention_days} days that the contract says; {kept} are kept.",
        "nothing of this feed was destroyed, and waiting destroys nothing.",
        "look whether retention_days was shortened on purpose; if not, mend the contract. If it was, concord "
        f"retention --dry-run shows what is due, and concord retention --confirm {due_of_all} destroys it, for "
        "good. concord legal-hold add keeps what has to stay.",
    )
