"""Computes what would be linked: the stored diff, its guards, its digests; core is only read.

The base is two numbers: how often links were applied or reviews answered, and how often members or patients were
applied. When either has moved, apply refuses and the plan is computed again; an unchanged outcome has the same digest,
so that an answer to it still stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Jsonb

from concord.identity.guard import Finding, Limits, evaluate, verdict
from concord.identity.rules import RULES, rules_hash
from concord.identity.tokens import collect_tokens
from concord.postgres import Connection, one, run
from concord.protect import KeyRing

STEPS_BEFORE = ("create_members", "join_members", "part_members", "create_merges", "create_patients", "create_pairs")
STEPS_AFTER = (
    "drop_apart", "create_candidates", "create_choices", "mark_contended", "create_outcomes", "plan_members",
    "plan_patients", "plan_followers", "plan_retired", "plan_reviews",
)  # fmt: skip
DEFAULT = Limits()


@dataclass(frozen=True)
class LinkPlan:
    """A stored plan of links: ids, counts and digests only."""

    plan_id: int
    digest: str
    loss_digest: str | None
    verdict: str
    counts: dict[str, Any]
    tripped: tuple[str, ...]
    applied_parts: tuple[str, ...] = ()

    @property
    def asks(self) -> str | None:
        """The digest a person is asked about; None where nobody is."""
        return {"hold": self.digest, "hold_losses": self.loss_digest}.get(self.verdict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> LinkPlan:
        """A plan from its row of ``ops.link_plan``."""
        tripped = tuple(guard["guard"] for guard in row["guards"] if guard["tripped"])
        return cls(
            row["link_plan_id"], row["digest"], row["loss_digest"], row["verdict"], row["counts"], tripped,
            tuple(row["applied_parts"] or ()),
        )  # fmt: skip


def take_fence(connection: Connection) -> int:
    """A new, higher fence: every older holder can no longer apply links."""
    return int((one(connection, "identity/take_fence") or {})["fence"])


def newest_plan(connection: Connection) -> LinkPlan | None:
    """The plan that was computed last, or None."""
    row = one(connection, "identity/get_newest_plan")
    return LinkPlan.from_row(row) if row else None


def plan_links(connection: Connection, keys: KeyRing, limits: Limits = DEFAULT) -> LinkPlan:
    """Stores a new plan in the caller's transaction, which has to be REPEATABLE READ: base and rows of one instant."""
    _prefer_set_work(connection)
    base = one(connection, "identity/get_base") or {}
    row = one(connection, "identity/create_plan", {**base, "rules_hash": rules_hash()}) or {}
    values = {"plan_id": row["link_plan_id"], "key_id": keys.token_key_id}
    unreadable = collect_tokens(connection, keys)
    for name in STEPS_BEFORE:
        run(connection, f"identity/{name}", values)
    for rule in RULES:
        run(connection, rule.statement, {"rank": rule.rank})
    for name in STEPS_AFTER:
        run(connection, f"identity/{name}", values)
    return _conclude(connection, values, limits, unreadable)


def _conclude(connection: Connection, values: dict[str, Any], limits: Limits, unreadable: int) -> LinkPlan:
    totals = dict(one(connection, "identity/get_totals", values) or {})
    findings = evaluate(limits, linked=totals["linked"], changed=totals["changed"], losses=totals["losses"])
    digests = dict(one(connection, "identity/digest_plan", values) or {})
    counts = _counts(connection, values, totals | {"unreadable_numbers": unreadable})
    stored = {"verdict": verdict(findings), "counts": Jsonb(counts), "guards": Jsonb(_guards(findings))}
    run(connection, "identity/finish_plan", {**values, **digests, **stored})
    return LinkPlan.from_row(one(connection, "identity/get_plan", values) or {})


def _counts(connection: Connection, values: dict[str, Any], totals: dict[str, int]) -> dict[str, Any]:
    counts: dict[str, Any] = {"member": {}, "patient": {}, **totals}
    for row in run(connection, "identity/count_actions", values):
        counts[row["entity"]][row["action"]] = row["rows"]
    return counts


def _guards(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]


def _prefer_set_work(connection: Connection) -> None:
    """Fresh tables have no statistics: nested loops over a million rows would be chosen for their sake."""
    connection.execute("SET LOCAL work_mem = '256MB'")
    connection.execute("SET LOCAL enable_nestloop = off")
    connection.execute("SET LOCAL jit = off")
