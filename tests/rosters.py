"""Tiny rosters of Acme and a driver that takes a file through every step; all persons are invented.

Only the partner's server is left out: a file is landed as if it had been fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, LiteralString

from psycopg import Error

from concord import ledger, steps
from concord.acquire import Fetched
from concord.contract import Codes, Feed, From, Guards, Limit, Mode, Omission, OrderBy, Policy
from concord.errors import DeliveryRejected
from concord.incidents import Severity
from concord.postgres import Connection, _opened, without_values
from concord.publish.notify import Channel, Message
from concord.steps import Site
from concord.steps.arriving import land
from tests.unit.acme_rows import ACME, acme, file, row

Row = dict[str, str]
Span = tuple[date, date | None]

WED, THU, FRI = date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)
MON = date(2026, 11, 23)
DECEMBER, JANUARY = date(2026, 12, 1), date(2026, 1, 1)

LAX = Limit(share=0.99, floor=1_000_000)
LAX_GUARDS = Guards(ends=LAX, adds=LAX, rejected=LAX, unreadable_keys=LAX, minimum_rows=1, tail_losses=1_000_000)
"""Guards that never trip: for tests of rules that are not about guards."""
SEEN_OF_A_PERSON = re.compile(r"Sample[a-j]\b|\b400-?55-?\d{4}\b|\bE0000\d{3}\b|\b03/\d\d/1980\b|\b1980-?03-?\d\d\b")
"""Matches what the employees of these rosters can be told by: names, numbers, ids, births."""
ACTIONS = {"A": "add", "C": "change", "E": "end", "R": "reinstate", "X": "cancel"}


def employee(number: int, **values: str) -> Row:
    """Medical coverage of employee ``E00000<number>``, a person unlike the others."""
    own = {
        "EMPID": f"E{number:07d}", "LASTNAME": f"Sample{'abcdefghij'[number % 10]}",
        "DOB": f"03/{number % 28 + 1:02d}/1980", "SSN": f"400-55-{number:04d}",
    }  # fmt: skip
    return row(**(own | values))


def child(number: int, code: str, **values: str) -> Row:
    """A child of the employee, told apart by the person code; no SSN."""
    born = {"RELATION": "CH", "PERSON": code, "FIRSTNAME": f"Kid{code}", "DOB": f"05/{code}/2015", "SSN": ""}
    return employee(number, **(born | values))


def roster(numbers: Iterable[int], **values: str) -> list[Row]:
    """One employee per number."""
    return [employee(number, **values) for number in numbers]


BASE: list[Row] = [
    *roster(range(1, 11)),
    employee(1, COVERAGE="DENTAL", PLAN="DEN-1"),
    child(2, "02"),
    child(2, "03"),
]
"""Acme's first day: ten employees, one with dental as well, two children."""


def without(*numbers: int, rows: Sequence[Row] = BASE) -> list[Row]:
    """The roster without these employees' families."""
    gone = {f"E{number:07d}" for number in numbers}
    return [values for values in rows if values["EMPID"] not in gone]


def lax(omission: Omission = Omission.END_OF_MONTH, **policy: Any) -> Feed:
    """Acme's contract with guards that never trip, but for the first full."""
    values = {"omission": omission, "guards": LAX_GUARDS, "retro_limit": timedelta(days=3_650), **policy}
    return acme(policy=replace(ACME.policy, **values))


def guarded(**guards: Any) -> Feed:
    """Acme's contract with all guards lax but those given."""
    return lax(guards=replace(LAX_GUARDS, **guards))


def mended(feed: Feed) -> Feed:
    """The contract, after the engineer added the tier ``EE+1`` (employee plus one), which the partner began to send."""
    tier = feed.columns["coverage_tier"]
    assert isinstance(tier.read, Codes)
    known = Codes({**tier.read.table, "EE+1": "ESP"})
    return replace(feed, columns={**feed.columns, "coverage_tier": replace(tier, read=known)})


def delta(**policy: Any) -> Feed:
    """Acme as if it sent changes, numbered, each with an action."""
    source = replace(ACME.source, pattern="CHG_{date:%Y%m%d}_{sequence}.csv")
    action = From("ACTION", Codes(ACTIONS))
    return acme(
        name="acme_changes", mode=Mode.DELTA, source=source, order=OrderBy(file_date=True, sequence=True),
        columns={"maintenance_action": action},
        policy=Policy(**{"guards": LAX_GUARDS, "retro_limit": timedelta(days=3_650), **policy}),
    )  # fmt: skip


def acted(action: str, values: Row) -> Row:
    """A row of a change file."""
    return {"ACTION": action, **values}


def key(number: int, code: str = "01", line: str = "HLT") -> tuple[str, str, str]:
    """The key of a coverage span."""
    return f"E{number:07d}", code, line


@dataclass
class Run:
    """What became of one run of a delivery."""

    delivery_id: str
    attempt: int
    state: str
    plan: dict[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    settled: dict[str, Any] = field(default_factory=dict)
    rejection: DeliveryRejected | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Spans by action, zeros left out."""
        return {name: n for name, n in self.plan["counts"]["eligibility"].items() if n}


@dataclass(frozen=True)
class QuickSite(Site):
    """An installation whose steps take turns at one connection: opening one costs more than most statements."""

    opened: list[Connection] = field(default_factory=list)

    @contextmanager
    def database(self, actor: str = "concord") -> Iterator[Connection]:
        """As the site's own, committed or rolled back and put back afterwards."""
        connection = self._taken()
        try:
            with without_values():
                connection.execute(
                    "SELECT set_config('concord.actor', %s, false), set_config('TimeZone', 'UTC', false)", (actor,)
                )
                connection.commit()
                yield connection
                connection.commit()
        except BaseException:
            with suppress(Error):  # of a connection that is lost
                connection.rollback()
            raise
        finally:
            if not connection.closed:
                connection.read_only = connection.isolation_level = None  # as a new one has it
                self.opened.append(connection)

    def _taken(self) -> Connection:
        """One that nobody uses just now; threads may ask at once."""
        try:
            return self.opened.pop()
        except IndexError:
            return _opened(self.settings.loader_url, "concord test")

    def close(self) -> None:
        """Closes the connection."""
        while self.opened:
            self.opened.pop().close()


def quick(site: Site) -> QuickSite:
    """The same installation, quicker."""
    return QuickSite(site.settings, site.keys, site.landing)


@dataclass
class Driver:
    """One feed of an installation, driven as Airflow would drive it."""

    feed: Feed
    site: Site
    heard: list[Message] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Subject and text of everything people have been told since the driver was made."""
        steps.tell(self.site, [Channel("test", Severity.NOTE, self.heard.append)])
        return [(message.subject, message.text) for message in self.heard]

    # ── arriving ──

    def deliver(self, rows: Sequence[Row] | bytes, day: date = WED, *, sequence: int | None = None) -> str:
        """Lands a file; returns its delivery id."""
        data = rows if isinstance(rows, bytes) else file(*rows, header=tuple(rows[0]))
        delivery_id = ledger.new_id()
        with self.site.database("test") as connection:
            ledger.register(connection, self.feed)
            ledger.discover(
                connection, self.feed, delivery_id=delivery_id, **self.name(f"ELIG_{delivery_id}.csv", delivery_id),
                size=len(data), modified_at=datetime.now(UTC), file_date=day, sequence=sequence,
            )  # fmt: skip
        with self.site.landing.begin(delivery_id, 1) as writer:
            writer.write(data)
            manifest = writer.seal()
        land(self.feed, delivery_id, Fetched(len(data), sha256(data).hexdigest(), manifest), self.site)
        return delivery_id

    def name(self, name: str, delivery_id: str) -> dict[str, Any]:
        """A file's name as discovering enters it."""
        keys = self.site.keys
        sealed = keys.seal(name.encode(), context=ledger.name_context(delivery_id))
        return {"name_sealed": sealed, "name_token": keys.token(name, kind="file_name")}

    def open(self) -> list[str]:
        """Ids of the deliveries that may start now."""
        return [run["conf"]["delivery_id"] for run in steps.open_runs(self.feed, self.site)]

    # ── running ──

    def planned(self, delivery_id: str) -> Run:
        """The run of a delivery up to its plan."""
        return self.planned_as(delivery_id, self.facts(delivery_id)["attempt"])

    def planned_as(self, delivery_id: str, attempt: int) -> Run:
        """The same for an attempt of one's choice."""
        try:
            staged = steps.stage(self.feed, delivery_id, attempt, self.site)
        except DeliveryRejected as error:
            return Run(delivery_id, attempt, "rejected", rejection=error)
        if staged["state"] != "staged":
            return Run(delivery_id, attempt, staged["state"])
        plan = steps.plan(self.feed, delivery_id, attempt, self.site)
        return Run(delivery_id, attempt, plan["state"], plan)

    def finished(self, run: Run) -> Run:
        """The rest of a run."""
        run.applied = steps.apply(self.feed, run.delivery_id, run.attempt, self.site)
        run.settled = steps.settle(self.feed, run.delivery_id, run.attempt, self.site)
        run.state = run.settled["state"]
        return run

    def run(self, delivery_id: str, verdict: str | None = None) -> Run:
        """A whole run; a hold is answered with ``verdict``, or left waiting."""
        run = self.planned(delivery_id)
        if run.state == "held":
            if verdict is None:
                return run
            self.decide(run, verdict)
        if run.state == "rejected":
            run.settled = steps.settle(self.feed, delivery_id, run.attempt, self.site)
            return run
        return self.finished(run)

    def decide(self, run: Run, verdict: str = "approve", by: str = "ann") -> dict[str, Any]:
        """Answers the plan that the run shows."""
        return steps.decide(
            self.feed, run.delivery_id, digest=run.plan["digest"], verdict=verdict, by=by, via="shell", site=self.site
        )

    def day(
        self, rows: Sequence[Row] | bytes, day: date = WED, verdict: str | None = None, *, sequence: int | None = None
    ) -> Run:
        """Delivers and runs."""
        return self.run(self.deliver(rows, day, sequence=sequence), verdict)

    def begin(self, rows: Sequence[Row], day: date = WED) -> Run:
        """The first delivery of the feed, approved."""
        run = self.day(rows, day, "approve", sequence=1 if self.feed.order.sequence else None)
        assert run.state == "published", (run.state, run.settled)
        return run

    # ── looking ──

    def all(self, statement: LiteralString, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query as the loader."""
        with self.site.database("test") as connection:
            return connection.execute(statement, values or None).fetchall()

    def do(self, statement: LiteralString, *values: Any) -> None:
        """A statement as the loader."""
        with self.site.database("test") as connection:
            connection.execute(statement, values or None)

    def facts(self, delivery_id: str) -> dict[str, Any]:
        """The ledger's row."""
        return self.all("SELECT * FROM ops.delivery WHERE delivery_id = %s", delivery_id)[0]

    def spans(self) -> dict[tuple[str, str, str], list[Span]]:
        """What is believed now: key → spans in order."""
        found: dict[tuple[str, str, str], list[Span]] = {}
        for r in self.all("SELECT * FROM core.eligibility ORDER BY effective_from"):
            name = r["subscriber_id"], r["person_code"], r["coverage_line"]
            found.setdefault(name, []).append((r["effective_from"], r["effective_to"]))
        return found

    def tables(self) -> list[list[dict[str, Any]]]:
        """Everything in core, to compare before with after."""
        return [
            self.all("SELECT * FROM core.member ORDER BY row_id"),
            self.all("SELECT * FROM core.eligibility ORDER BY row_id"),
            self.all("SELECT * FROM core.member_history ORDER BY row_id, known_from"),
            self.all("SELECT * FROM core.eligibility_history ORDER BY row_id, known_from"),
            self.all("SELECT * FROM ops.outbox ORDER BY outbox_id"),
        ]

    def reasons(self, delivery_id: str) -> dict[int, tuple[str, ...]]:
        """Open quarantine: line → reasons."""
        statement: LiteralString = "SELECT line, reasons FROM ops.quarantine WHERE delivery_id = %s ORDER BY line"
        return {r["line"]: tuple(r["reasons"]) for r in self.all(statement, delivery_id)}

    def lines(self, delivery_id: str) -> dict[str, int]:
        """Physical lines by disposition."""
        found: dict[str, int] = {}
        for r in self.all("SELECT * FROM ops.line_account WHERE delivery_id = %s", delivery_id):
            found[r["disposition"]] = found.get(r["disposition"], 0) + r["line_total"]
        return found

    def plan_rows(self, delivery_id: str, action: str) -> list[dict[str, Any]]:
        """Rows of the newest plan with this action, in eligibility."""
        return self.all(
            "SELECT * FROM ops.plan_row WHERE entity = 'eligibility' AND action = %s AND plan_id ="
            " (SELECT max(plan_id) FROM ops.plan WHERE delivery_id = %s) ORDER BY key, line",
            action, delivery_id,
        )  # fmt: skip

    def incidents(self, state: str = "open") -> list[dict[str, Any]]:
        """Incidents in this state."""
        return self.all("SELECT * FROM ops.incident WHERE state = %s ORDER BY incident_id", state)


def next_day(day: date, days: int = 1) -> date:
    """``days`` later."""
    return day + timedelta(days=days)
