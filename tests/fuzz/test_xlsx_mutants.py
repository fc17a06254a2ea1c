"""Thousands of damaged workbooks: no exception but a rejection, bounded memory, every row accounted for.

``xlsx_mutator.mutant(seed)`` makes one again. Rows are counted by a search for ``<row`` in the sheet's XML.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import pytest

from concord.contract import Xlsx
from tests.fuzz.campaign import complaints
from tests.fuzz.counter import accounts
from tests.fuzz.reader import Outcome, read
from tests.fuzz.test_mutants import FIRST_SEED, MUTANTS
from tests.fuzz.xlsx_mutator import AS_OF, BYTES, CELLS, RARE, ROWS, SHEETS, Book, Mutant, base, mutant
from tests.tally import negative_control
from tests.unit.xlsx_rows import sheet

FEED = sheet(Xlsx(max_bytes=5_000_000, max_rows=2_000))
BATCH = 500


def judge(seeds: Iterable[int]) -> Iterator[tuple[Mutant, Outcome, list[str]]]:
    """Mutants, what became of each, and what is wrong with that."""
    made = [(seed, mutant(seed)) for seed in seeds]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl's, about what it leaves out
        outcomes = read(FEED, [each.data for _, each in made], AS_OF)
    for (seed, each), outcome in zip(made, outcomes, strict=True):
        yield each, outcome, [f"mutant {seed} {each.accidents}: {sentence}" for sentence in wrong_with(each, outcome)]


def wrong_with(each: Mutant, outcome: Outcome) -> Iterator[str]:
    if outcome.rejection is not None:
        if any(value in str(outcome.rejection) for value in VALUES):
            yield "its rejection quotes a value"
        if each.touched is not None and "no_number" not in each.accidents and not BROKEN & set(each.accidents):
            yield f"a fault of cells rejected the file: {outcome.rejection.code}"
        return
    yield from accounts(outcome.line_count, outcome)
    if each.touched is not None:
        yield from cells_only(each, outcome)


BROKEN = {"shared_string_that_is_not_there", "unknown_style", "unknown_type", "iso_date", "no_number"}
"""What makes XML that is no workbook's: a sheet that is torn there is torn."""


def cells_only(each: Mutant, outcome: Outcome) -> Iterator[str]:
    there = Book.of(each.data).sheet.count("<row ")
    if outcome.line_count != there:
        yield f"{outcome.line_count} rows counted, {there} are there"
    refused = {record.line for record in outcome.records if record.became == "quarantined"}
    if lost := sorted(refused - (each.touched or frozenset())):
        yield f"untouched rows {lost[:5]} were refused"


VALUES = sorted({text for row in Book.of(base()).sheet.split("<row ")[2:] for text in row.split("<t>")[1:] if text})
VALUES = [value for each in VALUES if len(value := each.split("<")[0]) >= 6]
"""What no message may carry."""


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + MUTANTS, BATCH))
def test_every_row_of_every_mutant_is_accounted_for(first: int) -> None:
    seeds = range(first, min(first + BATCH, FIRST_SEED + MUTANTS))
    judged = ((outcome, sentences) for _, outcome, sentences in judge(seeds))
    assert complaints("mutants of workbooks", judged) == []


def test_a_hundred_mutants() -> None:
    judged = list(judge(range(1_000_000, 1_000_100)))
    assert [sentence for _, _, sentences in judged for sentence in sentences] == []
    assert {outcome.verdict for _, outcome, _ in judged} == {"accepted", "quarantined", "rejected"}


def test_every_accident_happens() -> None:
    names = {name for seed in range(2_500) for name in mutant(seed).accidents}
    assert names == {*CELLS, *(accident.__name__ for accident in (*SHEETS, *RARE, *BYTES))}


def test_the_workbook_that_mutants_are_made_of_is_sound() -> None:
    (outcome,) = read(FEED, [base()], AS_OF)
    assert (outcome.verdict, len(outcome.rows)) == ("accepted", ROWS)
    assert list(wrong_with(Mutant(base(), (), frozenset()), outcome)) == []
    assert len(VALUES) > 20


@negative_control
def test_what_is_lost_or_refused_without_need_is_found() -> None:
    (outcome,) = read(FEED, [base()], AS_OF)
    whole = Mutant(base(), (), frozenset())
    outcome.records[1].became = "quarantined"
    assert any("untouched" in sentence for sentence in wrong_with(whole, outcome))
    outcome.records.pop()
    assert any("lost" in sentence for sentence in wrong_with(whole, outcome))
