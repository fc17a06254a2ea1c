"""Mutants of samples: whatever is in a file, ``concord new-feed`` proposes something, or says why it does not.

Errors of libraries quote values, so that one that nobody expected would print somebody's data.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from concord.contract import Framing
from concord.errors import ConcordError
from concord.onboarding.proposal import propose
from concord.onboarding.writing import write
from tests.fuzz import xlsx_mutator
from tests.unit import onboarding_samples as samples

SEEDS = (
    samples.with_preamble(), samples.of_types(), samples.columns_that_touch(),
    samples.mainframe(Framing.LENGTH), samples.mainframe(Framing.DESCRIPTOR),
    b"", b"A\n", b"A,B\n1,2", b"\n\n\n", b"1\n2\n3\n" * 20, b"H\nT\n", b'"' * 50,
)  # fmt: skip
MARKS = b'",|\n\r\t;~^ 0#\\\x00\x15\x25\x1a\xff'


def mutant(data: bytes, chance: random.Random) -> bytes:
    """``data`` with up to twenty pieces changed, lost, doubled, put in or cut off."""
    out = bytearray(data)
    for _ in range(chance.choice([0, 1, 3, 20])):
        at, count = chance.randrange(len(out) + 1), chance.randrange(1, 300)
        piece = out[at : at + count]
        marks = bytes(chance.choice(MARKS) for _ in range(count % 5))
        out[at : at + count] = chance.choice([b"", piece * 2, marks + piece, piece[:1], marks])
    return bytes(out)


def judged(data: bytes, folder: Path) -> str:
    """What became of a sample: its kind, or the kind of our own error."""
    path = folder / "elig_20261118.txt"
    path.write_bytes(data)
    try:
        proposal = propose([path], "x_feed", "xco")
        if proposal.profiles:
            write(proposal, folder / str(random.random()))
    except ConcordError as error:
        return type(error).__name__
    return str(proposal.sample.kind)


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=pytest.mark.full)])
def test_every_mutant_of_a_workbook_is_judged(count: int, tmp_path: Path) -> None:
    found = Counter(judged(xlsx_mutator.mutant(seed).data, tmp_path) for seed in range(count))
    assert found.total() == count
    assert {"workbook", "unknown"} <= found.keys(), "otherwise mutants are all of one sort"


@pytest.mark.parametrize("count", [150, pytest.param(5_000, marks=pytest.mark.full)])
def test_every_mutant_of_a_sample_is_judged(count: int, tmp_path: Path) -> None:
    chance, found = random.Random(20261118), Counter[str]()
    for _ in range(count):
        found[judged(mutant(chance.choice(SEEDS), chance), tmp_path)] += 1
    assert found.total() == count
    assert {"delimited", "fixed width", "NotWritten"} <= found.keys(), "otherwise mutants are all of one sort"
