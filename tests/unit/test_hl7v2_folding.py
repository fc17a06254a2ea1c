"""Several messages about one record make one row: the newest word on each column counts."""

from __future__ import annotations

import pandas as pd

from concord.parse.hl7v2 import fold
from tests.unit.hl7v2_messages import PID, message, parse, pid, pv1


def sent(when: str, trigger: str, *segments: str) -> bytes:
    return message(trigger, *segments).replace(b"20240102030400", when.encode())


def folded(*messages: bytes, entity: str = "patient") -> list[dict[str, object]]:
    return fold(parse(b"".join(messages)).frames[entity]).to_dict("records")


def test_an_empty_field_keeps_and_null_clears() -> None:
    (row,) = folded(
        sent("20240101", "A01", PID),
        sent("20240102", "A08", pid(n16="M", n22='""')),
        sent("20240103", "A08", pid(n5='Newname^""', n19="")),
    )
    assert (row["last_name"], row["birth_date"], row["marital_status"]) == ("Newname", "1980-03-14", "M")
    assert pd.isna(row["first_name"])
    assert set(row["cleared"]) == {"first_name", "middle_name", "name_suffix", "ethnicity_code"}


def test_a_value_after_a_null_is_a_value() -> None:
    (row,) = folded(sent("20240101", "A08", pid(n16='""')), sent("20240102", "A08", pid(n16="S")))
    assert (row["marital_status"], row["cleared"]) == ("S", ())


def test_order_is_when_it_was_recorded_then_the_file() -> None:
    (row,) = folded(sent("202401031200", "A08", pid(n16="W")), sent("202401011200", "A08", pid(n16="M")))
    assert (row["marital_status"], row["line"]) == ("W", 1)
    same = "202401011200"
    (row,) = folded(sent(same, "A08", pid(n16="M")), sent(same, "A08", pid(n16="W")))
    assert (row["marital_status"], row["line"]) == ("W", 4)


def test_a_cancelled_discharge_takes_the_end_away_again() -> None:
    first, more = sent("20240101", "A01", PID, pv1(n44="20240101")), sent("20240105", "A13", PID, pv1())
    (row,) = folded(first, sent("20240103", "A03", PID, pv1(n45="20240103")), more, entity="encounter")
    assert (row["status"], row["started_at"]) == ("in-progress", "2024-01-01T00:00:00+00:00")
    assert pd.isna(row["ended_at"])


def test_nothing_from_before_a_delete_comes_back() -> None:
    gone = sent("20240102", "A29", PID)
    (row,) = folded(sent("20240101", "A28", PID), gone)
    assert row["deleted"]
    (row,) = folded(sent("20240101", "A28", PID), gone, sent("20240103", "A28", pid(n5="Testman")))
    assert not row["deleted"]
    assert pd.isna(row["birth_date"])


def test_a_replaced_patient_keeps_what_was_known() -> None:
    known, merged = sent("20240101", "A28", PID), sent("20240102", "A40", pid("1002"), "MRG|1001^^^GHH^MR")
    by_id = {row["resource_id"]: row for row in folded(known, merged)}
    assert by_id["GHH-1001"]["last_name"] == "Testman"
    assert by_id["GHH-1001"]["replaced_by_reference"] == "Patient/GHH-1002"
    assert pd.isna(by_id["GHH-1002"]["replaced_by_reference"])


def test_folding_again_changes_nothing_and_nothing_folds_to_nothing() -> None:
    frame = parse(sent("20240101", "A01", PID) + sent("20240102", "A08", pid("1002"))).frames["patient"]
    once = fold(frame)
    pd.testing.assert_frame_equal(fold(once), once)
    pd.testing.assert_frame_equal(once, frame[once.columns])
    assert fold(frame.iloc[:0]).empty
