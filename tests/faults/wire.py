"""Thursday's delivery with Postgres behind the fault proxy: one step fails on the way, and is tried again."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from concord import check, steps
from concord.errors import ConcordError
from concord.orchestrate.retry import AGAIN
from concord.steps import Site
from tests.faults.proxy import Fault, Proxy, Way
from tests.playground import at
from tests.rosters import THU, Driver, Row, child, employee, without

ORDINARY: list[Row] = [
    employee(1, PLAN="HMO-2"), employee(1, COVERAGE="DENTAL", PLAN="DEN-1"), *without(1, 4, 7),
    employee(7, COVEND="11/15/2026"), employee(11, LASTNAME="Sämpleß"), employee(12), child(12, "02"),
    employee(5, COVEFF="02/30/2026"),
]  # fmt: skip
"""Thursday: adds, changes, ends told and inferred, a refused row, a name that is not ASCII."""
STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "stage": steps.stage, "plan": steps.plan, "apply": steps.apply, "settle": steps.settle,
}  # fmt: skip

Trouble = Callable[[], AbstractContextManager[Any]]
"""What lasts while a step is tried, and is over before it is tried again."""


@dataclass
class Wire:
    """Acme, whose steps reach Postgres through ``proxy``; ``quick`` reaches it directly."""

    driver: Driver
    quick: Driver
    proxy: Proxy
    admin: Any

    @classmethod
    @contextmanager
    def strung(cls, quick: Driver, admin_url: str) -> Iterator[Wire]:
        """Between the steps of ``quick`` and their server."""
        settings = quick.site.settings
        parts = conninfo_to_dict(settings.loader_url)
        with (
            Proxy(int(parts["port"] or 0)) as proxy,
            psycopg.connect(at(admin_url, str(parts["dbname"])), autocommit=True, row_factory=dict_row) as admin,
        ):
            url = settings.loader_url.replace(f":{parts['port']}/", f":{proxy.port}/")
            site = Site(replace(settings, loader_url=url), quick.site.keys, quick.site.landing)
            yield cls(Driver(quick.feed, site), quick, proxy, admin)

    def terminate(self) -> None:
        """As an administrator who ends our sessions, or a server that is shut down; waits until they are gone."""
        ended = self.admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'concord_loader' AND application_name <> 'concord test'"
        ).fetchall()
        assert ended
        assert all(row["ended"] for row in ended)

    def night(self, step: str, fault: Fault | Trouble | None = None) -> ConcordError | None:
        """Thursday; ``step`` meets ``fault``, is tried again, and all goes on. Returns what it raised, if anything."""
        delivery_id = self.quick.deliver(ORDINARY, THU)
        raised = None
        for name in STEPS:
            if name == step and fault is not None:
                raised = self.struck(name, delivery_id, fault)
            result = self.do(name, delivery_id)
        assert result["state"] == "published", result
        return raised

    def struck(self, step: str, delivery_id: str, fault: Fault | Trouble) -> ConcordError | None:
        """The step with the fault."""
        self.proxy.clear()
        trouble = fault if callable(fault) else lambda: self.armed(fault)
        with trouble():
            return self.failure(step, delivery_id)

    @contextmanager
    def armed(self, fault: Fault) -> Iterator[None]:
        """The proxy waits for its moment."""
        self.proxy.up = Way(fault=fault)
        yield
        self.proxy.up = Way()

    def failure(self, step: str, delivery_id: str) -> ConcordError | None:
        """What a try of the step raises; it must be something that is tried again, and tell no value."""
        try:
            self.do(step, delivery_id)
        except ConcordError as error:
            raised = error
        else:
            return None
        assert isinstance(raised, tuple(AGAIN)), raised
        assert_silent(raised)
        return raised

    def do(self, step: str, delivery_id: str) -> dict[str, Any]:
        """One try of a step."""
        return STEPS[step](self.driver.feed, delivery_id, 1, self.driver.site)

    def findings(self) -> list[check.Finding]:
        """What ``concord check --deep`` says, parts that are left, and transactions that are."""
        open_ = self.admin.execute(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
            " AND xact_start IS NOT NULL AND usename = 'concord_loader'"
        ).fetchall()
        left = [*self.quick.site.landing.parts(), *(row["application_name"] for row in open_)]
        return [*check.run(self.quick.site, deep=True), *(check.Finding("left", (one,), "left") for one in left)]


def assert_silent(error: BaseException) -> None:
    """No value of the file in the error, nor in what it hides."""
    said = "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    for value in ("400-55", "Sample", "Testman", "tessa@", "1 Sample Way", "Kid0"):
        assert value not in said
