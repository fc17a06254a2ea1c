"""A hospital's FHIR server that nights are put back at: its jobs, its day, and what goes wrong there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from concord.acquire.fhir_bulk.access import FhirAccess
from concord.catalogue import feed
from concord.contract import Feed, FhirSearch, Guards, Limit
from concord.entities import RESOURCE_TYPES
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import EPIC, ORACLE, Profile
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.roster import Employer
from concord.steps import Site
from tests.exports import Hospital

LAX = Limit(share=0.99, floor=1_000_000)
MAKERS = {"lakeview_ehr": ORACLE, "northgate_ehr": EPIC}


def exporting(name: str = "lakeview_ehr", **source: Any) -> Feed:
    """The contract with one group, and guards that never trip but for the first export."""
    found = feed(name)
    policy = replace(found.policy, guards=Guards(ends=LAX, rejected=LAX, minimum_rows=1))
    return replace(found, policy=policy, source=replace(found.bulk, groups=("everyone",), **source))


def crawling() -> Feed:
    """The contract as it would be if the hospital's bulk exports were unusable."""
    bulk = exporting()
    source = FhirSearch(bulk.source.conn_id, types=tuple(RESOURCE_TYPES), roster="group", groups=("everyone",))
    return replace(bulk, name="lakeview_search", source=source)


@dataclass
class Ehr:
    """One server. ``kept`` are its jobs, its day, its clock and its faults, by state of the night they belong to."""

    server: FhirSandbox
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    begun: int = 0
    lost: int = 0
    """Jobs whose time ended without anybody knowing of them, since the evening."""

    def at(self, contract: Feed, site: Site) -> Hospital:
        """The server, and the feed that asks it."""
        return Hospital(contract, site, self.server)

    @property
    def access(self) -> FhirAccess:
        """What the Airflow connection would say."""
        told = self.server.client()
        store = told["store_url"].removeprefix("http://")
        return FhirAccess(
            base_url=told["base_url"], client_id=told["client_id"], private_key=told["private_pem"], kid=told["kid"],
            scopes=("system/*.rs",), allowed_hosts=(store,), timeout_s=10,
        )  # fmt: skip

    @property
    def exports(self) -> int:
        """How many the server has begun since the evening, and those that it was at work on then."""
        return self.server.stats.kick_offs - self.begun

    @property
    def jobs(self) -> int:
        """How many it keeps now."""
        return len(self.server.hospital.jobs)

    def forget_jobs(self) -> None:
        """Their time is over; nobody told it to."""
        with self.server.hospital.lock:
            self.lost += self.jobs
            self.server.hospital.jobs.clear()
            self.server.hospital.write()

    def make_ready(self) -> None:
        """The next look finds every export complete."""
        self.server.faults.polls_until_ready = 0
        until = time.monotonic() + 30
        while any(job.files is None for job in self.server.hospital.jobs.values()):
            assert time.monotonic() < until
            time.sleep(0.01)

    def keep(self, state: str) -> None:
        """Remembers everything as it is now."""
        hospital = self.server.hospital
        with hospital.lock:
            self.kept[state] = {
                "jobs": {name: replace(job) for name, job in hospital.jobs.items()},
                "day": hospital.day,
                "started": dict(hospital._started),
                "faults": deepcopy(hospital.faults.model_dump()),
            }

    def put_back(self, state: str) -> None:
        """As it was when ``state`` was kept."""
        hospital, kept = self.server.hospital, self.kept[state]
        with hospital.lock:
            hospital.jobs = {name: replace(job) for name, job in kept["jobs"].items()}
            hospital._started = dict(kept["started"])
            hospital.faults.change(deepcopy(kept["faults"]))
            hospital.day = kept["day"]
        self.lost = 0
        self.begun = hospital.stats.kick_offs - len(hospital.jobs)


@contextmanager
def hospital_of(profile: Profile = ORACLE) -> Iterator[Ehr]:
    """A small hospital: some hundred resources in a dozen files, ready at the second look."""
    employer = Employer(20, 300, start=date(2026, 11, 18))
    population = Population(1, employer, profile=profile, members=3, strangers=1)
    with FhirSandbox(population, profile=profile, lines_per_file=40) as server:
        yield Ehr(server)
