"""What a fixed-width delivery must look like, what is tolerated, and what costs a record or the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import Coding, Feed, FixedColumn, FixedControl, Framing, Place, Positions, Side
from concord.errors import DeliveryRejected
from concord.parse import Chunk, line_accounting
from concord.parse.fixed_width import FixedWidthFile, judging, reread
from concord.parse.fixed_width import framing as cutting
from concord.parse.opening import open_rows, reread_rows
from tests.unit.fixed_rows import COLUMNS, LENGTH, READ, ROW, file, fixed, people, record, row

BLOCKS = [1, 50, 81, 82, 83, 1000, 4 << 20]


def parse(data: bytes, feed: Feed | None = None, **options: Any) -> tuple[FixedWidthFile, list[Chunk]]:
    delivery = FixedWidthFile(BytesIO(data), feed or fixed(), **options)
    return delivery, list(delivery)


def rejection(data: bytes, feed: Feed | None = None) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        parse(data, feed)
    return caught.value.code


def refusals(chunks: list[Chunk]) -> list[tuple[int, tuple[str, ...]]]:
    return [(each.line, each.reasons) for chunk in chunks for each in chunk.refused]


def values(chunks: list[Chunk]) -> list[dict[str, Any]]:
    return [read for chunk in chunks for read in chunk.frame.to_dict("records")]


def lines_of(chunks: list[Chunk]) -> list[int]:
    """Every line of what was read, sorted: each once."""

    def each(chunk: Chunk) -> Iterator[int]:
        yield from chunk.line.tolist()
        yield from chunk.control
        yield from (refused.line for refused in chunk.refused)
        yield from (ignored.line for ignored in chunk.ignored)

    return sorted(line for chunk in chunks for line in each(chunk))


# ── values ─────────────────────────────────────────────────────────────────────


def test_every_value_stays_the_text_it_was() -> None:
    given_values = row(LAST="NA", FIRST=" null", PLAN="1E5", ID="00000101", TO="")
    _, (chunk,) = parse(file(given_values))
    assert chunk.frame.iloc[0].to_dict() == {name: given_values[name] for name in READ}
    assert set(map(str, chunk.frame.dtypes)) == {"str"}
    assert not chunk.frame.isna().any(axis=None)


def test_a_row_knows_its_line_and_its_bytes() -> None:
    data = file(*people(3))
    delivery, (chunk,) = parse(data)
    assert chunk.line.tolist() == [1, 2, 3]
    assert chunk.lines.tolist() == [1, 1, 1]
    assert chunk.raw(1) == data.splitlines()[1]
    assert delivery.columns == tuple(column.name for column in COLUMNS if column.name)
    assert delivery.line_count == 3


@pytest.mark.parametrize(
    ("side", "padding", "text", "read"),
    [
        (Side.RIGHT, " ", "  ab  ", "  ab"),
        (Side.LEFT, " ", "  ab  ", "ab  "),
        (Side.BOTH, " ", "  ab  ", "ab"),
        (Side.LEFT, "0", "00a0b0", "a0b0"),
        (Side.RIGHT, "*", "a*b***", "a*b"),
        (Side.LEFT, "0", "000000", ""),
        (Side.LEFT, "0", "00    ", ""),
        (Side.RIGHT, "\0", "ab\0\0\0\0", "ab"),
        (Side.RIGHT, "\0", "\0\0\0\0\0\0", ""),
        (Side.BOTH, " ", "      ", ""),
    ],
)
def test_padding_is_taken_from_its_side_and_only_there(side: Side, padding: str, text: str, read: str) -> None:
    columns = tuple(replace(c, padding=padding, side=side) if c.name == "PLAN" else c for c in COLUMNS)
    data = file(row(PLAN=text))
    _, (chunk,) = parse(data, fixed(columns=columns))
    assert chunk.frame["PLAN"].tolist() == [read]


def test_what_is_beyond_the_last_column_is_not_read() -> None:
    _, (chunk,) = parse(file(row(), end="tail\0\n"), fixed(record_length=LENGTH + 5))
    assert len(chunk.frame) == 1
    assert refusals(parse(file(row(), end="tail\0\n"))[1]) == [(1, ("record.length",))]


letters = st.text(st.sampled_from("AZaz09 .-é€漢\U0001f600'\""), max_size=12).map(str.rstrip)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(row, FIRST=letters, LAST=letters), min_size=1, max_size=12), st.sampled_from(BLOCKS))
def test_what_is_written_is_read_whatever_the_letters_and_the_blocks(rows: list[dict[str, str]], block: int) -> None:
    feed = fixed(encoding="utf-8", positions=Positions.CHARACTERS)
    delivery, chunks = parse(file(*rows), feed, block_bytes=block, chunk_rows=5)
    assert values(chunks) == [{name: each[name] for name in READ} for each in rows]
    assert lines_of(chunks) == [*range(1, delivery.line_count + 1)] == [*range(1, len(rows) + 1)]


ebcdic_letters = st.text(st.sampled_from("AZaz09 .-é{}ß"), max_size=12).map(str.rstrip)
FRAMED = [Framing.LINES, Framing.LENGTH, Framing.DESCRIPTOR]


def mainframe(rows: list[dict[str, str]], framing: Framing, end: bytes = b"\x15") -> bytes:
    contents = [record(each).encode("cp037") for each in rows]
    if framing is Framing.DESCRIPTOR:
        return b"".join((len(each) + 4).to_bytes(2, "big") + b"\0\0" + each for each in contents)
    return b"".join(each + (end if framing is Framing.LINES else b"") for each in contents)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.builds(row, FIRST=ebcdic_letters, LAST=ebcdic_letters), min_size=1, max_size=12),
    st.sampled_from(BLOCKS),
    st.sampled_from(FRAMED),
    st.sampled_from([b"\x15", b"\x25", b"\x0d\x25", b"\x0d\x15"]),
)
def test_ebcdic_is_read_with_line_ends_without_and_behind_descriptors(
    rows: list[dict[str, str]], block: int, framing: Framing, end: bytes
) -> None:
    feed = fixed(encoding="cp037", framing=framing)
    delivery, chunks = parse(mainframe(rows, framing, end), feed, block_bytes=block, chunk_rows=5)
    assert values(chunks) == [{name: each[name] for name in READ} for each in rows]
    assert lines_of(chunks) == [*range(1, delivery.line_count + 1)]
    raws = [chunk.raw(at) for chunk in chunks for at in range(len(chunk.frame))]
    assert raws == [record(each).encode("cp037") for each in rows]


@pytest.mark.parametrize("encoding", ["cp500", "cp1140", "cp273", "cp1252", "latin-1"])
def test_other_encodings_of_single_bytes_are_read_too(encoding: str) -> None:
    _, (chunk,) = parse(record(row(FIRST="Zoë")).encode(encoding), fixed(encoding=encoding, framing=Framing.LENGTH))
    assert chunk.frame["FIRST"].tolist() == ["Zoë"]


def test_positions_may_count_bytes_where_characters_take_several() -> None:
    named = "Zoë".encode().ljust(12)
    data = file().replace(b"Tessa".ljust(12), named)
    _, (chunk,) = parse(data, fixed(encoding="utf-8", positions=Positions.BYTES))
    assert chunk.frame["FIRST"].tolist() == ["Zoë"]
    assert chunk.frame["BORN"].tolist() == ["19800314"]
    by_characters = fixed(encoding="utf-8", positions=Positions.CHARACTERS)
    assert refusals(parse(data, by_characters)[1]) == [(1, ("record.length",))], "negative control: it is one too short"


def test_a_column_that_begins_inside_a_character_refuses_its_record() -> None:
    data = file(row(FIRST="Tessatessat#"), row()).replace(b"#1", "é".encode())
    feed = fixed(encoding="utf-8", positions=Positions.BYTES)
    _, chunks = parse(data, feed)
    assert refusals(chunks) == [(1, ("record.encoding",))]
    assert len(values(chunks)) == 1


# ── the account of records ─────────────────────────────────────────────────────

BROKEN = {
    "a short line": (b"DE0000101", "record.length"),
    "a long line": (file()[:-1] + b"x", "record.length"),
    "a tab": (file()[:-1].replace(b"  ACME", b"  ACM\t"), "record.length"),
    "a NUL": (file()[:-1].replace(b"Tessa", b"Tes\0a"), "record.nul"),
    "a carriage return": (file()[:-1].replace(b"Tessa", b"Tes\ra"), "record.line_end"),
    "no text": (file()[:-1].replace(b"Tessa", b"Tes\xffa"), "record.encoding"),
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_record_costs_itself_and_no_neighbour(broken: bytes, reason: str, block: int) -> None:
    data = file(*people(2)) + broken + b"\n" + file(*people(2))
    delivery, chunks = parse(data, block_bytes=block)
    assert refusals(chunks) == [(3, (reason,))]
    assert [chunk.refused[0].raw for chunk in chunks if chunk.refused] == [broken]
    assert [values["ID"] for values in values(chunks)] == ["E0000000", "E0000001"] * 2
    assert lines_of(chunks) == [1, 2, 3, 4, 5]
    assert sum(sum(line_accounting(chunk).values()) for chunk in chunks) == delivery.line_count


@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_without_the_judge_of_units_and_lengths_they_would_pass(
    broken: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.setattr(judging, "REASONS", ())
    assert [why for _, why in refusals(parse(file() + broken + b"\n")[1])] == [()]


def test_what_is_filler_or_packed_may_hold_any_byte() -> None:
    data = file().replace(b"EE  ACME", b"EE\0\tACME")
    assert len(values(parse(data)[1])) == 1
    read = tuple(FixedColumn("GAP", 49, 2) if not c.name else c for c in COLUMNS)
    assert refusals(parse(data, fixed(columns=read))[1]) == [(1, ("record.nul", "record.length"))]


def test_a_record_that_is_far_too_long_is_refused_with_its_beginning() -> None:
    data = file() + b"D" * 5_000 + b"\n" + file()
    _, chunks = parse(data, fixed(max_record_bytes=100), block_bytes=64)
    assert refusals(chunks) == [(2, ("record.too_long", "record.length"))]
    assert len(values(chunks)) == 2
    assert all(len(each.raw) <= 102 for chunk in chunks for each in chunk.refused)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("positions", list(Positions))
def test_trailing_blanks_that_an_editor_took_are_put_back_by_contract(end: str, positions: Positions) -> None:
    lines = [record(row(FIRST=name)).rstrip() + end for name in ("Zoë", "Tessa")] + [record(row(TO="20261231")) + end]
    data = "".join(lines).encode()
    if positions is Positions.BYTES:
        data = data.replace("Zoë".encode(), b"Zoe")
    feed = fixed(encoding="utf-8", positions=positions, short_ok=True)
    _, chunks = parse(data, feed)
    assert [each["TO"] for each in values(chunks)] == ["", "", "20261231"]
    assert refusals(parse(data, fixed(encoding="utf-8", positions=positions))[1])[0] == (1, ("record.length",))


def test_blank_records_are_no_records() -> None:
    data = b"\n" + file() + b"   \n" + b" " * LENGTH + b"\n"
    _, chunks = parse(data)
    assert [(each.line, each.reason) for chunk in chunks for each in chunk.ignored] == [
        (1, "blank_line"), (3, "blank_line"), (4, "blank_line"),
    ]  # fmt: skip


@pytest.mark.parametrize("tail", [b"\x1a", b"\x1a\x1a\x1a"])
@pytest.mark.parametrize("framing", [Framing.LINES, Framing.LENGTH])
def test_an_end_of_file_byte_is_control(tail: bytes, framing: Framing) -> None:
    data = file(*people(2), end="\r\n" if framing is Framing.LINES else "") + tail
    delivery, chunks = parse(data, fixed(framing=framing))
    assert [line for chunk in chunks for line in chunk.control] == [3]
    assert delivery.line_count == 3
    assert lines_of(chunks) == [1, 2, 3]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "tail", [b"\x1a" * 4, b"\x3f" * LENGTH, b"\x1a" * (5 * LENGTH + 7), b"\x1a" + b"\x3f" * 500], ids=len
)
@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.DESCRIPTOR])
def test_a_file_that_was_filled_up_to_a_block_ends_with_its_last_record(
    framing: Framing, tail: bytes, block: int
) -> None:
    feed = fixed(encoding="cp037", framing=framing)
    delivery, chunks = parse(mainframe(people(2), framing) + tail, feed, block_bytes=block)
    assert [line for chunk in chunks for line in chunk.control] == [3]
    assert (delivery.line_count, lines_of(chunks)) == (3, [1, 2, 3])


def test_a_trailer_may_stand_before_what_fills_up_the_block() -> None:
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, control=FixedControl(trailer="T", count_at=Place(2, 8)))
    end = "T00000002".ljust(LENGTH).encode("cp037")
    _, chunks = parse(mainframe(people(2), Framing.LENGTH) + end + b"\x1a" * 3 * LENGTH, feed)
    assert [line for chunk in chunks for line in chunk.control] == [3, 4]


@pytest.mark.parametrize("block", BLOCKS)
def test_bytes_of_end_of_file_before_a_record_are_a_record(block: int) -> None:
    """Two files that were filled up and then put together: what is no record costs only itself."""
    control = FixedControl(detail="D")
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, control=control)
    one = mainframe(people(1), Framing.LENGTH)
    delivery, chunks = parse(one + b"\x1a" * 2 * LENGTH + one + b"\x1a" * 90, feed, block_bytes=block)
    assert refusals(chunks) == [(2, ("record.type",)), (3, ("record.type",))]
    assert lines_of(chunks) == [1, 2, 3, 4, 5]
    assert delivery.line_count == 5


def test_a_last_record_may_end_in_such_bytes() -> None:
    """They are a sign and a digit where a number is packed."""
    columns = (*COLUMNS, FixedColumn("PAY", LENGTH + 1, 3, coding=Coding.PACKED))
    feed = fixed(encoding="cp037", framing=Framing.LENGTH, columns=columns)
    one = mainframe(people(1), Framing.LENGTH) + b"\x1a\x1a\x1a"
    for tail, lines in ((b"", [1]), (b"\x1a" * 100, [1, 2])):
        _, chunks = parse(one + tail, feed)
        assert (len(values(chunks)), lines_of(chunks)) == (1, lines)


def test_so_many_bytes_of_end_of_file_that_no_block_has_them_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "LONGEST_FILL", 1_000)
    form = fixed(framing=Framing.LENGTH)
    assert parse(file(end="") + b"\x1a" * 1_000, form, block_bytes=LENGTH)
    with pytest.raises(DeliveryRejected, match=r"structure\.end_of_file"):
        parse(file(end="") + b"\x1a" * 3_000, form, block_bytes=LENGTH)


def test_a_line_of_such_bytes_that_nobody_saw_the_end_of_is_no_end() -> None:
    form = fixed(max_record_bytes=100)
    assert rejection(file() + b"\x1a" * 110 + file()[:-1], form) == "structure.no_final_terminator"


# ── what rejects the whole ─────────────────────────────────────────────────────


@pytest.mark.parametrize("framing", FRAMED)
def test_a_file_that_was_cut_off_is_rejected(framing: Framing) -> None:
    feed = fixed(encoding="cp037", framing=framing)
    whole = mainframe(people(2), framing)
    assert rejection(whole[:-3], feed) == "structure.no_final_terminator"
    assert rejection(b"", feed) == "structure.empty"


def test_a_last_line_without_end_is_read_where_the_contract_says_so() -> None:
    _, chunks = parse(file(*people(2))[:-1], fixed(final_newline=False))
    assert len(values(chunks)) == 2


def test_a_length_that_is_none_rejects_what_follows_it() -> None:
    feed = fixed(encoding="cp037", framing=Framing.DESCRIPTOR)
    assert rejection(b"\0\x03\0\0" + mainframe(people(1), Framing.DESCRIPTOR), feed) == "structure.record_descriptor"
    assert rejection(mainframe(people(1), Framing.DESCRIPTOR) + b"\0\x10\1\0", feed) == "structure.record_descriptor"


@pytest.mark.parametrize("block", [1, 7, 4 << 20])
def test_what_follows_an_end_of_file_where_a_descriptor_should_stand_is_none(block: int) -> None:
    feed = fixed(encoding="cp037", framing=Framing.DESCRIPTOR)
    one = mainframe(people(1), Framing.DESCRIPTOR)
    with pytest.raises(DeliveryRejected, match=r"structure\.record_descriptor"):
        parse(one + b"\x1a" * 40 + one, feed, block_bytes=block)


@pytest.mark.parametrize("block", [1, 100, 4 << 20])
def test_block_descriptor_words_are_told_by_name(block: int) -> None:
    """RECFM=VB that was transferred with both: a block looks like one long record that begins with a descriptor."""
    feed = fixed(encoding="cp037", framing=Framing.DESCRIPTOR)
    inner = mainframe(people(3), Framing.DESCRIPTOR)
    whole = ((len(inner) + 4).to_bytes(2, "big") + b"\0\0" + inner) * 2
    with pytest.raises(DeliveryRejected, match=r"structure\.record_descriptor.*block descriptor"):
        parse(whole, feed, block_bytes=block)


def test_a_first_record_of_nothing_is_no_block() -> None:
    feed = fixed(encoding="cp037", framing=Framing.DESCRIPTOR)
    _, chunks = parse(b"\0\x04\0\0" + mainframe(people(2), Framing.DESCRIPTOR), feed)
    assert (len(values(chunks)), lines_of(chunks)) == (2, [1, 2, 3])


@pytest.mark.parametrize(
    ("mark", "encoding", "outcome"),
    [
        (b"\xef\xbb\xbf", "utf-8", None),
        (b"\xef\xbb\xbf", "cp1252", "structure.encoding"),
        (b"\xff\xfe", "utf-8", "structure.encoding"),
    ],
)
def test_a_byte_order_mark_is_taken_or_says_that_the_encoding_is_another(
    mark: bytes, encoding: str, outcome: str | None
) -> None:
    feed = fixed(encoding=encoding, positions=Positions.BYTES)
    if outcome:
        assert rejection(mark + file(), feed) == outcome
    else:
        assert values(parse(mark + file(), feed)[1])[0]["ID"] == ROW["ID"]


def test_a_file_of_blank_records_has_no_row() -> None:
    assert rejection(b"\n   \n") == "structure.no_rows"
    assert rejection(b"\x1a") == "structure.no_rows"


# ── read again ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_refused_records_say_by_themselves_what_they_said_in_their_file(broken: bytes, reason: str) -> None:
    sound = file(row(FIRST="Again"))[:-1]
    feed = fixed()
    again = reread([broken, sound, broken], [1, 1, 1], feed)
    chunks = list(again)
    assert refusals(chunks) == [(2, (reason,)), (4, (reason,))]
    assert [(line, name) for chunk in chunks for line, name in zip(chunk.line, chunk.frame["FIRST"], strict=True)] == [
        (3, "Again")
    ]
    assert lines_of(chunks) == [1, 2, 3, 4]
    assert again.line_count == 4


def test_records_read_again_keep_their_mark_and_no_other_promise() -> None:
    control = FixedControl(header="H", detail="D", trailer="T", mark_at=1, count_at=None)
    feed = fixed(control=replace(control, trailer=None))
    sound, other = file()[:-1], file()[:-1].replace(b"DE", b"XE")
    assert refusals(list(reread([sound, other], [1, 1], feed))) == [(3, ("record.type",))]


def test_the_opener_chooses_this_reader() -> None:
    assert len(next(iter(open_rows(BytesIO(file()), fixed()))).frame) == 1
    assert len(next(iter(reread_rows((), [file()[:-1]], [1], fixed()))).frame) == 1


def test_a_record_of_several_lines_is_none_of_ours() -> None:
    with pytest.raises(DeliveryRejected, match=r"structure\.line_ends"):
        reread([b"a\nb"], [2], fixed())


def test_a_feed_of_another_format_is_refused() -> None:
    from tests.unit.acme_rows import ACME

    with pytest.raises(TypeError):
        FixedWidthFile(BytesIO(file()), ACME)
