"""Both balances of a plan (reconcile §10), as sets."""

from __future__ import annotations

from collections.abc import Sequence

from concord.contract import Mode
from tests.model.values import Context, Held, Plan, Row


def lines_balance(rows: Sequence[Row], plan: Plan) -> bool:
    """Every line has exactly one disposition (reconcile §10), as sets."""
    parts = [{line for line, _ in plan.consumed}, set(plan.quarantined), set(plan.duplicates), set(plan.ignored)]
    return sum(map(len, parts)) == len(rows) and set().union(*parts) == {row.line for row in rows}


def spans_balance(held: Held, rows: Sequence[Row], plan: Plan, mode: Mode, context: Context) -> bool:
    """Every held span in scope and every counting line is in exactly one decision."""
    lines = [d.line for d in plan.decisions if d.line is not None]
    before = [(d.key, d.before.start) for d in plan.decisions if d.before is not None]
    owned = {(key, span.start) for key, span in held.each() if context.owns(key, span)}
    every = {line for line, _ in plan.consumed} | plan.ignored.keys()
    complete = mode is Mode.DELTA or owned <= set(before)
    own = {row.line for row in rows}
    return {n for n in lines if n in own} == every and len(before) == len(set(before)) and complete
