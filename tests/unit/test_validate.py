"""How rows are judged: what is accepted, under which code the others are refused, and what stays readable."""

from __future__ import annotations

import logging
from datetime import date
from typing import get_args

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contract import (
    Feed,
    From,
    NotAfter,
    Policy,
    Reader,
    RequiredWhen,
    Text,
    ToDate,
    date_in,
)
from concord.transform import transform
from concord.validate import Validated, validate
from concord.validate import schema as schema_module
from concord.validate.reading import READERS
from concord.validate.schema import schema_for
from tests.unit.acme_rows import ACME, acme, frame, row

AS_OF = date(2026, 11, 20)


def judge(*rows: dict[str, str], feed: Feed = ACME, missing: frozenset[str] = frozenset()) -> Validated:
    return validate(feed, frame(*rows), as_of=AS_OF, missing=missing)


def why(feed: Feed = ACME, **values: str) -> tuple[str, ...]:
    """The reasons against one row that is sound but for ``values``; empty where it is accepted."""
    return next(iter(judge(row(**values), feed=feed).rejected.reasons), ())


def accepted(column: str, feed: Feed = ACME, **values: str) -> str:
    """The canonical value of ``column`` of an accepted row."""
    result = judge(row(**values), feed=feed)
    assert not result.rejected.reasons
    return str(result.accepted[column][0])


# ── canonical text ─────────────────────────────────────────────────────────────


def test_a_sound_row_is_accepted_in_canonical_columns() -> None:
    result = judge(row())
    assert result.positions.tolist() == [0]
    assert set(result.accepted.columns) == set(ACME.columns)
    assert set(map(str, result.accepted.dtypes)) == {"str"}
    assert result.accepted.loc[0, ["relationship_code", "coverage_line", "coverage_tier"]].tolist() == [
        "18", "HLT", "FAM",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "given_text", "column", "canonical"),
    [
        ("LASTNAME", "  Testman \t", "last_name", "Testman"),
        ("LASTNAME", "\u00a0Testman\u00a0", "last_name", "Testman"),
        ("FIRSTNAME", "NA", "first_name", "NA"),
        ("EMPID", "e0000101", "subscriber_id", "E0000101"),
        ("PERSON", "01", "person_code", "01"),
        ("RELATION", " sp ", "relationship_code", "01"),
        ("DOB", "02/29/1980", "birth_date", "1980-02-29"),
        ("SSN", "400-55-0101", "ssn", "400550101"),
        ("SSN", "001010001", "ssn", "001010001"),
        ("PHONE", "(555) 010-0101", "phone", "5550100101"),
        ("PHONE", "555.010.0101", "phone", "5550100101"),
        ("ZIP", "01234", "postal_code", "01234"),
        ("MIDDLE", "   ", "middle_name", ""),
    ],
)
def test_a_value_is_read_into_canonical_text(source: str, given_text: str, column: str, canonical: str) -> None:
    assert accepted(column, **{source: given_text}) == canonical


@pytest.mark.parametrize("sentinel", ["12/31/9999", "9999-12-31", "99991231", "12/31/2999", "00000000", "01/01/1900"])
def test_a_sentinel_date_means_no_date(sentinel: str) -> None:
    assert accepted("effective_to", COVEND=sentinel) == ""


def test_a_sentinel_is_known_by_its_day_in_any_format() -> None:
    feed = acme(columns={"effective_to": From("COVEND", date_in("%d.%m.%Y"))})
    assert accepted("effective_to", feed, COVEND="31.12.9999") == ""


def test_a_sentinel_in_a_required_date_is_a_missing_date() -> None:
    assert why(DOB="01/01/1900") == ("birth_date.required",)


def test_a_default_replaces_a_blank() -> None:
    feed = acme(columns={"division_code": From("DIVISION", Text(upper=True), default="NONE")})
    assert accepted("division_code", feed, DIVISION=" ") == "NONE"
    assert accepted("division_code", feed, DIVISION="d9") == "D9"


def test_a_constant_fills_its_column() -> None:
    feed = acme(constants={"benefit_status": "A"})
    assert accepted("benefit_status", feed) == "A"


def test_columns_of_a_missing_optional_source_are_blank_and_not_judged() -> None:
    feed = acme(columns={"phone": From("PHONE", Text(), optional_column=True, default="0")})
    result = validate(feed, frame(row()).drop(columns="PHONE"), as_of=AS_OF, missing=frozenset({"PHONE"}))
    assert result.accepted["phone"].tolist() == [""]


def test_a_rule_on_a_column_the_file_does_not_have_is_left_out() -> None:
    feed = acme(rules=(RequiredWhen("email", "relationship_code", ("18",)),))
    given_frame = frame(row()).drop(columns="EMAIL")
    assert len(validate(feed, given_frame, as_of=AS_OF, missing=frozenset({"EMAIL"})).accepted) == 1
    assert why(feed, EMAIL="") == ("email.required",)


def test_a_check_that_cannot_run_stops_the_delivery_and_quotes_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: pa.Array) -> pa.Array:
        raise ValueError(text[0].as_py())

    monkeypatch.setattr(schema_module, "_SCHEMAS", {})
    monkeypatch.setattr(schema_module, "judges", lambda _: [("broken", fails)])
    with pytest.raises(RuntimeError, match=r"last_name\.broken") as caught:
        judge(row(LASTNAME="Secretname"))
    assert "Secretname" not in f"{caught.value!r} {caught.value.__context__!r}"


def test_an_absent_column_that_was_not_declared_missing_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="PHONE"):
        validate(ACME, frame(row()).drop(columns="PHONE"), as_of=AS_OF)


# ── reasons ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("source", "value", "code"),
    [
        ("LASTNAME", "", "last_name.required"),
        ("LASTNAME", " \u00a0", "last_name.required"),
        ("LASTNAME", "x" * 61, "last_name.length"),
        ("EMPID", "E000101", "subscriber_id.pattern"),
        ("EMPID", "E٠٠٠٠١٠١", "subscriber_id.pattern"),
        ("EMPID", "E0000101\nE", "subscriber_id.pattern"),
        ("EMPID", "1.01E+05", "subscriber_id.pattern"),
        ("RELATION", "COUSIN", "relationship_code.code"),
        ("DOB", "02/30/1980", "birth_date.date"),
        ("DOB", "02/29/1981", "birth_date.date"),
        ("DOB", "13/01/1980", "birth_date.date"),
        ("DOB", "3/14/1980", "birth_date.date"),
        ("DOB", "1980-03-14", "birth_date.date"),
        ("DOB", "03/14/80", "birth_date.date"),
        ("DOB", "03/14/1980 00:00", "birth_date.date"),
        ("DOB", "٠٣/١٤/١٩٨٠", "birth_date.date"),
        ("DOB", "03/14/0000", "birth_date.date"),
        ("DOB", "29293", "birth_date.date"),
        ("DOB", "11/21/2026", "birth_date.in_future"),
        ("DOB", "01/01/1899", "birth_date.too_early"),
        ("COVEFF", "12/31/1979", "effective_from.too_early"),
        ("BIRTHSEQ", "0", "birth_sequence.number"),
        ("BIRTHSEQ", "10", "birth_sequence.number"),
        ("BIRTHSEQ", "١", "birth_sequence.number"),
        ("BIRTHSEQ", "1.0", "birth_sequence.number"),
        ("BIRTHSEQ", "9" * 30, "birth_sequence.number"),
        ("SSN", "40055010", "ssn.format"),
        ("SSN", "4.0055E+08", "ssn.format"),
        ("SSN", "٤٠٠٥٥٠١٠١", "ssn.format"),
        ("PHONE", "555-0101", "phone.pattern"),
        ("LASTNAME", "=1+1", "last_name.formula"),
        ("LASTNAME", " +1", "last_name.formula"),
        ("LASTNAME", "-1", "last_name.formula"),
        ("LASTNAME", "@SUM(A1)", "last_name.formula"),
        ("LASTNAME", "\t=1", "last_name.formula"),
        ("LASTNAME", "\r=1", "last_name.formula"),
    ],
)
def test_a_broken_promise_has_its_code(source: str, value: str, code: str) -> None:
    assert why(**{source: value}) == (code,)


def test_a_date_of_the_as_of_day_is_not_in_the_future() -> None:
    assert why(DOB="11/20/2026") == ()


def test_a_sign_is_no_formula_in_a_phone_number() -> None:
    feed = acme(columns={"phone": From("PHONE", Text(r"\A[+]?[0-9]{10,11}\Z", digits_only=True))})
    assert accepted("phone", feed, PHONE="+1 (555) 010-0101") == "+15550100101"
    assert "phone.formula" in why(feed, PHONE="=5550100101")


def test_all_reasons_of_a_row_are_kept_columns_first() -> None:
    codes = why(EMPID="x", FIRSTNAME="", DOB="02/30/1980", COVEFF="06/01/2026", COVEND="01/01/2026")
    assert codes == ("subscriber_id.pattern", "first_name.required", "birth_date.date", "dates.reversed")


def test_reasons_belong_to_their_rows() -> None:
    result = judge(row(), row(EMPID="x"), row(), row(DOB="x", PERSON="1"))
    assert result.positions.tolist() == [0, 2]
    assert result.rejected.position.tolist() == [1, 3]
    assert result.rejected.reasons == [("subscriber_id.pattern",), ("person_code.pattern", "birth_date.date")]


@pytest.mark.parametrize(
    ("meaning", "end", "codes"),
    [
        (ToDate.LAST_COVERED_DAY, "06/01/2026", ()),
        (ToDate.LAST_COVERED_DAY, "05/31/2026", ()),  # a void once half-open
        (ToDate.LAST_COVERED_DAY, "05/30/2026", ("dates.reversed",)),
        (ToDate.FIRST_UNCOVERED_DAY, "06/01/2026", ()),
        (ToDate.FIRST_UNCOVERED_DAY, "05/31/2026", ("dates.reversed",)),
    ],
)
def test_an_end_before_the_start_is_judged_half_open(meaning: ToDate, end: str, codes: tuple[str, ...]) -> None:
    assert why(acme(policy=Policy(to_date=meaning)), COVEFF="06/01/2026", COVEND=end) == codes


def test_a_rule_over_two_columns_has_the_contracts_code() -> None:
    feed = acme(rules=(NotAfter("hire_date", "effective_from", "hired.after_coverage"),))
    assert why(feed, HIRED="02/01/2026") == ("hired.after_coverage",)
    assert why(feed, HIRED="01/01/2026") == why(feed, HIRED="") == ()


def test_a_value_may_be_required_when_another_has_a_value() -> None:
    feed = acme(rules=(RequiredWhen("birth_sequence", "relationship_code", ("19",)),))
    assert why(feed, RELATION="CH") == ("birth_sequence.required",)
    assert why(feed, RELATION="CH", BIRTHSEQ="1") == why(feed, RELATION="EE") == ()


@pytest.mark.parametrize(
    "ssn",
    ["000-55-0101", "666-55-0101", "900-55-0101", "999999999", "400-00-0101", "400-55-0000", "078-05-1120",
     "123456789", "111111111", "987-65-4320"],
)  # fmt: skip
def test_a_placeholder_ssn_is_blank_and_flagged(ssn: str) -> None:
    result = judge(row(SSN=ssn), row())
    assert result.accepted["ssn"].tolist() == ["", "400550101"]
    assert result.flags == {"ssn.placeholder": 1}


def test_flags_of_rejected_rows_do_not_count() -> None:
    assert not judge(row(SSN="999999999", DOB="x")).flags


# ── whose row it was ───────────────────────────────────────────────────────────


def test_keys_of_a_rejected_row_are_readable_each_by_itself() -> None:
    rows = row(STATE="Ohio"), row(EMPID="x", STATE="Ohio"), row(COVERAGE="PETS"), row(DOB="02/30/1980", PERSON="")
    keys = judge(*rows).rejected.keys
    assert keys.to_dict("list") == {
        "subscriber_id": ["E0000101", None, "E0000101", "E0000101"],
        "person_code": ["01", "01", "01", None],
        "coverage_line": ["HLT", "HLT", None, "HLT"],
        "birth_date": ["1980-03-14", "1980-03-14", "1980-03-14", None],
        "relationship_code": ["18"] * 4,
    }


# ── PHI ────────────────────────────────────────────────────────────────────────


def test_no_value_shows_in_a_repr_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    result = judge(row(LASTNAME="=Secretname"), row(EMPID="Secretname"))
    assert "Secretname" not in repr(result) + repr(result.rejected) + caplog.text


# ── the parts ──────────────────────────────────────────────────────────────────


def test_an_empty_chunk_is_judged_too() -> None:
    result = validate(ACME, frame(row()).iloc[:0], as_of=AS_OF)
    assert len(result.accepted) == len(result.rejected) == 0
    assert list(result.rejected.keys.columns) == [
        "subscriber_id", "person_code", "coverage_line", "birth_date", "relationship_code",
    ]  # fmt: skip


def test_every_row_is_accepted_or_rejected_once() -> None:
    rows = [row(DOB="02/30/1980") if number % 3 == 0 else row() for number in range(500)]
    result = judge(*rows)
    assert sorted([*result.positions.tolist(), *result.rejected.position.tolist()]) == list(range(500))


def test_the_schema_is_built_once_and_is_pandera() -> None:
    import pandera.pandas

    schema = schema_for(ACME, tuple(ACME.columns), ("dates.reversed",))
    assert isinstance(schema, pandera.pandas.DataFrameSchema)
    assert schema_for(ACME, tuple(ACME.columns), ("dates.reversed",)) is schema


def test_without_the_schema_a_bad_row_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the checks of the schema are what refuses, nothing else does."""
    monkeypatch.setattr(schema_module, "_SCHEMAS", {})
    monkeypatch.setattr(schema_module, "judges", lambda _: ())
    assert why(EMPID="x", DOB="02/30/1980") == ()


def test_judging_does_not_change_the_frame() -> None:
    given_frame = frame(row(LASTNAME=" Testman "), row(DOB="x"))
    before = given_frame.copy(deep=True)
    validate(ACME, given_frame, as_of=AS_OF)
    pd.testing.assert_frame_equal(given_frame, before)


any_rows = st.lists(st.dictionaries(st.sampled_from(sorted(row())), st.text(max_size=12), max_size=6), max_size=30)


@settings(max_examples=20, deadline=None)
@given(any_rows)
def test_any_text_is_judged_without_an_error_and_without_a_loss(changes: list[dict[str, str]]) -> None:
    rows = [row(**{name: text.encode(errors="replace").decode() for name, text in one.items()}) for one in changes]
    result = judge(*rows)
    assert len(result.accepted) + len(result.rejected) == max(len(rows), 1)
    assert not (transform(ACME, result.accepted) == "").any(axis=None)


def test_every_reader_of_the_contract_can_be_read() -> None:
    assert set(READERS) == set(get_args(Reader))
