"""A FHIR server's exports, driven as Airflow would drive them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from concord import check, steps
from concord.acquire.fhir_bulk.access import FhirAccess
from concord.contract import Feed
from concord.sandbox.fhir.server import FhirSandbox
from concord.steps import Site
from tests.rosters import Driver, Run

ROUNDS = 40


@dataclass
class Hospital:
    """A partner with an EHR: its server in the sandbox, and the feed that asks it."""

    feed: Feed
    site: Site
    server: FhirSandbox

    @property
    def driver(self) -> Driver:
        """The feed, driven by hand."""
        return Driver(self.feed, self.site)

    @property
    def access(self) -> FhirAccess:
        """What the Airflow connection would say."""
        told = self.server.client()
        store = told["store_url"].removeprefix("http://")
        return FhirAccess(
            base_url=told["base_url"], client_id=told["client_id"], private_key=told["private_pem"], kid=told["kid"],
            scopes=("system/*.rs",), allowed_hosts=(store,),
        )  # fmt: skip

    # ── the watch DAG's tasks ──

    def ask(self) -> list[str]:
        """The exports that are on their way."""
        return steps.ask(self.feed, self.access, self.site)

    def wait(self, delivery_id: str) -> dict[str, Any]:
        """Asks until the export is ready or over, and never sleeps."""
        for _ in range(ROUNDS):
            outcome = steps.await_export(self.feed, delivery_id, self.access, self.site)
            if outcome["state"] != "running":
                return outcome
        raise AssertionError("the export does not become ready")

    def fetch(self, delivery_id: str) -> dict[str, Any]:
        """Lands the export."""
        return steps.fetch_export(self.feed, delivery_id, self.access, self.site)

    def land(self) -> list[str]:
        """A whole watch run."""
        asked = self.ask()
        for delivery_id in asked:
            self.wait(delivery_id)
            self.fetch(delivery_id)
        return asked

    def reconcile(self, verdict: str | None = None) -> list[Run]:
        """Every run that may be opened, one after the other, each checked."""
        done = []
        while opened := self.driver.open():
            done += [self.driver.run(delivery_id, verdict) for delivery_id in opened]
            assert check.run(self.site) == []
        return done

    def day(self, number: int, verdict: str | None = None) -> list[Run]:
        """One day of the hospital: its exports landed and reconciled."""
        self.server.day = number
        self.land()
        return self.reconcile(verdict)

    # ── looking ──

    def states(self) -> list[str]:
        """State of every delivery, in order of arrival."""
        return [row["state"] for row in self.driver.all("SELECT state FROM ops.delivery ORDER BY arrival")]

    def counts(self) -> dict[str, int]:
        """Resources believed now, by FHIR type."""
        from concord.entities import RESOURCE_TYPES

        found = {}
        for name, entity in RESOURCE_TYPES.items():
            statement = f"SELECT count(DISTINCT resource_id) AS resources FROM core.{entity.name}"
            found[name] = self.driver.all(statement)[0]["resources"]  # type: ignore[arg-type]
        return {name: count for name, count in found.items() if count}
