"""How long a partner asks us to wait, and what its statuses mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from concord.acquire.http.answers import AccessDenied, TokenRefused, failure, retry_after_s
from concord.errors import SourceUnavailable

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("Sat, 28 Nov 2026 12:05:00 GMT", 300.0),
        ("Saturday, 28-Nov-26 12:05:00 GMT", 300.0),
        ("Sat Nov 28 12:05:00 2026", 300.0),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0.0),
        ("Sat, 28 Nov 2099 12:00:00 GMT", 7200.0),
        ("999999999999999999", 7200.0),
        ("9" * 60, None),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("1e9", None),
        ("١٢٠", None),
        ("120, 240", None),
        ("Sat, 99 Foo 2026 12:05:00 GMT", None),
        ("Sat, 28 Nov 2026 12:05:00 +9999999999", None),
        ("x" * 10_000, None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_what_passes_is_tried_again_after_the_pause(status: int) -> None:
    error = failure(status, {"retry-after": "60"}, "poll", NOW)
    assert isinstance(error, SourceUnavailable)
    assert error.retry_after == 60.0


@pytest.mark.parametrize(("status", "kind"), [(401, TokenRefused), (403, AccessDenied)])
def test_a_refusal_is_told_apart(status: int, kind: type[Exception]) -> None:
    assert type(failure(status, {}, "poll", NOW)) is kind


@pytest.mark.parametrize("status", [200, 202, 302, 400, 404, 410, 422, 501])
def test_the_rest_is_for_the_caller_to_judge(status: int) -> None:
    assert failure(status, {}, "poll", NOW) is None
