"""Thousands of damaged fixed-width files: no exception but a rejection, bounded memory, every record accounted for.

``fixed_mutator.mutant(seed)`` makes one again. Lines are counted by Python's ``bytes.split``, records without line ends
by the file's length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from concord import catalogue
from concord.contract import Coding, Feed, FixedColumn, Framing, filler
from tests.fuzz.campaign import complaints
from tests.fuzz.counter import accounts
from tests.fuzz.fixed_mutator import AS_OF, BASES, BYTES, DECKS, RECORDS, SHAPES, Deck, Mutant, Shape, base, mutant
from tests.fuzz.reader import Outcome, read
from tests.fuzz.test_mutants import FIRST_SEED, MUTANTS
from tests.tally import negative_control

GRANITE = catalogue.feed("granite_fixed")
BATCH = 1_000
CHUNKS = (100, 100, 100, 100, 3)


@cache
def feed(name: str) -> Feed:
    """Granite's contract for a shape of the mutator's."""
    shape = next(shape for shape in SHAPES if shape.name == name)
    if not shape.end:
        return GRANITE
    columns, at = [], 1
    for field in shape.fields:
        columns.append(
            filler(at, field.length) if field.name == "FILLER" else FixedColumn(field.name, at, field.length)
        )
        at += field.length
    form = replace(
        GRANITE.format, columns=tuple(columns), record_length=shape.length, encoding=shape.encoding,
        framing=Framing.LINES,
    )  # type: ignore[type-var]  # fmt: skip
    assert all(column.coding is not Coding.PACKED for column in columns)
    return replace(GRANITE, format=form)


def judge(seeds: Iterable[int], chunk_rows: int = 100) -> Iterator[tuple[Mutant, Outcome, list[str]]]:
    """Mutants, what became of each, and what is wrong with that; those of one shape are judged together."""
    made = [(seed, mutant(seed)) for seed in seeds]
    for shape in SHAPES:
        own = [(seed, each) for seed, each in made if base(each.base)[1] is shape]
        outcomes = read(feed(shape.name), [each.data for _, each in own], AS_OF, chunk_rows=chunk_rows)
        for (seed, each), outcome in zip(own, outcomes, strict=True):
            found = wrong_with(each, shape, outcome)
            yield each, outcome, [f"mutant {seed} {each.accidents}: {sentence}" for sentence in found]


def wrong_with(each: Mutant, shape: Shape, outcome: Outcome) -> Iterator[str]:
    if outcome.rejection is not None:
        told = str(outcome.rejection)
        if any(value in told for value in values_of(each.base)):
            yield "its rejection quotes a value"
        if each.touched is not None and not may_reject(each):
            yield f"a fault of records rejected the file: {outcome.rejection.code}"
        return
    yield from accounts(outcome.line_count, outcome)
    if (there := lines_of(each.data, shape)) is not None and there != outcome.line_count:
        yield f"{outcome.line_count} records counted, {there} are there"
    if each.touched is not None:
        yield from neighbours(each, outcome)


def may_reject(each: Mutant) -> bool:
    """A damaged first position makes another control record of a detail; a line end within one makes two."""
    good, shape = base(each.base)
    before, after = Deck.of(good, shape).records, Deck.of(each.data, shape).records
    marks = [record[:1] for record in before] == [record[:1] for record in after[: len(before)]]
    ends = any(mark in record for record in after for mark in (b"\n", b"\r", b"\x15", b"\x25"))
    return not marks or len(before) != len(after) or ends


def lines_of(data: bytes, shape: Shape) -> int | None:
    """How many records there are; None where it is not for a count to say (end-of-file bytes, mixed line ends)."""
    if any(mark in data for mark in (b"\x1a", b"\x3f", b"\x00")) or (shape.encoding == "cp037" and b"\x25" in data):
        return None
    if not shape.end:
        return len(data) // shape.length
    return len(data.removesuffix(shape.end[-1:]).split(shape.end[-1:]))


def neighbours(each: Mutant, outcome: Outcome) -> Iterator[str]:
    good, shape = base(each.base)
    same = len(Deck.of(good, shape).records) == outcome.line_count
    refused = {record.line for record in outcome.records if record.became == "quarantined"}
    if same and (lost := sorted(refused - {at + 1 for at in each.touched or ()})):
        yield f"untouched records {lost[:5]} were refused"


@cache
def values_of(number: int) -> tuple[str, ...]:
    """What no message may carry: words of the records that are long enough to be told."""
    data, shape = base(number)
    text = [record.decode(shape.encoding) for record in Deck.of(data, shape).records[1:-1]]
    return tuple({word for record in text for word in record.split() if len(word) >= 6 and word.isascii()})


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + MUTANTS, BATCH))
def test_every_record_of_every_mutant_is_accounted_for(first: int) -> None:
    seeds = range(first, min(first + BATCH, FIRST_SEED + MUTANTS))
    judged = ((outcome, sentences) for _, outcome, sentences in judge(seeds, CHUNKS[first // BATCH % len(CHUNKS)]))
    assert complaints("mutants of fixed width", judged) == []


def test_a_hundred_mutants() -> None:
    judged = list(judge(range(1_000_000, 1_000_100)))
    assert [sentence for _, _, sentences in judged for sentence in sentences] == []
    assert {outcome.verdict for _, outcome, _ in judged} == {"accepted", "quarantined", "rejected"}


def test_every_accident_happens() -> None:
    names = {name for seed in range(2_000) for name in mutant(seed).accidents}
    assert names == {accident.__name__ for accident in (*RECORDS, *DECKS, *BYTES)}
    assert sum(mutant(seed).touched is not None for seed in range(500)) > 150
    assert sum(lines_of(mutant(seed).data, base(mutant(seed).base)[1]) is not None for seed in range(500)) > 150


@pytest.mark.parametrize("number", range(BASES))
def test_the_files_that_mutants_are_made_of_are_sound(number: int) -> None:
    data, shape = base(number)
    (outcome,) = read(feed(shape.name), [data], AS_OF)
    assert Deck.of(data, shape).data == data
    assert outcome.verdict == "accepted"
    assert list(wrong_with(Mutant(data, number, (), frozenset()), shape, outcome)) == []


def test_the_same_seed_makes_the_same_mutant() -> None:
    assert all(mutant(seed) == mutant(seed) for seed in range(100))


@negative_control
def test_what_is_lost_or_refused_without_need_is_found() -> None:
    data, shape = base(2)
    (outcome,) = read(feed(shape.name), [data], AS_OF)
    whole = Mutant(data, 2, (), frozenset())
    outcome.records[1].became = "quarantined"
    assert any("untouched" in sentence for sentence in wrong_with(whole, shape, outcome))
    outcome.records.pop()
    assert any("lost" in sentence for sentence in wrong_with(whole, shape, outcome))
    outcome.line_count -= 1
    assert any("are there" in sentence for sentence in wrong_with(whole, shape, outcome))
