"""PURE. When an ordinary plan stops being ordinary (reconcile §6): figures in, findings out.

A tripped guard holds the delivery for a person. What rejects a delivery whole
(control totals, structure, no data rows) was found while reading and never gets here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from concord.contract import Feed, Limit, Omission

NEW_SCOPES_SHOWN = 10
"""A shifted column makes a scope of every value: a few tell as much as a thousand."""


@dataclass(frozen=True)
class ScopeFigures:
    """One (group, coverage line): spans standing before, losses and grants planned, rows that came in."""

    scope: tuple[str, ...]
    standing: int
    losses: int
    grants: int
    rows_in: int
    is_known: bool


@dataclass(frozen=True)
class Figures:
    """What the guards look at; all counts."""

    scopes: tuple[ScopeFigures, ...]
    rows_read: int
    rejected: int
    unreadable: int
    nameless: int
    usable: int
    retro: int
    omitted: int
    recent_losses: int
    covered: int
    uncovered: int
    tail_losses: int
    is_first: bool
    is_full: bool
    is_replay: bool = False


@dataclass(frozen=True)
class Finding:
    """One evaluated guard: its figures, its limit and whether it tripped. ``text`` has counts only."""

    guard: str
    count: int
    base: int
    tripped: bool
    text: str
    limit: Limit | None = None
    scope: str = ""

    @property
    def share(self) -> float:
        """Count as a share of base; 1 where something stands against nothing."""
        return self.count / self.base if self.base else float(self.count > 0)


def evaluate(feed: Feed, figures: Figures) -> list[Finding]:
    """Every guard for this plan, tripped or not."""
    findings = [*_first(figures), *_volume(feed, figures), *_reading(feed, figures), *_dates(figures)]
    if not (figures.is_first and figures.is_full):  # a first full is held as it is
        findings += [*_losses(feed, figures), *_grants(feed, figures)]
    findings += _new_scopes(feed, figures)
    if figures.is_full:
        findings += [*_vanished_scopes(figures), *_omission(feed, figures), *_tail(feed, figures), *_nameless(figures)]
    return findings


def _first(figures: Figures) -> Iterator[Finding]:
    if figures.is_full:
        text = "the first full delivery of a feed is always looked at by a person"
        yield Finding("first_full", int(figures.is_first), 1, figures.is_first, text)


def _volume(feed: Feed, figures: Figures) -> Iterator[Finding]:
    least = feed.policy.guards.minimum_rows
    if figures.is_full:
        text = f"{figures.usable:,} usable rows, at least {least:,} are believable"
        yield Finding("minimum_rows", figures.usable, least, figures.usable < least, text)


def _reading(feed: Feed, figures: Figures) -> Iterator[Finding]:
    guards = feed.policy.guards
    if figures.is_replay:  # its rows were refused before: that they are again says nothing about a file
        return
    yield limited("rejected", figures.rejected, figures.rows_read, guards.rejected, "rows refused of rows read")
    yield limited(
        "unreadable_keys", figures.unreadable, figures.rows_read, guards.unreadable_keys,
        "rows whose key cannot be read: any member might be among them",
    )  # fmt: skip


def _nameless(figures: Figures) -> Iterator[Finding]:
    """A refused row that names nobody might be any member who is missing; a bad row never ends one (reconcile §4)."""
    trips = figures.nameless > 0 and figures.omitted > 0
    text = f"{figures.nameless:,} refused rows name nobody: any of the missing members might be among them"
    yield Finding("nameless_rows", figures.nameless, figures.rows_read, trips, text)


def _dates(figures: Figures) -> Iterator[Finding]:
    text = f"{figures.retro:,} changes reach further back than the retro limit"
    yield Finding("retro", figures.retro, figures.rows_read, figures.retro > 0, text)


def _losses(feed: Feed, figures: Figures) -> Iterator[Finding]:
    limit = feed.policy.guards.ends
    standing, losses = sum(s.standing for s in figures.scopes), sum(s.losses for s in figures.scopes)
    yield limited("ends", losses, standing, limit, "spans ended, voided or shortened of spans standing")
    for scope in figures.scopes:
        label = " × ".join(scope.scope)
        yield limited("ends", scope.losses, scope.standing, limit, "spans lost in this scope", scope=label)
    yield limited("ends_persons", figures.uncovered, figures.covered, limit, "persons left without any coverage")
    recent, base = losses + figures.recent_losses, standing + figures.recent_losses
    if losses:  # what was lost before this delivery has been judged already
        yield limited("ends_7_days", recent, base, limit, "spans lost over seven days, this delivery included")


def _grants(feed: Feed, figures: Figures) -> Iterator[Finding]:
    limit = feed.policy.guards.adds
    standing, grants = sum(s.standing for s in figures.scopes), sum(s.grants for s in figures.scopes)
    yield limited("adds", grants, standing, limit, "spans added or reinstated, against spans standing")
    for scope in figures.scopes:
        if scope.standing:  # against nothing every share is infinite: the feed's own figures judge that
            label = " × ".join(scope.scope)
            yield limited("adds", scope.grants, scope.standing, limit, "spans added in this scope", scope=label)


def _new_scopes(feed: Feed, figures: Figures) -> Iterator[Finding]:
    """Rows of a group and line that is neither declared nor applied before."""
    if figures.is_first and not feed.scope.groups:
        return
    new = [scope for scope in figures.scopes if not scope.is_known and scope.rows_in]
    for scope in new[:NEW_SCOPES_SHOWN]:
        text = f"{scope.rows_in:,} rows of a scope not seen before"
        yield Finding("scope_new", scope.rows_in, figures.rows_read, True, text, scope=" × ".join(scope.scope))
    if others := new[NEW_SCOPES_SHOWN:]:
        rows = sum(scope.rows_in for scope in others)
        text = f"{rows:,} rows of {len(others):,} more scopes not seen before"
        yield Finding("scope_new", rows, figures.rows_read, True, text, scope="others")


def _vanished_scopes(figures: Figures) -> Iterator[Finding]:
    for scope in figures.scopes:
        if scope.is_known and scope.standing:
            vanished = 0 if scope.rows_in else scope.standing
            text = f"{scope.standing:,} spans are held in this scope, {scope.rows_in:,} rows of it came in"
            label = " × ".join(scope.scope)
            yield Finding("scope_vanished", vanished, scope.standing, bool(vanished), text, scope=label)


def _omission(feed: Feed, figures: Figures) -> Iterator[Finding]:
    if feed.policy.omission is Omission.HOLD:
        text = f"{figures.omitted:,} spans are missing from the file, and the contract leaves that to a person"
        yield Finding("omission", figures.omitted, figures.rows_read, figures.omitted > 0, text)


def _tail(feed: Feed, figures: Figures) -> Iterator[Finding]:
    limit = feed.policy.guards.tail_losses
    text = f"{figures.tail_losses:,} losses stand together at the end of the previous file: this one may be cut off"
    yield Finding("tail_losses", figures.tail_losses, limit, figures.tail_losses >= limit, text)


def limited(guard: str, count: int, base: int, limit: Limit, text: str, scope: str = "") -> Finding:
    """A guard that trips when ``count`` reaches the floor and exceeds the share of ``base``."""
    tripped = count >= limit.floor and count > limit.share * base
    return Finding(guard, count, base, tripped, f"{count:,} of {base:,} {text}", limit, scope)
