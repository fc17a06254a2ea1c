"""When things happen at the sandbox's hospital: by the days of its employer."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from concord.sandbox.roster import Employer


class Clock:
    """Day 1 is the employer's first file date. All instants are in UTC."""

    def __init__(self, employer: Employer) -> None:
        self._employer = employer

    def end(self, day: int) -> datetime:
        """22:00 of ``day``: what was done on it is in the record by then; exports are made after it."""
        return datetime.combine(self._employer.file_date(day), time(22), UTC)

    def during(self, day: int, turn: int) -> datetime:
        """A moment between 08:00 and 20:00 of ``day``, the same for the same ``turn``."""
        return self.end(day) - timedelta(hours=14) + timedelta(seconds=turn * 7_919 % 43_200)


def instant(moment: datetime) -> str:
    """FHIR ``instant`` with milliseconds: ``2026-11-18T22:00:00.000Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
