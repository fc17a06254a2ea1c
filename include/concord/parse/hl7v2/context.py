"""What holds for all rows of a message: its event, when it was recorded, whose numbers it uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from concord.parse.hl7v2.events import EVENTS, Event
from concord.parse.hl7v2.identifiers import domain
from concord.parse.hl7v2.message import Composite, Message, Segment
from concord.parse.hl7v2.moments import Moment, read_moment
from concord.parse.hl7v2.refusal import Code, MessageRefused
from concord.parse.hl7v2.rows import Row

PRODUCTION = frozenset({"P", ""})
"""HL7 table 0103; an empty MSH-11 is taken for production."""
VERSIONS = ("", "2")


@dataclass(frozen=True)
class Options:
    """What the feed knows and a message may leave out.

    ``zone`` is where times without an offset were written, ``charset`` a Python codec for
    messages without MSH-18, ``authority`` whose numbers they are where a CX does not say
    (else MSH-4, else MSH-3). ``processing`` are the MSH-11 that are believed.
    """

    zone: tzinfo
    charset: str = "utf-8"
    authority: str = ""
    processing: frozenset[str] = PRODUCTION


@dataclass(frozen=True)
class Context:
    """One message's; ``recorded`` is an ISO timestamp in UTC, ``occurred`` is EVN-6."""

    trigger: str
    event: Event
    recorded: str | None
    occurred: Composite
    authority: str = field(repr=False)
    zone: tzinfo

    def row(self, entity: str, resource_id: str) -> Row:
        """A row that says no more than whose it is and when it was recorded."""
        row = Row(entity, self.zone)
        row.set("resource_id", resource_id)
        if self.recorded is not None:
            row.set("last_updated", self.recorded)
        return row


def context(message: Message, options: Options) -> Context:
    """The context of ``message``; raises :class:`MessageRefused` where it is not for this reader."""
    header = message.header
    _check_header(message, options)
    trigger, event = _event(message)
    evn = next(iter(message.named("EVN")), Segment("EVN", [], header.encoding))
    authority = options.authority or domain(header.first(4), 1) or domain(header.first(3), 1)
    return Context(trigger, event, _recorded(header, evn, options.zone), evn.first(6), authority, options.zone)


def _check_header(message: Message, options: Options) -> None:
    header = message.header
    if header.text(9).upper() != "ADT":
        raise MessageRefused(Code.TYPE)
    if header.text(12).partition(".")[0] not in VERSIONS:
        raise MessageRefused(Code.VERSION)
    if header.text(11).upper() not in options.processing:
        raise MessageRefused(Code.PROCESSING)
    if header.text(14) or any(segment.text(1) for segment in message.named("DSC")):
        raise MessageRefused(Code.CONTINUED)


def _event(message: Message) -> tuple[str, Event]:
    """MSH-9.2, else EVN-1 (2.1 had no other place); where they differ MSH-9 counts: it says how to read the message."""
    events = message.named("EVN")
    if len(events) > 1:
        raise MessageRefused(Code.TWO_EVN)
    trigger = (message.header.text(9, 2) or (events[0].text(1) if events else "")).upper()
    if trigger not in EVENTS:
        raise MessageRefused(Code.TRIGGER)
    return trigger, EVENTS[trigger]


def _recorded(header: Segment, evn: Segment, zone: tzinfo) -> str | None:
    """EVN-2, when the event was recorded, else MSH-7, when it was sent; one with a time before one without.

    Raises :class:`MessageRefused` (``last_updated.format``).
    """
    moments = [moment for each in (evn.first(2), header.first(7)) if (moment := _moment(each, zone))]
    exact = [moment for moment in moments if moment.precision == "time"]
    return next((moment.at.isoformat() for moment in (*exact, *moments)), None)


def _moment(composite: Composite, zone: tzinfo) -> Moment | None:
    text = composite.text(1)
    moment = read_moment(text, zone) if text else None
    if text and moment is None:
        raise MessageRefused("last_updated.format")
    return moment
