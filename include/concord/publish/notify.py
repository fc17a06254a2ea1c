"""Ways to tell people: the log, a webhook; those of Airflow's providers are in ``orchestrate.channels``.

Texts are written by our own code and name deliveries, rules and counts, never a value
of a row. What refuses is not tried again here: the notice stays in Postgres until it
was taken (``steps.tell``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from concord.incidents import Severity
from concord.settings import SettingMissing

log = logging.getLogger("concord.notify")

TIMEOUT = httpx.Timeout(10, connect=5)
LONGEST = 3_000
"""Chat systems cut messages at about 4,000 characters."""

WANTED = re.compile(r"\A(?P<way>[a-z]+)(:(?P<connection>[\w.-]+))?(@(?P<least>[a-z]+))?\Z")


class NotTold(Exception):
    """A channel did not take the message: its answer, or the class of the failure; never an address."""


@dataclass(frozen=True)
class Message:
    """What a channel is given: a subject of one line, a text, and how soon a person is needed."""

    subject: str
    text: str
    severity: Severity


@dataclass(frozen=True)
class Channel:
    """A way to tell people of what is at least as severe as ``least``; ``send`` raises :class:`NotTold`."""

    name: str
    least: Severity
    send: Callable[[Message], None]


@dataclass(frozen=True)
class Wanted:
    """One entry of ``CONCORD_NOTIFY``: ``way[:connection][@severity]``."""

    way: str
    connection: str
    least: Severity

    @property
    def name(self) -> str:
        """What the ledger calls the channel."""
        return f"{self.way}:{self.connection}" if self.connection else self.way


def wanted(text: str) -> list[Wanted]:
    """The entries of ``CONCORD_NOTIFY``; raises :class:`SettingMissing` for one that cannot be read."""
    entries = [WANTED.match(part.strip()) for part in text.split(",") if part.strip()]
    levels = {severity.value for severity in Severity}
    if any(entry is None or (entry["least"] or "note") not in levels for entry in entries):
        raise SettingMissing(f"CONCORD_NOTIFY is not way[:connection][@{'|'.join(Severity)}], separated by commas")
    return [Wanted(e["way"], e["connection"] or "", Severity(e["least"] or "note")) for e in entries if e]


def to_log(message: Message) -> None:
    """One line of the log of whatever process tells."""
    log.warning("%s — %s", one_line(message.subject), message.text.strip())


def to_webhook(url: str) -> Callable[[Message], None]:
    """Posts to ``url`` as JSON (``{"text": …}``, as Slack, Mattermost and Teams take it)."""
    # httpx logs every address at INFO, and the address of a webhook is its password.
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def send(message: Message) -> None:
        failure = ""
        try:
            answer = httpx.post(url, json={"text": markdown(message)}, timeout=TIMEOUT, follow_redirects=False)
            failure = "" if answer.is_success else f"status {answer.status_code}"
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            failure = type(error).__name__  # its own text names the address
        if failure:
            raise NotTold(failure)

    return send


def markdown(message: Message) -> str:
    """Subject and text as chat systems take them, cut to what they show."""
    return f"*{one_line(message.subject)}*\n{message.text.strip()}"[:LONGEST]


def one_line(subject: str) -> str:
    """A subject can hold no line end: it is a header of a mail."""
    return " ".join(subject.split())
