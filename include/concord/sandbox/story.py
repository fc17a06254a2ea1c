"""What happens in the stories of the demo: files are dropped, runs are waited for, people approve."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from concord import catalogue
from concord.airflow_api import AirflowApi, AirflowRefused, AirflowUnavailable, RequiredAction
from concord.errors import ConcordError
from concord.postgres import connect
from concord.sandbox.installation import Installation
from concord.sandbox.roster import Employer, Roster

FEED = "acme_eligibility"
EASTERN = ZoneInfo("America/New_York")
TRUNCATED_SHARE = 0.35
RESTS = ("held", "published", "rejected", "declined", "duplicate", "compared", "superseded", "failed")
"""States in which a delivery waits for people, or for nobody."""

LATEST = """
SELECT delivery_id, state FROM ops.delivery WHERE feed = %s AND file_date = %s ORDER BY arrival DESC LIMIT 1
"""

Say = Callable[[str], None]


class StoryBroken(ConcordError):
    """A delivery did not come to where the story has it."""


@dataclass(frozen=True)
class Chapter:
    """One file of ``feed``, and the state its delivery must come to by itself.

    ``heals`` is an earlier file whose delivery must be published once this one is.
    ``told`` is what a reader should know beforehand.
    """

    day: int
    roster: Roster
    comes_to: str
    approved: bool = False
    feed: str = FEED
    heals: Roster | None = None
    told: str = ""


def last_weekdays(today: date, count: int = 3) -> list[date]:
    """The ``count`` weekdays before ``today``, oldest first."""
    days: list[date] = []
    day = today
    while len(days) < count:
        day -= timedelta(days=1)
        if day.weekday() < 5:
            days.insert(0, day)
    return days


def chapters(members: int, *, today: date, seed: int = 20) -> list[Chapter]:
    """The three days: first full, ordinary, truncated."""
    employer = Employer(seed, members, start=last_weekdays(today)[0])
    return [
        Chapter(1, employer.day(1), "held", approved=True),
        Chapter(2, employer.day(2), "published"),
        Chapter(3, employer.day(3).truncated_at_record_boundary(TRUNCATED_SHARE), "held"),
    ]


def live_through(chapter: Chapter, installation: Installation, say: Say) -> None:
    """Drops the day's file, lets Concord work, approves where the story does.

    Raises :class:`StoryBroken` where the delivery comes to another state.
    """
    file_date, rests = chapter.roster.manifest.file_date, (*RESTS, chapter.comes_to)
    drop(chapter.roster, installation, chapter.feed)
    told = f" ({chapter.told})" if chapter.told else ""
    say(f"day {chapter.day}: the employer dropped a file of {chapter.roster.manifest.rows:,} rows{told}")
    with installation.airflow.api() as api:
        look(api, chapter.feed)
        delivery = wait_for(installation, file_date, rests, say, feed=chapter.feed)
        if delivery["state"] != chapter.comes_to:
            raise StoryBroken(f"delivery {delivery['delivery_id']} is {delivery['state']}, not {chapter.comes_to}")
        if chapter.approved:
            say(f"day {chapter.day}: held; somebody reads the plan, and approves it over REST")
            person = Approver(api, str(delivery["delivery_id"]), chapter.feed)
            wait_for(
                installation, file_date, ("published",), say, meanwhile=person.look, seen="held", feed=chapter.feed
            )
        if chapter.heals:
            healed = chapter.heals.manifest.file_date
            wait_for(installation, healed, ("published",), say, feed=chapter.feed)


def drop(roster: Roster, installation: Installation, feed: str = FEED) -> None:
    """Puts the file where the employer does, as of 04:40 Eastern of its day."""
    contract = catalogue.feed(feed)
    folder = installation.state.employer(contract.partner) / contract.drop.directory.strip("/")
    name, content = installation.wrapped(contract, roster.file_name, roster.content())
    target = folder / name
    part = target.with_name(target.name + ".part")
    part.write_bytes(content)
    dropped = datetime.combine(roster.manifest.file_date, datetime.min.time(), EASTERN) + timedelta(hours=4, minutes=40)
    os.utime(part, (dropped.timestamp(), dropped.timestamp()))
    part.replace(target)


def look(api: AirflowApi, feed: str = FEED, *, within: float = 300) -> None:
    """Runs the watch DAG once, as its schedule would; raises :class:`StoryBroken` when it fails."""
    run = api.trigger(f"{feed}_watch")
    state = api.wait(f"{feed}_watch", run, timeout_s=within, every_s=1)
    if state != "success":
        raise StoryBroken(f"run {run} of {feed}_watch ended as {state}{_failed_tasks(api, feed, run)}")


def _failed_tasks(api: AirflowApi, feed: str, run: str) -> str:
    failed = [task["task_id"] for task in api.task_instances(f"{feed}_watch", run) if task["state"] == "failed"]
    return f": {', '.join(failed)}" if failed else ""


class Approver:
    """A person who answers a delivery's approval with Approve, in Required Actions.

    Not at once: an answer within a second of the question can be lost, because the
    executor's report of the parked task arrives after it and the scheduler then tries
    the task again. The question is asked again in that case, and answered again.
    """

    def __init__(self, api: AirflowApi, delivery_id: str, feed: str = FEED, *, reads_s: float = 8.0) -> None:
        self.api, self.delivery_id, self.feed, self.reads_s = api, delivery_id, feed, reads_s
        self._asked: float | None = None

    def look(self) -> None:
        """Answers the question when it has stood for ``reads_s`` seconds."""
        with suppress(AirflowUnavailable):  # too busy to be asked: the next look will do
            self._look()

    def _look(self) -> None:
        waiting = [
            action for action in self.api.required_actions(self.feed) if f"_{self.delivery_id}_" in action.run_id
        ]
        if not waiting:
            self._asked = None
        elif self._asked is None:
            self._asked = time.monotonic()
        elif time.monotonic() - self._asked > self.reads_s:
            self._answer(waiting[0])
            self._asked = None

    def _answer(self, action: RequiredAction) -> None:
        try:
            self.api.answer(action.dag, action.run_id, action.task, "Approve")
        except AirflowRefused as refused:
            if refused.status != 409:  # somebody watching was quicker
                raise


def wait_for(
    installation: Installation,
    file_date: date,
    states: tuple[str, ...],
    say: Say,
    *,
    meanwhile: Callable[[], None] | None = None,
    seen: str = "",
    feed: str = FEED,
    within: float = 600,
) -> dict[str, Any]:
    """The delivery of ``file_date`` once it is in one of ``states``; says each state it passes."""
    until = time.monotonic() + within
    with connect(installation.settings.loader_url, application="demo") as connection:
        connection.autocommit = True
        while time.monotonic() < until:
            found = connection.execute(LATEST, [feed, file_date]).fetchone()
            if found and found["state"] != seen:
                seen = str(found["state"])
                say(f"delivery {found['delivery_id']} is {seen}")
            if found and seen in states:
                return found
            installation.airflow.raise_if_ended()
            if meanwhile:
                meanwhile()
            time.sleep(0.5)
    raise StoryBroken(f"after {within:.0f} s the delivery is {seen or 'not discovered'}")


UNSETTLED = """
SELECT delivery_id, state FROM ops.delivery WHERE feed = %s AND NOT state = ANY(%s) ORDER BY arrival LIMIT 1
"""


def settle_all(installation: Installation, api: AirflowApi, feed: str, say: Say, *, within: float = 600) -> None:
    """Waits until every delivery of ``feed`` has come to an end; somebody approves what is held."""
    until, seen = time.monotonic() + within, ("", "")
    people: dict[str, Approver] = {}
    ended = [state for state in RESTS if state != "held"]
    with connect(installation.settings.loader_url, application="demo") as connection:
        connection.autocommit = True
        while time.monotonic() < until:
            found = connection.execute(UNSETTLED, [feed, ended]).fetchone()
            if found is None:
                return
            delivery_id, state = str(found["delivery_id"]), str(found["state"])
            if (delivery_id, state) != seen:
                seen = delivery_id, state
                say(f"delivery {delivery_id} is {state}")
            if state == "held":
                people.setdefault(delivery_id, Approver(api, delivery_id, feed)).look()
            installation.airflow.raise_if_ended()
            time.sleep(0.5)
    raise StoryBroken(f"after {within:.0f} s delivery {seen[0]} of {feed} is {seen[1]}")


def begun(installation: Installation, feed: str = FEED) -> int:
    """How many deliveries of ``feed`` the ledger knows already."""
    with connect(installation.settings.loader_url, application="demo") as connection:
        row = connection.execute("SELECT count(*) AS n FROM ops.delivery WHERE feed = %s", [feed]).fetchone()
        return int(row["n"]) if row else 0
