"""The sandbox's other employers: their files keep their contracts, and their people are nobody else's."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from io import BytesIO

import pytest

from concord import catalogue
from concord.acquire.naming import matcher
from concord.parse.delimited import DelimitedFile
from concord.sandbox import borealis, cypress
from concord.sandbox.borealis import Borealis
from concord.sandbox.cypress import Cypress
from concord.sandbox.people import CANARY
from concord.sandbox.roster import Employer, Roster
from concord.sandbox.stories import STORIES, saved_as_utf8

START = date(2026, 11, 20)
MEMBERS = 600
MAKERS: dict[str, type[Employer]] = {"borealis_changes": Borealis, "cypress_eligibility": Cypress}


@pytest.fixture(scope="module", params=MAKERS)
def made(request: pytest.FixtureRequest) -> tuple[str, Employer]:
    employer = MAKERS[request.param](3, MEMBERS, start=START)
    employer.day(3)
    return request.param, employer


def rows(roster: Roster, column: str) -> list[str]:
    at = roster.layout.columns.index(column)
    return [record[at] for record in roster.records]


def test_file_names_say_date_and_number_as_the_contract_reads_them(made: tuple[str, Employer]) -> None:
    name, employer = made
    for number in (1, 2, 3):
        manifest = employer.day(number).manifest
        said = matcher(catalogue.feed(name).source).read(employer.day(number).file_name)
        assert said is not None
        assert (said.file_date, said.sequence) == (manifest.file_date, manifest.sequence)


def test_the_columns_are_those_of_the_contract_and_control_records_are_kept(made: tuple[str, Employer]) -> None:
    name, employer = made
    for number in (1, 2, 3):
        roster = employer.day(number)
        told = {"file_date": roster.manifest.file_date, "sequence": roster.manifest.sequence}
        file = DelimitedFile(BytesIO(roster.content()), catalogue.feed(name), **told)  # type: ignore[arg-type]
        assert sum(len(chunk.frame) + len(chunk.refused) for chunk in file) == roster.manifest.rows
        assert not file.drift


def test_the_same_seed_writes_the_same_bytes(made: tuple[str, Employer]) -> None:
    name, employer = made
    again = MAKERS[name](3, MEMBERS, start=START)
    assert [again.day(n).content() for n in (1, 2)] == [employer.day(n).content() for n in (1, 2)]


@pytest.mark.parametrize(("name", "first", "ids"), [
    ("borealis_changes", "GIVEN", ("WORKER", "SUFFIX")), ("cypress_eligibility", "First Name", ("Worker No", "Dep")),
])  # fmt: skip
def test_every_person_has_a_canary_that_nobody_else_has(name: str, first: str, ids: tuple[str, str]) -> None:
    roster = MAKERS[name](3, MEMBERS, start=START).day(1)
    owners: dict[str, set[tuple[str, ...]]] = {}
    for given, *person in zip(rows(roster, first), *(rows(roster, column) for column in ids), strict=True):
        owners.setdefault(CANARY.findall(given)[0], set()).add(tuple(value.lstrip("0") for value in person))
    assert len(owners) > MEMBERS * 0.98
    assert sum(len(people) > 1 for people in owners.values()) <= 1  # the one row whose id was spoiled


def test_changes_are_only_about_who_changed_and_each_has_its_action() -> None:
    employer = Borealis(20, 1_000, start=START)
    first, second = employer.day(1), employer.day(2)
    assert set(rows(first, "ACT")) == {"A"}
    assert set(second.manifest.actions) == {"A", "C", "T", "R"}
    assert (
        sum(second.manifest.actions.values()) + len(borealis.DEFECTS)
        == second.manifest.rows
        < 0.1 * first.manifest.rows
    )
    sound = second.records[: sum(second.manifest.actions.values())]
    assert dict(Counter(record[1] for record in sound)) == second.manifest.actions
    assert all(record[-1] for record in sound if record[1] == "T")


def test_numbers_follow_each_other_without_a_gap() -> None:
    employer = Borealis(3, 50, start=START)
    assert [employer.day(n).manifest.sequence for n in (1, 2, 3)] == [401, 402, 403]


def test_a_spreadsheet_comes_once_a_week() -> None:
    employer = Cypress(3, 50, start=START)
    assert [employer.file_date(n) - START for n in (1, 2, 3)] == [timedelta(weeks=n) for n in (0, 1, 2)]


def test_a_sheet_saved_in_another_encoding_has_other_bytes_for_the_same_text() -> None:
    roster = Cypress(3, 50, start=START).day(1)
    other = saved_as_utf8(roster).content()
    assert other.startswith(b"\xef\xbb\xbf")
    assert other.decode("utf-8-sig") == roster.content().decode("cp1252")
    assert cypress.name(roster.manifest) == roster.file_name


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_made_of_files_of_its_feed_before_the_day_it_is_told(name: str) -> None:
    story, today = STORIES[name], date(2026, 11, 23)
    chapters = story.chapters(120, today)
    assert story.feed in {chapter.feed for chapter in chapters} <= {story.feed, *story.others}
    assert all(chapter.roster.manifest.file_date < today for chapter in chapters)
    assert chapters[0].approved


def test_every_feed_has_its_story() -> None:
    told = {name for story in STORIES.values() for name in (story.feed, *story.others)}
    assert told == {feed.name for feed in catalogue.feeds().values() if feed.has_columns or feed.pulls}
