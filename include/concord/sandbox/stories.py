"""The stories that ``make demo STORY=name`` tells: one employer each."""

from __future__ import annotations

from calendar import FRIDAY
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from concord.sandbox import cypress, ehr_story, formats_story, story
from concord.sandbox.borealis import Borealis
from concord.sandbox.cypress import Cypress
from concord.sandbox.granite import Granite
from concord.sandbox.hospitals import MEMBERS, SEED
from concord.sandbox.meridian import Meridian
from concord.sandbox.roster import Manifest, Roster
from concord.sandbox.story import Chapter, Say

if TYPE_CHECKING:
    from rich.console import Console

    from concord.sandbox.installation import Installation


@dataclass(frozen=True)
class Story:
    """What is told of one feed: its chapters for so many members, the last weekdays before a day.

    ``afterwards`` goes on where an employer's files are only the beginning, with the feeds of ``others``.
    """

    name: str
    about: str
    feed: str
    members: int
    chapters: Callable[[int, date], list[Chapter]]
    others: tuple[str, ...] = ()
    afterwards: Callable[[Installation, Say, Console, list[Chapter]], None] | None = None


def _days(members: int, today: date) -> list[Chapter]:
    return story.chapters(members, today=today, seed=SEED)


def _first_day(members: int, today: date) -> list[Chapter]:
    """The employer's first file: the members whom the hospitals' patients are linked to."""
    return _days(members, today)[:1]


def _delta(members: int, today: date) -> list[Chapter]:
    """Everybody is added; ends, changes and reinstatements; number 403 comes after 404."""
    employer = Borealis(SEED, members, start=story.last_weekdays(today, 4)[0])
    first, second, third, fourth = (employer.day(number) for number in (1, 2, 3, 4))
    numbered = [f"number {roster.manifest.sequence}" for roster in (first, second, third, fourth)]
    return [
        Chapter(1, first, "held", approved=True, feed="borealis_changes", told=f"{numbered[0]}: everybody is added"),
        Chapter(2, second, "published", feed="borealis_changes", told=numbered[1]),
        Chapter(4, fourth, "waiting", feed="borealis_changes", told=f"{numbered[3]}; {numbered[2]} never came"),
        Chapter(3, third, "published", feed="borealis_changes", heals=fourth, told=f"{numbered[2]}, sent at last"),
    ]


def _messy(members: int, today: date) -> list[Chapter]:
    """A spreadsheet's roster every Friday; the third is saved in another encoding, and sent again."""
    since_friday = (today.weekday() - FRIDAY) % 7 or 7
    employer = Cypress(SEED, members, start=today - timedelta(days=since_friday, weeks=2))
    third = employer.day(3)
    again = replace(third, layout=replace(cypress.LAYOUT, name=_corrected))
    return [
        Chapter(1, employer.day(1), "held", approved=True, feed="cypress_eligibility"),
        Chapter(2, employer.day(2), "published", feed="cypress_eligibility"),
        Chapter(3, saved_as_utf8(third), "rejected", feed="cypress_eligibility", told="saved as UTF-8 by somebody"),
        Chapter(3, again, "published", feed="cypress_eligibility", told="the same, saved as agreed"),
    ]


def _formats(members: int, today: date) -> list[Chapter]:
    """A health plan's 834s, encrypted: everybody, then what changed; and a mainframe's full files."""
    days = story.last_weekdays(today, 2)
    plan, employer = Meridian(SEED, members, start=days[0]), Granite(SEED, members, start=days[0])
    chapters = []
    for number, comes_to, told in ((1, "held", "replaces: everybody"), (2, "published", "changes")):
        for feed, roster, words in (
            ("meridian_834", plan.day(number), f"an encrypted 834 that {told}"),
            ("granite_fixed", employer.day(number), "EBCDIC, fixed width"),
        ):
            chapters.append(Chapter(number, roster, comes_to, approved=number == 1, feed=feed, told=words))
    return chapters


def saved_as_utf8(roster: Roster) -> Roster:
    """The same sheet in the encoding that a spreadsheet calls "CSV UTF-8": with a byte order mark."""

    def content(whole: Roster) -> bytes:
        return cypress.content(whole).decode("cp1252").encode("utf-8-sig")

    return replace(roster, layout=replace(cypress.LAYOUT, content=content))


def _corrected(manifest: Manifest) -> str:
    return cypress.name(manifest).replace(".txt", " corrected.txt")


STORIES = {
    each.name: each
    for each in (
        Story("days", "a full roster each day: the first is held, the second applies, the third is cut off and held",
              story.FEED, 20_000, _days),
        Story("delta", "numbered changes: ends, a reinstatement, and a missing number that stops the feed and heals",
              "borealis_changes", 4_000, _delta),
        Story("messy", "a spreadsheet's roster: what is mended, what is refused, a file rejected and sent again",
              "cypress_eligibility", 4_000, _messy),
        Story("formats", "a health plan's encrypted 834s and a mainframe's fixed width, acknowledged and reported on",
              "meridian_834", 3_000, _formats, ("granite_fixed",), formats_story.tell),
        Story("ehr", "two hospitals' charts by FHIR bulk export, reconciled and linked to an employer's members",
              story.FEED, MEMBERS, _first_day, ehr_story.FEEDS, ehr_story.tell),
    )
}  # fmt: skip


def listed() -> str:
    """The stories by name, one a line."""
    return "\n".join(f"  make demo STORY={each.name:<7} {each.about}" for each in STORIES.values())
