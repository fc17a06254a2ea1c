"""Computes the plan of a delivery: the stored diff, its guards, its digest (reconcile §4 to §6).

One repeatable-read transaction: the base (the feed's ``state_seq``) and the held
rows are of one instant, so that apply can tell whether anything moved since.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from concord import envelopes
from concord.contract import Feed, Mode, Omission
from concord.entities import ELIGIBILITY, MEMBER, Entity
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.reconcile import balance
from concord.reconcile.guard import Figures, Finding, ScopeFigures, evaluate
from concord.reconcile.parts import Parts, columns, same
from concord.reconcile.sift import sift
from concord.reconcile.since import Since, decide_moot, keep_members, note_unheard
from concord.stage import Staging

SPAN_ROWS = sql.Identifier("pg_temp", "span_row")
"""The rows of a staging that speak of coverage, where others do not."""


@dataclass(frozen=True)
class Context:
    """What a plan is computed from. ``previous`` is the staging of the latest applied full, where it is at hand.

    ``since`` is what newer deliveries said, for a replay; nothing else has it.
    """

    feed: Feed
    delivery: Delivery
    staging: Staging
    previous: Staging | None
    carried_plans: tuple[int, ...]
    compare_only: str | None
    since: Since | None = None

    @property
    def as_of(self) -> date:
        """The day the delivery speaks of; every date is judged against it."""
        return self.delivery.as_of_date or self.delivery.file_date or date.min

    @property
    def is_full(self) -> bool:
        """Whether absence is evidence."""
        return self.feed.mode is not Mode.DELTA and self.since is None

    @property
    def brings_members_alone(self) -> bool:
        """Whether some rows may be about a member and no coverage."""
        return self.feed.columnar.brings_members_alone

    @property
    def spans(self) -> Parts:
        """The SQL pieces for coverage spans: of the rows that speak of any."""
        parts = self.parts(ELIGIBILITY)
        return replace(parts, rows=SPAN_ROWS) if self.brings_members_alone else parts

    def parts(self, entity: Entity) -> Parts:
        """The SQL pieces for one entity of this delivery."""
        return Parts(self.feed, entity, self.staging, frozenset(self.delivery.drift.get("missing_columns", ())))


@dataclass(frozen=True)
class Plan:
    """A stored plan: ids and counts only."""

    plan_id: int
    base_seq: int
    digest: str
    verdict: str
    counts: dict[str, dict[str, int]]
    balance: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def tripped(self) -> tuple[Finding, ...]:
        """The guards that hold this plan."""
        return tuple(finding for finding in self.findings if finding.tripped)


def compute(connection: Connection, context: Context) -> Plan:
    """Stores a new plan in the caller's transaction; raises Unbalanced when the accounting is off."""
    prefer_set_work(connection)
    base = one(connection, "plan/get_base", {"feed": context.feed.name}) or {}
    values = _values(context, base)
    row = one(connection, "plan/create_plan", values) or {}
    values["plan_id"] = row["plan_id"]
    failpoint("plan.created")
    whole, spans, members = context.parts(ELIGIBILITY), context.spans, context.parts(MEMBER)
    run(connection, "plan/create_scope", values, **whole.all())
    if context.since is not None:
        note_unheard(connection, context.since)
    sift(connection, context.feed, whole, values, is_replay=context.since is not None)
    if context.brings_members_alone:
        run(connection, "plan/create_span_rows", view=SPAN_ROWS, stage=context.staging.table)
    _decide_spans(connection, context, values, spans)
    run(connection, "plan/decide_members", {**values, "entity": "member"}, **members.all())
    if context.since is not None:
        keep_members(connection, values, members.all())
    failpoint("plan.decided")
    plan = _conclude(connection, context, values, row["base_seq"])
    if context.brings_members_alone:  # it would outlive the transaction, and the stage table could not be dropped
        run(connection, "plan/drop_span_rows", view=SPAN_ROWS)
    return plan


def prefer_set_work(connection: Connection) -> None:
    """Fresh tables have no statistics: nested loops over a million rows would be chosen for their sake."""
    connection.execute("SET LOCAL work_mem = '256MB'")
    connection.execute("SET LOCAL enable_nestloop = off")


def _values(context: Context, base: dict[str, Any]) -> dict[str, Any]:
    policy, as_of = context.feed.policy, context.as_of
    return {
        "delivery_id": context.delivery.delivery_id,
        "attempt": context.delivery.attempt,
        "stage_no": context.staging.stage_no,
        "feed": context.feed.name,
        "partner": context.feed.partner,
        "entity": ELIGIBILITY.name,
        "contract_hash": context.feed.fingerprint,
        "as_of": as_of,
        "grace": policy.grace.days,
        "retro_bound": as_of - policy.retro_limit,
        "look_back_bound": as_of - policy.look_back,
        "omission": policy.omission.value,
        "absences": policy.absences,
        "inferred_end": inferred_end(policy.omission, as_of, policy.cutoff_day),
        "is_first": base.get("applied_delivery_id") is None,
        "is_full": context.is_full,
        "seen_delivery_id": base.get("seen_delivery_id"),
        "carried_plans": list(context.carried_plans),
        "groups": list(context.feed.scope.groups),
        "lines": list(context.feed.scope.lines),
        **(context.since.values if context.since is not None else {}),
    }


def inferred_end(omission: Omission, as_of: date, cutoff_day: int) -> date:
    """First uncovered day of a member missing as of ``as_of`` (reconcile §4): never the approval's date."""
    days = calendar.monthrange(as_of.year, as_of.month)[1]
    next_month = as_of.replace(day=1) + timedelta(days=days)
    if omission is Omission.END_OF_MONTH:
        return next_month
    if omission is Omission.CUTOFF_DAY:
        return as_of.replace(day=1) if as_of.day <= cutoff_day else next_month
    return as_of


def _decide_spans(connection: Connection, context: Context, values: dict[str, Any], parts: Parts) -> None:
    composed = parts.all()
    if context.since is not None:
        decide_moot(connection, values, composed)
    before = (
        "create_residue",
        "create_pairs",
        "pair_same_start",
        "pair_overlaps",
        "pair_continuations",
    )
    for name in (*before, "decide_pairs", "decide_incoming"):
        run(connection, f"plan/{name}", values, **composed)
    if context.brings_members_alone:
        _decide_alone(connection, context, values, composed)
    if context.is_full:
        _decide_absent(connection, context, values, composed)
    for name in ("find_overlaps", "mark_overlaps", "drop_overlap_rows", "keep_overlap_spans", "mark_ignored"):
        run(connection, f"plan/{name}", values, **composed)


def _decide_alone(
    connection: Connection, context: Context, values: dict[str, Any], composed: dict[str, sql.Composable]
) -> None:
    pieces = {
        "whole": context.staging.table,
        "s_member_key": columns(MEMBER.key, "s"),
        "h_member_key": columns(MEMBER.key, "h"),
        "a_is_h": same(MEMBER.key, "a", "h"),
        "o_is_h": same(ELIGIBILITY.key, "o", "h"),
    }
    run(connection, "plan/decide_alone", {"newer": [], **values}, **composed, **pieces)


def _decide_absent(
    connection: Connection, context: Context, values: dict[str, Any], composed: dict[str, sql.Composable]
) -> None:
    for name in ("create_presence", "index_presence", "create_hints", "create_hinted", "create_carried"):
        run(connection, f"plan/{name}", values, **composed)
    if context.previous is None:
        run(connection, "plan/create_seen_nothing", values, **composed)
    else:
        run(connection, "plan/create_seen", values, previous=context.previous.table, **composed)
    run(connection, "plan/decide_absent", values, **composed)


def _conclude(connection: Connection, context: Context, values: dict[str, Any], base_seq: int) -> Plan:
    balances, counts = _balances(connection, context, values)
    findings = [*evaluate(context.feed, _figures(connection, context, values)), *_envelopes(connection, context)]
    return conclude(connection, context, (values["plan_id"], base_seq), balances, counts, findings)


def _envelopes(connection: Connection, context: Context) -> Iterator[Finding]:
    """Whether the control numbers of an 834 follow what came before, and whether all of a full one was read.

    Who is missing in a full delivery may stand in a set that was rejected, or may have been cut off with it.
    """
    rejected, of = envelopes.rejected(connection, context.delivery.delivery_id) if context.is_full else (0, 0)
    if rejected:
        yield Finding("envelopes", rejected, of, True, f"{rejected:,} envelopes of a full delivery were rejected")
    found = envelopes.disorder(connection, context.feed, context.delivery.delivery_id)
    if found is not None:
        yield Finding("control_numbers", found.missing, found.number, True, found.text)


def conclude(
    connection: Connection,
    context: Context,
    stored: tuple[int, int],
    balances: dict[str, Any],
    counts: dict[str, dict[str, int]],
    findings: list[Finding],
) -> Plan:
    """Closes a plan, ``stored`` by number and base: its guards, its digest and what they come to."""
    plan_id, base_seq = stored
    for finding in findings:
        run(connection, "plan/insert_guard", _guard_row(plan_id, finding))
    failpoint("plan.guarded")
    digest = (one(connection, "plan/digest_plan", {"plan_id": plan_id}) or {})["digest"]
    verdict = "compare" if context.compare_only else "hold" if any(f.tripped for f in findings) else "apply"
    facts = {"digest": digest, "verdict": verdict, "counts": Jsonb(counts), "balance": Jsonb(balances)}
    run(connection, "plan/finish_plan", {"plan_id": plan_id, **facts})
    failpoint("plan.finished")
    return Plan(plan_id, base_seq, digest, verdict, counts, balances, tuple(findings))


def _balances(
    connection: Connection, context: Context, values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, int]] = {"eligibility": {}, "member": {}}
    for row in run(connection, "plan/count_actions", values):
        entity = counts[row["entity"]]
        entity[row["action"]] = row["rows"]
        entity["losses"] = entity.get("losses", 0) + row["losses"]
    spans, members = context.spans, context.parts(MEMBER)
    lines = balance.account_lines(connection, values["delivery_id"], context.staging.line_count, context.staging.table)
    decided = balance.check_spans(connection, "plan/check_spans", values["delivery_id"], values, spans)
    known = balance.check_spans(
        connection, "plan/check_members", values["delivery_id"], {**values, "entity": "member"}, members
    )
    totals = dict(one(connection, "plan/count_spans", values, **spans.all()) or {})
    span_counts = counts["eligibility"]
    span_counts |= {"unchanged": decided["unchanged"], "incoming": totals["incoming"], "held": totals["held"]}
    span_counts["keep"] = span_counts.get("keep", 0) + (decided["end_known"] if context.is_full else 0)
    counts["member"] |= {"unchanged": known["unchanged"], "incoming": known["incoming"], "held": known["held"]}
    verdicts = {
        "lines": lines,
        "spans": {"verdict": "balanced", **decided},
        "members": {"verdict": "balanced", **known},
    }
    return verdicts, counts


def _figures(connection: Connection, context: Context, values: dict[str, Any]) -> Figures:
    composed = context.spans.all()
    totals = dict(one(connection, "plan/get_totals", values, **context.parts(ELIGIBILITY).all()) or {})
    persons = dict(one(connection, "plan/get_persons", values, **composed) or {})
    scopes = run(connection, "plan/get_figures", values, **composed)
    tail = 0
    if context.is_full and context.previous is not None:
        found = one(connection, "plan/get_tail", values, **composed, previous=context.previous.table) or {}
        tail = int(found["tail_losses"])
    return Figures(
        scopes=tuple(ScopeFigures(**{**row, "scope": tuple(row["scope"])}) for row in scopes),
        tail_losses=tail,
        is_first=values["is_first"],
        is_full=context.is_full,
        is_replay=context.since is not None,
        **{name: int(value) for name, value in (totals | persons).items()},
    )


def _guard_row(plan_id: int, finding: Finding) -> dict[str, Any]:
    row = asdict(finding)
    limit = row.pop("limit")
    share = min(round(finding.share, 6), 999.0)
    return row | {
        "plan_id": plan_id,
        "share": share,
        "limit_share": limit["share"] if limit else None,
        "limit_floor": limit["floor"] if limit else None,
    }
