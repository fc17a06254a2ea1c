"""``concord quarantine``, ``waive`` and ``reopen``: refused rows, where they stand and why; never what they say."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from concord.catalogue import feed as feed_of
from concord.cli import environment, show
from concord.quarantine import OBSTACLES, Selection
from concord.steps.waiving import Verb

FeedName = Annotated[str, typer.Argument(metavar="FEED", help="The feed, as in concord feeds.")]
Delivery = Annotated[str | None, typer.Option(help="Only rows of this delivery.")]
Reason = Annotated[str | None, typer.Option(help="Only rows with this reason, for example coverage_tier.code.")]
Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Only rows refused since then, in UTC."),
]
By = Annotated[str, typer.Option(help="Who says so.", default_factory=getpass.getuser, show_default="you")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
Words = Annotated[str, typer.Option("--reason-text", help="Why, for the auditor; no member data.")]
Line = Annotated[int | None, typer.Option(min=1, help="Only the row that begins at this line of its delivery.")]


class State(StrEnum):
    """Where a refused row stands."""

    OPEN = "open"
    POISON = "poison"
    REPLAYED = "replayed"
    WAIVED = "waived"


def quarantine(
    feed: Annotated[str | None, typer.Option(help="Only this feed.")] = None,
    delivery: Delivery = None,
    reason: Reason = None,
    since: Since = None,
    state: Annotated[State | None, typer.Option(help="Only rows in this state.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many rows, newest delivery first.")] = 20,
) -> None:
    """Lists refused rows: how many by reason, and which; values are sealed and never shown."""
    from concord.postgres import run

    values = {"feed": feed, "delivery_id": delivery, "reason": reason, "since": utc(since), "state": state}
    with environment.ledger(environment.settings()) as connection:
        counts = run(connection, "quarantine/count_rows", values)
        rows = run(connection, "quarantine/list_rows", {**values, "limit": limit})
    show.records("Refused rows by reason", counts)
    if rows:
        columns = ("delivery", "line", "state", "reasons", "attempts", "age", "file date", "why it is closed, or where")
        show.table("Refused rows", columns, map(listed, rows))


def listed(row: Mapping[str, object]) -> tuple[object, ...]:
    """A refused row as one line of the list."""
    closed = " ".join(str(row[name]) for name in ("closed_reason", "closed_by") if row[name])
    where = f"in replay {row['in_replay']}" if row["in_replay"] else closed
    names = ("delivery_id", "line", "state", "reasons", "attempts", "age", "file_date")
    return (*(row[name] for name in names), where)


def waive(
    feed: FeedName, reason_text: Words, by: By, delivery: Delivery = None, line: Line = None, reason: Reason = None,
    since: Since = None, yes: Yes = False,
) -> None:  # fmt: skip
    """Says that refused rows need nothing more: shows how many by reason, asks, and records who and why."""
    change("waive", Selection(feed, delivery, reason, utc(since)), line, by=by, words=reason_text, yes=yes)


def reopen(
    feed: FeedName, reason_text: Words, by: By, delivery: Delivery = None, line: Line = None, reason: Reason = None,
    since: Since = None, yes: Yes = False,
) -> None:  # fmt: skip
    """Lets waived or poison rows wait again, as if refused for the first time."""
    change("reopen", Selection(feed, delivery, reason, utc(since)), line, by=by, words=reason_text, yes=yes)


def change(verb: Verb, selection: Selection, line: int | None, *, by: str, words: str, yes: bool) -> None:
    """Preview, question, change: of exactly the rows that were shown."""
    from concord.steps import waiving

    contract, site = feed_of(selection.feed), environment.site()
    found = waiving.match(verb, selection, site, line=line)
    if not found.ids:
        show.say(f"no row to {verb}: concord quarantine --feed {show.plain(selection.feed)} shows where they stand")
        return
    rows = [(reason, count) for reason, count in found.by_reason.items()]
    show.table(f"{len(found.ids)} rows of {len(found.by_delivery)} deliveries", ("reason", "rows"), rows)
    if not yes:
        typer.confirm(f"{verb} these {len(found.ids)} rows?", abort=True)
    done = waiving.change(contract, verb, selection, by=by, reason=words, site=site, line=line, among=found.ids)
    show.say(f"[green]{waiving.TO[verb]}: {len(done.ids)} rows[/green], recorded for {show.plain(by)}")


def utc(moment: datetime | None) -> datetime | None:
    """A moment typed by a person: in UTC."""
    return moment.replace(tzinfo=UTC) if moment else None


def show_left(left: Mapping[str, int]) -> None:
    """Rows of a selection that a replay does not take up, and why."""
    for obstacle, count in left.items():
        show.say(f"left: {count:,} rows {OBSTACLES[obstacle]}")
