"""Broken fixed-width files: every line is accounted for, or the delivery is rejected with a code; nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from io import BytesIO

import pytest

from concord.contract import Coding, Feed, FixedColumn, Framing, Positions
from concord.errors import DeliveryRejected
from concord.parse.fixed_width import FixedWidthFile, reread
from tests.unit.fixed_rows import COLUMNS, CONTROL, LENGTH, controlled, fixed, packed, people, record, row
from tests.unit.test_fixed_width import lines_of, mainframe

MUTANTS = 300
SEED = 20_261_120


@dataclass(frozen=True)
class Kind:
    """A sound file, its contract, and how many records any bytes have by a count that knows nothing of the reader."""

    feed: Feed
    sound: bytes
    by_lines: bytes | None = None


def by_descriptor() -> Kind:
    form = (*COLUMNS, FixedColumn("PAY", LENGTH + 1, 4, coding=Coding.PACKED))
    feed = fixed(encoding="cp037", framing=Framing.DESCRIPTOR, columns=form)
    contents = [record(each).encode("cp037") + packed(7, 7) for each in people(9)]
    return Kind(feed, b"".join((len(each) + 4).to_bytes(2, "big") + b"\0\0" + each for each in contents))


def in_characters() -> Kind:
    rows = [row(FIRST="Zoë"), *people(4), row(LAST="漢字")]
    feed = fixed(encoding="utf-8", positions=Positions.CHARACTERS, control=replace(CONTROL, date_at=None))
    return Kind(feed, controlled(*rows), b"\n")


KINDS = {
    "lines": Kind(fixed(control=CONTROL), controlled(*people(9), end="\r\n"), b"\n"),
    "characters": in_characters(),
    "length": Kind(fixed(encoding="cp037", framing=Framing.LENGTH), mainframe(people(9), Framing.LENGTH)),
    "descriptors": by_descriptor(),
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """``data`` with one to three faults of transfer."""
    broken = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(broken) + 1)
        piece = bytes(broken[at : at + chance.randint(1, 90)])
        what = chance.randrange(6)
        if what == 0:
            broken[at : at + 1] = bytes([chance.randrange(256)])
        elif what == 1:
            broken[at:at] = chance.choice([b"\n", b"\r", b"\0", b"\t", b"\x1a", b"\xc3", "é".encode(), b"\x15"])
        elif what == 2:
            del broken[at : at + len(piece)]
        elif what == 3:
            broken[at:at] = piece
        elif what == 4:
            del broken[at:]
        else:
            broken[at : at + len(piece)] = bytes(reversed(piece))
    return bytes(broken)


def judged(data: bytes, feed: Feed, block: int) -> object:
    """What becomes of every line: a code, or (line, its fate) of all."""
    try:
        delivery = FixedWidthFile(BytesIO(data), feed, block_bytes=block, chunk_rows=block)
        chunks = list(delivery)
    except DeliveryRejected as rejected:
        return rejected.code
    assert lines_of(chunks) == [*range(1, delivery.line_count + 1)]
    rows = [
        (int(line), tuple(values))
        for chunk in chunks
        for line, values in zip(chunk.line, chunk.frame.itertuples(index=False, name=None), strict=True)
    ]
    refused = [(each.line, each.reasons, each.raw) for chunk in chunks for each in chunk.refused]
    alone = list(reread([raw for _, _, raw in refused], [1] * len(refused), feed)) if refused else []
    again = [(each.reasons, each.raw) for chunk in alone for each in chunk.refused]
    assert again == [(reasons, raw) for _, reasons, raw in refused]
    return delivery.line_count, rows, refused


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_mutant_is_accounted_for_whatever_the_blocks(kind: Kind) -> None:
    chance = random.Random(SEED)
    outcomes: list[object] = []
    for _ in range(MUTANTS):
        data = mutated(kind.sound, chance)
        outcome = judged(data, kind.feed, 4 << 20)
        assert outcome == judged(data, kind.feed, 97)
        if kind.by_lines and isinstance(outcome, tuple):
            tail = data.rsplit(kind.by_lines, 1)[-1]
            assert outcome[0] == data.count(kind.by_lines) + bool(tail)
        outcomes.append(outcome)
    rejected = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert 0 < len(rejected) < MUTANTS, "mutants that are read, and mutants that are not"
    assert any(isinstance(outcome, tuple) and outcome[2] for outcome in outcomes), "and records refused"


def test_an_unmutated_file_has_nothing_refused() -> None:
    """Negative control."""
    for kind in KINDS.values():
        outcome = judged(kind.sound, kind.feed, 4 << 20)
        assert isinstance(outcome, tuple)
        assert outcome[2] == []
