"""Dates: as much as was said, and not a second more."""

from __future__ import annotations

import pytest

from concord.parse.fhir.dates import NotADate, read_date, read_moment


@pytest.mark.parametrize(
    ("text", "iso", "precision"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", "year"),
        ("2024-05", "2024-05-01T00:00:00+00:00", "month"),
        ("2024-05-17", "2024-05-17T00:00:00+00:00", "day"),
        ("2024-05-17T10:11:12Z", "2024-05-17T10:11:12+00:00", "time"),
        ("2024-05-17T10:11:12-05:00", "2024-05-17T10:11:12-05:00", "time"),
        ("2024-05-17T10:11:12.5+05:30", "2024-05-17T10:11:12.500000+05:30", "time"),
        ("2024-05-17T10:11:12.123456789Z", "2024-05-17T10:11:12.123456+00:00", "time"),
        ("2024-05-17T10:11Z", "2024-05-17T10:11:00+00:00", "time"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", "time"),
        ("2016-12-31T18:59:60.7-05:00", "2016-12-31T19:00:00-05:00", "time"),
        ("2024-05-17T10:11:12+14:00", "2024-05-17T10:11:12+14:00", "time"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00", "time"),
        ("0001-01-01", "0001-01-01T00:00:00+00:00", "day"),
    ],
)
def test_a_moment_is_read_as_far_as_it_was_said(text: str, iso: str, precision: str) -> None:
    assert read_moment(text) == (iso, precision)


@pytest.mark.parametrize(
    "text",
    [
        "24", "20240517", "2024-5-17", "2024-13", "2024-00", "2023-02-29", "2024-02-30", "0000", "05/17/2024", "today",
        "2024-05-17T", "2024-05-17 10:11:12Z", "2024-05-17t10:11:12z", "2024-05-17T24:00:00Z", "2024-05-17T10:60:00Z",
        "2024-05-17T10:11:61Z", "2024-05-17T10Z", "2024-05T10:11:12Z", "2024-05-17T10:11:12+15:00",
        "2024-05-17T10:11:12+05", "2024-05-17T10:11:12+05:99", "2024-05-17T10:11.5Z", "9999-12-31T23:59:60Z",
        "２０２４", "2024-05-17T10:11:12Z\n", "2024-W20-1", "-2024", "12024",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(NotADate) as raised:
        read_moment(text)
    assert raised.value.rule == "format"
    assert str(raised.value) == "format"
    assert raised.value.__cause__ is None


def test_a_time_without_its_offset_is_nobodys_hour() -> None:
    with pytest.raises(NotADate) as raised:
        read_moment("2024-05-17T10:11:12")
    assert raised.value.rule == "zone"


@pytest.mark.parametrize(
    ("text", "read"),
    [("1980", ("1980-01-01", "year")), ("1980-02", ("1980-02-01", "month")), ("1980-02-29", ("1980-02-29", "day"))],
)
def test_a_date_of_birth_may_be_partial(text: str, read: tuple[str, str]) -> None:
    assert read_date(text) == read


@pytest.mark.parametrize("text", ["1980-02-30", "1980-02-29T00:00:00Z", "80", "1980-2-1"])
def test_what_is_no_day_is_no_date_of_birth(text: str) -> None:
    with pytest.raises(NotADate):
        read_date(text)
