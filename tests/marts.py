"""A clinic with hand-made charts and a hospital of the sandbox, read by an analyst; everybody is invented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from concord.catalogue import feed
from concord.contract import Feed, Guards, Limit
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import ORACLE
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.roster import Employer
from concord.steps import open_site
from tests.exports import Hospital
from tests.linking import Linking
from tests.resources import Resource, ndjson, patient
from tests.rosters import Driver, Run, quick

if TYPE_CHECKING:
    from tests.playground import Playground

Row = dict[str, Any]

LAX = Limit(share=0.99, floor=1_000_000)
OWN = (
    "care_gap_inputs", "person_summary", "person_record", "patient", "encounter", "condition", "observation",
    "medication_request", "export_reconciliation", "record_reconciliation", "unresolved_reference",
)  # fmt: skip
"""The views of migration 0014."""
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CLASSES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def lax(name: str) -> Feed:
    """The contract with guards that never trip, but for the first delivery."""
    contract = feed(name)
    return replace(contract, policy=replace(contract.policy, guards=Guards(ends=LAX, rejected=LAX, minimum_rows=1)))


class Views:
    """The marts, as an analyst asks them."""

    def __init__(self, place: Playground) -> None:
        self.place, self.url = place, str(place.settings.analyst_url)

    def ask(self, statement: str, *values: Any) -> list[Row]:
        """Rows of a query."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def one(self, statement: str, *values: Any) -> Row:
        """The only row."""
        (row,) = self.ask(statement, *values)
        return row

    @contextmanager
    def scope(self, partner: str) -> Iterator[None]:
        """The analyst is told of this partner only."""
        change = "UPDATE ops.analyst_scope SET partner = %s WHERE login = 'concord_analyst'"
        self.place.connection.execute(change, [partner])
        try:
            yield
        finally:
            self.place.connection.execute(change, ["*"])


class Clinic(Views):
    """Northgate, and an employer some of whose members are its patients: ``p<n>`` is member ``L<n>``."""

    def __init__(self, place: Playground) -> None:
        super().__init__(place)
        self.linking = Linking.begin(place)
        self.site = quick(open_site(place.settings))
        self.driver, self.today = Driver(lax("northgate_ehr"), self.site), date(2026, 11, 1)

    def send(self, *resources: Resource, name: str = "northgate_ehr") -> Run:
        """The next export, approved and linked."""
        self.today += timedelta(days=1)
        run = Driver(lax(name), self.site).day(ndjson(*resources), self.today, "approve")
        assert run.state == "published"
        self.linking.link()
        return run

    def member(self, number: int, *lines: str, partner: str = "acme", **values: Any) -> None:
        """Employee ``L<number>``, covered from 2026 on by ``lines``; the same human being as patient ``p<number>``."""
        own = {"last_name": f"Sample{'abcdefghij'[number % 10]}", "first_name": "Pat", "gender_code": "F"}
        born = date(1980, 3, number % 28 + 1)
        self.linking.member(f"L{number}", partner=partner, **{**own, "birth_date": born, "state_code": "OH", **values})
        for line in lines:
            self.cover(number, line, partner=partner)

    def cover(self, number: int, line: str, start: str = "2026-01-01", end: str | None = None, **more: str) -> None:
        """A coverage span of the employee."""
        self.place.connection.execute(
            "INSERT INTO core.eligibility (partner, subscriber_id, person_code, coverage_line, effective_from,"
            " effective_to, end_kind, group_id, plan_code, content_hash, feed, delivery_id, line, known_from) VALUES"
            " (%s, %s, '01', %s, %s, %s, %s, 'G', %s, 1, 'acme_eligibility', 'aaaaaaaa', 2, now())",
            [more.get("partner", "acme"), f"L{number}", line, start, end, end and "explicit", f"{line}-1"],
        )

    def person(self, number: int) -> str:
        """Who patient ``p<number>`` of Northgate is."""
        row = self.one("SELECT person_id FROM mart.person_record WHERE resource_id = %s LIMIT 1", f"p{number}")
        return str(row["person_id"])

    def summary(self, number: int = 1) -> Row:
        """The person's row."""
        return self.one("SELECT * FROM mart.person_summary WHERE person_id = %s", self.person(number))

    def gaps(self, number: int = 1) -> Row:
        """The person's row."""
        return self.one("SELECT * FROM mart.care_gap_inputs WHERE person_id = %s", self.person(number))


def whole(views: Views) -> Iterator[tuple[str, str]]:
    """Every row of every view of these, as text."""
    for view in OWN:
        for row in views.ask(f"SELECT v::text AS told FROM mart.{view} v"):
            yield view, row["told"]


# ── resources ──────────────────────────────────────────────────────────────────


def carded(number: int, **more: Any) -> Resource:
    """A patient who showed the insurer's card of member ``L<number>``."""
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}
    return patient(number, identifier=[{"type": kind, "value": f"L{number}"}], **more)


def measured(code: str, value: float, unit: str, day: str, /, *, of: int = 1, **more: Any) -> Resource:
    """An observation ``m<code><day>`` in a UCUM unit."""
    own = {
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/p{of}"},
        "effectiveDateTime": f"{day}T08:00:00Z",
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }
    resource = {"resourceType": "Observation", "id": f"m{code}-{day}-{of}", **own, **more}
    return {name: given for name, given in resource.items() if given is not None}


def visit(number: int, start: str | None, *, of: int = 1, status: str = "finished", kind: str = "AMB") -> Resource:
    """Encounter ``v<number>``."""
    return {
        "resourceType": "Encounter",
        "id": f"v{number}",
        "status": status,
        "class": {"system": CLASSES, "code": kind, "display": kind.lower()},
        "subject": {"reference": f"Patient/p{of}"},
        **({"period": {"start": start}} if start else {}),
    }


def problem(number: int, code: str, clinical: str = "active", verified: str = "confirmed") -> Resource:
    """Condition ``c<number>`` of patient 1."""
    base = "http://terminology.hl7.org/CodeSystem/condition-"
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "clinicalStatus": {"coding": [{"system": f"{base}clinical", "code": clinical}]},
        "verificationStatus": {"coding": [{"system": f"{base}ver-status", "code": verified}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
        "subject": {"reference": "Patient/p1"},
    }


def order(number: int, code: str, status: str = "active", **more: Any) -> Resource:
    """MedicationRequest ``d<number>`` of patient 1."""
    drug = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]}
    own = {
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": drug,
        "subject": {"reference": "Patient/p1"},
    }
    return {"resourceType": "MedicationRequest", "id": f"d{number}", **own, **more}


# ── a hospital ─────────────────────────────────────────────────────────────────


@cache
def population(members: int) -> Population:
    return Population(1, Employer(20, 300, start=date(2026, 11, 18)), profile=ORACLE, members=members, strangers=4)


class Lakeview(Views):
    """Lakeview's server and feed, and its patients linked."""

    def __init__(self, place: Playground, hospital: Hospital) -> None:
        super().__init__(place)
        self.hospital, self.faults, self.truth = hospital, hospital.server.faults, hospital.server.population
        self.linking = Linking(place, hospital.site.keys)

    def day(self, number: int) -> Run:
        """One day, approved and linked."""
        (run,) = self.hospital.day(number, "approve")
        self.linking.link()
        return run

    def export(self, run: Run | str, kind: str = "output") -> dict[str, Row]:
        """The rows of an export by resource type."""
        delivery_id = run if isinstance(run, str) else run.delivery_id
        rows = self.ask(
            "SELECT * FROM mart.export_reconciliation WHERE delivery_id = %s AND kind = %s", delivery_id, kind
        )
        return {row["resource_type"]: row for row in rows}

    def unbalanced(self, run: Run) -> set[str]:
        """Types whose lines do not add up."""
        rows = self.ask("SELECT * FROM mart.export_reconciliation WHERE delivery_id = %s", run.delivery_id)
        return {row["resource_type"] for row in rows if row["balanced"] is False}

    def records(self, run: Run) -> dict[str, Row]:
        """The rows of a delivery by table."""
        rows = self.ask("SELECT * FROM mart.record_reconciliation WHERE delivery_id = %s", run.delivery_id)
        return {row["entity"]: row for row in rows}


def opened(blank: Playground, members: int) -> Iterator[Lakeview]:
    blank.empty()
    site = quick(open_site(blank.settings))
    contract = lax("lakeview_ehr")
    with FhirSandbox(population(members), profile=ORACLE, lines_per_file=80) as server:
        server.faults.polls_until_ready = 0
        source = replace(contract.bulk, groups=("everyone",))
        yield Lakeview(blank, Hospital(replace(contract, source=source), site, server))
    site.close()
