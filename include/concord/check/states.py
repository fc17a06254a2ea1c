"""Where deliveries stand, who let them go on, and what the leases say of it (reconcile §7, §8, §11)."""

from __future__ import annotations

from collections.abc import Iterator

from concord.check.findings import Finding, Rule, broken
from concord.postgres import Connection, compose

STATES = (
    Rule("state.chain", "check/find_illegal_events", "deliveries that went where no legal edge leads"),
    Rule("state.now", "check/find_unequal_states", "deliveries in a state that no event brought them to"),
    Rule("state.stuck", "check/find_stuck_deliveries", "deliveries at work that have not moved for six hours"),
    Rule("end.silent", "check/find_silent_ends", "deliveries that failed or were rejected without an incident"),
    Rule("hold.silent", "check/find_silent_holds", "held deliveries without an open incident: nobody is asked"),
    Rule("hold.unapproved", "check/find_unapproved_applies", "deliveries applied without an ordinary or approved plan"),
    Rule("hold.undecided", "check/find_undecided_declines", "deliveries declined by nobody"),
    Rule("decision.digest", "check/find_unknown_decisions", "deliveries with a decision on a plan they never had"),
    Rule("apply.marks", "check/find_unmarked_applies", "deliveries applied without its marks, or marked without"),
    Rule("apply.order", "check/find_unordered_applies", "deliveries applied later but known earlier"),
)
"""Ids are delivery ids."""

LEASES = (
    Rule("lease.state", "check/find_moved_leases", "feeds whose lease does not name what was applied last"),
    Rule("lease.fence", "check/find_passed_fences", "feeds with more applies than fences taken"),
)
"""Ids are feeds. Deliveries are the only writers of core; others would move ``state_seq`` too."""

STAGE = (
    Rule("stage.orphan", "check/find_orphan_tables", "stage tables that no live staging owns"),
    Rule("stage.left", "check/find_left_tables", "stage tables that were replaced, or not finished, long ago"),
)
"""Ids are names of tables in schema ``stage``."""


def check(connection: Connection) -> Iterator[Finding]:
    """Findings by delivery, feed and stage table."""
    yield from broken(connection, STATES + LEASES + STAGE, applied=compose("check/list_applied_plans"))
