"""The contract of a feed: what a partner promised, as plain frozen values.

A contract only *declares*. It imports in milliseconds, because Airflow parses
the DAG file in every task process; pandera schemas, SQL and clients are built
from it inside the task that needs them. A contract that contradicts itself
cannot be built: the constructor raises :class:`ContractError` and says where.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, timedelta
from enum import Enum, StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from concord.entities import ELIGIBILITY, MEMBER, Entity, Kind, Phi
from concord.errors import ContractError

FEED_NAME = re.compile(r"\A[a-z][a-z0-9_]{2,39}\Z")
CLOCK = re.compile(r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")
FILE_DATE = re.compile(r"\{date:(?P<format>[^}]+)\}")


class Mode(StrEnum):
    """What the absence of a member from a delivery means."""

    FULL = "full"
    """Everyone in scope is in the file; absence is evidence (834 BGN08=RX)."""
    DELTA = "delta"
    """Only what changed is in the file; absence means nothing (834 BGN08=2)."""
    COMPARE = "compare"
    """Planned and reported, never written (834 BGN08=4)."""


class Blank(StrEnum):
    """What an empty value of an optional column means."""

    KEEP = "keep"
    CLEAR = "clear"


class Omission(StrEnum):
    """What a full file says about a covered member who is not in it.

    X12 leaves it to the trading partner agreement (TR3 834 1.4.4, RFI 824).
    """

    HOLD = "hold"
    """Planned as an end on the as-of date, and the delivery waits for a person."""
    AS_OF_DATE = "as_of_date"
    END_OF_MONTH = "end_of_month"
    CUTOFF_DAY = "cutoff_day"
    """Until the cutoff day of the month: end of the month before; after it: end of this month."""
    KEEP = "keep"


class Stage(StrEnum):
    """How far a feed is trusted."""

    PILOT = "pilot"
    """Planned and reported, never written (834 ISA15=T)."""
    LIVE = "live"


class ToDate(StrEnum):
    """What the partner's end date means."""

    LAST_COVERED_DAY = "last_covered_day"
    FIRST_UNCOVERED_DAY = "first_uncovered_day"


class Action(StrEnum):
    """Canonical maintenance actions of a row (834 INS03 / HD01); blank in a full file."""

    ADD = "add"
    CHANGE = "change"
    END = "end"
    REINSTATE = "reinstate"
    CANCEL = "cancel"
    AUDIT = "audit"


# ── how a value is read ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Text:
    """Text, stripped; ``pattern`` must match the whole value (ASCII classes, never ``\\d``)."""

    pattern: str | None = None
    max_length: int = 200
    upper: bool = False
    digits_only: bool = False
    """Separators (space, ``-``, ``.``, ``(``, ``)``) are dropped before the pattern is judged."""


@dataclass(frozen=True)
class DateText:
    """A calendar date in one of ``formats`` (strptime, tried in order); sentinels mean 'no date'."""

    formats: tuple[str, ...] = ("%Y-%m-%d",)


@dataclass(frozen=True)
class Codes:
    """A code table from the partner's values (compared upper-case) to canonical codes."""

    table: Mapping[str, str]


@dataclass(frozen=True)
class Whole:
    """A whole number between ``low`` and ``high``, ASCII digits only."""

    low: int = 0
    high: int = 2_147_483_647


@dataclass(frozen=True)
class Ssn:
    """A social security number: nine digits with or without dashes.

    Never-assigned numbers (SSA POMS RM 10201.035) and known placeholders are
    read as blank and flagged ``ssn.placeholder``: an SSN is nullable.
    """


Reader = Text | DateText | Codes | Whole | Ssn


@dataclass(frozen=True)
class From:
    """Where a canonical column comes from and how it is read.

    ``source`` is the partner's column name. ``required`` is about the *value*;
    ``optional_column`` lets the column itself be missing from the file (then every
    value means ``keep`` and the delivery reports drift). ``blank`` defaults by mode:
    full ``clear``, delta ``keep``. ``default`` replaces a blank value.
    """

    source: str
    read: Reader = field(default_factory=Text)
    required: bool = False
    optional_column: bool = False
    blank: Blank | None = None
    default: str | None = None


def date_in(*formats: str) -> DateText:
    """Shorthand for :class:`DateText` with ``formats`` (strptime)."""
    return DateText(formats)


# ── rules over several columns ─────────────────────────────────────────────────


@dataclass(frozen=True)
class NotAfter:
    """``earlier`` must not be after ``later`` where both are given; the reason code is ``code``."""

    earlier: str
    later: str
    code: str


@dataclass(frozen=True)
class NotInFuture:
    """A date that must not lie after the delivery's as-of date; reason ``<column>.in_future``."""

    column: str


@dataclass(frozen=True)
class NotBefore:
    """A date that must not lie before ``bound``; reason ``<column>.too_early``."""

    column: str
    bound: date


@dataclass(frozen=True)
class RequiredWhen:
    """``column`` must be given where ``when`` has one of ``values``; reason ``<column>.required``."""

    column: str
    when: str
    values: tuple[str, ...]


Rule = NotAfter | NotInFuture | NotBefore | RequiredWhen


# ── where and when ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SftpDrop:
    """Files in one directory of a partner's SFTP server.

    ``pattern`` is a file name with ``{date:%Y%m%d}`` and optionally ``{sequence}``
    (digits); ``*`` matches anything else. A file counts as complete when its size
    and mtime stood still for ``stable_for`` and, with ``done_suffix``, its companion
    is there. Names ending in one of ``temporary`` are still being written.
    """

    conn_id: str
    directory: str
    pattern: str
    stable_for: timedelta = timedelta(seconds=60)
    done_suffix: str | None = None
    temporary: tuple[str, ...] = (".tmp", ".part", ".filepart", ".partial", ".writing", ".swp")
    max_bytes: int = 20_000_000_000


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday at ``at`` in ``tz``; the delivery is late after ``expected_by``."""

    at: str
    tz: str
    expected_by: str

    @property
    def cron(self) -> str:
        """The schedule as a five-field cron expression, in ``tz``."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * 1-5"


@dataclass(frozen=True)
class Daily(Weekdays):
    """Every day at ``at`` in ``tz``."""

    @property
    def cron(self) -> str:
        """The schedule as a five-field cron expression, in ``tz``."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * *"


@dataclass(frozen=True)
class OrderBy:
    """What puts two deliveries in order before their arrival does (reconcile §3)."""

    file_date: bool = True
    sequence: bool = False


@dataclass(frozen=True)
class Control:
    """Header and trailer records of a delimited file, told by their first field.

    ``count_field`` is the position (from 0) of the record count in the trailer.
    ``count_includes_control`` says whether header and trailer are counted.
    """

    header: str | None = None
    trailer: str | None = None
    count_field: int = 1
    count_includes_control: bool = False


@dataclass(frozen=True)
class Delimited:
    """Delimited text with a header line of column names (RFC 4180 quoting).

    ``final_newline`` demands that the file ends in a line end: a file that does not
    was cut off and is rejected (``structure.no_final_terminator``).
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    final_newline: bool = True
    control: Control | None = None
    max_record_bytes: int = 1_048_576
    max_columns: int = 1_000


# ── policy ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Limit:
    """Trips when a count reaches ``floor`` *and* its share of the base exceeds ``share``."""

    share: float
    floor: int


@dataclass(frozen=True)
class Guards:
    """When an ordinary delivery stops being ordinary (reconcile §6).

    ``minimum_rows`` is the smallest believable delivery; ``tail_losses`` is how many
    losses, contiguous at the end of the previous file, look like a truncation.
    """

    ends: Limit = Limit(share=0.05, floor=10)
    adds: Limit = Limit(share=0.10, floor=25)
    rejected: Limit = Limit(share=0.02, floor=5)
    unreadable_keys: Limit = Limit(share=0.001, floor=3)
    minimum_rows: int = 1
    tail_losses: int = 10


@dataclass(frozen=True)
class Policy:
    """What the parties agreed on beyond the columns."""

    omission: Omission = Omission.HOLD
    absences: int = 1
    """Consecutive applied fulls a member must be missing from before the end is written (n of N)."""
    cutoff_day: int = 15
    to_date: ToDate = ToDate.LAST_COVERED_DAY
    grace: timedelta = timedelta(days=45)
    """Reappearing this soon after an inferred end voids it, without a gap."""
    look_back: timedelta = timedelta(days=730)
    """Closed spans that ended longer ago are ignored (``ignored_expired``)."""
    retro_limit: timedelta = timedelta(days=90)
    """Ends and starts that reach further back than this hold the delivery."""
    sentinels: tuple[str, ...] = (
        "9999-12-31", "99991231", "12/31/9999", "2999-12-31", "12/31/2999", "29991231",
        "00000000", "0000-00-00", "00/00/0000", "1900-01-01", "01/01/1900", "0001-01-01", "01/01/0001",
    )  # fmt: skip
    guards: Guards = field(default_factory=Guards)
    hold_escalates_after: timedelta = timedelta(hours=4)
    approvers: int = 1


@dataclass(frozen=True)
class Scope:
    """Whom absence is judged among: groups and coverage lines this feed owns.

    Empty tuples mean: what was applied before from this feed.
    """

    groups: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feed:
    """One declared stream of a partner: everything a partner manager would ask.

    Raises :class:`ContractError` naming feed and field when the values contradict
    each other. ``retention_days`` counts from landing.
    """

    name: str
    partner: str
    about: str
    owner: str
    source: SftpDrop
    schedule: Weekdays
    format: Delimited
    mode: Mode
    columns: Mapping[str, From]
    rules: tuple[Rule, ...] = ()
    entities: tuple[Entity, ...] = (MEMBER, ELIGIBILITY)
    scope: Scope = field(default_factory=Scope)
    order: OrderBy = field(default_factory=OrderBy)
    policy: Policy = field(default_factory=Policy)
    stage: Stage = Stage.LIVE
    constants: Mapping[str, str] = field(default_factory=dict)
    """Canonical columns the partner never sends, with the value they all have."""
    ignored: tuple[str, ...] = ()
    """Source columns that are known and deliberately not used: not drift."""
    retention_days: int = 2_190
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field_name, message in contradictions(self):
            raise ContractError(self.name, field_name, message)

    @property
    def canonical(self) -> tuple[str, ...]:
        """Canonical columns of this feed's entities, each once, in entity order."""
        return tuple(dict.fromkeys(name for entity in self.entities for name in entity.names))

    def phi(self, column: str) -> Phi:
        """PHI class of a canonical column of this feed's entities."""
        return next(e.column(column).phi for e in self.entities if column in e.names)

    def blank_means(self, column: str) -> Blank:
        """What a blank value of canonical ``column`` means: declared, or by mode."""
        mapping = self.columns.get(column)
        if mapping is not None and mapping.blank is not None:
            return mapping.blank
        return Blank.KEEP if self.mode is Mode.DELTA or mapping is None else Blank.CLEAR

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every value of the contract: pinned by a plan, checked by apply."""
        return hashlib.sha256(_canonical_text(self).encode()).hexdigest()


EXTRA_COLUMNS = {"maintenance_action": Kind.TEXT}
"""Staged columns that steer reconciling and belong to no entity."""


def _canonical_text(value: object) -> str:
    """A stable text of a contract value: nested dataclasses, mappings and sequences in order."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = ",".join(f"{f.name}={_canonical_text(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_canonical_text(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, tuple):
        return "(" + ",".join(_canonical_text(v) for v in value) + ")"
    return str(value.value) if isinstance(value, Enum) else repr(value)


# ── contradictions ─────────────────────────────────────────────────────────────


def contradictions(feed: Feed) -> Iterator[tuple[str, str]]:
    """Every contradiction of ``feed`` as (field, message); empty for a sound contract."""
    yield from _naming(feed)
    yield from _mapping(feed)
    yield from _rules(feed)
    yield from _timing(feed)
    yield from _policy(feed)


def _naming(feed: Feed) -> Iterator[tuple[str, str]]:
    for label, value in (("name", feed.name), ("partner", feed.partner)):
        if not FEED_NAME.match(value):
            yield label, "must be lower-case letters, digits and underscores, 3 to 40, a letter first"
    if not feed.about.strip():
        yield "about", "must say what the partner sends, how often, and what a missing member means"
    if not feed.owner.strip():
        yield "owner", "must name the team that answers for the feed"


def _mapping(feed: Feed) -> Iterator[tuple[str, str]]:
    known = {*feed.canonical, *EXTRA_COLUMNS}
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


def _readers(feed: Feed) -> Iterator[tuple[str, str]]:
    for name, mapping in feed.columns.items():
        kind = _kind(feed, name)
        if kind is None:
            continue
        if (kind is Kind.DATE) != isinstance(mapping.read, DateText):
            yield f"columns[{name}].read", "date columns, and only they, are read by DateText"
        if (kind is Kind.INTEGER) != isinstance(mapping.read, Whole):
            yield f"columns[{name}].read", "whole numbers, and only they, are read by Whole"
        if (name == "ssn") != isinstance(mapping.read, Ssn):
            yield f"columns[{name}].read", "ssn, and only ssn, is read by Ssn"
        yield from _pattern(name, mapping.read)
    if (action := feed.columns.get("maintenance_action")) is not None:
        yield from _actions(action.read)


def _kind(feed: Feed, name: str) -> Kind | None:
    return next((e.column(name).kind for e in feed.entities if name in e.names), EXTRA_COLUMNS.get(name))


def _pattern(name: str, read: Reader) -> Iterator[tuple[str, str]]:
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
        for attribute in ("earlier", "later", "column", "when"):
            name = getattr(rule, attribute, None)
            if name is not None and name not in present:
                yield f"rules[{type(rule).__name__}]", f"speaks of {name!r}, which nothing maps to"


def _timing(feed: Feed) -> Iterator[tuple[str, str]]:
    if feed.schedule.tz not in available_timezones():
        yield "schedule.tz", "is no IANA time zone"
    for label in ("at", "expected_by"):
        if not CLOCK.match(getattr(feed.schedule, label)):
            yield f"schedule.{label}", "must be HH:MM"
    if feed.order.file_date and not FILE_DATE.search(feed.source.pattern):
        yield "source.pattern", "order is by file date, but the pattern has no {date:…}"
    if feed.order.sequence and "{sequence}" not in feed.source.pattern:
        yield "source.pattern", "order is by sequence, but the pattern has no {sequence}"
    if feed.mode is Mode.DELTA and not (feed.order.sequence or feed.order.file_date):
        yield "order", "a delta feed needs an order"
    if not feed.source.directory.startswith("/"):
        yield "source.directory", "must be absolute"


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
    if not 1 <= policy.cutoff_day <= 28:
        yield "policy.cutoff_day", "must lie between 1 and 28"
    if policy.approvers not in (1, 2):
        yield "policy.approvers", "one or two persons approve"
    if len(feed.format.delimiter) != 1 or len(feed.format.quote) != 1 or feed.format.delimiter == feed.format.quote:
        yield "format", "delimiter and quote are one character each, and differ"


def time_zone(feed: Feed) -> ZoneInfo:
    """The feed's time zone; its schedule and deadline are in local time."""
    return ZoneInfo(feed.schedule.tz)
