"""Moments, decimal numbers, yes and no, references: what is read, what is refused, and what is flagged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.contract import From, Moment, Number, Reader, Reference, YesNo
from concord.validate.damage import damaged
from concord.validate.dates import UNREADABLE, as_days
from concord.validate.moments import read_moments, shape
from concord.validate.reading import read_column
from concord.validate.schema import judges
from tests.reports import DEMOGRAPHICS

SENTINELS = ("9999-12-31", "1900-01-01")
CHICAGO = Moment(("%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y", "%-m/%-d/%Y %I:%M %p"), tz="America/Chicago")


def moments(read: Moment, *texts: str) -> tuple[list[str], list[bool]]:
    found, flags = read_moments(pa.array(texts, pa.large_string()), read, SENTINELS)
    return found.to_pylist(), flags["repeated_hour"].to_pylist() if flags else [False] * len(texts)


def canonical(read: Reader, text: str) -> str:
    found, _ = read_column(From("X", read), pa.array([text], pa.large_string()), DEMOGRAPHICS)
    return str(found.to_pylist()[0])


def accepted(read: Reader, text: str) -> bool:
    found, _ = read_column(From("X", read), pa.array([text], pa.large_string()), DEMOGRAPHICS)
    return all(judge(found).to_pylist()[0] for _, judge in judges(From("X", read)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("07/01/2026 08:00", "2026-07-01T13:00:00Z"),
        ("01/01/2026 08:00", "2026-01-01T14:00:00Z"),
        (" 07/01/2026 08:00 ", "2026-07-01T13:00:00Z"),
        ("2026-07-01T08:00:00+02:00", "2026-07-01T06:00:00Z"),
        ("2026-07-01T08:00:00Z", "2026-07-01T08:00:00Z"),
        ("7/1/2026 08:00 PM", "2026-07-02T01:00:00Z"),
        ("07/01/2026", "2026-07-01T00:00:00Z"),
        ("", ""),
        ("9999-12-31", ""),
        ("12/31/9999 00:00", ""),
        ("01/01/1900", ""),
        ("02/30/2026 08:00", UNREADABLE),
        ("07/01/2026 24:00", UNREADABLE),
        ("7/1/26 08:00", UNREADABLE),
        ("07/01/2026 08:00:00", UNREADABLE),
        ("2026-07-01T08:00:00", UNREADABLE),
        ("\u0660\u0667/01/2026 08:00", UNREADABLE),
        ("03/08/2026 02:30", UNREADABLE),
        ("0001-01-01T00:00:00+14:00", UNREADABLE),
    ],
)
def test_what_a_moment_is(text: str, moment: str) -> None:
    assert moments(CHICAGO, text) == ([moment], [False])


def test_an_hour_that_came_twice_is_the_first_and_is_told() -> None:
    read = moments(CHICAGO, "11/01/2026 01:30", "11/01/2026 02:30", "2026-11-01T01:30:00-06:00")
    assert read == (["2026-11-01T06:30:00Z", "2026-11-01T08:30:00Z", "2026-11-01T07:30:00Z"], [True, False, False])


def test_fractions_are_kept() -> None:
    assert moments(Moment(("%Y-%m-%dT%H:%M:%S.%fZ",)), "2026-07-01T08:00:00.125Z")[0] == ["2026-07-01T08:00:00.125000Z"]


def test_a_code_that_is_not_known_is_no_format() -> None:
    with pytest.raises(ValueError, match="c, j"):
        shape("%c %j")


@given(st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - local times are the point
def test_every_minute_of_a_local_clock_is_read_or_never_was(local: datetime) -> None:
    zone, local = ZoneInfo("America/Chicago"), local.replace(second=0, microsecond=0)
    (found,), _ = moments(Moment(("%Y-%m-%d %H:%M",), "America/Chicago"), f"{local:%Y-%m-%d %H:%M}")
    if found == UNREADABLE:
        assert local.replace(tzinfo=zone).utcoffset() != (local + timedelta(hours=3)).replace(tzinfo=zone).utcoffset()
    else:
        assert datetime.fromisoformat(found).astimezone(zone).replace(tzinfo=None) == local


def test_the_day_of_a_moment_is_compared() -> None:
    days = as_days(pa.array(["2026-07-01T23:00:00Z", "2026-07-02", "", UNREADABLE], pa.large_string())).to_pylist()
    assert [str(day) for day in days] == ["2026-07-01", "2026-07-02", "None", "None"]


@pytest.mark.parametrize("text", ["0", "-1.50", "12.125", "007", " 3 ", "", "999999999999999999.000000000000001"])
def test_a_number_is_kept_as_it_is_written(text: str) -> None:
    assert canonical(Number(), text) == text.strip()
    assert accepted(Number(), text)


@pytest.mark.parametrize("text", ["1e3", "1,000", "+1", ".5", "1.", "NaN", "inf", "0x1", "1 0", "\u0661", "1" * 19])
def test_what_is_no_number_is_refused(text: str) -> None:
    assert not accepted(Number(), text)


@pytest.mark.parametrize(("text", "fits"), [("0.1", True), ("0.3", True), ("0.0999", False), ("0.30001", False)])
def test_bounds_are_decimal(text: str, fits: bool) -> None:
    assert accepted(Number(low=0.1, high=0.3), text) is fits


def test_a_decimal_of_a_spreadsheet_is_no_damage_and_an_exponent_is() -> None:
    found = damaged(Number(), pa.array(["5.0", "1.2E+08", "1,000"], pa.large_string()))
    assert {rule: mask.to_pylist() for rule, mask in found.items()} == {
        "scientific": [False, True, False],
        "thousands": [False, False, True],
    }


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (YesNo(), "y", "true"),
        (YesNo(), " False ", "false"),
        (YesNo(), "", ""),
        (YesNo(), "maybe", UNREADABLE),
        (YesNo(yes=("X",), no=()), "x", "true"),
        (YesNo(yes=("X",), no=()), "Y", UNREADABLE),
        (Reference("Patient"), " p.1-A ", "Patient/p.1-A"),
        (Reference("Patient"), "", ""),
        (Reference("Patient"), "Patient/p1", UNREADABLE),
        (Reference("Patient"), "p 1", UNREADABLE),
        (Reference("Patient"), "p" * 65, UNREADABLE),
    ],
)
def test_words_and_references(read: Any, text: str, found: str) -> None:
    assert canonical(read, text) == found
    assert accepted(read, text) is (found != UNREADABLE)


def test_moments_are_utc() -> None:
    assert datetime.fromisoformat(moments(CHICAGO, "07/01/2026 08:00")[0][0]).tzinfo == UTC
