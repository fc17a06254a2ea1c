"""Computes the plan of a delivery of records: resources that are added, changed and deleted by name.

A record has no span and no scope: absence says nothing. Of several statements of one
record the newest counts; what the source deleted is closed, and its history stays.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from concord.contract import Feed
from concord.entities import RESOURCE_TYPES, Entity
from concord.failpoint import failpoint
from concord.postgres import Connection, one, run
from concord.reconcile import balance
from concord.reconcile.parts import Parts
from concord.reconcile.plan import Context, Plan, conclude, prefer_set_work
from concord.reconcile.record_guard import EntityFigures, Export, RecordFigures, evaluate

SIFT = ("create_statements", "mark_older", "mark_duplicates", "mark_ambiguous")
PER_ENTITY = ("mark_newer_truth", "mark_unknown_deletes")
DECIDE = ("decide_records", "decide_deleted")


def compute(connection: Connection, context: Context) -> Plan:
    """Stores a new plan in the caller's transaction; raises Unbalanced when the accounting is off."""
    prefer_set_work(connection)
    values, base = _values(connection, context)
    row = one(connection, "plan/create_plan", values) or {}
    values["plan_id"] = row["plan_id"]
    failpoint("plan.created")
    present = _present(connection, context)
    _sift(connection, context, values, present)
    for entity in present:
        for name in DECIDE:
            run(connection, f"records/{name}", values | {"entity": entity.name}, **context.parts(entity).all())
    failpoint("plan.decided")
    counts, balances = _balances(connection, context, values, present)
    is_first = base.get("applied_delivery_id") is None
    figures = _figures(connection, context, values, present, is_first=is_first)
    findings = evaluate(context.feed, figures)
    return conclude(connection, context, (row["plan_id"], row["base_seq"]), balances, counts, findings)


def _values(connection: Connection, context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    base = dict(one(connection, "plan/get_base", {"feed": context.feed.name}) or {})
    values = {
        "delivery_id": context.delivery.delivery_id,
        "attempt": context.delivery.attempt,
        "stage_no": context.staging.stage_no,
        "feed": context.feed.name,
        "partner": context.feed.partner,
        "contract_hash": context.feed.fingerprint,
        "as_of": context.as_of,
    }
    return values, base


def _present(connection: Connection, context: Context) -> tuple[Entity, ...]:
    """The entities that the delivery speaks of, in the contract's order."""
    rows = run(connection, "records/list_entities", stage=context.staging.table)
    names = {row["entity"] for row in rows}
    return tuple(entity for entity in context.feed.entities if entity.name in names)


def _sift(connection: Connection, context: Context, values: dict[str, Any], present: tuple[Entity, ...]) -> None:
    """Marks each staged row consumed, duplicate, ignored or quarantined, with its reason; repeatable."""
    composed = {"stage": context.staging.table, "component": component(context.feed)}
    run(connection, "plan/reset_dispositions", stage=context.staging.table)
    for name in SIFT:
        run(connection, f"records/{name}", values, **composed)
    names = PER_ENTITY if context.since is None else (*PER_ENTITY, "mark_newer_said")
    since = {**context.since.values, "unsaid": not context.feed.has_columns} if context.since is not None else {}
    for entity in present:
        for name in names:
            run(connection, f"records/{name}", values | since | {"entity": entity.name}, **context.parts(entity).all())


def component(feed: Feed) -> sql.Identifier:
    """What puts the rows of one resource in order."""
    return sql.Identifier("component" if any("component" in entity.key for entity in feed.entities) else "resource_id")


def _balances(
    connection: Connection, context: Context, values: dict[str, Any], present: tuple[Entity, ...]
) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
    counts: dict[str, dict[str, int]] = {entity.name: {} for entity in present}
    for row in run(connection, "plan/count_actions", values):
        counts[row["entity"]][row["action"]] = row["rows"]
        counts[row["entity"]]["losses"] = counts[row["entity"]].get("losses", 0) + row["losses"]
    delivery_id, table = values["delivery_id"], context.staging.table
    lines = balance.account_lines(connection, delivery_id, context.staging.line_count, table, "records/account_lines")
    balances: dict[str, Any] = {"lines": lines}
    for entity in present:
        named = values | {"entity": entity.name}
        parts: Parts = context.parts(entity)
        decided = balance.check_spans(connection, "records/check_records", delivery_id, named, parts)
        counts[entity.name] |= {name: decided[name] for name in ("incoming", "unchanged", "held")}
        balances[entity.name] = {"verdict": "balanced", **decided}
    return counts, balances


def _figures(
    connection: Connection, context: Context, values: dict[str, Any], present: tuple[Entity, ...], *, is_first: bool
) -> RecordFigures:
    stage = context.staging.table
    totals = {name: int(value) for name, value in (one(connection, "records/get_totals", stage=stage) or {}).items()}
    stated = {row["entity"]: int(row["resources"]) for row in run(connection, "records/list_entities", stage=stage)}
    export = _export(connection, values)
    looked = _wanted(context.feed, export) if export is not None and export.is_full else present
    return RecordFigures(
        entities=tuple(_entity_figures(connection, context, values, entity, stated) for entity in looked),
        export=export,
        is_first=is_first,
        is_replay=context.since is not None,
        **totals,
    )


def _wanted(feed: Feed, export: Export) -> tuple[Entity, ...]:
    """The tables of everything that was asked for: what did not come has to be looked at as well."""
    names = {RESOURCE_TYPES[name].name for name in export.types if name in RESOURCE_TYPES}
    return tuple(entity for entity in feed.entities if entity.name in names)


def _entity_figures(
    connection: Connection, context: Context, values: dict[str, Any], entity: Entity, stated: dict[str, int]
) -> EntityFigures:
    held = one(connection, "records/get_held", values, **context.parts(entity).all()) or {}
    lost = one(connection, "records/get_lost", values | {"entity": entity.name}) or {}
    return EntityFigures(entity.name, int(held["held"]), stated.get(entity.name, 0), int(lost["lost"]))


def _export(connection: Connection, values: dict[str, Any]) -> Export | None:
    row = one(connection, "records/get_export", values)
    return Export(**{**row, "types": tuple(row["types"]), "delivered": tuple(row["delivered"])}) if row else None
