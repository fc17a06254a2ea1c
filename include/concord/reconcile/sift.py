"""Judges rows against each other: duplicates, contradictions, families (reconcile §1, §4)."""

from __future__ import annotations

from concord.contract import Feed, Mode
from concord.entities import MEMBER
from concord.postgres import Connection, run
from concord.reconcile.parts import Parts, columns, same

IN_FILE = ("possible_multiple_birth", "duplicate", "ambiguous_key", "member.conflict", "subscriber_quarantined")


def sift(connection: Connection, feed: Feed, parts: Parts) -> None:
    """Marks each staged row consumed, duplicate or quarantined with its reason; repeatable."""
    composed = {
        **parts.all(),
        "member_key": columns(MEMBER.key),
        "t_is_torn": same(MEMBER.key, "t", "torn"),
    }
    for name in _rules(feed):
        run(connection, f"plan/{name}", {"partner": feed.partner}, **composed)


def _rules(feed: Feed) -> tuple[str, ...]:
    """The rules in order: what cannot be told apart, what repeats, what contradicts, who is alone."""
    births = () if _tells_children_apart(feed) else ("mark_multiple_births",)
    unknown = ("mark_unknown_members",) if feed.mode is Mode.DELTA else ()
    return (
        "reset_dispositions",
        *births,
        "mark_duplicates",
        "mark_ambiguous_keys",
        "mark_member_conflicts",
        "mark_undated_ends",
        *unknown,
        "mark_families",
    )


def _tells_children_apart(feed: Feed) -> bool:
    """Whether the partner itself sends person codes (a default or constant tells nobody apart)."""
    mapping = feed.columns.get("person_code")
    return mapping is not None and mapping.default is None
