"""Real messages (CONCORD_CORPUS), and hundreds of seeded mutants: no line is lost, nothing raises, nothing hangs."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from concord.errors import DeliveryRejected
from concord.parse.hl7v2 import AdtChunk, AdtFile
from tests.unit.hl7v2_messages import OPTIONS, PID, PV1, message, msh, pid, pv1

CORPUS = Path(os.environ.get("CONCORD_CORPUS", "/nonexistent")) / "hl7v2_adt"
FILES = sorted(CORPUS.glob("*.hl7"))
TOLERANT = replace(OPTIONS, processing=frozenset({"P", "T", ""}))
MUTANTS = 400
OWN = (
    b"\r\n".join([rb"FHS|^~\&|APP", rb"BHS|^~\&|APP", b""])
    + message("A01", PID, PV1, control_id="1", end="\r\n")
    + message("A40", PID, "MRG|1002^^^GHH^MR||||V2^^^GHH", PV1, control_id="2", n18="8859/1")
    + b"\x0b" + message("A03", pid(n5=r"T\X41\st^\.br\O\S\x"), pv1(n45="20240101+0530"), control_id="3") + b"\x1c\r"
    + message("A24", PID, PV1, pid("1002"), control_id="4", end="\n") + b"BTS|4\rFTS|1\r\n"
)  # fmt: skip
BITS: tuple[bytes, ...] = (
    b"\r", b"\n", b"\r\n", b"|", b"^", b"~", b"\\", b"&", b'""', b"\x0b", b"\x1c\r", b"\x00", b"\xff", b"\xc3",
    b"MSH|", rb"MSH|^~\&|", b"PID|", b"PV1|", b"MRG|", b"EVN|", b"BTS|1\r", b"FHS|\r", b"\\X", b"\\.br\\", b"-2400",
    b"99999999", b"\xef\xbb\xbf", b"Z", b"\x1a", b"8859/1", b"^^^^SS", b"ADT^A40",
)  # fmt: skip


def read(data: bytes, **options: int) -> tuple[list[AdtChunk], bool]:
    """The chunks of ``data``, and whether it was read to its end."""
    chunks = []
    try:
        for chunk in AdtFile(BytesIO(data), TOLERANT, trailers_required=False, **options):
            chunks.append(chunk)
    except DeliveryRejected as rejected:
        return chunks, rejected.code.startswith("structure.")
    return chunks, True


def lines_of(data: bytes) -> list[bytes]:
    """Physical lines by a regular expression; nothing of Concord's reader is used."""
    return re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", data)


def dispositions(chunks: list[AdtChunk]) -> dict[int, str]:
    """Line to what became of it; a line that has two raises."""
    told: dict[int, str] = {}

    def tell(first: int, count: int, what: str) -> None:
        for line in range(first, first + count):
            assert line not in told
            told[line] = what

    for chunk in chunks:
        for frame in chunk.frames.values():
            for line, lines in zip(frame["line"], frame["lines"], strict=True):
                tell(line, lines, "record")
        for what, those in (("refused", chunk.refused), ("duplicate", chunk.repeated), ("ignored", chunk.ignored)):
            for each in those:
                tell(each.line, each.lines, what)
        for line in chunk.control:
            tell(line, 1, "control")
    return told


def check(data: bytes, chunks: list[AdtChunk], *, finished: bool) -> None:
    """Every line is something; messages are what begins with MSH; the bytes kept are those of the lines."""
    lines, told = lines_of(data), dispositions(chunks)
    assert sorted(told) == list(range(1, (len(lines) if finished else len(told)) + 1))
    for chunk in chunks:
        assert sum(chunk.accounting().values()) == chunk.line_count
        for each in chunk.refused:
            raw = b"".join(lines[each.line - 1 : each.line - 1 + each.lines])
            assert raw.removesuffix(b"\n").removesuffix(b"\r") == each.raw
        for frame in chunk.frames.values():
            for line, count in zip(frame["line"], frame["lines"], strict=True):
                raw = b"".join(lines[line - 1 : line - 1 + count])
                assert not count or raw.removesuffix(b"\n").removesuffix(b"\r") == chunk.raw(line)
    for number, what in told.items():
        content = lines[number - 1].strip(b"\r\n\x0b\x1c\x1a").removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\x1c\x1a")
        if what == "ignored" and content.strip():
            raise AssertionError(f"line {number} is not blank and was ignored")
        if what == "control":
            assert content[:3] in {b"FHS", b"BHS", b"BTS", b"FTS"}


def mutant(data: bytes, seed: int) -> bytes:
    """``data`` after one to six accidents; the same seed makes the same mutant."""
    random, mutated = Random(seed), bytearray(data)
    for _ in range(random.randint(1, 6)):
        at, to = sorted(random.randrange(len(mutated) + 1) for _ in range(2))
        match random.randrange(6):
            case 0:
                mutated[at:at] = random.choice(BITS)
            case 1:
                mutated[at : at + random.randint(1, 40)] = random.choice(BITS)
            case 2:
                del mutated[at : min(to, at + 200)]
            case 3:
                mutated[to:to] = mutated[at : min(to, at + 400)]
            case 4 if mutated:
                mutated[at % len(mutated)] = random.randrange(256)
            case _:
                mutated = bytearray(bytes(mutated).replace(*random.sample(BITS, 2), 3))
    return bytes(mutated)


@pytest.mark.skipif(not FILES, reason="CONCORD_CORPUS is not set")
def test_every_line_of_the_corpus_is_read() -> None:
    for path in FILES:
        data = path.read_bytes()
        chunks, finished = read(data)
        assert finished
        assert set(dispositions(chunks).values()) == {"record"}, path.name
        check(data, chunks, finished=True)
        assert sum(len(lines_of(data)) for _ in chunks) == sum(chunk.line_count for chunk in chunks)


@pytest.mark.skipif(not FILES, reason="CONCORD_CORPUS is not set")
def test_the_corpus_in_one_file_has_its_repeats_refused_and_counted() -> None:
    data = b"".join(path.read_bytes().rstrip(b"\r\n") + b"\r\n" for path in FILES)
    chunks, finished = read(data)
    check(data, chunks, finished=finished)
    refused = {reason for chunk in chunks for each in chunk.refused for reason in each.reasons}
    assert refused == {"message.control_id_repeated"}


@pytest.mark.skipif(not FILES, reason="CONCORD_CORPUS is not set")
@pytest.mark.parametrize("part", range(4))
def test_mutants_of_the_corpus_lose_no_line(part: int) -> None:
    for seed in range(part, MUTANTS, 4):
        data = mutant(FILES[seed % len(FILES)].read_bytes(), seed)
        chunks, finished = read(data, block_bytes=1 + seed)
        if chunks:
            check(data, chunks, finished=finished)


@pytest.mark.parametrize("part", range(4))
def test_mutants_of_a_batch_lose_no_line(part: int) -> None:
    for seed in range(part, MUTANTS, 4):
        data = mutant(OWN, seed)
        chunks, finished = read(data, chunk_messages=1 + seed % 7, block_bytes=1 + seed * 7)
        check(data, chunks, finished=finished)


def test_the_batch_itself_is_sound() -> None:
    chunks, finished = read(OWN)
    assert finished
    check(OWN, chunks, finished=True)
    assert not any(chunk.refused for chunk in chunks)


def test_the_count_notices_a_line_that_is_lost() -> None:
    chunks, finished = read(OWN)
    with pytest.raises(AssertionError):
        check(OWN + msh().encode(), chunks, finished=finished)
