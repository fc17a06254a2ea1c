"""What was promised and has not come: judged from contract and ledger alone, nobody is asked at the partner.

*Late*: ``expected_by`` passed and nothing arrived for that business day. *Missing*: the
next business day has begun, and it still is not there. *Stale*: deliveries come, and the
tables are behind by more business days than the contract allows. A duplicate and a held
delivery arrived, a rejected one did not. A feed is expected from the first business day
whose look comes after somebody first looked for it: one whose watch was never switched on
is expected of nobody. (Gaps in a sequence: ``arriving``.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from concord import incidents
from concord.contract import Feed
from concord.contract.calendar import begins, business_day_of, business_days, instant, on_or_after, promised, today
from concord.postgres import Connection, one, run
from concord.steps import texts
from concord.steps.site import Site

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Outlook:
    """What is outstanding of a feed at one instant; empty tuples when all is as promised."""

    outstanding: tuple[date, ...] = ()
    """Business days that are due and have no delivery, oldest first."""
    is_missing: bool = False
    """Whether the business day after the oldest of them has begun."""
    refused: tuple[str, ...] = ()
    """Deliveries that came for them and were rejected."""
    behind: tuple[date, ...] = ()
    """Due business days that the tables know nothing of, where they are more than allowed."""
    stuck: tuple[tuple[str, str], ...] = ()
    """Deliveries that arrived and are not in the tables, with their states."""
    awaited: date | None = None
    """The business day whose delivery may still come today, so that it is worth looking again."""


def expect(feeds: Iterable[Feed], site: Site, now: datetime | None = None) -> dict[str, Any]:
    """Opens and closes the incidents of what is late, missing and stale; returns the feeds by what they are.

    ``look`` names the feeds in whose folders it is worth looking again. Twice changes nothing.
    """
    now = now or datetime.now(UTC)
    found: dict[str, Any] = {"late": [], "missing": [], "stale": [], "look": []}
    for feed in feeds:
        with site.database("expect") as connection:
            since, arrivals = _known(connection, feed)
            seen = outlook(feed, since, arrivals, now) if since else Outlook()
            _report_outstanding(connection, feed, seen)
            _report_stale(connection, feed, seen)
        for word, applies in _words(seen).items():
            found[word] += [feed.name] if applies else []
    return found


def _words(seen: Outlook) -> dict[str, bool]:
    outstanding = bool(seen.outstanding)
    return {
        "late": outstanding and not seen.is_missing,
        "missing": outstanding and seen.is_missing,
        "stale": bool(seen.behind),
        "look": seen.awaited is not None,
    }


def _known(connection: Connection, feed: Feed) -> tuple[datetime | None, list[Mapping[str, Any]]]:
    """Since when the feed is looked for, and its deliveries."""
    registered = one(connection, "ledger/get_registration", {"feed": feed.name}) or {"registered_at": None}
    return registered["registered_at"], list(run(connection, "ledger/list_arrivals", {"feed": feed.name}))


def outlook(feed: Feed, since: datetime, deliveries: Sequence[Mapping[str, Any]], now: datetime) -> Outlook:
    """Judges rows of ``ledger/list_arrivals`` at ``now``; the feed is expected from ``since`` on."""
    days = {d["delivery_id"]: business_day_of(feed.schedule, d["file_date"], d["discovered_at"]) for d in deliveries}
    due = promised(feed.schedule, since, now)
    arrived = {days[d["delivery_id"]] for d in deliveries if d["arrived"]}
    outstanding = _outstanding(feed, due, arrived)
    written = max((days[d["delivery_id"]] for d in deliveries if d["in_tables"]), default=date.min)
    stuck = [d for d in deliveries if d["arrived"] and not d["in_tables"] and days[d["delivery_id"]] > written]
    behind = [day for day in due if day > written]
    is_stale = len(behind) > feed.schedule.stale_after and bool(stuck)
    return Outlook(
        outstanding=tuple(outstanding),
        is_missing=bool(outstanding) and now >= begins(feed.schedule, on_or_after(feed.schedule, outstanding[0] + DAY)),
        refused=tuple(
            d["delivery_id"] for d in deliveries if d["state"] == "rejected" and days[d["delivery_id"]] in outstanding
        ),
        behind=tuple(behind) if is_stale else (),
        stuck=tuple((d["delivery_id"], d["state"]) for d in stuck) if is_stale else (),
        awaited=_awaited(feed, since, arrived, now),
    )


def _outstanding(feed: Feed, due: list[date], arrived: set[date]) -> list[date]:
    """A newer full makes an older one needless, and a missing number is told as a gap: the days since the last.

    Change files without numbers are all needed.
    """
    if feed.never_passes and not feed.order.sequence:
        return [day for day in due if day not in arrived]
    return [day for day in due if day > max(arrived, default=date.min)]


def _awaited(feed: Feed, since: datetime, arrived: set[date], now: datetime) -> date | None:
    """The business day that is being looked for: an evening's may be looked for until after midnight."""
    schedule, here = feed.schedule, today(feed.schedule, now)
    for day in business_days(schedule, here - DAY, here):
        looked_at = instant(schedule, day, schedule.at)
        until = instant(schedule, day, schedule.expected_by) + timedelta(hours=texts.LOOKED_FOR_HOURS)
        if since <= looked_at <= now < until and day not in arrived:
            return day
    return None


def _report_outstanding(connection: Connection, feed: Feed, seen: Outlook) -> None:
    """Late and missing are one cause: the partner has not sent. It grows from the one into the other."""
    cause = f"expected:{feed.name}"
    if not seen.outstanding:
        incidents.resolve_cause(connection, cause)
    elif seen.is_missing:
        text = texts.missing(feed, seen.outstanding, seen.refused)
        incidents.report(connection, "missing", text, feed=feed.name, cause=cause)
    else:
        text = texts.late(feed, seen.outstanding, seen.refused)
        incidents.report(connection, "late", text, feed=feed.name, cause=cause)


def _report_stale(connection: Connection, feed: Feed, seen: Outlook) -> None:
    if seen.behind:
        incidents.report(connection, "stale", texts.stale(feed, seen.behind, seen.stuck), feed=feed.name)
    else:
        incidents.resolve_cause(connection, f"stale:{feed.name}")
