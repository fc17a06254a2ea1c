"""What makes a contract contradict itself: each as the field concerned and a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from concord.contract import answers, delimited, sheet, x12
from concord.contract.clinical_contradictions import asked, export, records, search
from concord.contract.delimited import Delimited
from concord.contract.drop import files
from concord.contract.fixed import FixedWidth
from concord.contract.fixed_contradictions import fixed_width
from concord.contract.policy import Action, Limit, Mode, Omission
from concord.contract.reading import Codes, DateText, Moment, Number, Reader, Reference, Ssn, Text, Whole, YesNo
from concord.contract.rules import RequiredWhen
from concord.contract.sheet import Xlsx
from concord.contract.source import FhirBulk, FhirSearch, SftpDrop
from concord.contract.x12 import X12834
from concord.entities import RESOURCE_TYPES, Kind

if TYPE_CHECKING:
    from concord.contract.feed import Feed

FEED_NAME = re.compile(r"\A[a-z][a-z0-9_]{2,39}\Z")
CLOCK = re.compile(r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")
FILE_DATE = re.compile(r"\{date:(?P<format>[^}]+)\}")
DATE_CODES = frozenset(f"%{code}" for code in ("Y", "y", "m", "d", "b", "H", "M", "S", "-m", "-d"))
MOMENT_CODES = DATE_CODES - {"%y"} | {"%f", "%z", "%I", "%p"}

EXTRA_COLUMNS = {"maintenance_action": Kind.TEXT}
"""Staged columns that steer reconciling and belong to no entity."""


def contradictions(feed: Feed) -> Iterator[tuple[str, str]]:
    """Every contradiction of ``feed`` as (field, message); empty for a sound contract."""
    yield from _naming(feed)
    yield from _timing(feed)
    yield from _promise(feed)
    yield from _policy(feed)
    yield from _source(feed)
    if not feed.has_columns or any(entity.is_record for entity in feed.entities):
        yield from records(feed)
    if feed.answers is not None:
        yield from answers.contradictions(feed, feed.answers)
    if feed.has_columns:
        yield from _mapping(feed)
        yield from _rules(feed)
        yield from _format(feed)


def _naming(feed: Feed) -> Iterator[tuple[str, str]]:
    for label, value in (("name", feed.name), ("partner", feed.partner)):
        if not FEED_NAME.match(value):
            yield label, "must be lower-case letters, digits and underscores, 3 to 40, a letter first"
    if not feed.about.strip():
        yield "about", "must say what the partner sends, how often, and what a missing member means"
    if not feed.owner.strip():
        yield "owner", "must name the team that answers for the feed"


def _mapping(feed: Feed) -> Iterator[tuple[str, str]]:
    known = {*feed.canonical, *(() if feed.is_of_records else EXTRA_COLUMNS)}
    for name in (*feed.columns, *feed.constants):
        if name not in known:
            yield f"columns[{name}]", "is not a column of the feed's entities"
    for name in feed.columns.keys() & feed.constants.keys():
        yield f"constants[{name}]", "is mapped from a source column as well"
    yield from _required_columns(feed)
    yield from _readers(feed)


def _required_columns(feed: Feed) -> Iterator[tuple[str, str]]:
    for entity in feed.entities:
        for column in entity.columns:
            if not column.required or column.name in feed.constants:
                continue
            mapping = feed.columns.get(column.name)
            if mapping is None:
                yield f"columns[{column.name}]", f"{entity.name} requires it and nothing maps to it"
            elif not mapping.required and mapping.default is None:
                yield f"columns[{column.name}]", f"{entity.name} requires a value: say required=True or give a default"
    for name, mapping in feed.columns.items():
        if mapping.required and mapping.optional_column:
            yield f"columns[{name}]", "a required value cannot come from an optional column"


READ_BY: tuple[tuple[Kind, type, str], ...] = (
    (Kind.DATE, DateText, "date columns"),
    (Kind.INTEGER, Whole, "whole numbers"),
    (Kind.TIMESTAMP, Moment, "moments"),
    (Kind.NUMERIC, Number, "decimal numbers"),
    (Kind.BOOLEAN, YesNo, "columns of yes and no"),
)


def _readers(feed: Feed) -> Iterator[tuple[str, str]]:
    for name, mapping in feed.columns.items():
        kind = _kind(feed, name)
        if kind is None:
            continue
        for of, reader, words in READ_BY:
            if (kind is of) != isinstance(mapping.read, reader):
                yield f"columns[{name}].read", f"{words}, and only they, are read by {reader.__name__}"
        if isinstance(mapping.read, Reference) and not name.endswith("_reference"):
            yield f"columns[{name}].read", "references, and only they, are read by Reference"
        if (name == "ssn") != isinstance(mapping.read, Ssn):
            yield f"columns[{name}].read", "ssn, and only ssn, is read by Ssn"
        if any(name in entity.scope for entity in feed.entities) and not _is_bounded(mapping.read):
            yield f"columns[{name}].read", "a scope is shown to people: give it a pattern or a code table"
        yield from _pattern(name, mapping.read)
        yield from _formats(name, mapping.read)
        yield from _meanings(name, mapping.read)
    if (action := feed.columns.get("maintenance_action")) is not None:
        yield from _actions(action.read)


def _kind(feed: Feed, name: str) -> Kind | None:
    return next((e.column(name).kind for e in feed.entities if name in e.names), EXTRA_COLUMNS.get(name))


def _is_bounded(read: Reader) -> bool:
    """Whether a shifted row cannot bring just any text: what passes is shown in guards and incidents."""
    return isinstance(read, Codes) or (isinstance(read, Text) and read.pattern is not None)


def _formats(name: str, read: Reader) -> Iterator[tuple[str, str]]:
    """Only codes that are read strictly and vectorised: an unknown one would be found in the first task."""
    if not isinstance(read, DateText | Moment):
        return
    place = f"columns[{name}].read"
    for form in read.formats:
        if unknown := set(re.findall(r"%-?.", form)) - (MOMENT_CODES if isinstance(read, Moment) else DATE_CODES):
            yield place, f"date format has {', '.join(sorted(unknown))}, which is not read"
    for first, second in combinations(read.formats, 2):
        if _looks(first) == _looks(second) and _order(first) != _order(second):
            yield place, f"{first} and {second} read one text as two days: declare the order the partner writes"
    if isinstance(read, Moment):
        return
    if read.pivot is not None and not 0 <= read.pivot <= 99:
        yield place, "pivot is a two-digit year, 0 to 99"
    if (read.pivot is not None) != any("%y" in form for form in read.formats):
        yield place, "two-digit years (%y) and a pivot, which says in what century they lie, are declared together"


def _meanings(name: str, read: Reader) -> Iterator[tuple[str, str]]:
    """What the readers of records' columns say has to mean one thing."""
    place = f"columns[{name}].read"
    if isinstance(read, Moment) and read.tz not in available_timezones():
        yield place, "tz is no IANA time zone"
    if isinstance(read, Number) and read.low is not None and read.high is not None and read.low > read.high:
        yield place, "low is above high"
    if isinstance(read, YesNo):
        yes, no = ({word.strip().upper() for word in words} for words in (read.yes, read.no))
        if yes & no or "" in yes | no or not yes | no:
            yield place, "a word means yes or no, never both, and a blank neither"
    if isinstance(read, Reference) and read.type not in RESOURCE_TYPES:
        yield place, f"{read.type} is no resource type that Concord has a table for"


LOOKS = {"%Y": "0000", "%y": "00", "%m": "00", "%d": "00", "%-m": "00", "%-d": "00", "%H": "00", "%M": "00", "%S": "00"}


def _looks(form: str) -> str:
    """What a date in ``form`` looks like; one digit or two is the same."""
    return re.sub(r"%-?[A-Za-z]", lambda code: LOOKS.get(code[0], code[0]), form)


def _order(form: str) -> list[str]:
    return [code.replace("-", "") for code in re.findall(r"%-?[A-Za-z]", form)]


def _pattern(name: str, read: Reader) -> Iterator[tuple[str, str]]:
    if isinstance(read, Text) and read.pad_left is not None and read.pad_left <= 1:
        yield f"columns[{name}].read", "pad_left is a number of digits, 2 or more"
    if not isinstance(read, Text) or read.pattern is None:
        return
    if re.search(r"\\[dws$]|(?<!\\)\$", read.pattern):
        yield f"columns[{name}].read", r"use ASCII classes and \Z: \d accepts Arabic digits, $ a trailing line end"
    try:
        re.compile(read.pattern)
    except re.error as error:
        yield f"columns[{name}].read", f"is no regular expression: {error}"


def _actions(read: Reader) -> Iterator[tuple[str, str]]:
    allowed = {action.value for action in Action}
    if not isinstance(read, Codes) or not set(read.table.values()) <= allowed:
        yield "columns[maintenance_action].read", f"must be Codes into {', '.join(sorted(allowed))}"


def _rules(feed: Feed) -> Iterator[tuple[str, str]]:
    present = {*feed.columns, *feed.constants}
    for rule in feed.rules:
        dated = () if isinstance(rule, RequiredWhen) else ("earlier", "later", "column")
        for attribute in ("earlier", "later", "column", "when"):
            name = getattr(rule, attribute, None)
            if name is not None and name not in present:
                yield f"rules[{type(rule).__name__}]", f"speaks of {name!r}, which nothing maps to"
            elif attribute in dated and name is not None and _kind(feed, name) not in (Kind.DATE, Kind.TIMESTAMP):
                yield f"rules[{type(rule).__name__}]", f"compares {name!r}, which is no day"


def _timing(feed: Feed) -> Iterator[tuple[str, str]]:
    if feed.schedule.tz not in available_timezones():
        yield "schedule.tz", "is no IANA time zone"
    for label in ("at", "expected_by"):
        if not CLOCK.match(getattr(feed.schedule, label)):
            yield f"schedule.{label}", "must be HH:MM"
    if feed.mode is Mode.DELTA and not (feed.order.sequence or feed.order.file_date):
        yield "order", "a delta feed needs an order"


def _source(feed: Feed) -> Iterator[tuple[str, str]]:
    if isinstance(feed.source, FhirBulk):
        yield from export(feed.source)
        yield from asked(feed, feed.source)
    elif isinstance(feed.source, FhirSearch):
        yield from search(feed, feed.source)
        yield from asked(feed, feed.source)
    else:
        yield from _drop(feed, feed.source)


def _drop(feed: Feed, drop: SftpDrop) -> Iterator[tuple[str, str]]:
    if feed.order.file_date and not FILE_DATE.search(drop.pattern):
        yield "source.pattern", "order is by file date, but the pattern has no {date:…}"
    if feed.order.sequence and "{sequence}" not in drop.pattern:
        yield "source.pattern", "order is by sequence, but the pattern has no {sequence}"
    if not drop.directory.startswith("/"):
        yield "source.directory", "must be absolute"
    has_rows = feed.has_columns and not isinstance(feed.format, X12834)
    yield from files(drop, has_rows=has_rows)


def _promise(feed: Feed) -> Iterator[tuple[str, str]]:
    schedule = feed.schedule
    if schedule.expected_by <= schedule.at:
        yield "schedule.expected_by", "must be after at, on the same day"
    if not schedule.promised_on or not set(schedule.promised_on) <= set(range(7)):
        yield "schedule.promised_on", "must be days of the week, 0 (Monday) to 6"
    if schedule.stale_after < 1:
        yield "schedule.stale_after", "must be at least one business day"


def _policy(feed: Feed) -> Iterator[tuple[str, str]]:
    policy, guards = feed.policy, feed.policy.guards
    for label in ("ends", "adds", "rejected", "unreadable_keys"):
        limit: Limit = getattr(guards, label)
        if not 0 < limit.share < 1 or limit.floor < 1:
            yield f"policy.guards.{label}", "share must lie between 0 and 1 and floor be at least 1"
    if policy.absences < 1:
        yield "policy.absences", "must be at least 1"
    if feed.mode is Mode.DELTA and policy.omission not in (Omission.HOLD, Omission.KEEP):
        yield "policy.omission", "a delta feed says nothing by absence"
    if policy.absences > 1 and policy.omission in (Omission.HOLD, Omission.KEEP):
        yield "policy.absences", "counting absences needs an omission policy that ends"
    if bool(feed.scope.groups) != bool(feed.scope.lines):
        yield "scope", "groups and lines are declared together: one without the other declares nothing"
    if not 1 <= policy.cutoff_day <= 28:
        yield "policy.cutoff_day", "must lie between 1 and 28"
    if policy.approvers not in (1, 2):
        yield "policy.approvers", "one or two persons approve"


def _format(feed: Feed) -> Iterator[tuple[str, str]]:
    """What each format has to say of itself."""
    form = feed.format
    if isinstance(form, Delimited):
        yield from delimited.contradictions(feed, form)
    elif isinstance(form, FixedWidth):
        yield from fixed_width(feed, form)
    elif isinstance(form, Xlsx):
        yield from sheet.contradictions(feed, form)
    elif isinstance(form, X12834):
        yield from x12.contradictions(feed, form)
