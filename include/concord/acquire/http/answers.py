"""What a partner's answer means for us, by its status and its headers; PURE: the clock is passed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from concord.errors import ConcordError, SourceRefused, SourceUnavailable

LONGEST_PAUSE_S = 7_200.0
"""A partner may ask for a pause of at most two hours (the same as in Airflow's retry policy)."""
SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?")
LONGEST_HEADER = 64
PASSES = frozenset({408, 425, 429})
STAYS = frozenset({501, 505})
"""What the server cannot do it will not be able to do in an hour."""


class TokenRefused(SourceRefused):
    """A fresh token was not accepted: what the client may do was changed at the partner."""


class AccessDenied(SourceRefused):
    """The partner knows us and does not let us have this (403): a scope or a permission is missing."""


@dataclass(frozen=True)
class Answer:
    """One whole answer: ``headers`` by lower-case name, ``url`` the one that answered; only its status is printed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` (RFC 9110 10.2.3): a number of them, or a date to be reached at ``now``.

    None for nonsense and negative numbers, 0 for a date gone by, at most
    :data:`LONGEST_PAUSE_S`.
    """
    text = (text or "").strip()
    if not text or len(text) > LONGEST_HEADER:
        return None
    seconds = float(text) if SECONDS.fullmatch(text) else _until(text, now)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_PAUSE_S)


def _until(text: str, now: datetime) -> float | None:
    moment = http_date(text)
    return None if moment is None else (moment - now).total_seconds()


def http_date(text: str | None) -> datetime | None:
    """The moment an HTTP-date says (RFC 9110 5.6.7), in UTC; None for anything else."""
    if not text or len(text) > LONGEST_HEADER or not text[0].isalpha():
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def failure(status: int, headers: Mapping[str, str], what: str, now: datetime) -> ConcordError | None:
    """The error that a status is wherever it comes from; None where the caller has to judge.

    SourceUnavailable for 429, 5xx and their like, :class:`TokenRefused` for 401,
    :class:`AccessDenied` for 403.
    """
    if status in PASSES or (status >= 500 and status not in STAYS):
        return SourceUnavailable(
            f"{what}: answered {status}", retry_after=retry_after_s(headers.get("retry-after"), now)
        )
    if status == 401:
        return TokenRefused(f"{what}: the token was refused (401)")
    if status == 403:
        return AccessDenied(f"{what}: not allowed (403): ask the partner for the scope or permission")
    return None
