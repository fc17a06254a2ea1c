"""Tells people: always in the log, and to a webhook where one is set.

Texts are written by our own code and name deliveries, rules and counts, never a value
of a row. Telling must not break what it tells about: a webhook that does not answer is
logged and left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

log = logging.getLogger("concord.notify")

Notifier = Callable[[str, str], None]
"""Called with a subject (one line) and a text; never raises."""

TIMEOUT = httpx.Timeout(10, connect=5)
TRIES = 3
LONGEST = 3_000
"""Chat systems cut messages at about 4,000 characters."""


class NotTold(Exception):
    """The webhook did not take the message; ``status`` is its answer, or the class of the failure."""


class TryLater(NotTold):
    """It may take the message in a moment."""


def notifier(webhook_url: str | None, *, pause_s: float = 1.0) -> Notifier:
    """A notifier that logs, and posts to ``webhook_url`` (``{"text": …}``, as Slack, Mattermost and Teams take it).

    ``pause_s`` is the first pause between tries; it doubles.
    """
    # httpx logs every address at INFO, and the address of a webhook is its password.
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def tell(subject: str, text: str) -> None:
        subject, text = " ".join(subject.split()), text.strip()
        log.warning("%s — %s", subject, text)
        if webhook_url:
            try:
                post(webhook_url, {"text": f"*{subject}*\n{text}"[:LONGEST]}, pause_s=pause_s)
            except NotTold as error:
                log.error("the webhook was not told of %r: %s", subject, error)  # noqa: TRY400 — a traceback would show its address

    return tell


def post(url: str, message: dict[str, str], *, pause_s: float) -> None:
    """Posts ``message`` as JSON, up to three times; raises :class:`NotTold` without the address."""
    failure = ""
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=pause_s, max=10 * pause_s, jitter=pause_s),
            retry=retry_if_exception_type(TryLater),
        ):
            with attempt:
                _post_once(url, message)
    except RetryError as error:
        failure = str(error.last_attempt.exception())
    if failure:
        raise NotTold(f"{failure}, {TRIES} times")


def _post_once(url: str, message: dict[str, str]) -> None:
    failure, status = "", 0
    try:
        status = httpx.post(url, json=message, timeout=TIMEOUT, follow_redirects=False).status_code
    except httpx.TransportError as error:
        failure = type(error).__name__
    except (httpx.InvalidURL, httpx.HTTPError):
        raise NotTold("the address of the webhook is no address") from None
    if failure or status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise TryLater(failure or f"status {status}")
    if not httpx.codes.is_success(status):
        raise NotTold(f"status {status}")
