"""Thousands of damaged files in other dialects of delimited text: without quotes, with escapes, with long delimiters.

The accidents are those of ``mutator.py`` and some of escapes; ``mutant(name, seed)`` makes one again. Lines are counted
by ``bytes.split``; rows of untouched lines must stay.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from random import Random

import pytest

from concord import catalogue
from concord.contract import Delimited, Feed
from concord.sandbox.roster import COLUMNS, Employer
from concord.sandbox.writing.delimited import Dialect, write
from tests.fuzz import mutator
from tests.fuzz.campaign import complaints
from tests.fuzz.counter import accounts
from tests.fuzz.reader import Outcome, read
from tests.fuzz.test_mutants import FIRST_SEED, HARMLESS, MUTANTS, neighbours_kept
from tests.tally import negative_control

AS_OF = date(2026, 11, 18)
BATCH = 1_000
CHUNKS = (100, 100, 100, 100, 3)
DIALECTS = {
    "bars": Dialect("|", quote=None), "escaped": Dialect(",", escape="\\"), "bare": Dialect("|", None, "\\"),
    "long": Dialect("||"), "tildes": Dialect("~|~", quote=None), "control": Dialect("\x1f"),
}  # fmt: skip


@cache
def feed(name: str) -> Feed:
    """Acme's contract in a dialect."""
    dialect = DIALECTS[name]
    form = Delimited(delimiter=dialect.delimiter, quote=dialect.quote, escape=dialect.escape)
    return replace(catalogue.feed("acme_eligibility"), format=form)


@cache
def good(name: str) -> bytes:
    """A sound file of Acme's in a dialect, without a value that would have to be quoted or escaped."""
    marks = "".join(DIALECTS[name].delimiter) + '"\\\n'
    rows = [row for row in Employer(1, 30, start=AS_OF).day(1).records if not any(m in v for m in marks for v in row)]
    out = io.BytesIO()
    write(out, DIALECTS[name], [COLUMNS, *rows[:8]])
    return out.getvalue()


def mutant(name: str, seed: int) -> tuple[bytes, list[str]]:
    """The mutant of ``seed``, and the names of its accidents."""
    data, names = mutator.mutant(feed(name), good(name), seed)
    random = Random(f"escape|{seed}")
    if random.random() < 0.25:
        data, names = stray_escape(data, random), [*names, "stray_escape"]
    return data, names


def stray_escape(data: bytes, random: Random) -> bytes:
    """Before a delimiter, a quote, a line end, nothing special, or at the very end."""
    at = random.choice((random.randint(0, len(data)), data.find(b"\n", random.randint(0, len(data)) // 2), len(data)))
    return data[: max(at, 0)] + random.choice((b"\\", b"\\\\", b"\\\\\\", b'\\"', b"\\\n")) + data[max(at, 0) :]


def judge(name: str, seeds: Iterable[int], chunk_rows: int = 100) -> Iterator[tuple[Outcome, list[str]]]:
    """Mutants of a dialect: what became of each, and what is wrong with that."""
    made = [(seed, *mutant(name, seed)) for seed in seeds]
    outcomes = read(feed(name), [data for _, data, _ in made], AS_OF, chunk_rows=chunk_rows)
    for (seed, data, names), outcome in zip(made, outcomes, strict=True):
        found = wrong_with(name, data, names, outcome)
        yield outcome, [f"mutant {seed} of {name} {names}: {sentence}" for sentence in found]


def wrong_with(name: str, data: bytes, names: list[str], outcome: Outcome) -> Iterator[str]:
    if outcome.rejection is not None:
        if any(value in str(outcome.rejection).encode() for value in values_of(name)):
            yield "its rejection quotes a value"
        return
    lines = len(data.removesuffix(b"\n").split(b"\n"))
    if lines != outcome.line_count:
        yield f"{outcome.line_count} lines counted, {lines} are there"
    yield from accounts(outcome.line_count, outcome)
    if set(names) <= HARMLESS and not neighbours_kept(good(name), data, outcome):
        yield "an untouched row was refused"


@cache
def values_of(name: str) -> tuple[bytes, ...]:
    """What no message may carry."""
    cells = good(name).replace(DIALECTS[name].delimiter.encode(), b"\0").splitlines()[1:]
    return tuple({cell for line in cells for cell in line.split(b"\0") if len(cell) >= 6})


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + MUTANTS, BATCH))
def test_every_line_of_every_mutant_is_accounted_for(first: int) -> None:
    name = list(DIALECTS)[first // BATCH % len(DIALECTS)]
    seeds = range(first, min(first + BATCH, FIRST_SEED + MUTANTS))
    assert complaints("mutants of dialects", judge(name, seeds, CHUNKS[first // BATCH % len(CHUNKS)])) == []


@pytest.mark.parametrize("name", DIALECTS)
def test_fifty_mutants_of_every_dialect(name: str) -> None:
    judged = list(judge(name, range(1_000_000, 1_000_050)))
    assert [sentence for _, sentences in judged for sentence in sentences] == []
    assert {outcome.verdict for outcome, _ in judged} == {"accepted", "quarantined", "rejected"}


@pytest.mark.parametrize("name", DIALECTS)
def test_the_files_that_mutants_are_made_of_are_sound(name: str) -> None:
    (outcome,) = read(feed(name), [good(name)], AS_OF)
    assert (outcome.verdict, len(outcome.rows)) == ("accepted", 8)
    assert list(wrong_with(name, good(name), [], outcome)) == []


@negative_control
def test_what_is_lost_or_refused_without_need_is_found() -> None:
    (outcome,) = read(feed("bare"), [good("bare")], AS_OF)
    outcome.records[1].became = "quarantined"
    assert any("untouched" in sentence for sentence in wrong_with("bare", good("bare"), [], outcome))
    outcome.records.pop()
    assert any("lost" in sentence for sentence in wrong_with("bare", good("bare"), [], outcome))
