"""Writes a plan: one fenced transaction, checked before and after (reconcile §8).

Twice changes nothing: a delivery that is applied already is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from concord import audit, ledger, match_key
from concord.contract import Feed, Mode
from concord.entities import ELIGIBILITY, Entity
from concord.errors import BaseMoved, Fenced, NeedsDecision, Unbalanced
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.reconcile.parts import Parts, columns
from concord.reconcile.plan import prefer_set_work
from concord.stage import Staging, require_match_key, verify

BOTH_PARTS = ["grant", "loss"]
SPAN_COLUMNS = ("effective_from", "effective_to", "end_kind", "end_evidence")
ORIGIN = ("delivery_id", "line")


@dataclass(frozen=True)
class Applied:
    """What an apply did: rows closed and opened per entity, and when it became known."""

    known_at: datetime
    rows: dict[str, dict[str, int]]


def apply(
    connection: Connection,
    feed: Feed,
    delivery: Delivery,
    staging: Staging,
    plan: dict[str, Any],
    fence: int,
    actor: str,
) -> Applied:
    """Applies ``plan`` (a row of ``ops.plan``) in the caller's transaction.

    Raises :class:`Fenced` (a newer attempt writes), :class:`BaseMoved` (plan again),
    :class:`NeedsDecision` (nobody approved this digest), StageLost, Unbalanced.
    """
    feed = feed.as_sent(Mode(delivery.mode))
    lease = one(connection, "ledger/hold_lease", {"feed": feed.name, "fence": fence})
    if lease is None:
        raise Fenced(f"feed {feed.name}: fence {fence} is no longer the newest")
    failpoint("apply.lease_held")
    prefer_set_work(connection)
    delivery = _check(connection, feed, delivery, staging, plan, lease)
    failpoint("apply.checked")
    values = _values(connection, feed, delivery, plan, fence)
    rows = {e.name: _write(connection, e, Parts(feed, e, staging, _missing(delivery)), values) for e in feed.entities}
    _remember(connection, feed, staging, values)
    if delivery.is_replay:
        _close_rows(connection, feed, staging, values)
        failpoint("apply.rows_closed")
    failpoint("apply.remembered")
    written = sum(counts["closed"] + counts["opened"] for counts in rows.values())
    _enter(connection, feed, delivery, values | {"written": written}, actor)
    failpoint("apply.before_commit")
    return Applied(values["known_at"], rows)


def _missing(delivery: Delivery) -> frozenset[str]:
    return frozenset(delivery.drift.get("missing_columns", ()))


def _check(
    connection: Connection,
    feed: Feed,
    delivery: Delivery,
    staging: Staging,
    plan: dict[str, Any],
    lease: dict[str, Any],
) -> Delivery:
    """Everything that must still be so, now that nobody else can write for this feed; the delivery as it is now."""
    held = ledger.find_of(connection, feed, delivery.delivery_id, lock=True)
    ledger.require_attempt(held, delivery.attempt)
    if held.state not in ("planned", "held"):
        raise Fenced(f"delivery {held.delivery_id} is {held.state}: there is nothing to apply")
    newest = None if held.is_replay else ledger.latest_applied(connection, feed.name)
    if newest is not None and newest.order > held.order:
        raise BaseMoved(f"delivery {newest.delivery_id} is newer and applied already")
    if lease["state_seq"] != plan["base_seq"] or plan["contract_hash"] != feed.fingerprint:
        raise BaseMoved(f"delivery {held.delivery_id}: tables or contract changed since it was planned")
    verify(connection, staging, held.delivery_id, feed.fingerprint)
    require_match_key(staging, match_key.hold(connection, feed.partner))
    _check_digest(connection, plan)
    if plan["verdict"] == "hold":
        _check_decision(connection, held, plan)
    return held


def _check_digest(connection: Connection, plan: dict[str, Any]) -> None:
    row = one(connection, "plan/digest_plan", {"plan_id": plan["plan_id"]}) or {}
    if row["digest"] != plan["digest"]:
        raise BaseMoved(f"plan {plan['plan_id']} is not what its digest says")


def _check_decision(connection: Connection, delivery: Delivery, plan: dict[str, Any]) -> None:
    decision = one(connection, "apply/get_decision", {"delivery_id": delivery.delivery_id, "digest": plan["digest"]})
    if decision is None or decision["verdict"] != "approve":
        raise NeedsDecision(f"delivery {delivery.delivery_id}: nobody approved digest {plan['digest'][:12]}")


def _values(connection: Connection, feed: Feed, delivery: Delivery, plan: dict[str, Any], fence: int) -> dict[str, Any]:
    instant = one(connection, "apply/get_instant", {"feed": feed.name}) or {}
    return {
        "feed": feed.name,
        "partner": feed.partner,
        "delivery_id": delivery.delivery_id,
        "plan_id": plan["plan_id"],
        "as_of": plan["as_of_date"],
        "known_at": instant["known_at"],
        "fence": fence,
        "is_full": delivery.mode == "full",
        "parts": BOTH_PARTS,
    }


def _write(connection: Connection, entity: Entity, parts: Parts, values: dict[str, Any]) -> dict[str, int]:
    """Closes the versions the plan replaces and opens those it states; counts must agree with the plan."""
    values = values | {"entity": entity.name}
    composed = {**parts.all(), **_lists(entity, parts)}
    run(connection, f"apply/create_written_{_form(entity, parts.feed)}", values, **composed)
    closed = one(connection, "apply/close_versions", values, **composed) or {}
    failpoint("apply.versions_closed")
    opened = one(connection, "apply/open_versions", values, **composed) or {}
    failpoint("apply.versions_opened")
    if closed["closed"] != closed["planned"] or opened["opened"] != opened["planned"]:
        raise Unbalanced(f"delivery {values['delivery_id']}, {entity.name}: {closed} {opened}")
    if entity.start:
        _refuse_overlaps(connection, values, composed)
    run(connection, "apply/write_outbox", values, **composed)
    failpoint("apply.events_written")
    return {"closed": closed["closed"], "opened": opened["opened"]}


def _form(entity: Entity, feed: Feed) -> str:
    if feed.is_of_records:
        return "records"
    return "spans" if entity.start else "members"


def _lists(entity: Entity, parts: Parts) -> dict[str, sql.Composable]:
    spans = SPAN_COLUMNS if entity.start else ()
    names = (*entity.key, *parts.carried(), *spans, *ORIGIN)
    return {
        "effective": sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(parts.effective(name), sql.Identifier(name)) for name in parts.carried()
        ),
        "h_carried": columns(parts.carried(), "h"),
        "columns": columns(names),
        "c_columns": columns(names, "c"),
        "c_key": columns(entity.key, "c"),
        "row_hash": parts.held_hash(),
        "written": sql.Identifier(f"written_{entity.name}"),
    }


def _refuse_overlaps(connection: Connection, values: dict[str, Any], composed: dict[str, sql.Composable]) -> None:
    row = one(connection, "apply/check_overlaps", values, **composed) or {}
    if row["overlaps"]:
        raise Unbalanced(f"delivery {values['delivery_id']}: {row['overlaps']} spans would overlap")


def _remember(connection: Connection, feed: Feed, staging: Staging, values: dict[str, Any]) -> None:
    """Scopes this feed owns from now on, whose absence is being counted, and what was said without a change."""
    if feed.is_of_records:  # they have no scope, and nobody is missed
        if feed.has_columns:  # and nothing but their order says which of two rows is newer
            (entity,) = feed.entities
            composed = Parts(feed, entity, staging).all()
            run(connection, "apply/write_stated_keys", {**values, "entity": entity.name}, **composed)
        return
    run(connection, "apply/write_scope", values, stage=staging.table)
    if not values["is_full"]:
        composed = Parts(feed, ELIGIBILITY, staging).all()
        run(connection, "apply/write_stated_keys", {**values, "entity": ELIGIBILITY.name}, **composed)
    if values["is_full"]:
        run(connection, "apply/forget_absences", values)
        run(connection, "apply/write_absences", values)


def _close_rows(connection: Connection, feed: Feed, staging: Staging, values: dict[str, Any]) -> None:
    """Closes the refused rows that a replay took up; those refused again stay, and are counted."""
    limits = {**values, "most": feed.policy.replay_attempts}
    counts = one(connection, "replay/close_rows", limits, stage=staging.table) or {}
    if counts["closed"] != counts["taken_up"]:
        raise Unbalanced(f"replay {values['delivery_id']}: not every row that it took up has an outcome")


def _enter(connection: Connection, feed: Feed, delivery: Delivery, values: dict[str, Any], actor: str) -> None:
    """Ledger, lease and audit, in the same transaction as the rows."""
    lease = one(connection, "apply/advance_lease", values)
    if lease is None:
        raise Fenced(f"feed {feed.name}: fence {values['fence']} is no longer the newest")
    failpoint("apply.lease_advanced")
    ledger.move(
        connection, delivery.delivery_id, "applied", "applied", applied_at=values["known_at"],
        applied_seq=lease["state_seq"], known_at=values["known_at"],
    )  # fmt: skip
    ledger.supersede_older(connection, delivery)
    audit.record(
        connection, actor=actor, action="apply", object_id=delivery.delivery_id, count=values["written"],
        purpose="reconciling", plan_id=values["plan_id"], state_seq=lease["state_seq"],
    )  # fmt: skip
