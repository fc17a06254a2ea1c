"""Rules over several columns, as light values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


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
