"""Judges rows against each other: duplicates, contradictions, families (reconcile §1, §4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from concord.contract import Feed, Mode
from concord.entities import MEMBER
from concord.postgres import Connection, run
from concord.reconcile.parts import Parts, columns, same

ALONE = ("plan/mark_contradicted_alone", "plan/mark_contradicted_ends", "plan/mark_unnamed_reinstatements")
"""What rows that do not name their span have to keep (834)."""
IN_FILE = ("possible_multiple_birth", "duplicate", "ambiguous_key", "member.conflict", "subscriber_quarantined")


def sift(
    connection: Connection, feed: Feed, parts: Parts, values: Mapping[str, Any], *, is_replay: bool = False
) -> None:
    """Marks each staged row consumed, duplicate, quarantined or (of a replay) moot, with its reason; repeatable."""
    composed = {
        **parts.all(),
        "member_key": columns(MEMBER.key),
        "s_member_key": columns(MEMBER.key, "s"),
        "s_is_member": same(MEMBER.key, "s", "h"),
        "member_changed": replace(parts, entity=MEMBER).changed(),
        "t_is_torn": same(MEMBER.key, "t", "torn"),
        "s_is_ended": same(parts.entity.key, "s", "ended"),
        "t_is_torn_key": same(parts.entity.key, "t", "torn"),
        "s_is_known": same(MEMBER.key, "s", "m"),
        "s_is_other": same(MEMBER.key, "s", "o"),
        "s_is_leaving": same(MEMBER.key, "s", "leaving"),
        "s_is_h_member": same(MEMBER.key, "s", "h"),
    }
    for name in _rules(feed, is_replay=is_replay):
        run(connection, name, values, **composed)


def _rules(feed: Feed, *, is_replay: bool) -> tuple[str, ...]:
    """The rules in order: what is moot, what cannot be told apart, repeats or contradicts, who is alone."""
    births = () if _tells_children_apart(feed) else ("plan/mark_multiple_births",)
    unknown = ("plan/mark_unknown_members",) if feed.mode is Mode.DELTA else ()
    alone = feed.columnar.brings_members_alone
    unknown_alone = ("plan/mark_unknown_alone",) if alone and feed.mode is Mode.DELTA else ()
    contradicted = ALONE if alone else ()
    moot, orphans = ("replay/mark_newer_truth",), ("replay/mark_orphans",)
    otherwise = ("replay/mark_said_otherwise", "replay/mark_members_said_otherwise")
    return (
        "plan/reset_dispositions",
        *(moot if is_replay else ()),
        *births,
        "plan/mark_duplicates",
        "plan/mark_ambiguous_keys",
        *(otherwise if is_replay else ()),
        "plan/mark_member_conflicts",
        "plan/mark_undated_ends",
        *unknown,
        *unknown_alone,
        *contradicted,
        "plan/mark_families",
        *(orphans if is_replay else ()),
    )


def _tells_children_apart(feed: Feed) -> bool:
    """Whether the partner itself sends person codes (a default or constant tells nobody apart)."""
    mapping = feed.columns.get("person_code")
    return mapping is not None and mapping.default is None
