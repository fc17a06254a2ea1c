"""Samples that are no plain table: what they are recognised as, and that the proposed contract reads all of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord import catalogue
from concord.cli import app
from concord.contract import Coding, FixedWidth, Framing
from concord.onboarding import by_values, layouts, positions, tables
from concord.onboarding.contract_text import contract
from concord.onboarding.fixed import frame
from concord.onboarding.layouts import NotALayout
from concord.onboarding.meanings import CERTAIN
from concord.onboarding.proposal import Proposal, propose
from concord.onboarding.recognise import recognise
from concord.onboarding.recognised import Marks, Piece, Sheet
from concord.onboarding.source_text import LINE, Told, call, rendered, texts
from concord.parse.opening import open_rows
from concord.sandbox.granite import FIELDS as GRANITE_FIELDS
from concord.sandbox.granite import Granite
from tests.unit import onboarding_samples as samples
from tests.unit.test_onboarding import built

START = date(2026, 11, 18)
COUNT = len(list(samples.rows()))
PLACES = [(first - 1, last) for _, first, last in samples.FIELDS]


def proposed(data: bytes, name: str, folder: Path, layout: Path | None = None) -> Proposal:
    path = folder / name
    path.write_bytes(data)
    return propose([path], "proposed_feed", "proposed", layouts.read(layout) if layout else ())


SHAPES: dict[str, Callable[[], bytes]] = {
    "changes_20261118.csv": samples.with_preamble,
    "types_20261118.txt": samples.of_types,
    "open_20261118.txt": samples.with_open_ends,
    "Roster 2026-11-18.xlsx": samples.titled_workbook,
    "touching_20261118.txt": samples.columns_that_touch,
    "length_20261118.dat": lambda: samples.mainframe(Framing.LENGTH),
    "words_20261118.dat": lambda: samples.mainframe(Framing.DESCRIPTOR),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_proposed_contract_reads_every_record_of_its_sample(name: str, tmp_path: Path) -> None:
    data = SHAPES[name]()
    feed = built(contract(proposed(data, name, tmp_path)), tmp_path)
    chunks = list(open_rows(io.BytesIO(data), feed, file_date=START, sequence=None))
    assert (sum(len(chunk.frame) for chunk in chunks), [row for chunk in chunks for row in chunk.refused]) == (
        COUNT,
        [],
    )


@pytest.mark.parametrize("name", SHAPES)
def test_persons_are_found_where_they_stand(name: str, tmp_path: Path) -> None:
    """By name, or without names by what stands there: dates of birth are dates of birth in every shape."""
    data = SHAPES[name]()
    proposal = proposed(data, name, tmp_path)
    sources = {guess.canonical: guess.profile.name for guess in proposal.guesses}
    at = proposal.sample.names.index(sources["birth_date"])
    found = {row[at] for row in proposal.sample.rows}
    forms = [
        {row.born.strftime(form) for row in samples.rows()} for form in ("%Y%m%d", "%m/%d/%Y", "%-m/%-d/%Y", "%Y-%m-%d")
    ]
    assert found in forms
    assert {"last_name", "first_name", "effective_from", "subscriber_id"} <= sources.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_no_value_of_a_person_is_told(name: str, tmp_path: Path) -> None:
    """Nine last names that repeat are as few and as short as codes are."""
    path = tmp_path / name
    path.write_bytes(SHAPES[name]())
    arguments = ["new-feed", str(path), "--name", "small_co", "--partner", "small", "--project", str(tmp_path / "to")]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    sources = "".join(file.read_text() for file in (tmp_path / "to").rglob("*.py"))
    persons = {row.last for row in samples.rows()} | {f"{row.born:%Y%m%d}" for row in samples.rows()} | {"000012"}
    assert [value for value in persons if value in shown.output + sources] == []
    assert "DUARTE" in str(recognise(path.read_bytes()).rows), "a search that finds nothing proves nothing"


# ── tables ──


def test_lines_above_the_names_and_comments_are_told(tmp_path: Path) -> None:
    found = recognise(samples.with_preamble())
    assert (found.dialect.preamble_lines, found.dialect.comment, found.names[0]) == (3, "#", "Action")


def test_records_that_end_in_a_delimiter_while_their_names_do_not_are_told(tmp_path: Path) -> None:
    proposal = proposed(samples.with_open_ends(), "open_20261118.txt", tmp_path)
    feed = built(contract(proposal), tmp_path)
    assert (feed.layout.preamble_lines, feed.layout.names[0], feed.layout.names[-1]) == (1, "Employee ID", "")
    assert any("end in a delimiter" in question for question in proposal.questions)
    assert {guess.canonical: guess.confidence for guess in proposal.guesses}["birth_date"] == CERTAIN


def test_kinds_of_records_with_their_columns_and_counts() -> None:
    form = recognise(samples.of_types()).dialect
    assert [kind.mark for kind in form.types] == ["E", "D"]
    employee, dependent = form.types
    assert (dependent.parent, dependent.carries) == ("E", ("SUBSCRIBER_ID",))
    assert {"LAST_NAME", "BIRTH_DATE", "GENDER_CODE"} <= set(employee.names) & set(dependent.names)
    assert employee.names[7] == dependent.names[7], "plans are known by their codes"
    assert (form.counts, form.marks) == ((("E", 1), ("D", 2)), Marks("H", None, "T"))


def test_what_a_subscriber_has_not_is_asked_and_has_a_default(tmp_path: Path) -> None:
    proposal = proposed(samples.of_types(), "types_20261118.txt", tmp_path)
    feed = built(contract(proposal), tmp_path)
    assert (feed.columns["person_code"].default, feed.columns["relationship_code"].default) == ("01", "18")
    assert any("PERSON_CODE: what does it mean where it is blank?" in question for question in proposal.questions)


def test_codes_of_changes_are_no_kinds_of_records() -> None:
    rows = [(action, f"{n:06d}", "SMITH", "") for n, action in enumerate("ACT" * 20)]
    assert tables.types_of(rows) == ()
    assert tables.types_of([(mark, *rest) for mark, *rest in rows if mark != "T"] + [("T", "1", "2")] * 9) == (
        "A",
        "C",
        "T",
    )


@pytest.mark.parametrize(
    ("trailer", "counts", "with_control"),
    [
        (("T", "40"), ((None, 1),), False),
        (("T", "20261118", "000042"), ((None, 2),), True),
        (("T", "7"), (), False),
    ],
    ids=["records", "with control records", "something else"],
)
def test_a_trailer_counts_what_it_counts(
    trailer: tuple[str, ...], counts: tuple[tuple[str | None, int], ...], with_control: bool
) -> None:
    rows = [("H", "20261118"), *(("D", f"{n:06d}", "A", "B", "C") for n in range(40)), trailer]
    table = tables.find(rows)
    assert (table.counts, table.counts_control) == (counts, with_control)
    assert table.marks == Marks("H", "D", "T")


def test_control_records_that_are_padded_to_the_width_are_told() -> None:
    rows = [
        ("H", "20261118", "", "", ""),
        *(("D", f"{n:06d}", "A", "B", "C") for n in range(9)),
        ("T", "9", "", "", ""),
    ]
    assert tables.find(rows).marks == Marks("H", "D", "T")


def test_a_person_in_a_row_of_another_width_is_no_control_record() -> None:
    rows = [("LEE", "A", "1980", "X", "Y"), *((f"NAME{n}", "A", "1980", "X") for n in range(20))]
    assert tables.find(rows).marks == Marks()
    assert tables.find([*rows[1:], ("TRL", "20")]).marks.trailer == "TRL"


def test_the_sheet_with_the_table_and_the_row_of_its_names() -> None:
    found = recognise(samples.titled_workbook())
    assert (found.sheet, found.names[0], len(found.rows)) == (Sheet("Roster", 3), "Employee ID", COUNT)


@pytest.mark.parametrize(
    ("line", "quote", "escape"),
    [('1|"a|b"|c', '"', None), ('1|5" pipe|c', '"', None), ('1|"5 inch|c', None, None), (r"1|a\|b|c", '"', "\\")],
    ids=["quoted", "inside", "lone", "escaped"],
)
def test_quoting_is_what_gives_all_lines_the_same_width(line: str, quote: str | None, escape: str | None) -> None:
    text = "ID|TEXT|X\n" + "".join(f"{line}\n" for _ in range(20)) + "".join(f"{n}|plain|c\n" for n in range(60))
    form = recognise(text.encode()).dialect
    assert (form.delimiter, form.quote, form.escape) == ("|", quote, escape)


# ── fixed width ──


@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.DESCRIPTOR], ids=["RECFM=F", "RECFM=V"])
def test_columns_that_touch_are_parted_where_they_begin(framing: Framing) -> None:
    found = recognise(samples.mainframe(framing))
    assert (found.encoding, found.records.framing, found.records.length) == ("cp037", framing, 80)
    assert [(piece.start, piece.stop) for piece in found.records.pieces] == [
        (0, 1), (1, 9), *PLACES[3:]
    ], "six digits and two that follow are one number for all that can be seen"  # fmt: skip
    assert found.records.pieces[-2].coding is Coding.PACKED
    assert (found.records.marks, found.records.count) == (Marks("H", "D", "T"), (1, 10))


def test_positions_are_characters_where_letters_have_marks() -> None:
    found = recognise(samples.columns_that_touch())
    assert (found.encoding, found.records.length) == ("utf-8", 80)
    assert [piece.stop for piece in found.records.pieces][:3] == [1, 9, 24]


def test_line_ends_of_a_mainframe_are_told_from_packed_numbers() -> None:
    """X'15' and X'25' end lines, and stand in packed numbers."""
    lines = "".join(f"D{n:06d}{'NAME':<20}20260101\x85" for n in range(30)).encode("cp037")
    found, other = frame(lines, "cp037"), frame(samples.mainframe(Framing.LENGTH), "cp037")
    assert (found and found.framing, other and other.framing) == (Framing.LINES, Framing.LENGTH)
    assert b"\x15" in samples.mainframe(Framing.LENGTH), "otherwise this shows nothing"


def test_bytes_in_which_no_length_stands_out_have_none() -> None:
    assert frame("".join(f"{n * n:d} some text of no length " for n in range(97)).encode("cp037"), "cp037") is None


@pytest.mark.parametrize(
    ("records", "stops"),
    [
        ([f"E{n:07d}{n % 7:03d}" for n in range(40)], [11]),
        ([f"{'MF'[n % 2]}{('PPO', 'HMO', 'DEN')[n % 3]}" for n in range(60)], [1, 4]),
        ([f"{n:06d}20260{n % 9 + 1}01" for n in range(40)], [6, 14]),
        ([f"{n:06d}0{n % 9 + 1}012026" for n in range(40)], [6, 14]),
        ([f"{name:<12}{'X' if n % 5 == 0 else ' '}19800101" for n, name in enumerate(samples.FIRST * 4)], [12, 13, 21]),
        ([f"{'VAN DYKE' if n == 3 else 'CHO':<12}{n + 10_000}" for n in range(100)], [12, 17]),
    ],
    ids=["a prefix", "two codes", "year first", "year last", "sparse", "a long name"],
)
def test_where_columns_begin(records: list[str], stops: list[int]) -> None:
    assert [piece.stop for piece in positions.pieces([record.encode() for record in records], "latin-1")] == stops


# ── a layout ──


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "layout.csv"
    path.write_bytes(samples.layout())
    return path


def test_a_layout_says_what_stands_where(layout: Path) -> None:
    entries = layouts.read(layout)
    assert [(entry.piece.start, entry.piece.stop) for entry in entries] == PLACES
    assert (entries[-2].piece.coding, entries[-1].name) == (Coding.PACKED, "")


def test_a_contract_from_a_layout_is_the_one_that_was_written_by_hand(tmp_path: Path) -> None:
    roster, path = Granite(5, 300, start=START).day(1), tmp_path / "layout.csv"
    lines, at = ["Field,Start,Length,Usage"], 1
    for field in GRANITE_FIELDS:
        lines.append(f"{field.name},{at},{field.length},{'COMP-3' if field.kind == 'packed' else 'DISPLAY'}")
        at += field.length
    path.write_text("\n".join(lines) + "\n")
    roster.write(tmp_path / roster.file_name)
    proposal = propose([tmp_path / roster.file_name], "proposed_feed", "proposed", layouts.read(path))
    feed, real = built(contract(proposal), tmp_path), catalogue.feed("granite_fixed")
    assert isinstance(feed.format, FixedWidth)
    assert isinstance(real.format, FixedWidth)
    assert (feed.format.columns, feed.format.framing, feed.format.length) == (
        real.format.columns,
        real.format.framing,
        300,
    )
    assert feed.format.control is not None
    assert real.format.control is not None
    assert (feed.format.control.marks, feed.format.control.count_at) == (
        real.format.control.marks,
        real.format.control.count_at,
    )
    assert {name: each.source for name, each in feed.columns.items()} == {
        name: each.source for name, each in real.columns.items()
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Field,Width\nA,3\nB,4\n", "a start"),
        ("Field,Start,Length\nA,1,3\nB,3,4\n", "overlap"),
        ("Field,Start,Length\nA,1,3\nB,x,4\n", "entry 2"),
        ("Field,Start,End\nA,1,3\nB,7,4\n", "ends before"),
    ],
    ids=["no start", "overlap", "no number", "backwards"],
)
def test_a_list_that_is_no_layout_is_refused(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "layout.csv"
    path.write_text(text)
    with pytest.raises(NotALayout, match=why):
        layouts.read(path)


def test_gaps_of_a_layout_are_fillers(tmp_path: Path) -> None:
    path = tmp_path / "layout.csv"
    path.write_text("Name;From;To\nA;1;3\nB;7;9\n")
    assert [(entry.name, entry.piece) for entry in layouts.read(path)] == [
        ("A", Piece(0, 3)), ("", Piece(3, 6)), ("B", Piece(6, 9))
    ]  # fmt: skip


# ── without names ──


def test_what_columns_are_by_their_values() -> None:
    columns = [
        tuple(f"E{n:05d}" for n in range(60)),
        tuple(samples.LAST[n % 9] for n in range(60)),
        tuple(samples.FIRST[n % 11] for n in range(60)),
        tuple(f"19{50 + n % 50}0101" for n in range(60)),
        ("M", "F") * 30,
        ("TROY", "DAYTON", "ALBANY", "UTICA", "PERU") * 12,
        ("NY", "OH", "IL") * 20,
        ("12180", "45390", "62901") * 20,
        tuple(f"20250{n % 9 + 1}01" for n in range(60)),
        ("99991231",) * 60,
    ]
    assert by_values.names(columns, has_mark=False) == (
        "SUBSCRIBER_ID", "LAST_NAME", "FIRST_NAME", "BIRTH_DATE", "GENDER_CODE", "CITY", "STATE_CODE", "POSTAL_CODE",
        "EFFECTIVE_FROM", "EFFECTIVE_TO",
    )  # fmt: skip


def test_columns_that_look_like_nothing_keep_their_place() -> None:
    assert by_values.names([("x", "y") * 9, ("",) * 18], has_mark=False) == ("COL01", "COL02")


def test_day_and_month_are_read_as_in_the_other_dates_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "elig_20261118.csv"
    rows = "".join(f"E{n:07d},Sample,Kim,{n % 28 + 1:02d}/03/1980,0{n % 9 + 1}/0{n % 9 + 1}/2026\n" for n in range(40))
    path.write_text("EMPID,LASTNAME,FIRSTNAME,DOB,COVEFF\n" + rows)
    proposal = propose([path], "small_co", "small")
    source = contract(proposal)
    assert '"effective_from": From("COVEFF", date_in("%d/%m/%Y")' in source
    assert any("COVEFF: reads as" in question for question in proposal.questions)


# ── the source of a contract ──


def test_lines_are_broken_as_the_formatter_breaks_them() -> None:
    short = call("Delimited", *[Told("delimiter", '"|"')])
    long = Told("names", texts(f"COLUMN_{n:02d}" for n in range(20)))
    assert rendered(short) == 'Delimited(delimiter="|")'
    text = rendered(call("Delimited", long), 4)
    assert max(map(len, text.splitlines())) <= LINE
    assert text.splitlines()[1] == "        names=("
    assert rendered(texts(["A"])) == '("A",)'
