"""Accepted text becomes typed rows, and typed rows become what COPY reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from concord.contract import Action, Codes, Feed, From, Policy, ToDate
from concord.stage import to_copy_text
from concord.transform import canonical_kinds, transform
from concord.validate import validate
from tests.unit.acme_rows import ACME, acme, frame, row

AS_OF = date(2026, 11, 20)


def typed(*rows: dict[str, str], feed: Feed = ACME) -> pd.DataFrame:
    verdict = validate(feed, frame(*rows), as_of=AS_OF)
    assert not verdict.rejected.reasons
    return transform(feed, verdict.accepted)


def test_every_canonical_column_and_the_maintenance_action_are_there_in_order() -> None:
    assert list(typed(row()).columns) == [*ACME.canonical, "maintenance_action"] == list(canonical_kinds(ACME))


def test_a_blank_becomes_missing_and_never_an_empty_string() -> None:
    result = typed(row(MIDDLE="", HIRED="", BIRTHSEQ="", SSN=""))
    assert result.loc[0, ["middle_name", "hire_date", "birth_sequence", "ssn"]].isna().all()
    assert not (result == "").any(axis=None)


def test_a_column_that_nothing_maps_to_is_missing() -> None:
    assert typed(row())[["address_line_2", "maintenance_action"]].isna().all(axis=None)


def test_dates_are_dates_and_whole_numbers_are_whole() -> None:
    result = typed(row(BIRTHSEQ="007"))
    assert result["birth_date"][0] == date(1980, 3, 14)
    assert type(result["birth_date"][0]) is date
    assert result["birth_sequence"][0] == 7
    assert str(result["birth_sequence"].dtype) == "int32[pyarrow]"


def test_leading_zeros_of_text_survive() -> None:
    result = typed(row(SSN="001-01-0001"))
    assert result.loc[0, ["postal_code", "person_code", "ssn"]].tolist() == ["01234", "01", "001010001"]


@pytest.mark.parametrize(
    ("meaning", "end", "first_uncovered"),
    [
        (ToDate.LAST_COVERED_DAY, "02/28/2026", date(2026, 3, 1)),
        (ToDate.LAST_COVERED_DAY, "12/31/2026", date(2027, 1, 1)),
        (ToDate.LAST_COVERED_DAY, "12/30/9999", date(9999, 12, 31)),
        (ToDate.FIRST_UNCOVERED_DAY, "02/28/2026", date(2026, 2, 28)),
    ],
)
def test_an_end_becomes_the_first_day_no_longer_covered(meaning: ToDate, end: str, first_uncovered: date) -> None:
    result = typed(row(COVEND=end), row(), feed=acme(policy=Policy(to_date=meaning)))
    assert result["effective_to"][0] == first_uncovered
    assert pd.isna(result["effective_to"][1])


def test_a_maintenance_action_is_carried_along() -> None:
    action = From("DIVISION", Codes({"T": Action.END.value}))
    columns = {name: mapping for name, mapping in ACME.columns.items() if name != "division_code"}
    feed = replace(ACME, columns=columns | {"maintenance_action": action})
    assert typed(row(DIVISION="T"), feed=feed)["maintenance_action"][0] == "end"


def test_nothing_at_all_is_typed_too() -> None:
    result = transform(ACME, validate(ACME, frame(row()).iloc[:0], as_of=AS_OF).accepted)
    assert len(result) == 0
    assert to_copy_text(result) == b""


def test_an_error_names_the_column_and_no_value() -> None:
    accepted = validate(ACME, frame(row()), as_of=AS_OF).accepted
    with pytest.raises(ValueError, match="birth_date") as caught:
        transform(ACME, accepted.assign(birth_date="Secret"))
    assert "Secret" not in f"{caught.value} {caught.value.__context__}"


# ── COPY ───────────────────────────────────────────────────────────────────────


def test_copy_text_quotes_text_and_leaves_null_bare() -> None:
    given = pd.DataFrame({"a": ['x"y', "", None, "NULL"], "n": pd.array([1, 2, None, 4], "Int64")})
    assert to_copy_text(given) == b'"x""y",1\n,2\n,\n"NULL",4\n'


def test_copy_text_keeps_line_ends_inside_values() -> None:
    assert to_copy_text(pd.DataFrame({"a": ["one\r\ntwo", "\\."], "b": ["", "é,"]})) == (
        '"one\r\ntwo",\n"\\.","é,"\n'.encode()
    )


def test_copy_text_of_a_transformed_row_never_has_a_quoted_nothing() -> None:
    line = to_copy_text(typed(row(COVEND="12/31/2026")))
    assert b'""' not in line
    assert b",2027-01-01," in line
