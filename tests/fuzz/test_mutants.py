"""Thousands of damaged files: no exception but a rejection, no hang, bounded memory, every line accounted for.

``CONCORD_MUTANTS=n`` sets how many, ``CONCORD_MUTANT_SEED=s`` where they begin; a failure names the
mutant's seed, and ``mutator.mutant(feed, good, seed)`` makes it again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from concord import catalogue
from concord.contract import Feed
from tests.feeds.test_fixtures import expectations
from tests.fuzz import mutator
from tests.fuzz.campaign import complaints
from tests.fuzz.counter import wrong
from tests.fuzz.reader import Outcome, read
from tests.kinds import DELIMITED

MUTANTS = int(os.environ.get("CONCORD_MUTANTS", "20000"))
FIRST_SEED = int(os.environ.get("CONCORD_MUTANT_SEED", "0"))
BATCH = 250
CHUNKS = (100, 1, 3)
"""Rows to a chunk: records must not care where one ends."""
FOLDERS = Path(__file__).parents[1] / "feeds"
FEEDS = sorted(DELIMITED)
HARMLESS = {
    accident.__name__ for accident in (mutator.cell_of_another_column, mutator.padded_cell, mutator.shifted_day)
}


def good_file(name: str) -> bytes:
    (path,) = (FOLDERS / name).glob("good.*")
    return path.read_bytes()


def values_of(good: bytes) -> list[bytes]:
    """What no message may carry: cells of the rows (not of the first lines) that are long enough to be told."""
    cells = {cell.strip(b'" ') for line in good.splitlines()[2:] for cell in re.split(rb"[,|\t]", line)}
    return [cell for cell in cells if len(cell) >= 6]


def judge(name: str, seeds: Iterable[int]) -> Iterator[tuple[Outcome, list[str]]]:
    """Mutants of a feed: what became of each, and what is wrong with that."""
    feed, good = catalogue.feed(name), good_file(name)
    private = values_of(good)
    mutants = [(seed, *mutator.mutant(feed, good, seed)) for seed in seeds]
    outcomes = read(
        feed, [data for _, data, _ in mutants], as_of(name), chunk_rows=CHUNKS[mutants[0][0] // BATCH % len(CHUNKS)]
    )
    for (seed, data, accidents), outcome in zip(mutants, outcomes, strict=True):
        sentences = wrong_with(feed, good, data, accidents, outcome, private)
        yield outcome, [f"mutant {seed} of {name} {accidents}: {sentence}" for sentence in sentences]


def wrong_with(
    feed: Feed, good: bytes, data: bytes, accidents: list[str], outcome: Outcome, private: list[bytes]
) -> list[str]:
    if outcome.rejection is not None:
        told = str(outcome.rejection).encode()
        return ["its rejection quotes a value"] if any(value in told for value in private) else []
    found = list(wrong(feed, data, outcome))
    if set(accidents) <= HARMLESS and not neighbours_kept(good, data, outcome):
        found.append("an untouched row was refused")
    return found


def as_of(name: str) -> date:
    day: date = expectations(FOLDERS / name)["as_of"]
    return day


def neighbours_kept(good: bytes, data: bytes, outcome: Outcome) -> bool:
    """Rows that the accident did not touch are accepted as before (good files have no refused rows)."""
    before, after = good.splitlines(), data.splitlines()
    if len(before) != len(after):
        return True
    refused = {
        line
        for record in outcome.records
        if record.became == "quarantined"
        for line in range(record.line, record.line + record.lines)
    }
    return all(number not in refused for number, line in enumerate(after, 1) if line == before[number - 1])


def run_batch(name: str, first: int, size: int) -> list[str]:
    """Judges ``size`` mutants of a feed; counts them; returns what is wrong."""
    return complaints("mutants", judge(name, range(first, first + size)))


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + MUTANTS, BATCH))
def test_every_line_of_every_mutant_is_accounted_for(first: int) -> None:
    name = FEEDS[first // BATCH % len(FEEDS)]
    assert run_batch(name, first, min(BATCH, FIRST_SEED + MUTANTS - first)) == []


@pytest.mark.parametrize("name", FEEDS)
def test_the_good_files_that_mutants_are_made_of_are_good(name: str) -> None:
    feed, data = catalogue.feed(name), good_file(name)
    assert mutator.Sheet.of(feed, data).data == data, "a good file has no delimiter or line end inside quotes"
    (outcome,) = read(feed, [data], as_of(name))
    assert (outcome.verdict, list(wrong(feed, data, outcome))) == ("accepted", [])


@pytest.mark.parametrize("name", FEEDS)
def test_fifty_mutants_of_every_feed(name: str) -> None:
    judged = list(judge(name, range(1_000_000, 1_000_050)))
    assert [sentence for _, sentences in judged for sentence in sentences] == []
    assert {outcome.verdict for outcome, _ in judged} == {"accepted", "quarantined", "rejected"}


def test_the_same_seed_makes_the_same_mutant() -> None:
    feed, good = catalogue.feed(FEEDS[0]), good_file(FEEDS[0])
    assert all(mutator.mutant(feed, good, seed) == mutator.mutant(feed, good, seed) for seed in range(200))


# ── negative controls: an account that is wrong is found to be wrong ──


@pytest.fixture
def account() -> tuple[Feed, bytes, Outcome]:
    name = "acme_eligibility"
    feed, data = catalogue.feed(name), good_file(name)
    return feed, data, read(feed, [data], as_of(name))[0]


def test_a_line_that_is_lost_is_found(account: tuple[Feed, bytes, Outcome]) -> None:
    feed, data, outcome = account
    outcome.records.pop()
    assert any("lost" in sentence for sentence in wrong(feed, data, outcome))


def test_a_line_that_counts_twice_is_found(account: tuple[Feed, bytes, Outcome]) -> None:
    feed, data, outcome = account
    outcome.records.append(outcome.records[-1])
    assert any("twice" in sentence for sentence in wrong(feed, data, outcome))


def test_bytes_of_another_line_are_found(account: tuple[Feed, bytes, Outcome]) -> None:
    feed, data, outcome = account
    rows = [at for at, record in enumerate(outcome.records) if record.raw]
    outcome.records[rows[0]] = replace(outcome.records[rows[0]], raw=outcome.records[rows[1]].raw)
    assert any("bytes kept" in sentence for sentence in wrong(feed, data, outcome))


def test_a_value_that_moved_is_found(account: tuple[Feed, bytes, Outcome]) -> None:
    feed, data, outcome = account
    at = next(at for at, record in enumerate(outcome.records) if record.values)
    values = dict(outcome.records[at].values or {})
    first, second = list(values)[:2]
    values[first], values[second] = values[second], values[first]
    outcome.records[at] = replace(outcome.records[at], values=values)
    assert any("other values" in sentence for sentence in wrong(feed, data, outcome))
