"""What the parties agreed on beyond the columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Mode(StrEnum):
    """What the absence of a member from a delivery means."""

    FULL = "full"
    """Everyone in scope is in the file; absence is evidence (834 BGN08=RX)."""
    DELTA = "delta"
    """Only what changed is in the file; absence means nothing (834 BGN08=2)."""
    COMPARE = "compare"
    """Planned and reported, never written (834 BGN08=4)."""


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
    """Dates that mean no date, as text and as the day they denote; where numbers are packed or zoned, as numbers."""
    guards: Guards = field(default_factory=Guards)
    hold_escalates_after: timedelta = timedelta(hours=4)
    approvers: int = 1
    replay_attempts: int = 3
    """Replays that may refuse a row again before it is set apart (``poison``)."""


@dataclass(frozen=True)
class Scope:
    """Whom absence is judged among: groups and coverage lines this feed owns.

    Empty tuples mean: what was applied before from this feed.
    """

    groups: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
