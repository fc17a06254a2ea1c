"""What was promised for when: business days and wall clocks of partners, with the clock as an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from concord.contract import Daily, Weekdays
from concord.contract.calendar import begins, business_day_of, business_days, instant, on_or_after, promised, today

NEW_YORK = Weekdays(at="05:30", tz="America/New_York", expected_by="07:00")
FRIDAYS = Daily(at="19:00", tz="America/Los_Angeles", expected_by="23:30", promised_on=(4,))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (date(2026, 11, 20), "07:00", "2026-11-20 12:00"),  # Eastern Standard Time
        (date(2026, 7, 20), "07:00", "2026-07-20 11:00"),  # daylight saving
        (date(2026, 3, 8), "02:30", "2026-03-08 07:30"),  # left out that night: as if the clock had not been changed
        (date(2026, 11, 1), "01:30", "2026-11-01 06:30"),  # twice that night: the later one
        (date(2028, 2, 29), "07:00", "2028-02-29 12:00"),
    ],
)
def test_an_instant_of_the_partners_clock(day: date, clock: str, expected: str) -> None:
    assert instant(NEW_YORK, day, clock) == utc(expected)


def test_of_two_readings_the_earlier_would_call_somebody_an_hour_too_soon() -> None:
    """Negative control: what ``fold=0`` alone says of the night in which 01:30 comes twice."""
    from zoneinfo import ZoneInfo

    first = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    assert instant(NEW_YORK, date(2026, 11, 1), "01:30") - first == timedelta(hours=1)


def test_the_day_changes_at_the_partners_midnight_not_at_utcs() -> None:
    assert begins(NEW_YORK, date(2026, 11, 21)) == utc("2026-11-21 05:00")
    assert today(NEW_YORK, utc("2026-11-21 04:59")) == date(2026, 11, 20)
    assert today(NEW_YORK, utc("2026-11-21 05:00")) == date(2026, 11, 21)
    assert today(Weekdays(at="05:30", tz="Pacific/Auckland", expected_by="07:00"), utc("2026-11-20 11:00")) == date(
        2026, 11, 21
    )


def test_business_days_leave_out_weekends_and_holidays_and_know_leap_days() -> None:
    thanksgiving = Weekdays(at="05:30", tz="UTC", expected_by="07:00", holidays=(date(2026, 11, 26),))
    days = list(business_days(thanksgiving, date(2026, 11, 25), date(2026, 12, 1)))
    assert days == [date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 30), date(2026, 12, 1)]
    daily = Daily(at="05:30", tz="UTC", expected_by="07:00")
    assert date(2028, 2, 29) in list(business_days(daily, date(2028, 2, 28), date(2028, 3, 1)))
    assert list(business_days(FRIDAYS, date(2026, 11, 14), date(2026, 11, 28))) == [
        date(2026, 11, 20), date(2026, 11, 27),
    ]  # fmt: skip


def test_a_calendar_without_business_days_is_not_searched_for_ever() -> None:
    closed = Daily(at="05:30", tz="UTC", expected_by="07:00", promised_on=())
    assert on_or_after(closed, date(2026, 11, 20)) == date(2026, 11, 20)


def test_a_day_is_due_when_its_deadline_passed_and_its_look_came_after_the_feed_was_registered() -> None:
    registered = utc("2026-11-18 10:31")  # 05:31 in New York, a minute after Wednesday's look
    due_at = {
        "2026-11-19 11:59": [],
        "2026-11-19 12:00": [],
        "2026-11-19 12:01": [date(2026, 11, 19)],
        "2026-11-22 18:00": [date(2026, 11, 19), date(2026, 11, 20)],
    }
    for now, due in due_at.items():
        assert promised(NEW_YORK, registered, utc(now)) == due
    assert promised(NEW_YORK, registered - timedelta(minutes=2), utc("2026-11-18 13:00")) == [date(2026, 11, 18)]


@pytest.mark.parametrize(
    ("file_date", "lag", "expected"),
    [
        (date(2026, 11, 20), 0, date(2026, 11, 20)),
        (date(2026, 11, 22), 0, date(2026, 11, 23)),  # made on Sunday: Monday's
        (date(2026, 11, 19), 1, date(2026, 11, 20)),  # a partner that dates its files a day before
        (date(2026, 11, 20), 1, date(2026, 11, 23)),
        (date(2026, 10, 31), 0, date(2026, 11, 2)),
    ],
)
def test_a_dated_file_is_for_the_business_day_of_its_date(file_date: date, lag: int, expected: date) -> None:
    schedule = Weekdays(at="05:30", tz="America/New_York", expected_by="07:00", dated_days_before=lag)
    assert business_day_of(schedule, file_date, utc("2026-12-01 00:00")) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("2026-11-20 10:31", date(2026, 11, 20)),
        ("2026-11-20 10:29", date(2026, 11, 19)),  # before Friday's look: Thursday's, late
        ("2026-11-22 20:00", date(2026, 11, 20)),  # on Sunday: Friday's, late
    ],
)
def test_an_undated_file_is_for_the_last_day_that_was_looked_for(seen: str, expected: date) -> None:
    assert business_day_of(NEW_YORK, None, utc(seen)) == expected
