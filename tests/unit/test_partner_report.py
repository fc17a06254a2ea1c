"""The report that a partner gets: it balances, says no value but a row id, and harms no spreadsheet."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from concord.errors import Unbalanced
from concord.parse import Reason
from concord.publish.partner_report import RULES, RefusedLine, Report, as_csv, as_html
from concord.validate.damage import EVERYWHERE, IN_CODES

REFUSED = (
    RefusedLine(17, "DOB", "date", "E0000123 01"),
    RefusedLine(19, "", "record.field_count", ""),
    RefusedLine(23, "=cmd|' /C calc'!A0", "code", "+1 2"),
    RefusedLine(29, "ID", "pattern", "400-55-1234"),
)
REPORT = Report(
    "7k2m9xab", "acme_eligibility", "2026-11-20", "published", "", 30,
    {"consumed": 25, "quarantined": 4, "control": 1}, {"added": 3, "ended": 1}, REFUSED,
)  # fmt: skip


def cells(report: Report) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(report).decode(), newline="")))


def test_every_refused_row_is_told_with_line_column_rule_and_the_partners_id() -> None:
    told = [row for row in cells(REPORT) if row[0] == "refused"]
    assert told[0] == ["refused", "17", "DOB", "date", "is no date as agreed", "E0000123 01", ""]
    assert told[1][1:5] == ["19", "", "record.field_count", "the record has more or fewer fields than agreed"]


def test_no_cell_is_a_formula_and_no_number_that_may_be_an_ssn_is_repeated() -> None:
    text = as_csv(REPORT).decode()
    assert not [cell for row in cells(REPORT) for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "400-55-1234" not in text + as_html(REPORT).decode()


def test_the_page_escapes_whatever_a_contract_calls_a_column() -> None:
    page = as_html(replace(REPORT, refused=(RefusedLine(1, "<script>x", "date", "<b>"),))).decode()
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize("write", [as_csv, as_html])
def test_a_report_that_does_not_balance_is_not_written(write: object) -> None:
    assert callable(write)
    with pytest.raises(Unbalanced):
        write(replace(REPORT, line_count=31))
    assert write(REPORT)


def test_a_rejected_delivery_has_its_reason() -> None:
    page = as_html(replace(REPORT, state="rejected", reason="control.record_count: 9 and 8", lines={}, effects={}))
    assert b"was rejected as a whole" in page
    assert b"control.record_count: 9 and 8" in page


def test_every_reason_for_which_a_record_is_refused_has_words() -> None:
    assert {reason.value for reason in Reason} | EVERYWHERE.keys() | IN_CODES.keys() <= RULES.keys()


@pytest.mark.parametrize("mark", ["", "-", " ", ".", "\u2013", "\u00a0"])
def test_an_id_that_looks_like_a_social_security_number_is_not_repeated(mark: str) -> None:
    row = RefusedLine(17, "ID", "pattern", f"400{mark}55{mark}1234")
    report = replace(REPORT, refused=(row, *REFUSED[1:]))
    assert f"400{mark}55" not in as_csv(report).decode()
