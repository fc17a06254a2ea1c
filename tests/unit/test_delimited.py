"""What a delimited delivery must look like, what is tolerated, and what rejects it whole."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from concord.contract import Delimited, Feed, RecordType
from concord.errors import ContractError, DeliveryRejected
from concord.parse import Chunk, Drift, line_accounting
from concord.parse import delimited as module
from concord.parse.delimited import DelimitedFile
from concord.parse.rereading import RereadRecords
from tests.unit.acme_rows import ACME, ROW, acme, file, row

HEADER = ",".join(ROW).encode() + b"\n"
STATED = {name: replace(mapping, optional_column=False) for name, mapping in ACME.columns.items()}


def parse(data: bytes, feed: Feed = ACME, **options: int) -> tuple[DelimitedFile, list[Chunk]]:
    delivery = DelimitedFile(BytesIO(data), feed, **options)
    return delivery, list(delivery)


def rejection(data: bytes, feed: Feed = ACME) -> DeliveryRejected:
    with pytest.raises(DeliveryRejected) as caught:
        parse(data, feed)
    return caught.value


def people(count: int) -> list[dict[str, str]]:
    return [row(EMPID=f"E{number:07d}") for number in range(count)]


# ── values ─────────────────────────────────────────────────────────────────────


def test_every_value_stays_the_text_it_was() -> None:
    values = row(LASTNAME="NA", FIRSTNAME="null", ZIP="01234", CITY=" nan ", DIVISION="1E5", SEX="")
    _, (chunk,) = parse(file(values))
    assert chunk.frame.iloc[0].to_dict() == values
    assert set(map(str, chunk.frame.dtypes)) == {"str"}
    assert not chunk.frame.isna().any(axis=None)


def test_a_row_knows_its_first_line_its_lines_and_its_bytes() -> None:
    data = file(row(), row(STREET="1 Sample Way\nApt 2"), row(EMPID="E0000102"))
    _, (chunk,) = parse(data)
    assert chunk.line.tolist() == [2, 3, 5]
    assert chunk.lines.tolist() == [1, 2, 1]
    assert chunk.raw(1) + b"\n" == b"".join(data.splitlines(keepends=True)[2:4])
    assert chunk.frame["STREET"][1] == "1 Sample Way\nApt 2"


def test_a_feed_declared_in_another_encoding_is_read_in_it() -> None:
    feed = acme(format=Delimited(encoding="cp1252"))
    _, (chunk,) = parse(file(row(LASTNAME="Peña")).decode().encode("cp1252"), feed)
    assert chunk.frame["LASTNAME"][0] == "Peña"


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_a_byte_order_mark_that_a_value_begins_with_belongs_to_the_value(chunk_rows: int) -> None:
    """Files that were joined have one in their middle; Arrow would take it away where a chunk begins."""
    _, chunks = parse(file(row(EMPID="\ufeffE0000101"), row(EMPID="\ufeffE0000102")), chunk_rows=chunk_rows)
    assert [value for chunk in chunks for value in chunk.frame["EMPID"]] == ["\ufeffE0000101", "\ufeffE0000102"]


def test_lines_that_all_end_in_a_delimiter_have_a_last_column_without_a_name() -> None:
    data = file(row(), row(COVEND="12/31/2026")).replace(b"\n", b",\n")
    delivery, (chunk,) = parse(data)
    assert delivery.columns == (*ROW, "")
    assert not delivery.drift
    assert chunk.frame["COVEND"].tolist() == ["", "12/31/2026"]


def shifted(values: dict[str, str], delimiter: bytes = b",") -> bytes:
    """A record with a delimiter too many in its street; its last field is blank."""
    return (
        file(values, delimiter=delimiter.decode()).split(b"\n")[1].replace(b"1 Sample Way", b"1 Way%bRear" % delimiter)
    )


@pytest.mark.parametrize("delimiter", [b",", b"|"])
@pytest.mark.parametrize("names", [(), tuple(ROW)], ids=["names in the file", "stated names"])
def test_a_delimiter_too_many_is_never_taken_for_one_at_the_end(delimiter: bytes, names: tuple[str, ...]) -> None:
    """What is behind it has shifted: the city would be cleared, or another's."""
    form = Delimited(delimiter=delimiter.decode(), quote=None if delimiter == b"|" else '"', names=names)
    values = row(COVEND="")
    data = file(values, delimiter=form.delimiter) + shifted(values, delimiter) + b"\n"
    _, (chunk,) = parse(
        data.removeprefix(data.split(b"\n")[0] + b"\n") if names else data, acme(format=form, columns=STATED)
    )
    assert len(chunk.frame) == 1
    assert [each.reasons for each in chunk.refused] == [("record.field_count",)]
    assert chunk.refused[0].raw == shifted(values, delimiter)


ENDS = {
    "the names alone end so": (b",", b"", b"", 2),
    "the records alone end so": (b"", b",", b",", 2),
    "one record alone ends so": (b"", b",", b"", 1),
    "one record does not end so": (b",", b"", b",", 1),
    "one has something behind the last name": (b",", b",x", b",", 1),
    "one has two delimiters": (b",", b",,", b",", 1),
    "one has a shifted value and no delimiter at the end": (b",", b"", b",", 1),
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("covend", ["", "12/31/2026"])
@pytest.mark.parametrize("quoted", [b"", b'"1 Way\nRear"'], ids=["one line", "two lines"])
def test_a_record_ends_as_the_line_of_names_does(
    ends: tuple[bytes, bytes, bytes, int], covend: str, quoted: bytes
) -> None:
    of_names, first, second, wrong = ends
    lines = [HEADER[:-1] + of_names]
    for end in (first, second):
        lines.append(file(row(COVEND=covend)).split(b"\n")[1].replace(b"1 Sample Way", quoted or b"1 Way") + end)
    delivery, chunks = parse(b"\n".join(lines) + b"\n")
    refused = [each for chunk in chunks for each in chunk.refused]
    assert sum(len(chunk.frame) for chunk in chunks) == 2 - wrong
    assert len(refused) >= wrong
    assert "record.field_count" in refused[0].reasons or quoted
    again = RereadRecords(delivery.columns, [each.raw for each in refused], ACME, chunk_rows=100)
    assert [each.reasons for chunk in again for each in chunk.refused] == [each.reasons for each in refused]


def test_a_last_name_may_be_stated_as_blank() -> None:
    feed = acme(format=Delimited(names=(*ROW, "")), columns=STATED)
    ends_so = file(row(), row()).replace(b"\n", b",\n").split(b"\n", 1)[1]
    delivery, (chunk,) = parse(ends_so + file(row()).removeprefix(HEADER), feed)
    assert not delivery.drift
    assert (len(chunk.frame), [each.reasons for each in chunk.refused]) == (2, [("record.field_count",)])
    (again,) = RereadRecords(delivery.columns, [chunk.raw(0), chunk.refused[0].raw], feed, chunk_rows=100)
    assert (len(again.frame), [each.reasons for each in again.refused]) == (1, [("record.field_count",)])


def test_a_cell_of_one_megabyte_is_read_and_a_longer_record_refused() -> None:
    big, bigger = row(STREET="x" * 1_000_000), row(STREET="x" * (1 << 20))
    _, (chunk,) = parse(file(row(), big, bigger, row()))
    assert len(chunk.frame) == 3
    assert [(refused.line, refused.reasons) for refused in chunk.refused] == [(4, ("record.too_long",))]


def test_columns_the_contract_does_not_read_are_left_out_of_the_frame() -> None:
    delivery, (chunk,) = parse(file(row() | {"LOCKER": "12"}, header=(*ROW, "LOCKER")))
    assert delivery.drift == Drift(extra=("LOCKER",))
    assert list(chunk.frame.columns) == list(ROW)


def test_a_known_and_unused_column_is_no_drift() -> None:
    delivery, _ = parse(file(row() | {"LOCKER": "12"}, header=(*ROW, "LOCKER")), acme(ignored=("LOCKER",)))
    assert not delivery.drift


# ── the account of lines, chunks, places to start ──────────────────────────────


def messy_file() -> bytes:
    sound = [file(*people(40)).removeprefix(HEADER), file(row(STREET="a\nb")).removeprefix(HEADER)]
    return HEADER + b"\n".join([sound[0], b"short,row", b'E1,"never closed', b"", sound[1], b"\xff", sound[0]])


@pytest.mark.parametrize(("chunk_rows", "block_bytes"), [(100_000, 8 << 20), (7, 8 << 20), (100_000, 999), (3, 500)])
def test_every_physical_line_lands_in_one_place_whatever_the_size_of_chunks(chunk_rows: int, block_bytes: int) -> None:
    delivery, chunks = parse(messy_file(), chunk_rows=chunk_rows, block_bytes=block_bytes)
    seen = [line for chunk in chunks for line in chunk.control]
    for chunk in chunks:
        spans = [*zip(chunk.line.tolist(), chunk.lines.tolist(), strict=True)]
        spans += [(part.line, part.lines) for part in chunk.refused]
        spans += [(part.line, part.lines) for part in chunk.ignored]
        seen += [line for first, count in spans for line in range(first, first + count)]
    assert sorted(seen) == list(range(1, delivery.line_count + 1))
    assert sum(len(chunk.frame) for chunk in chunks) == 81
    assert all(len(chunk.frame) <= chunk_rows for chunk in chunks)
    assert sum(sum(line_accounting(chunk).values()) for chunk in chunks) == messy_file().count(b"\n")


def test_a_reader_that_starts_at_a_checkpoint_sees_the_same_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_RECORDS", 10)
    data = b"\xef\xbb\xbf" + file(*(row(EMPID=f"E{n:07d}", STREET=f"{n}\nfloor" * (n % 2)) for n in range(35)))
    delivery, chunks = parse(data, block_bytes=400)
    assert [place.record for place in delivery.checkpoints] == [0, 10, 20, 30]
    lines = [line for chunk in chunks for line in chunk.line.tolist()]
    for place in delivery.checkpoints:
        _, (rest,) = parse(HEADER + data[place.byte_offset :])
        assert rest.frame["EMPID"][0] == f"E{place.record:07d}"
        assert lines[place.record] == place.line


def test_line_numbers_grow_across_blocks() -> None:
    _, chunks = parse(file(*people(200)), block_bytes=1_000)
    lines = [line for chunk in chunks for line in chunk.line.tolist()]
    assert lines == list(range(2, 202))
    assert len(chunks) > 5


# ── structure ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "structure.empty"),
        (b"\xef\xbb\xbf", "structure.empty"),
        (b"\n\n", "structure.empty"),
        (HEADER, "structure.no_rows"),
        (HEADER + b"\n\n", "structure.no_rows"),
        (HEADER.rstrip(), "structure.no_final_terminator"),
        (file(row())[:-1], "structure.no_final_terminator"),
        (file(row(), row())[:-30], "structure.no_final_terminator"),
        (file(row(), end="\r"), "structure.line_ends"),
        (file(row(), end="\r") + b"\n", "structure.line_ends"),
        (file(row(), delimiter=";"), "structure.delimiter"),
        (file(row(), delimiter="\t"), "structure.delimiter"),
        (file(row()).decode().encode("utf-16"), "structure.encoding"),
        (file(row()).replace(b"CITY", b"C\xffTY", 1), "structure.encoding"),
        (file(row()).replace(b"CITY", b'"CITY', 1), "structure.header"),
        (file(row()).replace(b"CITY", b"STATE", 1), "structure.duplicate_column"),
        (file(row()).replace(b"DOB", b"dob", 1), "structure.missing_column"),
        (b"x" * 3_000_000, "structure.header"),
        (b"," * 2_000 + b"\n", "structure.too_many_columns"),
    ],
)
def test_a_broken_structure_rejects_the_delivery(data: bytes, code: str) -> None:
    assert rejection(data).code == code


def test_a_file_without_a_header_is_rejected_and_its_first_row_not_quoted() -> None:
    error = rejection(file(row(), row()).removeprefix(HEADER))
    assert error.code == "structure.missing_column"
    chain = f"{error!r} {error.__context__!r} {error.__cause__!r}"
    assert not any(value in chain for value in ROW.values() if len(value) > 3)


OLD_MAC = {
    "all lines": file(*people(4), end="\r").removeprefix(HEADER.replace(b"\n", b"\r")),
    "two lines": file(*people(2), end="\r").removeprefix(HEADER.replace(b"\n", b"\r")),
    "all but the last": file(*people(4)).removeprefix(HEADER).replace(b"\n", b"\r", 3),
    "the second half": file(*people(4)).removeprefix(HEADER) + file(*people(4), end="\r").split(b"\r", 1)[1],
    "more than a record may have": file(*people(400), end="\r").split(b"\r", 1)[1],
    "one with a quote too many": file(*people(4), end="\r").split(b"\r", 1)[1].replace(b"1 Sample", b'1 "Sample', 1),
}


@pytest.mark.parametrize("rows", OLD_MAC.values(), ids=OLD_MAC)
@pytest.mark.parametrize("final_newline", [True, False])
@pytest.mark.parametrize("names", [(), tuple(ROW)], ids=["names in a line that ends as usual", "stated names"])
def test_lines_that_end_in_a_bare_carriage_return_reject_the_file(
    rows: bytes, final_newline: bool, names: tuple[str, ...]
) -> None:
    form = Delimited(final_newline=final_newline, names=names, max_record_bytes=10_000)
    assert rejection(rows if names else HEADER + rows, acme(format=form, columns=STATED)).code == "structure.line_ends"


def test_types_of_records_whose_lines_end_in_a_bare_carriage_return_reject_the_file() -> None:
    types = (RecordType("E", ("REC", *ROW)), RecordType("D", ("REC", "FIRSTNAME"), parent="E", carries=("EMPID",)))
    feed = acme(format=Delimited(types=types, final_newline=False), columns=STATED)
    record = b"E," + file(row()).split(b"\n")[1]
    assert rejection(b"\r".join([record, b"D,Ann", b"D,Bob", record]), feed).code == "structure.line_ends"


STRAY = {
    "in a value": file(row(), row(STREET="1 Way")).replace(b"1 Way", b"1\rWay"),
    "many in one value": file(row(), row(STREET="1 Way")).replace(b"1 Way", b"1\r\rWay\rRear\r2\r3"),
    "two records glued together": file(row(), row(), row(), row()).replace(b"\n", b"\r", 3).replace(b"\r", b"\n", 2),
}


@pytest.mark.parametrize("data", STRAY.values(), ids=STRAY)
def test_a_stray_carriage_return_refuses_its_record(data: bytes) -> None:
    delivery, (chunk,) = parse(data)
    assert len(chunk.frame) == data.count(b"\n") - 2
    assert [each.reasons for each in chunk.refused] in (
        [("record.line_end",)],
        [("record.field_count", "record.line_end")],
    )
    (again,) = RereadRecords(delivery.columns, [chunk.refused[0].raw], ACME, chunk_rows=100)
    assert [each.reasons for each in again.refused] == [chunk.refused[0].reasons]


def test_a_file_cut_off_between_carriage_return_and_line_feed_has_no_end() -> None:
    assert rejection(file(row(), row(), end="\r\n")[:-1]).code == "structure.no_final_terminator"


@pytest.mark.parametrize("broken", [b'"Testman,', b"Test\xffman,"])
def test_a_header_that_cannot_be_read_is_not_quoted(broken: bytes) -> None:
    error = rejection(broken + HEADER)
    assert "Test" not in f"{error!r} {error.__context__!r} {error.__cause__!r}"


def test_a_missing_column_is_named_by_the_contracts_name() -> None:
    assert "DOB" in str(rejection(file(row(), header=tuple(name for name in ROW if name != "DOB"))))


def test_a_feed_may_say_that_the_last_line_has_no_end() -> None:
    feed = acme(format=Delimited(final_newline=False))
    delivery, (chunk,) = parse(file(row(), row(COVEND="12/31/2026"))[:-1], feed)
    assert chunk.frame["COVEND"].tolist() == ["", "12/31/2026"]
    assert delivery.line_count == 3


def test_a_missing_final_line_end_is_seen_after_the_rows_before_it() -> None:
    delivery = DelimitedFile(BytesIO(file(*people(50))[:-5]), ACME)
    assert len(next(iter(delivery)).frame) == 49


def test_blank_lines_before_the_header_are_ignored_with_their_number() -> None:
    _, (chunk,) = parse(b"\r\n" + file(row()))
    assert [(part.line, part.reason) for part in chunk.ignored] == [(1, "blank_line")]
    assert chunk.control == (2,)


@pytest.mark.parametrize(
    "layout",
    [
        Delimited(encoding="utf-16"),
        Delimited(encoding="shift_jis"),
        Delimited(encoding="gbk"),
        Delimited(encoding="no-such"),
        Delimited(delimiter="¦"),
        Delimited(quote="\r"),
    ],
)
def test_a_layout_that_single_bytes_cannot_tell_is_a_contract_error(layout: Delimited) -> None:
    with pytest.raises(ContractError):
        parse(file(row()), acme(format=layout))


# ── what must not leak ─────────────────────────────────────────────────────────


def test_nothing_of_a_row_shows_in_a_repr() -> None:
    _, (chunk,) = parse(file(row(), row(LASTNAME="Secretname")) + b"Secretname,short\n")
    assert chunk.refused[0].raw == b"Secretname,short"
    assert "Secretname" not in repr(chunk) + repr(chunk.refused)


def test_memory_does_not_grow_with_the_file() -> None:
    import tracemalloc

    def peak(times: int) -> int:
        data = file(*people(2_000))
        stream = BytesIO(data + data.removeprefix(HEADER) * times)
        tracemalloc.start()
        for _ in DelimitedFile(stream, ACME, block_bytes=100_000):
            pass
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(1)
    small, large = peak(4), peak(16)
    assert large < small * 1.2
