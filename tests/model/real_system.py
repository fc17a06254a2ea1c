"""The real reconciler behind the questions of the stateful test: landing, Postgres and every step in between.

Only the partner's server is left out: a file is landed as if it had been fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from concord import ledger, steps
from concord.acquire import Fetched
from concord.contract import Feed
from concord.errors import DeliveryRejected, NeedsDecision
from concord.postgres import Connection, connect, without_values
from concord.steps.arriving import land
from concord.steps.site import Site
from tests.model.rosters import csv_of
from tests.model.systems import SHOWN_MEMBER, Action, SpanShown
from tests.model.values import Key, Person, Row

SPANS = """
SELECT subscriber_id, person_code, coverage_line, effective_from, effective_to, end_kind, group_id, plan_code
FROM core.eligibility WHERE partner = %(partner)s ORDER BY effective_from
"""
MEMBERS = "SELECT * FROM core.member WHERE partner = %(partner)s"
PLAN = "SELECT * FROM ops.plan WHERE delivery_id = %(id)s ORDER BY plan_id DESC LIMIT 1"
ACTIONS = "SELECT * FROM ops.plan_row WHERE plan_id = %(plan_id)s AND action NOT IN ('keep', 'unchanged')"
GUARDS = "SELECT DISTINCT guard FROM ops.plan_guard WHERE plan_id = %(plan_id)s AND tripped"
LINES = """
SELECT disposition, lower(run.lines) AS first, upper(run.lines) AS stop
FROM ops.line_account AS account, unnest(account.lines) AS run (lines) WHERE delivery_id = %(id)s
"""
REASONS = "SELECT line, reasons FROM ops.quarantine WHERE delivery_id = %(id)s AND found_by = 'reconcile'"


@dataclass(frozen=True)
class FrugalSite(Site):
    """A site that uses its connections again: opening one costs more than most statements of a small delivery."""

    stack: ExitStack
    idle: list[Connection] = field(default_factory=list)

    @contextmanager
    def database(self, actor: str = "concord") -> Iterator[Connection]:
        """An idle connection, or a new one; its transaction ends as it does on a connection of one's own."""
        connection = self.idle.pop() if self.idle else self.stack.enter_context(connect(self.settings.loader_url))
        try:
            with without_values(), connection.transaction():
                connection.execute("SELECT set_config('concord.actor', %s, false)", (actor,))
            with without_values():
                yield connection
                connection.commit()
        finally:
            connection.rollback()
            self.idle.append(connection)


@contextmanager
def frugal(site: Site) -> Iterator[Site]:
    """``site`` with connections that are closed in the end."""
    with ExitStack() as stack:
        yield FrugalSite(site.settings, site.keys, site.landing, stack)


class RealSystem:
    """One feed of the installation at ``site``."""

    def __init__(self, feed: Feed, site: Site) -> None:
        self.feed, self.site = feed, site
        self.ids: list[str] = []
        self.attempts: dict[str, int] = {}

    # ── steps ──

    def deliver(self, rows: Sequence[Row], file_date: date, content: object) -> int:
        """Lands the file; arrivals are told apart by their times of change."""
        text, number = csv_of(rows), len(self.ids)
        with self.site.database() as connection:
            ledger.register(connection, self.feed)
            delivery_id = ledger.discover(
                connection, self.feed, name_sealed=b"-", name_token=f"{self.feed.name}.{number}", size=len(text),
                modified_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number), file_date=file_date,
                sequence=None,
            )  # fmt: skip
        assert delivery_id is not None
        with self.site.landing.begin(delivery_id, 1) as writer:
            writer.write(text)
            manifest = writer.seal()
        land(self.feed, delivery_id, Fetched(len(text), sha256(text).hexdigest(), manifest), self.site)
        self.ids.append(delivery_id)
        self.attempts[delivery_id] = 1
        return number

    def next(self) -> int | None:
        """The delivery the ledger would open a run for."""
        runs = steps.open_runs(self.feed, self.site)
        return self.ids.index(runs[0]["conf"]["delivery_id"]) if runs else None

    def plan(self, number: int) -> str:
        """What a run does before it asks a person; a run that has nothing to ask settles."""
        delivery_id = self.ids[number]
        try:
            steps.stage(self.feed, delivery_id, self.attempts[delivery_id], self.site)
        except DeliveryRejected:
            return self.states()[number]
        found = steps.plan(self.feed, delivery_id, self.attempts[delivery_id], self.site)
        return str(found["state"])

    def apply(self, number: int) -> str:
        """The rest of a run; where it is held again, its next attempt asks anew."""
        delivery_id = self.ids[number]
        steps.apply(self.feed, delivery_id, self.attempts[delivery_id], self.site)
        settled = steps.settle(self.feed, delivery_id, self.attempts[delivery_id], self.site)
        mine = [run for run in settled["open"] if run["conf"]["delivery_id"] == delivery_id]
        if mine and settled["state"] == "held":
            self.attempts[delivery_id] = mine[0]["conf"]["attempt"]
            self.plan(number)
        return self.states()[number]

    def decide(self, number: int, *, approve: bool) -> str:
        """Answers the plan that was shown, and lets the run go on."""
        verdict = "approve" if approve else "decline"
        digest = self._plan(number)["digest"]
        try:
            steps.decide(
                self.feed, self.ids[number], digest=digest, verdict=verdict, by="a", via="shell", site=self.site
            )
        except NeedsDecision:  # an earlier change file comes first
            return self.states()[number]
        return self.apply(number)

    # ── answers ──

    def states(self) -> list[str]:
        """In order of arrival."""
        found = {row["delivery_id"]: row["state"] for row in self._all("SELECT delivery_id, state FROM ops.delivery")}
        return [{"published": "applied", "waiting": "landed"}.get(found[i], found[i]) for i in self.ids]

    def spans(self) -> dict[Key, list[SpanShown]]:
        """``core.eligibility`` of the feed's partner."""
        found: dict[Key, list[SpanShown]] = {}
        for row in self._all(SPANS):
            key = row["subscriber_id"], row["person_code"], row["coverage_line"]
            shown = row["effective_from"], row["effective_to"], row["end_kind"], row["group_id"], row["plan_code"]
            found.setdefault(key, []).append(shown)
        return found

    def members(self) -> dict[Person, tuple[str | None, ...]]:
        """``core.member`` of the feed's partner."""
        rows = self._all(MEMBERS)
        return {(r["subscriber_id"], r["person_code"]): tuple(text(r[name]) for name in SHOWN_MEMBER) for r in rows}

    def actions(self, number: int) -> list[Action]:
        """Plan rows, without those that leave things as they are."""
        rows = self._all(ACTIONS, plan_id=self._plan(number)["plan_id"])
        return sorted((self._action(row) for row in rows), key=repr)

    def _action(self, row: Mapping[str, Any]) -> Action:
        entity, line = row["entity"], row["line"]
        before, after = (row["from_before"], row["to_before"]), (row["from_after"], row["to_after"])
        if row["action"] in ("ignored", "void", "pending_end"):
            after = (None, None)
        return entity, row["action"], tuple(row["key"]), line, before, after, row["inferred"]

    def counts(self, number: int) -> dict[str, int]:
        """The span balance as stored; every side of it has to be balanced."""
        plan = self._plan(number)
        assert {side["verdict"] for side in plan["balance"].values()} == {"balanced"}
        sums = ("losses", "incoming", "held")
        return {name: n for name, n in plan["counts"]["eligibility"].items() if n and name not in sums}

    def guards(self, number: int) -> set[str]:
        """Tripped guards of the plan."""
        return {row["guard"] for row in self._all(GUARDS, plan_id=self._plan(number)["plan_id"])}

    def lines(self, number: int) -> dict[str, set[int]]:
        """The line balance as stored."""
        found: dict[str, set[int]] = {}
        for row in self._all(LINES, id=self.ids[number]):
            found.setdefault(row["disposition"], set()).update(range(row["first"], row["stop"]))
        return found

    def reasons(self, number: int) -> dict[int, str]:
        """Quarantine that reconciling found."""
        return {row["line"]: row["reasons"][0] for row in self._all(REASONS, id=self.ids[number])}

    def _plan(self, number: int) -> Mapping[str, Any]:
        return self._all(PLAN, id=self.ids[number])[0]

    def _all(self, statement: Any, **values: Any) -> list[dict[str, Any]]:
        with self.site.database() as connection:
            return connection.execute(statement, {"partner": self.feed.partner, **values}).fetchall()


def text(value: object) -> str | None:
    """Dates as ISO text, as a roster has them."""
    return None if value is None else str(value)
