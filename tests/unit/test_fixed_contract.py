"""A layout that contradicts itself cannot be built; what it says of itself to people and to hints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from concord.contract import (
    Coding,
    Columnar,
    FixedColumn,
    FixedControl,
    FixedWidth,
    Framing,
    From,
    Place,
    Positions,
    Side,
    filler,
)
from concord.errors import ContractError
from concord.steps.hints import hints
from tests.unit.fixed_rows import COLUMNS, CONTROL, LENGTH, MAPPING, file, fixed, packed, record, row


def with_column(**values: Any) -> dict[str, Any]:
    """One more column behind the others."""
    return {"columns": (*COLUMNS, FixedColumn(**{"name": "MORE", "start": LENGTH + 1, "length": 4} | values))}


def mainframe(**values: Any) -> dict[str, Any]:
    return {"encoding": "cp037", "framing": Framing.LENGTH} | with_column(**values)


def control(**values: Any) -> dict[str, Any]:
    return {"control": replace(CONTROL, **values)}


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no column": ({"columns": ()}, "format.columns"),
    "neither length nor end": (with_column(length=None), "format.columns[MORE]"),
    "length and end": (with_column(end=90), "format.columns[MORE]"),
    "an end before its start": (with_column(length=None, end=LENGTH), "format.columns[MORE]"),
    "a position before the first": ({"columns": (FixedColumn("TYPE", 0, 1), *COLUMNS[1:])}, "format.columns[TYPE]"),
    "no name": (with_column(name=" "), "format.columns[ ]"),
    "filler with a name": (with_column(coding=Coding.FILLER), "format.columns[MORE]"),
    "padding of two": (with_column(padding="  "), "format.columns[MORE]"),
    "decimals of a text": (with_column(decimals=2), "format.columns[MORE]"),
    "nothing but decimals": (mainframe(coding=Coding.ZONED, decimals=4), "format.columns[MORE]"),
    "a number of 33 digits": (mainframe(coding=Coding.PACKED, length=17), "format.columns[MORE]"),
    "a number padded with stars": (mainframe(coding=Coding.ZONED, padding="*"), "format.columns[MORE]"),
    "packed between line ends": (
        mainframe(coding=Coding.PACKED) | {"framing": Framing.LINES},
        "format.columns[MORE]",
    ),
    "packed in UTF-8": (
        mainframe(coding=Coding.PACKED) | {"encoding": "utf-8", "positions": Positions.BYTES},
        "format.columns[MORE]",
    ),
    "an overlap": (with_column(start=LENGTH), "format.columns[MORE]"),
    "a gap": (with_column(start=LENGTH + 2), "format.columns[MORE]"),
    "a gap at the beginning": ({"columns": COLUMNS[1:]}, "format.columns[ID]"),
    "a name twice": (with_column(name="TYPE"), "format.columns"),
    "records shorter than their columns": ({"record_length": LENGTH - 1}, "format.record_length"),
    "an encoding nobody knows": ({"encoding": "cp1047"}, "format.encoding"),
    "an encoding of several bytes": ({"encoding": "shift_jis"}, "format.encoding"),
    "another": ({"encoding": "utf-16"}, "format.encoding"),
    "another still": ({"encoding": "utf-7"}, "format.encoding"),
    "positions of nobody knows what": ({"encoding": "utf-8"}, "format.positions"),
    "so many characters without line ends": (
        {"encoding": "utf-8", "positions": Positions.CHARACTERS, "framing": Framing.LENGTH},
        "format.framing",
    ),
    "short without line ends": ({"framing": Framing.LENGTH, "short_ok": True}, "format.short_ok"),
    "a longest record shorter than all": ({"max_record_bytes": LENGTH - 1}, "format.max_record_bytes"),
    "one mark for two": (control(detail="H"), "format.control"),
    "a mark that begins another": (control(trailer="DT"), "format.control"),
    "a mark of nothing": (control(detail=""), "format.control"),
    "a mark beyond the record": (control(mark_at=LENGTH + 1), "format.control"),
    "a mark behind characters": (
        control(mark_at=2) | {"encoding": "utf-8", "positions": Positions.CHARACTERS},
        "format.control",
    ),
    "a place of no length": (control(count_at=Place(2)), "format.control.count_at"),
    "a count beyond every record": (
        control(count_at=Place(LENGTH, 2)) | {"framing": Framing.LENGTH},
        "format.control.count_at",
    ),
    "a date beyond the longest record": (control(date_at=Place(65_530, 8)), "format.control.date_at"),
    "a sender nowhere": (control(sender_at=None), "format.control"),
    "a place for no sender": (control(sender=None), "format.control"),
    "a total of no column": (control(total_column=None), "format.control"),
    "a total of a column that is not read": (control(total_column="TYPE"), "format.control"),
    "a sender without header": (control(header=None), "format.control"),
    "a total without trailer": (control(trailer=None, count_at=None), "format.control"),
    "a trailer without count": (control(count_at=None), "format.control"),
    "a sequence that no name has": (control(sequence_at=Place(20, 4)), "format.control"),
    "an empty day of a full file": (control(empty_is_legal=True), "format.control"),
}


@pytest.mark.parametrize(("changes", "field"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        fixed(**changes)
    assert f", {field}: " in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [with_column(), mainframe(coding=Coding.PACKED), control(), control(count_at=Place(LENGTH, 8)), {}],
)
def test_a_layout_without_contradiction_is_built(changes: dict[str, Any]) -> None:
    assert fixed(**changes)


def test_columns_come_from_the_layout_and_cannot_be_missing() -> None:
    for mapping in (From("SHOE"), From("LAST", optional_column=True)):
        with pytest.raises(ContractError, match=r"columns\[city\]"):
            replace(fixed(), columns={**MAPPING, "city": mapping})
    with pytest.raises(ContractError, match=r"no \{date"):
        undated = replace(fixed().drop, pattern="ELIG.txt")
        replace(fixed(**control()), source=undated, order=replace(fixed().order, file_date=False))


def test_the_layout_in_a_few_words() -> None:
    assert fixed(**control()).columnar.phrase == (
        "fixed width, 12 columns in 81 bytes; ascii; one record a line; "
        "control records with count, hash total, sender, date"
    )
    assert fixed(**mainframe(coding=Coding.PACKED)).columnar.phrase == (
        "fixed width, 13 columns in 85 bytes; cp037; no line ends; packed decimals"
    )
    assert fixed().columnar.stated == tuple(column.name for column in COLUMNS if column.name)


# ── whom a refused record may be about ─────────────────────────────────────────


def test_ids_and_dates_are_found_where_columns_touch() -> None:
    feed = fixed()
    found = hints(feed, file()[:-1])
    assert {"E0000101", "1980-03-14"} <= set(found)


def test_without_the_layout_they_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(FixedWidth, "spread", Columnar.spread)
    assert hints(fixed(), file()[:-1]) == []


@pytest.mark.parametrize("lost", [slice(12, 13), slice(20, 23)])
def test_a_date_is_found_behind_a_byte_that_was_lost(lost: slice) -> None:
    raw = bytearray(file()[:-1])
    del raw[lost]
    assert "1980-03-14" in hints(fixed(), bytes(raw))
    assert "1980-03-14" in hints(fixed(), b"x" + file()[:-1])


def test_hints_read_a_mainframes_letters_and_numbers() -> None:
    columns = (*COLUMNS[:5], FixedColumn("BORN", 39, 5, coding=Coding.PACKED, padding="0"), filler(44, LENGTH - 43))
    form = FixedWidth(columns, encoding="cp037", framing=Framing.LENGTH)
    raw = record(row()).encode("cp037")
    raw = raw[:38] + packed(19800314, 9) + raw[43:]
    values = form.spread(raw).split("\0")
    assert {"E0000101", "19800314"} <= set(values)


def test_a_value_is_hinted_without_its_padding_and_punch() -> None:
    columns = (FixedColumn("A", 1, 6, padding="0", side=Side.LEFT), FixedColumn("B", 7, 4, coding=Coding.ZONED))
    assert FixedWidth(columns, encoding="ascii").spread(b"00120 012C").split("\0") == ["120", "0123"]


def test_characters_are_spread_by_characters() -> None:
    columns = (FixedColumn("A", 1, 2), FixedColumn("B", 3, 2))
    form = FixedWidth(columns, encoding="utf-8", positions=Positions.CHARACTERS)
    assert form.spread("éß12".encode()).split("\0") == ["éß", "12"]


def test_a_control_promises_its_marks() -> None:
    assert FixedControl(header="H", trailer="T").marks == ("H", "T")
