"""Business days of a contract, and the instants of its wall clock: what was promised for when.

Pure: the clock is an argument. An instant is an aware datetime in UTC; a business day is
a date in the partner's time zone for which the contract promises a delivery.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from concord.contract.source import Weekdays

DAY = timedelta(days=1)
LONGEST_BREAK = 366
"""No partner closes for longer than this many days: a calendar without business days would be searched for ever."""


def instant(schedule: Weekdays, day: date, clock: str) -> datetime:
    """When the partner's clock shows ``clock`` (HH:MM) on ``day``.

    A reading that occurs twice (end of daylight saving) is the later one, and one that is
    left out is as if the clock had not been changed: nobody is called an hour early.
    """
    local = datetime.combine(day, time.fromisoformat(clock), ZoneInfo(schedule.tz))
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def begins(schedule: Weekdays, day: date) -> datetime:
    """When ``day`` begins where the partner is."""
    return instant(schedule, day, "00:00")


def today(schedule: Weekdays, now: datetime) -> date:
    """The date where the partner is."""
    return now.astimezone(ZoneInfo(schedule.tz)).date()


def business_days(schedule: Weekdays, first: date, last: date) -> Iterator[date]:
    """Business days from ``first`` to ``last``, both included."""
    days = ((first + number * DAY) for number in range((last - first).days + 1))
    return filter(schedule.expects, days)


def on_or_after(schedule: Weekdays, day: date) -> date:
    """The first business day that is not before ``day``; ``day`` itself where there is none within a year."""
    return next(business_days(schedule, day, day + LONGEST_BREAK * DAY), day)


def promised(schedule: Weekdays, since: datetime, now: datetime) -> list[date]:
    """Business days whose look (``at``) came after ``since`` and whose ``expected_by`` has passed by ``now``."""
    days = business_days(schedule, today(schedule, since), today(schedule, now))
    return [
        day
        for day in days
        if instant(schedule, day, schedule.at) >= since and instant(schedule, day, schedule.expected_by) < now
    ]


def business_day_of(schedule: Weekdays, file_date: date | None, seen_at: datetime) -> date:
    """The business day that a delivery is for: by the date in its name, else the last one looked for when it was seen.

    A date that is no business day counts for the next: a roster made on Sunday is Monday's.
    """
    if file_date is not None:
        return on_or_after(schedule, file_date + schedule.dated_days_before * DAY)
    day = today(schedule, seen_at)
    looked = [d for d in business_days(schedule, day - 14 * DAY, day) if instant(schedule, d, schedule.at) <= seen_at]
    return looked[-1] if looked else on_or_after(schedule, day)
