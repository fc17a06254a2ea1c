"""``concord drift`` and ``concord try`` on files that are not as agreed, and not as anybody would expect."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord.cli import app
from concord.contract import (
    Coding,
    Control,
    Delimited,
    Feed,
    FixedColumn,
    FixedControl,
    FixedWidth,
    Framing,
    From,
    Place,
    Positions,
    Text,
    Xlsx,
    date_in,
)
from concord.onboarding.drift import changes
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Kind
from concord.parse.header import drift as header_drift
from concord.sandbox.writing import xlsx
from tests.unit.acme_rows import ACME

DAY = date(2026, 11, 18)
NAMES = ("EMPID", "LASTNAME", "FIRSTNAME", "BORN", "START", "CITY")
PEOPLE = [(f"E{n:07d}", f"ZZTOP{chr(65 + n % 26)}", "QWERTA", "1950-01-01", "2026-01-01", "TROY") for n in range(40)]
DATE = date_in("%Y-%m-%d")
COLUMNS = {
    "subscriber_id": From("EMPID", Text(r"\AE[0-9]{7}\Z"), required=True),
    "last_name": From("LASTNAME", Text(max_length=40), required=True),
    "first_name": From("FIRSTNAME", Text(max_length=40), required=True),
    "birth_date": From("BORN", DATE, required=True),
    "effective_from": From("START", DATE, required=True),
    "city": From("CITY", Text(max_length=40)),
}
CONSTANTS = {"person_code": "01", "relationship_code": "18", "coverage_line": "HLT", "group_id": "GROUP1"}
FEED = replace(ACME, columns=COLUMNS, constants=CONSTANTS, ignored=(), rules=(), format=Delimited())


def workbook(*rows: tuple[str, ...], before: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    xlsx.write(out, rows, before=before)
    return out.getvalue()


def text(*rows: tuple[str, ...], delimiter: str = ",") -> bytes:
    return "".join(f"{delimiter.join(row)}\n" for row in rows).encode()


def told(feed: Feed, data: bytes, tmp_path: Path, sequence: int | None = None) -> dict[str, str]:
    """What is not as agreed, by what it is about."""
    path = tmp_path / "file"
    path.write_bytes(data)
    return {change.about: change.happened for change in changes(feed, path, DAY, sequence)}


BOOK = replace(FEED, format=Xlsx(sheet="Roster", header_row=3))
RENAMED = ("WORKER", *NAMES[1:])


# ── persons are no names ──


@pytest.mark.parametrize("name", ["workbook", "text"])
def test_a_person_in_the_place_of_the_names_is_not_told(name: str, tmp_path: Path) -> None:
    data = workbook(*PEOPLE) if name == "workbook" else text(*PEOPLE)
    feed = replace(BOOK, format=Xlsx(sheet="Roster")) if name == "workbook" else FEED
    shown = told(feed, data, tmp_path)
    assert list(shown) == ["the whole file"]
    assert "ZZTOP" not in str(shown)


def test_a_workbook_without_names_is_asked_about_and_nothing_of_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Roster 2026-11-18.xlsx"
    path.write_bytes(workbook(*PEOPLE))
    shown = CliRunner().invoke(app, ["new-feed", str(path), "--name", "small_co", "--project", str(tmp_path / "to")])
    assert (shown.exit_code, "a row with names" in shown.output) == (1, True)
    assert ("ZZTOP" in shown.output, (tmp_path / "to").exists()) == (False, False)


# ── what broken files are recognised as ──


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 no archive at all",
        workbook(NAMES, *PEOPLE)[:-200],
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old workbook",
        text(NAMES, *PEOPLE).replace(b"\n", b"\r"),
    ],
    ids=["no archive", "cut off", "old", "carriage returns"],
)
def test_what_cannot_be_read_is_asked_about(data: bytes, tmp_path: Path) -> None:
    found = recognise(data)
    assert (found.kind, len(found.unsure), found.rows) == (Kind.UNKNOWN, 1, ())
    assert "the whole file" in told(FEED, data, tmp_path)


@pytest.mark.parametrize("feed", [FEED, BOOK], ids=["text", "workbook"])
@pytest.mark.parametrize(
    "data",
    [
        text(NAMES, *PEOPLE).replace(b"TROY", b"TR\rOY", 1),
        text(NAMES, *PEOPLE, delimiter="|").replace(b"QWERTA", b'"QWERTA', 1) + text(*PEOPLE * 99, delimiter="|"),
        workbook(NAMES, *PEOPLE)[:-200],
    ],
    ids=["a carriage return", "a quote nobody closes", "cut off"],
)
def test_every_file_has_an_answer(feed: Feed, data: bytes, tmp_path: Path) -> None:
    assert told(feed, data, tmp_path)


# ── renames, by the contract's layout ──


def test_a_renamed_column_of_a_titled_sheet_is_found(tmp_path: Path) -> None:
    data = workbook(("Roster of Quarry",), ("",), RENAMED, *PEOPLE)
    shown = told(BOOK, data, tmp_path)
    assert "may be what was EMPID" in shown["column WORKER"]
    assert "column Roster of Quarry" not in shown


def test_a_renamed_column_below_a_preamble_and_between_several_characters_is_found(tmp_path: Path) -> None:
    feed = replace(FEED, format=Delimited(delimiter="~|~", preamble_lines=2))
    data = b"Report\nof a day\n" + text(RENAMED, *PEOPLE, delimiter="~|~")
    shown = told(feed, data, tmp_path)
    assert "may be what was EMPID" in shown["column WORKER"]
    assert "column Report" not in shown


# ── what the name of a file says, rows, order ──


WIDTHS = (8, 8, 8, 10, 10, 10)
PLACES = tuple((name, 2 + sum(WIDTHS[:at]), WIDTHS[at]) for at, name in enumerate(NAMES))
MAINFRAME = replace(
    FEED,
    format=FixedWidth(
        tuple(
            FixedColumn(name, first, length)
            for name, first, length in zip(
                ("REC", *NAMES), (1, 2, 10, 18, 26, 36, 46), (1, 8, 8, 8, 10, 10, 10), strict=True
            )
        ),
        encoding="cp037",
        framing=Framing.LENGTH,
        control=FixedControl(header="H", detail="D", trailer="T", count_at=Place(2, 6), date_at=Place(2, 8)),
    ),
    ignored=("REC",),
)


def mainframe(day: date, length: int = 55) -> bytes:
    rows = [f"D{''.join(value.ljust(width) for value, width in zip(row, WIDTHS, strict=True))}" for row in PEOPLE]
    records = (f"H{day:%Y%m%d}", *rows, f"T{len(PEOPLE):06d}")
    return "".join(record.ljust(length) for record in records).encode("cp037")


def test_a_header_with_another_day_than_the_name_is_told(tmp_path: Path) -> None:
    assert told(MAINFRAME, mainframe(DAY), tmp_path) == {}
    assert "control.date" in told(MAINFRAME, mainframe(date(2026, 11, 17)), tmp_path)["the whole file"]


def test_records_of_another_length_are_told_by_their_length(tmp_path: Path) -> None:
    assert told(MAINFRAME, mainframe(DAY, 60), tmp_path)["records"] == "have 60 positions, agreed are 55"


@pytest.mark.parametrize("encoding", ["cp037", "cp500"])
def test_line_ends_of_every_mainframe_are_no_part_of_a_record(encoding: str, tmp_path: Path) -> None:
    assert isinstance(MAINFRAME.format, FixedWidth)
    feed = replace(MAINFRAME, format=replace(MAINFRAME.format, encoding=encoding, framing=Framing.LINES))
    whole = mainframe(DAY).decode("cp037")
    lines = "".join(f"{whole[at : at + 55]}\x85" for at in range(0, len(whole), 55))
    assert told(feed, lines.encode(encoding), tmp_path) == {}


def test_positions_of_characters_are_no_bytes(tmp_path: Path) -> None:
    assert isinstance(MAINFRAME.format, FixedWidth)
    form = replace(MAINFRAME.format, encoding="utf-8", framing=Framing.LINES, positions=Positions.CHARACTERS)
    whole = mainframe(DAY).decode("cp037").replace("QWERTA", "QWÉRTÄ")
    lines = "".join(f"{whole[at : at + 55]}\n" for at in range(0, len(whole), 55))
    assert told(replace(MAINFRAME, format=form), lines.encode(), tmp_path) == {}


def test_a_sequence_other_than_the_names_is_told(tmp_path: Path) -> None:
    control = Control(header="H", trailer="T", detail="D", sequence_field=1)
    source = replace(FEED.drop, pattern="E_{date:%Y%m%d}_{sequence}.csv")
    form = Delimited(names=("REC", *NAMES), control=control)
    feed = replace(FEED, source=source, format=form, ignored=("REC",))
    data = b"H,4\n" + text(*(("D", *row) for row in PEOPLE)) + b"T,40\n"
    assert told(feed, data, tmp_path, 4) == {}
    assert "control.sequence" in told(feed, data, tmp_path, 5)["the whole file"]


def test_rules_that_refuse_one_row_of_few_are_told(tmp_path: Path) -> None:
    rows = [("X1", *PEOPLE[0][1:]), (*PEOPLE[1][:3], "19801315", *PEOPLE[1][4:]), *PEOPLE[2:6]]
    assert {"rule subscriber_id.pattern", "rule birth_date.date"} <= told(FEED, text(NAMES, *rows), tmp_path).keys()


def test_no_order_is_promised_where_a_contract_states_the_columns() -> None:
    turned = dict(reversed(COLUMNS.items()))
    stated = replace(FEED, columns=turned, format=Delimited(names=NAMES))
    assert (header_drift(stated, NAMES).reordered, header_drift(replace(FEED, columns=turned), NAMES).reordered) == (
        False,
        True,
    )


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m%d%Y"])
def test_dates_in_another_format_are_told(form: str, tmp_path: Path) -> None:
    rows = [(*row[:3], date(1950, 1, n % 28 + 1).strftime(form), *row[4:]) for n, row in enumerate(PEOPLE)]
    assert form in told(FEED, text(NAMES, *rows), tmp_path)["column BORN"]


def test_packed_numbers_have_drift_of_their_own(tmp_path: Path) -> None:
    """A column that became packed is no text any more: its rule says so, and nothing of it is shown."""
    assert isinstance(MAINFRAME.format, FixedWidth)
    first, *others = MAINFRAME.format.columns[1:]
    packed = replace(
        MAINFRAME.format, columns=(MAINFRAME.format.columns[0], replace(first, coding=Coding.PACKED), *others)
    )
    shown = told(replace(MAINFRAME, format=packed), mainframe(DAY), tmp_path)
    assert "refuses 40 of 40 rows" in shown["rule subscriber_id.pattern"]
