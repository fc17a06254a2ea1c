"""Files of the 834 writer, judged by pyx12 and its map of 005010X220A1: nothing of Concord's reader is used."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date

import pytest
import pyx12.params
from hypothesis import given, settings
from hypothesis import strategies as st
from pyx12.x12n_document import x12n_document

from concord.sandbox.writing.loops import MemberLoop
from concord.sandbox.writing.members import loops, stream
from concord.sandbox.writing.x12_834 import Batch, Envelope, Separators, Totals, write
from tests.tally import negative_control

AS_OF = date(2026, 11, 18)
MARKS = (
    Separators(), Separators(line_end="\n"), Separators(line_end="\r\n"), Separators("|", "}", ">", "\n"),
    Separators("!", "`", "<", "\\", "\r\n"), Separators("\t", "^", ":", "'"),
)  # fmt: skip


def people(seed: int, count: int, *, rich: bool = True) -> list[MemberLoop]:
    return list(loops(stream(seed, count, AS_OF), seed=seed if rich else None))


def written(envelope: Envelope, *groups: list[Batch]) -> bytes:
    out = io.BytesIO()
    write(out, envelope, groups)
    return out.getvalue()


def faults(data: bytes) -> str:
    """What pyx12 says against a file; nothing where it is valid."""
    told = io.StringIO()
    sound = x12n_document(
        pyx12.params.params(), io.StringIO(data.decode("ascii"), newline=""), None, None, fd_json=told
    )
    return "" if sound else json.dumps(json.loads(told.getvalue() or "{}"))[:4_000]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(1, 12), action=st.sampled_from(("RX", "2", "4")),
    marks=st.sampled_from(MARKS), groups=st.integers(1, 3), sets=st.integers(1, 3), totals=st.booleans(),
    header=st.booleans(), usage=st.sampled_from("PT"),
)  # fmt: skip
def test_every_file_is_valid_for_pyx12(
    seed: int,
    count: int,
    action: str,
    marks: Separators,
    groups: int,
    sets: int,
    totals: bool,
    header: bool,
    usage: str,
) -> None:
    members = people(seed, count)
    batch = Batch(
        members, action, policy="POLICY1" if header else "", effective=AS_OF if header else None,
        totals=Totals.of(members) if totals else None, broker="BROKER" if header else "",
        purpose="15" if header else "00",
    )  # fmt: skip
    envelope = Envelope(seed + 1, usage=usage, separators=marks)
    data = written(envelope, *([batch] * sets for _ in range(groups)))
    assert faults(data) == ""
    assert data.count(b"INS" + marks.element.encode()) == count * sets * groups


@negative_control
def test_what_is_not_valid_is_found_by_pyx12() -> None:
    member = people(1, 1)[0]
    wrong = replace(member, coverages=(replace(member.coverages[0], line="XYZ"),))
    assert faults(written(Envelope(), [Batch([wrong])]))
    sound = written(Envelope(), [Batch([member])])
    assert faults(sound) == ""
    assert faults(sound.replace(b"SE*", b"SE*9"))


def test_members_have_everything_that_partners_send() -> None:
    """One file of some hundred has every loop and segment that the writer knows."""
    data = written(Envelope(), [Batch(people(4, 200), totals=Totals(200, 90), policy="P1", effective=AS_OF)])
    for segment in (
        "NM1*74", "NM1*70", "NM1*31", "REF*Q4", "REF*23", "REF*17", "REF*1L", "DTP*336", "DTP*303", "DTP*356",
        "DTP*348*D8", "DTP*348*RD8", "DTP*349", "COB*", "NM1*IN", "LS*2700", "LX*", "N1*75", "LE*2700", "LUI*",
        "AMT*P3", "IDC*", "PER*IP", "QTY*TO", "QTY*ET", "QTY*DT", "DMG*D8",
    ):  # fmt: skip
        assert f"~{segment}".encode() in data, segment


def test_a_twin_has_a_birth_sequence_and_a_protected_person_the_mark() -> None:
    segments = [line.split("*") for line in written(Envelope(), [Batch(people(4, 200))]).decode().split("~")]
    told = [segment for segment in segments if segment[0] == "INS"]
    assert {segment[17] for segment in told if len(segment) > 17} == {"1", "2"}
    assert "R" in {segment[13] for segment in told if len(segment) > 13}


def test_the_same_seed_writes_the_same_bytes_and_another_does_not() -> None:
    first, again, other = (written(Envelope(), [Batch(people(seed, 20))]) for seed in (7, 7, 8))
    assert first == again != other
    assert people(5, 30) != people(5, 30, rich=False)


@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
def test_a_separator_within_a_value_is_no_separator(line_end: str) -> None:
    marks = Separators(line_end=line_end)
    assert marks.line(("REF", "0F", "A*B~C:D^E\nF")) == f"REF*0F*A B C D E F~{line_end}"
    assert marks.line(("INS", "Y", ("A", "1"), "", "")) == f"INS*Y*A:1~{line_end}"


def test_nothing_is_kept_of_what_was_written() -> None:
    """Members are made while the file is written."""
    seen: list[int] = []

    class Out(io.BytesIO):
        def write(self, data: object, /) -> int:
            seen.append(len(data))  # type: ignore[arg-type]
            return seen[-1]

    assert write(Out(), Envelope(), [[Batch(loops(stream(1, 3_000, AS_OF)))]]) == 3_000
    assert max(seen) < sum(seen) / 4
