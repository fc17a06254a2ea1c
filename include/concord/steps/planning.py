"""Plans a staged delivery, and says whether it is ordinary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from concord import incidents, ledger, match_key, quarantine
from concord import stage as staging
from concord.contract import Feed, Mode
from concord.errors import ConcordError, StageLost
from concord.failpoint import failpoint
from concord.landing import Manifest, available
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.quarantine import RefusedRow
from concord.reconcile import records
from concord.reconcile.plan import Context, Plan, compute
from concord.reconcile.since import Since
from concord.stage import Staging
from concord.steps import texts
from concord.steps.reading import NOTHING_TO_READ, build
from concord.steps.rereading import text_of, unheard
from concord.steps.site import Site

PLANNABLE = frozenset({"staged", "planned", "held"})


class DryRunEnds(Exception):
    """Rolls a dry run back; carries nothing."""


def plan(feed: Feed, delivery_id: str, attempt: int, site: Site, *, dry_run: bool = False) -> dict[str, Any]:
    """Computes and stores the plan of a staged delivery; returns state, digest, counts and tripped guards."""
    with site.database("plan") as connection:
        delivery = ledger.find_of(connection, feed, delivery_id)
    if not dry_run:
        ledger.require_attempt(delivery, attempt)
    if delivery.state in NOTHING_TO_READ if dry_run else delivery.state not in PLANNABLE:
        return {"state": delivery.state, "held": False}
    computed, state = compute_plan(feed, delivery, site, dry_run=dry_run)
    return {
        "state": state,
        "held": state == "held",
        "digest": computed.digest,
        "counts": computed.counts,
        "breaches": [f"{finding.guard} {finding.scope}".strip() for finding in computed.tripped],
    }


def compute_plan(feed: Feed, delivery: Delivery, site: Site, *, dry_run: bool = False) -> tuple[Plan, str]:
    """Stages again where the cache is gone, computes in one transaction, and moves the state with it."""
    staged = ensure_staged(feed, delivery, site, dry_run=dry_run)
    feed = _as_sent(feed, delivery, site)
    failpoint("plan.staged")
    computed: Plan | None = None
    state = "planned"
    with contextlib.suppress(DryRunEnds), site.database("plan") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        staging.require_match_key(staged, match_key.hold(connection, feed.partner))
        context = _context(connection, feed, delivery, staged, site)
        computed = records.compute(connection, context) if feed.is_of_records else compute(connection, context)
        if dry_run:
            raise DryRunEnds
        _quarantine_found(connection, feed, delivery, staged, site)
        failpoint("plan.quarantined")
        state = _move(connection, delivery, context, computed)
        failpoint("plan.before_commit")
    failpoint("plan.committed")
    if computed is None:
        raise ConcordError(f"delivery {delivery.delivery_id}: no plan was computed")
    return computed, state


def _as_sent(feed: Feed, delivery: Delivery, site: Site) -> Feed:
    """The contract as it counts for this delivery, which has been read by now and may have said what it is."""
    if not feed.says_its_mode:
        return feed
    with site.database("plan") as connection:
        return feed.as_sent(Mode(ledger.find(connection, delivery.delivery_id).mode))


def ensure_staged(feed: Feed, delivery: Delivery, site: Site, *, dry_run: bool = False) -> Staging:
    """The delivery's staging, verified; built again from landing where it is not what was staged."""
    with site.database("plan") as connection:
        found = staging.current(connection, delivery.delivery_id)
        with contextlib.suppress(StageLost):
            staged = staging.verify(connection, found, delivery.delivery_id, feed.fingerprint)
            staging.require_match_key(staged, match_key.hold(connection, feed.partner))
            return staged
    return build(feed, delivery, site, writes_quarantine=not dry_run)[0]


def _context(connection: Connection, feed: Feed, delivery: Delivery, staged: Staging, site: Site) -> Context:
    delivery = ledger.find(connection, delivery.delivery_id)
    older = [
        d for d in ledger.files(connection, feed.name, ledger.NOT_WRITTEN | {"failed"}) if d.order < delivery.order
    ]
    values = {"feed": feed.name, "delivery_id": delivery.delivery_id, "older": [d.delivery_id for d in older]}
    carried = run(connection, "plan/list_carried_plans", values) if delivery.mode == Mode.FULL.value else []
    places = {row["delivery_id"]: row["plan_id"] for row in carried}
    return Context(
        feed=feed,
        delivery=delivery,
        staging=staged,
        previous=_previous(connection, feed),
        carried_plans=tuple(places[delivery_id] for delivery_id in values["older"] if delivery_id in places),
        compare_only=compare_only(connection, feed, delivery),
        since=_since(connection, feed, delivery, site) if delivery.is_replay else None,
    )


def _since(connection: Connection, feed: Feed, replay: Delivery, site: Site) -> Since:
    """What the deliveries said that are newer than the replay's original (reconcile §9)."""
    same, newer = ledger.said_by(connection, replay)
    fulls = [delivery for delivery in newer if delivery.mode == Mode.FULL.value]
    return Since(_ids(same), _ids(newer), _ids(fulls), unheard(feed, connection, fulls, site))


def _ids(deliveries: list[Delivery]) -> tuple[str, ...]:
    return tuple(delivery.delivery_id for delivery in deliveries)


def _previous(connection: Connection, feed: Feed) -> Staging | None:
    """The staging of the latest applied full, where its table still holds what was staged."""
    base = one(connection, "plan/get_base", {"feed": feed.name})
    seen = base["seen_delivery_id"] if base else None
    if seen is None:
        return None
    found = staging.current(connection, seen)
    try:
        return staging.verify(connection, found, seen, found.contract_hash if found else "")
    except StageLost:
        return None


def compare_only(connection: Connection, feed: Feed, delivery: Delivery) -> str | None:
    """Why this delivery is reported and never written, or None (reconcile §3)."""
    if feed.mode is Mode.COMPARE or delivery.mode == Mode.COMPARE.value:
        return "the contract compares only"
    if delivery.is_pilot:
        return "the feed is a pilot"
    newest = None if delivery.is_replay else ledger.latest_applied(connection, feed.name)
    if newest is not None and newest.order > delivery.order:
        return f"delivery {newest.delivery_id} is newer and applied already"
    return None


def _move(connection: Connection, delivery: Delivery, context: Context, computed: Plan) -> str:
    held = ledger.find(connection, delivery.delivery_id, lock=True)
    ledger.require_attempt(held, delivery.attempt)
    tripped = ", ".join(dict.fromkeys(finding.guard for finding in computed.tripped))
    state, reason = {
        "apply": ("planned", "ordinary"),
        "hold": ("held", tripped),
        "compare": ("compared", context.compare_only),
    }[computed.verdict]
    ledger.move(connection, delivery.delivery_id, state, reason)
    if state == "held":
        _report(connection, context.feed, delivery.delivery_id)
    return state


def _report(connection: Connection, feed: Feed, delivery_id: str) -> None:
    """A hold is an incident from the beginning, in the same transaction: somebody has to decide."""
    text, after = texts.held(connection, feed, delivery_id), feed.policy.hold_escalates_after
    incidents.report(connection, "held", text, feed=feed.name, delivery_id=delivery_id, escalates_after=after)


def _quarantine_found(connection: Connection, feed: Feed, delivery: Delivery, staged: Staging, site: Site) -> None:
    """Keeps the rows that the plan refused, raw, from landing: their bytes are nowhere else; but for a replay's."""
    name = "records/list_found_lines" if feed.is_of_records else "plan/list_found_lines"
    found = run(connection, name, stage=staged.table)
    if delivery.is_replay:
        again = (RefusedRow(row["line"], row["lines"], "reconcile", (row["reason"],), b"") for row in found)
        quarantine.refuse_again(connection, delivery.delivery_id, again, found_by=("reconcile",))
        return
    quarantine.forget(connection, delivery.delivery_id, found_by=("reconcile",))
    if found:
        wanted = {row["line"]: (row["lines"], row["reason"]) for row in found}
        rows = _raw_rows(site, delivery, wanted) if feed.is_of_records else _read_again(feed, site, delivery, wanted)
        quarantine.keep(connection, site.keys, feed.name, delivery.delivery_id, rows)


def _read_again(feed: Feed, site: Site, delivery: Delivery, wanted: dict[int, tuple[int, str]]) -> Iterator[RefusedRow]:
    """The rows that begin at the ``wanted`` lines, as their reader keeps them."""
    with text_of(feed, delivery, site) as file:
        for chunk in file:
            for position in (at for at, line in enumerate(chunk.line.tolist()) if line in wanted):
                line = int(chunk.line[position])
                count, reason = wanted[line]
                yield RefusedRow(line, count, "reconcile", (reason,), chunk.raw(position))


def _raw_rows(site: Site, delivery: Delivery, wanted: dict[int, tuple[int, str]]) -> Iterator[RefusedRow]:
    """The records that begin at the ``wanted`` lines; physical lines end in LF, as the reader counts them."""
    manifest = Manifest.from_json(dict(delivery.manifest or {}))
    with available(f"delivery {delivery.delivery_id}"), site.landing.open(manifest) as stream:
        lines = enumerate(stream, start=1)
        for number, line in lines:
            if number not in wanted:
                continue
            count, reason = wanted[number]
            raw = line + b"".join(next(lines)[1] for _ in range(count - 1))
            yield RefusedRow(number, count, "reconcile", (reason,), raw.rstrip(b"\r\n"))
