"""Thousands of damaged 834s: no exception but a rejection, no hang, bounded memory, every segment accounted for.

``CONCORD_MUTANTS=n`` sets how many, ``CONCORD_MUTANT_SEED=s`` where they begin; a failure names the mutant's seed, and
``x12_mutator.mutant(seed)`` makes it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial

import pytest

from concord import catalogue
from concord.parse.opening import reread_rows
from concord.parse.x12_834 import X12834File
from tests.fuzz.campaign import complaints
from tests.fuzz.reader import Outcome, Record, read
from tests.fuzz.test_mutants import FIRST_SEED, MUTANTS
from tests.fuzz.x12_counter import counted, wrong
from tests.fuzz.x12_mutator import AS_OF, BASES, BYTES, ENVELOPES, MEMBERS, RARE, Letter, Mutant, base, mutant
from tests.tally import negative_control

WHOLE = catalogue.feed("meridian_834")
FEW = ("maintenance_action", "middle_name", "birth_sequence", "hire_date", "effective_to", "death_date", "ssn", "email")
FEED = replace(WHOLE, columns={name: each for name, each in WHOLE.columns.items() if each.required or name in FEW})
"""The health plan's contract with a third of its columns left out: they take longer than the rest."""
BATCH = 500
BLOCKS = (*(4 << 20,) * 7, 1_500)
"""Bytes to a block, batch by batch: members must not care where one ends."""
AGAIN = 40
"""Of one mutant in so many, what was kept is read again by itself."""


@cache
def sound(number: int) -> tuple[Outcome, list[int]]:
    """What becomes of a sound file, and the member (counted from 0) of each of its rows."""
    data, marks = base(number)
    (outcome,) = read(FEED, [data], AS_OF)
    owner = Letter.of(data, marks).owner
    return outcome, [owner[row.line - 1] for row in outcome.rows]


@cache
def values_of(number: int) -> tuple[bytes, ...]:
    """What no message may carry: elements of members that are long enough to be told."""
    letter = Letter.of(*base(number))
    elements = {each for at in letter.places() for each in letter.segments[at][1:] if len(each) >= 6}
    return tuple(elements)


def judge(seeds: Iterable[int], block_bytes: int = 4 << 20) -> Iterator[tuple[Mutant, Outcome, list[str]]]:
    """Mutants, what became of each, and what is wrong with that."""
    made = [(seed, mutant(seed)) for seed in seeds]
    opened = partial(X12834File, feed=FEED, block_bytes=block_bytes)
    outcomes = read(FEED, [each.data for _, each in made], AS_OF, opened=opened)
    for (seed, each), outcome in zip(made, outcomes, strict=True):
        found = list(wrong_with(each, outcome))
        if seed % AGAIN == 0:
            found += again(outcome)
        yield each, outcome, [f"mutant {seed} {each.accidents}: {sentence}" for sentence in found]


def wrong_with(each: Mutant, outcome: Outcome) -> Iterator[str]:
    if outcome.rejection is not None:
        told = str(outcome.rejection).encode()
        if any(value in told for value in values_of(each.base)):
            yield "its rejection quotes a value"
        if each.touched is not None and len(each.touched) < len(set(sound(each.base)[1])):
            yield f"a fault of members rejected the file: {outcome.rejection.code}"
        return
    yield from wrong(each, outcome)
    if each.touched is not None and (lost := lost_neighbours(each, outcome)):
        yield f"{lost} rows of untouched members were refused, or read as something else"


def lost_neighbours(each: Mutant, outcome: Outcome) -> int:
    """Rows of members whom no accident touched, and which are not accepted as they were."""
    before, owner = sound(each.base)
    kept = Counter(_told(row) for row in outcome.rows if row.became == "consumed")
    wanted = Counter(_told(row) for row, own in zip(before.rows, owner, strict=True) if own not in (each.touched or ()))
    return (wanted - kept).total()


def _told(row: Record) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((row.values or {}).items()))


def again(outcome: Outcome) -> list[str]:
    """Rows that are read again from what is kept of them are what they were, and refused ones do not get lost."""
    rows = [record for record in outcome.rows if record.raw is not None]
    refused = [record for record in outcome.records if record.became == "quarantined" and record.values is None]
    found = []
    for records in (rows, refused):
        if not records:
            continue
        counts = [record.lines for record in records]
        file = reread_rows(outcome.columns, [record.raw or b"" for record in records], counts, FEED)
        values = []
        lines = 0
        for chunk in file:
            values += [{str(k): str(v) for k, v in row.items()} for row in chunk.frame.to_dict("records")]
            lines += int(chunk.lines.sum()) + sum(each.lines for each in chunk.refused) + len(chunk.control)
        if lines != sum(counts) + 1:
            found.append("segments are lost where what was kept is read again")
        if records is rows and values != [row.values for row in rows]:
            found.append("rows are something else where they are read again")
    return found


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + MUTANTS, BATCH))
def test_every_segment_of_every_mutant_is_accounted_for(first: int) -> None:
    seeds = range(first, min(first + BATCH, FIRST_SEED + MUTANTS))
    judged = ((outcome, sentences) for _, outcome, sentences in judge(seeds, BLOCKS[first // BATCH % len(BLOCKS)]))
    assert complaints("mutants of 834", judged) == []


@pytest.mark.parametrize("block_bytes", [4 << 20, 700])
def test_a_hundred_mutants(block_bytes: int) -> None:
    judged = list(judge(range(1_000_000, 1_000_100), block_bytes))
    assert [sentence for _, _, sentences in judged for sentence in sentences] == []
    assert {outcome.verdict for _, outcome, _ in judged} == {"accepted", "quarantined", "rejected"}


def test_most_mutants_are_counted_independently_and_many_have_neighbours() -> None:
    made = [mutant(seed) for seed in range(2_000_000, 2_000_400)]
    assert sum(counted(each.data) is not None for each in made) > 200
    assert sum(each.touched is not None for each in made) > 80
    names = {name for seed in range(4_000) for name in mutant(seed).accidents}
    assert names == {accident.__name__ for accident in (*MEMBERS, *ENVELOPES, *BYTES, *RARE)}


@pytest.mark.parametrize("number", range(BASES))
def test_the_files_that_mutants_are_made_of_are_sound(number: int) -> None:
    data, marks = base(number)
    outcome, owner = sound(number)
    assert Letter.of(data, marks).data == data
    assert outcome.verdict == "accepted"
    assert list(wrong(Mutant(data, number, (), frozenset()), outcome)) == []
    told = counted(data)
    assert told is not None
    assert len(told.members) == len(set(owner)) == data.count(b"INS" + marks.element.encode())


def test_the_same_seed_makes_the_same_mutant() -> None:
    assert all(mutant(seed) == mutant(seed) for seed in range(100))


# ── negative controls ──


@negative_control
def test_a_segment_that_is_lost_or_counts_twice_is_found() -> None:
    data, _ = base(0)
    (outcome,) = read(FEED, [data], AS_OF)
    whole = Mutant(data, 0, (), frozenset())
    taken = outcome.records.pop(0)
    assert any("lost" in sentence for sentence in wrong(whole, outcome))
    outcome.records += [taken, taken]
    assert any("twice" in sentence for sentence in wrong(whole, outcome))


@negative_control
def test_a_member_that_went_into_another_is_found() -> None:
    data, _ = base(0)
    (outcome,) = read(FEED, [data], AS_OF)
    rows = [record for record in outcome.records if record.became == "consumed"]
    rows[0].lines = sum(row.lines for row in rows)
    outcome.records = [record for record in outcome.records if record.became == "control"] + [rows[0]]
    assert any("within another" in sentence for sentence in wrong(Mutant(data, 0, (), None), outcome))


@negative_control
def test_a_neighbour_that_was_refused_is_found() -> None:
    data, _ = base(0)
    (outcome,) = read(FEED, [data], AS_OF)
    outcome.rows[-1].became = "quarantined"
    assert lost_neighbours(Mutant(data, 0, (), frozenset()), outcome) == 1
