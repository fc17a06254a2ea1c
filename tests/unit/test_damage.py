"""What a spreadsheet does to a value is mended where nothing is lost, and named where something is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord import catalogue
from concord.contract import DateText, Feed, Ssn, Text
from concord.sandbox.cypress import COLUMNS
from concord.steps.hints import hints
from concord.validate import Validated, validate
from concord.validate.dates import read_dates

CYPRESS = catalogue.feed("cypress_eligibility")
CARELESS = replace(CYPRESS, format=replace(CYPRESS.format, spreadsheet=False))
"""The same contract, with the guard off."""
AS_OF = date(2026, 11, 20)

ROW = dict(zip(COLUMNS, (
    "0004101", "01", "Self", "Testman", "Tessa", "3/14/1980", "Female", "", "400-55-0101", "1 Sample Way", "Exampleton",
    "OR", "97301", "tessa@example.com", "555-010-0101", "6/1/2010", "CYP-OR", "SALEM", "Medical", "PPO-1", "Family",
    "1/1/2026", "", "",
), strict=True))  # fmt: skip


def judge(feed: Feed = CYPRESS, **values: str) -> Validated:
    """One row that is sound but for ``values``; underscores stand for spaces."""
    changed = {name.replace("_", " "): value for name, value in values.items()}
    return validate(feed, pd.DataFrame([ROW | changed], dtype="str"), as_of=AS_OF)


def why(feed: Feed = CYPRESS, **values: str) -> tuple[str, ...]:
    return next(iter(judge(feed, **values).rejected.reasons), ())


LOST = [
    ({"Worker_No": "1.23E+05"}, "subscriber_id.scientific"),
    ({"Worker_No": "4,101"}, "subscriber_id.thousands"),
    ({"Worker_No": "4101.0"}, "subscriber_id.decimal"),
    ({"SSN": "4.00551E+08"}, "ssn.scientific"),
    ({"Birth_Date": "########"}, "birth_date.hashes"),
    ({"Covers": "#N/A"}, "coverage_tier.cell_error"),
    ({"Last_Name": "#FIELD!"}, "last_name.cell_error"),
    ({"Last_Name": "#GETTING_DATA"}, "last_name.cell_error"),
    ({"Last_Name": "#NV"}, "last_name.cell_error"),
    ({"Last_Name": "#¿NOMBRE?"}, "last_name.cell_error"),
    ({"Plan": "5-Jan"}, "plan_code.day_month"),
    ({"Dep": "Jan-02"}, "person_code.day_month"),
    ({"Twin_No": "1E+0"}, "birth_sequence.scientific"),
    ({"Address": "#####"}, "address_line_1.hashes"),
]


@pytest.mark.parametrize(("values", "code"), LOST, ids=str)
def test_a_damaged_value_is_refused_by_its_damage_alone(values: dict[str, str], code: str) -> None:
    assert why(**values) == (code,)


@pytest.mark.parametrize(
    ("values", "accepted"),
    [({"Plan": "5-JAN"}, "5-JAN"), ({"Last_Name": "MuÃ±oz"}, "MuÃ±oz"), ({"City": "####"}, "####")],
)
def test_without_the_guard_damage_would_be_believed(values: dict[str, str], accepted: str) -> None:
    """Negative control."""
    assert why(**values) != ()
    assert accepted in judge(CARELESS, **values).accepted.to_numpy()


@pytest.mark.parametrize(
    ("values", "column", "canonical", "flag"),
    [
        ({"Last_Name": "van\u00a0der Berg"}, "last_name", "van der Berg", "last_name.look_alike"),
        ({"Last_Name": "O’Brien"}, "last_name", "O'Brien", "last_name.look_alike"),
        ({"Address": "“Rear” 1"}, "address_line_1", '"Rear" 1', "address_line_1.look_alike"),
        ({"Last_Name": "Test\u200bman\u00ad"}, "last_name", "Testman", "last_name.invisible"),
        ({"Worker_No": "4101"}, "subscriber_id", "0004101", "subscriber_id.padded"),
        ({"Zip": "1970"}, "postal_code", "01970", "postal_code.padded"),
        ({"SSN": "1550101"}, "ssn", "001550101", "ssn.padded"),
        ({"Birth_Date": "3/14/31"}, "birth_date", "1931-03-14", "birth_date.two_digit_year"),
        ({"Start_Date": "46023"}, "effective_from", "2026-01-01", "effective_from.excel_serial"),
        ({"Hire_Date": "36526"}, "hire_date", "2000-01-01", "hire_date.excel_serial"),
    ],
)
def test_what_lost_nothing_is_mended_and_counted(
    values: dict[str, str], column: str, canonical: str, flag: str
) -> None:
    judged = judge(**values)
    assert judged.rejected.reasons == []
    assert (judged.accepted[column][0], judged.flags) == (canonical, {flag: 1})


def test_without_the_guard_the_same_person_would_be_renamed() -> None:
    """Negative control."""
    assert judge(CARELESS, Last_Name="O’Brien").accepted["last_name"][0] != "O'Brien"


@settings(deadline=None)
@given(st.dates(date(1931, 1, 1), date(2026, 11, 20)))
def test_a_date_in_any_of_the_agreed_ways_is_the_same_day(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    ways = [f"{day.month}/{day.day}/{day.year}", f"{day:%m/%d/%y}", f"{day:%d-%b-%Y}", str(serial)]
    read = CYPRESS.columns["hire_date"].read
    assert isinstance(read, DateText)
    assert set(read_dates(pa.array(ways, pa.large_string()), read, ())[0].to_pylist()) == {day.isoformat()}


def test_what_cannot_be_read_still_says_whom_it_may_be_about() -> None:
    """A padded id and a two-digit year count as presence, as they would if the row were sound."""
    assert set(hints(CYPRESS, b"4101\t1\tSelf\tTestman\tTessa\t3/14/80\n")) >= {"0004101", "1980-03-14"}


# ── nothing is given back that the contract does not say ───────────────────────


def strict(**reads: object) -> Feed:
    """Cypress with other readers: what a spreadsheet took is not asked back."""
    changed = {name: replace(CYPRESS.columns[name], read=read) for name, read in reads.items()}
    return replace(CYPRESS, columns={**CYPRESS.columns, **changed})


FORBIDDEN = [
    ({"Hire_Date": "45123"}, "hire_date", DateText(("%-m/%-d/%Y",)), "hire_date.excel_serial"),
    ({"Start_Date": "45123"}, "effective_from", DateText(("%-m/%-d/%Y",)), "effective_from.excel_serial"),
    ({"Birth_Date": "3/14/80"}, "birth_date", DateText(("%-m/%-d/%Y",)), "birth_date.two_digit_year"),
    ({"Zip": "1970"}, "postal_code", Text(r"\A[0-9]{5}\Z"), "postal_code.padded"),
    ({"Worker_No": "4101"}, "subscriber_id", Text(r"\A[0-9]{7}\Z"), "subscriber_id.padded"),
    ({"SSN": "1550101"}, "ssn", Ssn(), "ssn.padded"),
]


@pytest.mark.parametrize(("values", "column", "read", "flag"), FORBIDDEN, ids=str)
def test_without_the_contracts_word_nothing_is_given_back(
    values: dict[str, str], column: str, read: object, flag: str
) -> None:
    """With it (Cypress as it is) the same value is read, and counted."""
    judged = judge(strict(**{column: read}), **values)
    assert judged.rejected.reasons
    assert judged.rejected.reasons[0][0].startswith(f"{column}.")
    assert flag not in judged.flags
    assert judge(CYPRESS, **values).flags == {flag: 1}


@pytest.mark.parametrize("column", ["Worker_No", "SSN", "Zip", "Birth_Date", "Twin_No", "Dep"])
@pytest.mark.parametrize("number", ["4.1E+03", "4E3", "1,5e+7", "-1.00E-05"])
def test_scientific_notation_is_refused_and_never_padded_or_expanded(column: str, number: str) -> None:
    judged = judge(CYPRESS, **{column: number})
    assert [reasons[0].rpartition(".")[2] for reasons in judged.rejected.reasons] == ["scientific"]
    assert not any(flag.endswith("padded") for flag in judged.flags)
