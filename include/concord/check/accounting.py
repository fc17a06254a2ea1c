"""Nothing is lost and nothing counts twice: lines, quarantine, plans, versions, events (reconcile §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from concord.check.findings import Finding, Rule, broken
from concord.check.spans import parts
from concord.entities import ENTITIES
from concord.postgres import Connection, compose, one, run

LINES = (
    Rule("lines.miscounted", "check/find_miscounted_lines", "deliveries with an account whose total is not its lines"),
    Rule("lines.twice", "check/find_repeated_lines", "deliveries with a line in two accounts"),
    Rule("lines.missing", "check/find_missing_lines", "deliveries with a line in no account"),
    Rule("lines.stray", "check/find_stray_lines", "deliveries with an account of lines they do not have"),
    Rule("quarantine.lines", "check/find_unequal_quarantine", "deliveries whose quarantine is not what is accounted"),
    Rule("replay.lines", "check/find_unequal_replays", "replays whose rows came to something else than is accounted"),
    Rule("replay.closed", "check/find_unequal_closed", "deliveries with a refused row that was replayed twice, or not"),
)

PLANS = (Rule("plan.unfinished", "check/find_unfinished_plans", "deliveries with a plan that is not whole"),)

WRITTEN = (
    Rule("closed", "check/find_unequal_closings", "deliveries that closed other versions than their plan says"),
    Rule("opened", "check/find_unequal_openings", "deliveries that opened not as many versions as their plan says"),
    Rule("events", "check/find_unequal_events", "deliveries whose events are not one per row they touched"),
    Rule("event_action", "check/find_other_events", "deliveries with an event that says what their plan did not"),
)
"""For every entity, of deliveries that were applied."""


def check(connection: Connection) -> Iterator[Finding]:
    """Findings by delivery id."""
    yield from broken(connection, LINES, accounted=compose("check/list_accounted"))
    yield from broken(connection, PLANS)
    yield from _plans(connection)
    applied = compose("check/list_applied_plans")
    for entity in ENTITIES.values():
        named = (replace(rule, code=f"{entity.name}.{rule.code}") for rule in WRITTEN)
        yield from broken(connection, named, {"entity": entity.name}, applied=applied, **parts(entity))


def _plans(connection: Connection) -> Iterator[Finding]:
    """A stored plan is what its digest says: by the statement that made the digest, plan by plan."""
    altered = []
    for plan in run(connection, "check/list_plans"):
        found = one(connection, "plan/digest_plan", {"plan_id": plan["plan_id"]}) or {}
        if found["digest"] != plan["digest"]:
            altered.append(plan)
    for plan in altered:
        yield Finding("plan.digest", (plan["delivery_id"],), f"plan {plan['plan_id']} is not what its digest says")
