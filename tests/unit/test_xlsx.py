"""Workbooks: what is read of a sheet, what costs a row, what rejects the whole."""

from __future__ import annotations

import csv
import io
import random
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from concord.contract import Codes, Feed, From, Text, Xlsx, YesNo, date_in
from concord.errors import ContractError, DeliveryRejected
from concord.parse import Chunk, Drift
from concord.parse.opening import open_rows, reread_rows
from concord.parse.xlsx import XlsxFile, archive, markup, reread, rows
from concord.parse.xlsx.cells import broken_rule, text
from concord.steps.hints import hints
from concord.validate import validate
from tests.unit.acme_rows import ACME, ROW
from tests.unit.test_fixed_width import lines_of
from tests.unit.xlsx_rows import MAPPING, NAMES, book, cells, in_sheet, people, repacked, saved, shared, sheet


def parse(data: bytes, feed: Feed | None = None, **options: Any) -> tuple[XlsxFile, list[Chunk]]:
    delivery = XlsxFile(BytesIO(data), feed or sheet(), **options)
    return delivery, list(delivery)


def rejection(data: bytes, feed: Feed | None = None) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        parse(data, feed)
    return caught.value.code


def refusals(chunks: list[Chunk]) -> list[tuple[int, tuple[str, ...]]]:
    return [(each.line, each.reasons) for chunk in chunks for each in chunk.refused]


def column(chunks: list[Chunk], name: str) -> list[str]:
    return [value for chunk in chunks for value in chunk.frame[name]]


# ── values ─────────────────────────────────────────────────────────────────────


def test_every_text_stays_as_it_was_typed() -> None:
    given_values = ROW | {"LASTNAME": "NA", "ZIP": "01234", "CITY": " nan ", "DIVISION": "1E5", "STREET": 'a "b",\nc'}
    delivery, (chunk,) = parse(book([list(given_values.values())]))
    assert chunk.frame.iloc[0].to_dict() == given_values
    assert set(map(str, chunk.frame.dtypes)) == {"str"}
    assert not chunk.frame.isna().any(axis=None)
    assert (delivery.columns, delivery.line_count, chunk.line.tolist()) == (NAMES, 2, [2])
    assert next(csv.reader(io.StringIO(chunk.raw(0).decode(), newline=""))) == list(given_values.values())


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (1234, "General", "1234"),
        (1234.0, "General", "1234"),
        (123456789012345, "General", "123456789012345"),
        (1e14, "0", "100000000000000"),
        (0.1 + 0.2, "General", "0.3"),
        (0.00001, "General", "0.00001"),
        (-12.50, "0.00", "-12.5"),
        (1234567890123456, "0", "=1.234568E+15"),
        (1.5e300, "General", "=1.500000E+300"),
        (1234, "0.00E+00", "=1.234000E+03"),
        (1234, '"E+" 0', "E+ 1234"),
        (12, "0%", "12"),
        (2134, "00000", "02134"),
        (123456, "00000", "123456"),
        (2134, "0.00", "2134"),
        (12345678, r"000\-00\-0000", "012-34-5678"),
        (123456789, "00000-0000", "12345-6789"),
        (2134, "[<=99999]00000;00000-0000", "02134"),
        (21341234, "[<=99999]00000;00000-0000", "02134-1234"),
        (2, "0000000;-0000000", "0000002"),
        (-2, "0000000;-0000000", "=ZEROS(-2)"),
        (-5, "0;[Red]0", "-5"),
        (0, "0;0;00", "00"),
        (5, "[>9.5]00;000", "005"),
        (5, "0_-00", "0 05"),
        (5, "*00", "5"),
        (5, "[$USD-409] 00", "USD 05"),
        (5, "[DBNum1]00", "=ZEROS(5)"),
        (0, '0000;-0000;"none"', "=ZEROS(0)"),
        (0, "0;-0;;@", "0"),
        (2, "0000000_)", "0000002"),
        (2, "[$-409]0000000", "0000002"),
        (2, "[Red]0000000", "0000002"),
        (2, "0000000;@", "0000002"),
        (2, "@", "2"),
        (2, '"E"0000000', "E0000002"),
        (2, '"E0"0000', "E00002"),
        (2, '"a;b"00', "a;b02"),
        (830, "00:00", "08:30"),
        (1234, "#,##0_);(#,##0)", "1234"),
        (12.5, "0000", "=ZEROS(12.5)"),
        (12, "0,000", "=ZEROS(12)"),
        (1234, "0,000", "1234"),
        (5, "00.00", "=ZEROS(5)"),
        (5, "[>100]0;[>10]00;000", "=ZEROS(5)"),
        (5, "E0000", "=ZEROS(5)"),
        (5, '"E"000\\', "=ZEROS(5)"),
        (5, "0" * 256, "=ZEROS(5)"),
    ],
)
def test_numbers_become_their_digits_or_what_is_shown_of_an_id(value: Any, number_format: str, shown: str) -> None:
    def styled(active: Worksheet) -> None:
        active.cell(2, NAMES.index("CITY") + 1).number_format = number_format

    _, chunks = parse(book([cells(CITY=value), cells()], styled))
    if shown.startswith("=ZEROS"):
        assert refusals(chunks) == [(2, ("city.leading_zeros",))]
    elif shown.startswith("="):
        assert refusals(chunks) == [(2, ("city.scientific",))]
    if shown.startswith("="):
        assert shown.encode() in chunks[0].refused[0].raw
    else:
        assert column(chunks, "CITY")[0] == shown


def test_texts_that_are_kept_in_a_table_are_read_too() -> None:
    data = book([cells(ZIP="01234", LASTNAME="A & <B>"), cells(ZIP="01234")])
    _, chunks = parse(shared(data))
    assert column(chunks, "LASTNAME") == ["A & <B>", "Testman"]
    assert chunks[0].frame.equals(parse(data)[1][0].frame)


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
def test_days_are_counted_from_the_workbooks_own_epoch(epoch: Any) -> None:
    _, (chunk,) = parse(book([cells(DOB=date(1980, 3, 14))], epoch=epoch))
    assert chunk.frame["DOB"].tolist() == ["1980-03-14"]
    judged = validate(sheet(), chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
    assert judged.accepted["birth_date"].tolist() == ["1980-03-14"]


NO_VALUES: dict[str, tuple[Any, str]] = {
    "a formula": ("=A1&B1", "division_code.formula"),
    "a text that looks like one": ("'=1+1", "division_code.formula"),
    "true": (True, "division_code.boolean"),
    "false": (False, "division_code.boolean"),
    "a time": (time(8, 30), "division_code.time"),
    "a duration": (timedelta(hours=30), "division_code.time"),
    "a number of 16 digits": (4005501010000001, "division_code.scientific"),
    "a day": (date(2026, 1, 5), "division_code.day_month"),
    "a day with a time": (datetime.fromisoformat("2026-01-05T08:30:15"), "division_code.day_month"),
    "a formula that is an error": ("=#REF!", "division_code.formula"),
    "a text that looks like a day": ("'=DATE(2026-01-05)", "division_code.formula"),
    "a text that looks like true": ("'=TRUE", "division_code.formula"),
}


def written(value: Any) -> Callable[[Worksheet], None]:
    def change(active: Worksheet) -> None:
        cell = active.cell(3, NAMES.index("DIVISION") + 1)
        cell.value = value
        if isinstance(value, str) and value.startswith("'"):
            cell.value, cell.data_type = value[1:], "s"

    return change


@pytest.mark.parametrize(("value", "reason"), NO_VALUES.values(), ids=NO_VALUES)
def test_what_is_no_plain_value_refuses_its_row_and_again_when_it_is_read_alone(value: Any, reason: str) -> None:
    data = book(people(3), written(value))
    delivery, chunks = parse(data)
    assert refusals(chunks) == [(3, (reason,))]
    assert column(chunks, "EMPID") == ["E0000000", "E0000002"]
    assert lines_of(chunks) == [1, 2, 3, 4]
    again = reread(delivery.columns, [chunks[0].refused[0].raw, chunks[0].raw(0)], [1, 1], sheet())
    assert refusals(found := list(again)) == [(2, (reason,))]
    assert column(found, "EMPID") == ["E0000000"]
    assert found[0].refused[0].raw == chunks[0].refused[0].raw
    assert (lines_of(found), again.line_count) == ([1, 2, 3], 3)


@pytest.mark.parametrize(("value", "reason"), NO_VALUES.values(), ids=NO_VALUES)
def test_without_the_judge_of_cells_they_would_pass(value: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(rows, "broken_rule", lambda _: None)
    assert refusals(parse(book(people(3), written(value)))[1]) == []


def test_in_a_column_that_is_not_read_anything_may_stand() -> None:
    data = book([[*cells(), "=A1"]], names=(*NAMES, "NOTE"))
    delivery, chunks = parse(data)
    assert refusals(chunks) == []
    assert delivery.drift == Drift(extra=("NOTE",))


def test_true_and_false_are_words_for_columns_of_yes_and_no_and_of_codes() -> None:
    columns = {**MAPPING, "gender_code": From("SEX", Codes({"TRUE": "F", "FALSE": "M"}))}
    delivery, chunks = parse(book([cells(SEX=True), cells(SEX=False)]), sheet(columns=columns))
    assert column(chunks, "SEX") == ["TRUE", "FALSE"]
    again = list(reread(delivery.columns, [chunks[0].raw(0)], [1], sheet(columns=columns)))
    assert column(again, "SEX") == ["TRUE"]
    assert YesNo().yes


ERRORS = ("#N/A", "#FIELD!", "#BLOCKED!", "#GETTING_DATA", "#NV", "")


@pytest.mark.parametrize("error", ERRORS)
def test_every_cell_of_an_error_refuses_its_row_and_again(error: str) -> None:
    typed, failed = 't="inlineStr"><is><t>ERROR</t></is></c>', f't="e"><v>{error}</v></c>'
    data = repacked(book([cells(LASTNAME="ERROR"), cells()]), in_sheet(typed, failed))
    delivery, chunks = parse(data)
    again = list(reread(delivery.columns, [chunks[0].raw(0), chunks[0].raw(1)], [1, 1], sheet()))
    for (chunk,) in (chunks, again):
        judged = validate(sheet(), chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
        assert judged.rejected.reasons == [("last_name.cell_error",)]
        assert judged.rejected.keys["subscriber_id"].tolist() == ["E0000101"]
        assert judged.positions.tolist() == [1]


MIDNIGHT = datetime.combine(date(2026, 11, 1), time())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(2026, 11, 1), "2026-11-01"),
        (MIDNIGHT, "2026-11-01"),
        (MIDNIGHT + timedelta(hours=8.5), "2026-11-01 08:30:00"),
        (date(9999, 12, 31), "9999-12-31"),
    ],
)
def test_a_day_is_read_where_the_contract_has_one_and_nowhere_else(value: date, shown: str) -> None:
    delivery, chunks = parse(book([cells(DOB=value)]))
    assert column(chunks, "DOB") == [shown]
    raw = chunks[0].raw(0)
    assert column(list(reread(delivery.columns, [raw], [1], sheet())), "DOB") == [shown]
    as_text = sheet(columns={**MAPPING, "division_code": From("DOB")})
    assert refusals(list(reread(delivery.columns, [raw], [1], as_text))) == [(2, ("division_code.day_month",))]


@pytest.mark.parametrize("typed", ["=DATE(1980-03-14)", "=DATE(1980,3,14)"])
def test_a_formula_is_no_day_whatever_it_looks_like(typed: str) -> None:
    delivery, chunks = parse(book([cells(DOB=typed), cells()]))
    assert refusals(chunks) == [(2, ("birth_date.formula",))]
    again = list(reread(delivery.columns, [chunks[0].refused[0].raw], [1], sheet()))
    assert refusals(again) == [(2, ("birth_date.formula",))]


def test_a_text_that_looks_like_a_mark_of_the_reader_is_a_text() -> None:
    delivery, chunks = parse(book([[*cells(), "=HIDDEN()"]], names=(*NAMES, "NOTE")))
    again = list(reread(delivery.columns, [chunks[0].raw(0)], [1], sheet()))
    assert refusals(chunks) == refusals(again) == []


# ── rows ───────────────────────────────────────────────────────────────────────


def test_rows_above_the_names_are_ignored_and_blank_ones_too() -> None:
    data = book([cells(), [None], ["  "], cells()], above=[["Acme roster"], [], ["as of", date(2026, 11, 1)]])
    delivery, chunks = parse(data, sheet(header_row=4))
    assert [(each.line, each.reason) for each in chunks[0].ignored] == [
        (1, "preamble"), (2, "preamble"), (3, "preamble"), (6, "blank_line"), (7, "blank_line"),
    ]  # fmt: skip
    assert chunks[0].line.tolist() == [5, 8]
    assert (lines_of(chunks), delivery.line_count) == ([*range(1, 9)], 8)


def test_rows_that_the_markup_leaves_out_are_blank() -> None:
    def far(active: Worksheet) -> None:
        active.cell(9, 1).value = "E0000009"

    delivery, chunks = parse(book([cells()], far))
    assert (lines_of(chunks), delivery.line_count) == ([*range(1, 10)], 9)
    assert column(chunks, "EMPID") == ["E0000101", "E0000009"]


def test_a_size_that_the_markup_claims_cuts_nothing_off() -> None:
    data = repacked(book(people(3)), in_sheet('<dimension ref="A1:X4"', '<dimension ref="A1:B2"'))
    assert column(parse(data)[1], "EMPID") == ["E0000000", "E0000001", "E0000002"]


def hidden(active: Worksheet) -> None:
    active.row_dimensions[3].hidden = True


def merged(active: Worksheet) -> None:
    active.merge_cells("F3:F4")


def wide(active: Worksheet) -> None:
    active.cell(3, len(NAMES) + 3).value = "beyond"


def far_error(active: Worksheet) -> None:
    active.cell(3, len(NAMES) + 30).value = "#N/A"


def long(active: Worksheet) -> None:
    active.cell(3, 4)._value = "x" * 40_000  # type: ignore[attr-defined]


AROUND: dict[str, tuple[Callable[[Worksheet], None], list[int], str]] = {
    "hidden": (hidden, [3], "record.hidden"),
    "merged": (merged, [3, 4], "record.merged"),
    "beyond the names": (wide, [3], "record.field_count"),
    "too long": (long, [3], "record.too_long"),
    "far beyond the names, an error": (far_error, [3], "record.field_count"),
}


@pytest.mark.parametrize(("change", "lines", "reason"), AROUND.values(), ids=AROUND)
def test_what_is_wrong_around_cells_refuses_their_rows_and_again(
    change: Callable[[Worksheet], None], lines: list[int], reason: str
) -> None:
    delivery, chunks = parse(book(people(4), change))
    assert refusals(chunks) == [(line, (reason,)) for line in lines]
    assert len(column(chunks, "EMPID")) == 4 - len(lines)
    raws = [each.raw for each in chunks[0].refused]
    found = list(reread(delivery.columns, raws, [1] * len(raws), sheet()))
    assert [reasons for _, reasons in refusals(found)] == [(reason,)] * len(raws)


def test_a_value_under_no_name_refuses_its_row_between_names_too() -> None:
    names = [*NAMES[:3], None, *NAMES[3:]]
    given_rows = [[*each[:3], note, *each[3:]] for each, note in zip(people(3), (None, "?", " "), strict=True)]
    delivery, chunks = parse(book(given_rows, names=names))
    assert refusals(chunks) == [(3, ("record.field_count",))]
    assert column(chunks, "EMPID") == ["E0000000", "E0000002"]
    assert delivery.drift == Drift()
    again = list(reread(delivery.columns, [chunks[0].refused[0].raw], [1], sheet()))
    assert refusals(again) == [(2, ("record.field_count",))]


def test_hidden_rows_are_read_where_the_contract_says_so_and_when_they_are_taken_up() -> None:
    delivery, chunks = parse(book(people(4), hidden))
    assert len(column(parse(book(people(4), hidden), sheet(hidden_ok=True))[1], "EMPID")) == 4
    taken_up = reread(delivery.columns, [chunks[0].refused[0].raw], [1], sheet(hidden_ok=True))
    assert column(list(taken_up), "EMPID") == ["E0000001"]


def test_without_the_look_at_markup_hidden_and_merged_rows_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: openpyxl does not tell."""
    monkeypatch.setattr("concord.parse.xlsx.delivery.facts", lambda *_: {})
    assert refusals(parse(book(people(4), hidden))[1]) == []
    assert refusals(parse(book(people(4), merged))[1]) == []


values = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff_"), max_size=9
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(values, st.integers(-(10**14), 10**14), st.dates()), min_size=1, max_size=6), st.integers(1, 4)
)
def test_what_is_written_is_read_whatever_the_chunks(wanted: list[tuple[str, int, date]], chunk_rows: int) -> None:
    wanted = [(name.removeprefix("="), number, max(day, date(1900, 3, 1))) for name, number, day in wanted]
    filled = [cells(LASTNAME=name, CITY=number, DOB=day) for name, number, day in wanted]
    for each, (name, *_) in zip(filled, wanted, strict=True):
        each[NAMES.index("LASTNAME")] = name if not name.startswith("=") else None
    delivery, chunks = parse(book(filled), chunk_rows=chunk_rows)
    found = [tuple(row) for chunk in chunks for row in chunk.frame[["LASTNAME", "CITY", "DOB"]].to_numpy().tolist()]
    assert found == [
        (name if not name.startswith("=") else "", str(number), day.isoformat()) for name, number, day in wanted
    ]
    assert lines_of(chunks) == [*range(1, delivery.line_count + 1)]
    raws = [chunk.raw(at) for chunk in chunks for at in range(len(chunk.frame))]
    again = list(reread(delivery.columns, raws, [1] * len(raws), sheet()))
    assert [
        tuple(row) for chunk in again for row in chunk.frame[["LASTNAME", "CITY", "DOB"]].to_numpy().tolist()
    ] == found


# ── names and sheets ───────────────────────────────────────────────────────────


def test_names_are_compared_with_the_contract() -> None:
    optional = NAMES.index("BIRTHSEQ")
    order = [name for at, name in enumerate(reversed(NAMES)) if at != len(NAMES) - 1 - optional]
    delivery, _ = parse(book([[ROW[name] or None for name in order] + ["x"]], names=[*order, "EXTRA"]))
    assert delivery.drift == Drift(("EXTRA",), ("BIRTHSEQ",), reordered=True)
    assert rejection(book(names=[name for name in NAMES if name != "PLAN"])) == "structure.missing_column"
    assert rejection(book(names=[*NAMES, "PLAN"])) == "structure.duplicate_column"
    assert rejection(book(), sheet(max_columns=5)) == "structure.too_large"
    assert rejection(book(names=[None], rows=[cells()])) == "structure.header"


def two_sheets(first: str = "visible", second: str = "visible") -> bytes:
    made = Workbook()
    one, two = made.active, made.create_sheet("Second")
    assert isinstance(one, Worksheet)
    one.title = "First"
    for active, number in ((one, 1), (two, 2)):
        active.append(NAMES)
        active.append(cells(EMPID=f"E000000{number}"))
    one.sheet_state, two.sheet_state = first, second
    return saved(made)


@pytest.mark.parametrize(
    ("states", "changes", "outcome"),
    [
        (("visible", "visible"), {}, "structure.several_sheets"),
        (("visible", "visible"), {"first_sheet": True}, "E0000001"),
        (("visible", "visible"), {"sheet": "Second"}, "E0000002"),
        (("hidden", "visible"), {}, "E0000002"),
        (("hidden", "visible"), {"first_sheet": True}, "E0000002"),
        (("visible", "hidden"), {"sheet": "Second"}, "E0000002"),
        (("visible", "visible"), {"sheet": "Third"}, "structure.missing_sheet"),
    ],
)
def test_the_agreed_sheet_is_read(states: tuple[str, str], changes: dict[str, Any], outcome: str) -> None:
    if outcome.startswith("structure"):
        assert rejection(two_sheets(*states), sheet(**changes)) == outcome
    else:
        assert column(parse(two_sheets(*states), sheet(**changes))[1], "EMPID") == [outcome]


# ── what rejects the whole ─────────────────────────────────────────────────────


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def same(_: str, content: bytes) -> bytes:
    return content


DOCTYPE = '<!DOCTYPE a [<!ENTITY e "x">]><worksheet'
OLE = archive.COMPOUND_FILE + bytes(504)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "structure.empty"),
    "text": (lambda: b"EMPID,PERSON\n", "structure.workbook"),
    "another zip": (lambda: zip_of({"a.txt": b"x"}), "structure.workbook"),
    "cut off": (lambda: book()[:-30], "structure.workbook"),
    "a password": (lambda: OLE + archive.ENCRYPTED_STREAM, "structure.encrypted"),
    "an old .xls": (lambda: OLE, "structure.workbook"),
    "macros": (lambda: repacked(book(), same, {"xl/vbaProject.bin": b"x"}), "structure.macros"),
    "a type with macros": (
        lambda: repacked(book(), lambda _, content: content.replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")),
        "structure.macros",
    ),
    "a bomb": (lambda: repacked(book(), same, {"xl/a.xml": bytes(2_000_000)}), "structure.too_large"),
    "too many members": (
        lambda: repacked(book(), same, {f"xl/{number}.xml": b"<a/>" for number in range(2_100)}),
        "structure.too_large",
    ),
    "too long a directory": (
        lambda: repacked(book(), same, {f"{'x' * 60_000}{number}": b"<a/>" for number in range(20)}),
        "structure.too_large",
    ),
    "entities": (lambda: repacked(book(), in_sheet("<worksheet", DOCTYPE)), "structure.entities"),
    "entities in a part of another name": (
        lambda: repacked(book(), same, {"xl/a.bin": f"{DOCTYPE}/>".encode()}), "structure.entities",
    ),
    "too deep": (lambda: repacked(book(), same, {"a.xml": b"<a>" * 99 + b"</a>" * 99}), "structure.too_large"),
    "too many elements": (
        lambda: repacked(book(), same, {"a.xml": b"<a>" + b"<b x='abcdefg'/>" * 200_001 + b"</a>"}),
        "structure.too_large",
    ),
    "too many cells": (
        lambda: repacked(book(), in_sheet('<row r="2"', f'<row r="2">{"<c/>" * 4_100}</row><row r="3"')),
        "structure.too_large",
    ),
    "a row far below": (
        lambda: repacked(book(), in_sheet('<row r="2"', '<row r="999999999"')),
        "structure.too_many_rows",
    ),
    "rows out of order": (
        lambda: repacked(book(people(2)), in_sheet('<row r="2"', '<row r="1"')),
        "structure.workbook",
    ),
    "cells out of order": (lambda: repacked(book(), in_sheet('r="B2"', 'r="A2"')), "structure.workbook"),
    "a cell of another row": (lambda: repacked(book(), in_sheet('r="B2"', 'r="B7"')), "structure.workbook"),
    "merged nowhere": (
        lambda: repacked(book(), in_sheet("</sheetData>", '</sheetData><mergeCells><mergeCell ref="?"/></mergeCells>')),
        "structure.workbook",
    ),
    "no such string": (
        lambda: repacked(shared(book()), lambda name, content: None if "shared" in name else content),
        "structure.workbook",
    ),
    "broken markup": (lambda: repacked(book(), in_sheet("</row>", "</wor>")), "structure.workbook"),
    "names alone": (lambda: book([[None]]), "structure.no_rows"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "code"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_sound_workbook_is_rejected(made: Callable[[], bytes], code: str) -> None:
    assert rejection(made()) == code


@pytest.mark.parametrize(
    "name", ["a row far below", "rows out of order", "cells out of order", "a cell of another row"]
)
def test_without_the_look_at_markup_something_would_be_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: openpyxl drops what comes out of order, and fills up a billion rows."""
    monkeypatch.setattr("concord.parse.xlsx.delivery.facts", lambda *_: {})
    delivery = XlsxFile(BytesIO(HOSTILE[name][0]()), sheet(), chunk_rows=5)
    assert len(next(iter(delivery)).refused) == 0


def test_without_limits_a_bomb_would_be_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(archive, "MAX_RATIO", 10_000)
    assert rejection(HOSTILE["a bomb"][0]()) == "structure.workbook"
    monkeypatch.setattr(markup, "DEEPEST", 200)
    assert column(parse(HOSTILE["too deep"][0]())[1], "EMPID") == ["E0000101"]


def test_bytes_are_limited_packed_and_unpacked() -> None:
    data = book()
    assert rejection(data, sheet(max_bytes=len(data) - 1)) == "structure.too_large"
    assert rejection(data, sheet(max_bytes=len(data) + 1)) == "structure.too_large"


def test_openpyxl_refuses_entities_by_itself_too() -> None:
    assert openpyxl.DEFUSEDXML


def test_nothing_that_a_library_says_of_a_cell_comes_out() -> None:
    """openpyxl warns of a date that is none, with its value."""
    from openpyxl.styles import numbers

    def change(active: Worksheet) -> None:
        active.cell(2, 7).value = 99_999_999
        active.cell(2, 7).number_format = numbers.FORMAT_DATE_YYYYMMDD2

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        _, (chunk,) = parse(book([cells()], change))
    assert not said
    judged = validate(sheet(), chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
    assert judged.rejected.reasons == [("birth_date.cell_error",)]


# ── the contract ───────────────────────────────────────────────────────────────

CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no name of a sheet": ({"sheet": " "}, "format.sheet"),
    "a name too long": ({"sheet": "x" * 32}, "format.sheet"),
    "a name and the first": ({"sheet": "Roster", "first_sheet": True}, "format.sheet"),
    "names above the sheet": ({"header_row": 0}, "format.header_row"),
    "names below the sheet": ({"header_row": 10, "max_rows": 10}, "format.header_row"),
    "more rows than a sheet has": ({"max_rows": 2_000_000}, "format.header_row"),
    "more columns than a sheet has": ({"max_columns": 20_000}, "format.max_columns"),
    "no byte": ({"max_bytes": 0}, "format.max_bytes"),
    "days that are not read": (
        {"columns": {**MAPPING, "birth_date": From("DOB", date_in("%m/%d/%Y"), required=True)}},
        "columns[birth_date].read",
    ),
    "days of a guessed epoch": (
        {"columns": {**MAPPING, "birth_date": From("DOB", date_in("%Y-%m-%d", excel_serial=True), required=True)}},
        "columns[birth_date].read",
    ),
}


@pytest.mark.parametrize(("changes", "field"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        sheet(**changes)
    assert f", {field}: " in str(caught.value)


def test_the_layout_in_a_few_words() -> None:
    assert Xlsx().phrase == "workbook (.xlsx), its sheet; names in row 1"
    assert Xlsx(first_sheet=True).phrase == "workbook (.xlsx), the first visible sheet; names in row 1"
    form = Xlsx(sheet="Roster", header_row=3, hidden_ok=True)
    assert form.phrase == "workbook (.xlsx), sheet `Roster`; names in row 3; hidden rows too"
    assert form.is_spreadsheet


def test_ids_and_days_are_hinted_in_a_row_as_it_is_kept() -> None:
    _, (chunk,) = parse(book([cells(DOB=date(1980, 3, 14))]))
    assert b"=DATE(1980-03-14)" in chunk.raw(0)
    assert {"E0000101", "1980-03-14"} <= set(hints(sheet(), chunk.raw(0)))


def test_the_opener_chooses_this_reader() -> None:
    assert len(next(iter(open_rows(BytesIO(book()), sheet()))).frame) == 1
    raw = next(iter(open_rows(BytesIO(book()), sheet()))).raw(0)
    assert len(next(iter(reread_rows(NAMES, [raw], [1], sheet()))).frame) == 1
    with pytest.raises(TypeError):
        XlsxFile(BytesIO(book()), ACME)
    with pytest.raises(DeliveryRejected, match=r"structure\.line_ends"):
        reread(NAMES, [raw], [2], sheet())


def test_what_is_no_line_of_csv_any_more_is_refused_by_its_values() -> None:
    (chunk,) = list(reread(NAMES, [b'E1,"open', b"\xff,\x00"], [1, 1], sheet()))
    judged = validate(sheet(), chunk.frame, as_of=date(2026, 11, 20), missing=frozenset())
    assert len(judged.positions) == 0


def test_texts_of_cells() -> None:
    assert text(None, "n", None) == ""
    assert broken_rule(text(float("inf"), "n", None)) == "scientific"
    assert broken_rule(text(10**400, "n", None)) == "scientific"
    assert broken_rule("plain") is None
    assert Text().pattern is None


# ── mutants ────────────────────────────────────────────────────────────────────

MUTANTS = 300


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A fault of transfer in the archive, or one in a member's markup in an archive that is sound."""
    if chance.random() < 0.4:
        broken = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        return bytes(broken[: chance.choice([len(broken), chance.randrange(len(broken))])])
    target = chance.choice(
        ["xl/worksheets/sheet1.xml"] * 4 + ["xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"]
    )

    def change(name: str, content: bytes) -> bytes:
        if name != target:
            return content
        broken, at = bytearray(content), chance.randrange(len(content))
        piece = broken[at : at + chance.randint(1, 40)]
        broken[at : at + chance.choice([0, 1, len(piece)])] = chance.choice(
            [b"", b"0", b"A9", b'"', b"=", bytes(piece)]
        )
        return bytes(broken)

    return repacked(data, change)


def test_every_mutant_is_accounted_for() -> None:
    sound = shared(book(people(8), hidden))
    chance, read, rejected = random.Random(20_261_120), 0, 0
    for _ in range(MUTANTS):
        data = mutated(sound, chance)
        try:
            delivery, chunks = parse(data, chunk_rows=3)
        except DeliveryRejected:
            rejected += 1
            continue
        read += 1
        assert lines_of(chunks) == [*range(1, delivery.line_count + 1)]
        markup_of_rows = zipfile.ZipFile(BytesIO(data)).read("xl/worksheets/sheet1.xml")
        filled = sum(len(chunk.frame) + len(chunk.refused) for chunk in chunks)
        assert filled <= markup_of_rows.count(b"<row ") - 1 <= delivery.line_count
        assert filled >= 8 - 1, "a fault may blank or swallow one row"
    assert read
    assert rejected
    assert replace(sheet()).name == ACME.name
