"""Physical lines and messages: line ends, framing bytes, blank lines, repeats, sizes; every line is accounted for."""

from __future__ import annotations

from io import BytesIO

import pytest

from concord.parse.hl7v2 import AdtFile
from concord.parse.hl7v2.lines import LineReader
from tests.unit.hl7v2_messages import OPTIONS, PID, PV1, message, msh, parse, pid, reasons, rows

TWO = message("A01", control_id="1") + message("A03", control_id="2")
GOOD = {"record": 0, "refused": 0, "duplicate": 0, "ignored": 0, "control": 0}


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_end_in_cr_lf_or_both(end: str) -> None:
    data = TWO.replace(b"\r", end.encode())
    chunk = parse(data)
    assert chunk.accounting() == {**GOOD, "record": 8}
    assert chunk.frames["patient"]["line"].tolist() == [1, 5]
    assert chunk.raw(5) == data[len(data) // 2 :].removesuffix(end.encode())


def test_line_ends_may_be_mixed_in_one_file() -> None:
    ends = iter([b"\r", b"\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n", b"\r"])
    data = b"".join(line + next(ends) for line in TWO.split(b"\r")[:-1])
    assert parse(data).accounting() == {**GOOD, "record": 8}


@pytest.mark.parametrize("block_bytes", range(1, 12))
def test_blocks_may_end_anywhere(block_bytes: int) -> None:
    data = TWO.replace(b"\r", b"\r\n") + b"\r\n\r\r\n\n" + b"\x0b" + TWO[: len(TWO) // 2] + b"\x1c\r"
    lines = list(LineReader(BytesIO(data), max_line_bytes=1 << 10, block_bytes=block_bytes))
    assert b"".join(line.raw for line in lines) == data
    assert [line.raw for line in lines] == data.splitlines(keepends=True)
    assert [line.offset for line in lines] == [data.index(lines[0].raw)] + [
        sum(len(before.raw) for before in lines[:n]) for n in range(1, len(lines))
    ]


def test_a_file_may_end_without_a_line_end() -> None:
    assert parse(TWO.removesuffix(b"\r")).accounting() == {**GOOD, "record": 8}


def test_mllp_bytes_are_tolerated() -> None:
    first, second = message("A01", control_id="1"), message("A03", control_id="2")
    data = b"\x0b" + first + b"\x1c\r" + b"\x0b" + second.removesuffix(b"\r") + b"\x1c\r\n\x1a"
    chunk = parse(data)
    assert chunk.accounting() == {**GOOD, "record": 8, "ignored": 2}
    assert [ignored.reason for ignored in chunk.ignored] == ["mllp_framing", "mllp_framing"]
    assert rows(chunk)[0]["last_name"] == "Testman"


def test_nothing_belongs_to_a_message_after_its_end_of_block() -> None:
    data = message("A01").removesuffix(b"\r") + b"\x1c\r" + pid("1002").encode() + b"\r"
    assert reasons(data) == ["message.no_msh"]


def test_a_byte_order_mark_may_stand_before_a_message() -> None:
    assert parse(b"\xef\xbb\xbf" + TWO + b"\xef\xbb\xbf" + message("A08", control_id="3")).accounting() == {
        **GOOD,
        "record": 12,
    }


def test_blank_lines_between_messages_are_ignored_and_inside_one_are_part_of_it() -> None:
    inside = message("A01", end="\n").replace(b"\nPID", b"\n\n \nPID")
    chunk = parse(b"\n" + inside + b"\n\n" + message("A03") + b"\t\n")
    assert chunk.accounting() == {**GOOD, "record": 10, "ignored": 4}
    assert [ignored.line for ignored in chunk.ignored] == [1, 8, 9, 14]


def test_no_message_goes_on_behind_a_hundred_blank_lines() -> None:
    chunk = parse(message("A01", PID, end="\n") + b"\n" * 100 + b"PV1|1|I\r")
    assert chunk.accounting() == {**GOOD, "record": 3, "ignored": 100, "refused": 1}


def test_segments_before_any_message_are_refused_together() -> None:
    chunk = parse(f"{PID}\r{PV1}\r".encode() + message("A08"))
    (refused,) = chunk.refused
    assert (refused.line, refused.lines, refused.reasons) == (1, 2, ("message.no_msh",))
    assert refused.raw == f"{PID}\r{PV1}".encode()


def test_a_message_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    long = message("A08", PID, *(f"OBX|{n}|" + "x" * 200 for n in range(100)))
    for block_bytes in (7, 1 << 20):
        chunk = parse(long + message("A08"), max_message_bytes=2_000, block_bytes=block_bytes)
        assert [refused.reasons for refused in chunk.refused] == [("message.too_long",)]
        assert chunk.refused[0].raw == long[:2_000]
        assert chunk.accounting() == {**GOOD, "record": 4, "refused": 103}


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    data = message("A08", PID) + b"OBX|" + b"x" * 1_000_000 + b"\r" + message("A03")
    reader = LineReader(BytesIO(data), max_line_bytes=1_000, block_bytes=100)
    assert max(len(line.raw) for line in reader) <= 1_000
    chunk = parse(data, max_message_bytes=1_000, block_bytes=100)
    assert chunk.accounting() == {**GOOD, "record": 4, "refused": 4}


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_an_identical_repeat_is_a_duplicate_whatever_its_line_ends(end: bytes) -> None:
    again = message("A01", control_id="1").replace(b"\r", end)
    chunk = parse(TWO + again)
    assert chunk.accounting() == {**GOOD, "record": 8, "duplicate": 4}
    assert [(each.line, each.first_line) for each in chunk.repeated] == [(9, 1)]
    assert len(chunk.frames["patient"]) == 2


def test_a_control_id_with_other_content_is_refused() -> None:
    assert reasons(TWO + message("A01", pid("1002"), control_id="1")) == ["message.control_id_repeated"]


def test_control_ids_are_a_senders_own_and_may_be_missing() -> None:
    other = message("A01", pid("1002"), control_id="1", n4="OTHER")
    nameless = message("A08", pid("1003")) + message("A08", pid("1004"))
    assert reasons(TWO + other + nameless) == []


def test_a_refused_message_may_be_sent_again_mended() -> None:
    broken = message("A08", pid(n7="19801301"), control_id="9")
    assert reasons(broken + message("A08", pid(n7="19801201"), control_id="9")) == ["birth_date.format"]


@pytest.mark.parametrize("chunk_messages", [1, 2, 3, 100])
def test_chunks_tile_the_file(chunk_messages: int) -> None:
    data = b"\n" + TWO + b"junk\n" + b"BTS|2\r\n" + TWO + message("A20", "NPU|1")
    whole = list(AdtFile(BytesIO(data), OPTIONS, chunk_messages=chunk_messages))
    assert [chunk.first_line for chunk in whole] == [
        1 + sum(chunk.line_count for chunk in whole[:n]) for n in range(len(whole))
    ]
    for chunk in whole:
        assert sum(chunk.accounting().values()) == chunk.line_count


def test_a_message_about_a_bed_is_ignored() -> None:
    chunk = parse(message("A20", "NPU|WARD^12^B|C"))
    assert [(ignored.lines, ignored.reason) for ignored in chunk.ignored] == [(3, "event.no_patient")]


def test_checkpoints_are_places_where_a_message_begins() -> None:
    data = b"\r\n" + b"".join(message("A08", pid(str(number)), end="\r\n") for number in range(1100))
    delivery = AdtFile(BytesIO(data), OPTIONS, block_bytes=1000)
    list(delivery)
    assert [(place.line, place.record) for place in delivery.checkpoints] == [(2, 0), (2 + 3 * 1024, 1024)]
    assert all(data[place.byte_offset :].startswith(msh("A08").encode()) for place in delivery.checkpoints)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (message("A08", pid("", n3="1001^^^GHH^MR~" * 1_001)), "field.repetitions"),
        (message("A40", *(PID, "MRG|1002^^^GHH^MR") * 10_001), "segment.count"),
    ],
)
def test_what_would_take_for_ever_is_refused(data: bytes, code: str) -> None:
    assert reasons(data) == [code]
