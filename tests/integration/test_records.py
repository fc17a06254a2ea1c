"""Clinical records through stage, plan and apply: added, changed, deleted, stated twice, stated late, refused."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from concord import check, steps
from concord.catalogue import feed
from concord.contract import Feed, Guards, Limit
from concord.entities import RESOURCE_TYPES
from concord.parse.fhir import file as fhir_file
from concord.quarantine import Selection
from concord.stage import patient_ssn_context
from concord.steps import Site
from tests.resources import Resource, deleted, ndjson, patient, pressure, updated, weight
from tests.rosters import Driver, Run

LAX = Limit(share=0.99, floor=1_000_000)
LAX_GUARDS = Guards(ends=LAX, rejected=LAX, minimum_rows=1)
EARLY, LATE = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


def lax(**guards: Any) -> Feed:
    """Northgate's contract with guards that never trip, but for the first delivery and those given."""
    northgate = feed("northgate_ehr")
    return replace(northgate, policy=replace(northgate.policy, guards=replace(LAX_GUARDS, **guards)))


class Ehr:
    """Northgate, whose exports come as one file each."""

    def __init__(self, site: Site, contract: Feed) -> None:
        self.driver, self.today = Driver(contract, site), date(2026, 11, 1)

    def send(self, *resources: Resource | bytes, verdict: str | None = None) -> Run:
        """The next export; checked afterwards."""
        self.today += timedelta(days=1)
        run = self.driver.day(ndjson(*resources), self.today, verdict)
        assert check.run(self.driver.site) == []
        return run

    def rows(self, entity: str) -> list[dict[str, Any]]:
        """What is believed now, by key."""
        return self.driver.all(f"SELECT * FROM core.{entity} ORDER BY resource_id, line")  # type: ignore[arg-type]

    def lines(self, run: Run) -> dict[str, int]:
        """Lines of a delivery by disposition and reason."""
        rows = self.driver.all("SELECT * FROM ops.line_account WHERE delivery_id = %s", run.delivery_id)
        return {f"{row['disposition']} {row['reason']}".strip(): row["line_total"] for row in rows}


@pytest.fixture
def ehr(site: Site) -> Ehr:
    return Ehr(site, lax())


def test_a_first_export_is_held_and_fills_the_tables(ehr: Ehr) -> None:
    run = ehr.send(patient(1), weight(1, "80.5"), pressure(1, 120, 80), verdict="approve")
    assert run.state == "published"
    assert [row["resource_id"] for row in ehr.rows("patient")] == ["p1"]
    values = {(row["resource_id"], row["component"]): row["value_number"] for row in ehr.rows("observation")}
    assert {str(value) for value in values.values() if value is not None} == {"80.5", "120", "80"}
    assert len(values) == 4
    assert ehr.lines(run) == {"consumed": 3}


def test_what_is_stated_again_changes_nothing(ehr: Ehr) -> None:
    resources = (patient(1), pressure(1, 120, 80))
    ehr.send(*resources, verdict="approve")
    run = ehr.send(*resources, weight(1, "80"))
    assert run.plan["counts"]["patient"] == {"incoming": 1, "unchanged": 1, "held": 1}
    assert run.plan["counts"]["observation"] == {"add": 1, "losses": 0, "incoming": 4, "unchanged": 3, "held": 3}


def test_a_changed_resource_is_a_new_version_with_the_names_of_what_changed(ehr: Ehr) -> None:
    ehr.send(patient(1), pressure(1, 120, 80), verdict="approve")
    run = ehr.send(patient(1, gender="male"), pressure(1, 130, None))
    changed = ehr.driver.all(
        "SELECT entity, action, changed, reason FROM ops.plan_row JOIN ops.plan USING (plan_id)"
        " WHERE delivery_id = %s ORDER BY entity, action", run.delivery_id,
    )  # fmt: skip
    assert [(row["entity"], row["action"]) for row in changed] == [
        ("observation", "change"),
        ("observation", "void"),
        ("patient", "change"),
    ]
    assert changed[1]["reason"] == "component_gone"
    assert changed[2]["changed"] == ["gender_code"]
    assert len(ehr.driver.all("SELECT * FROM core.patient_history")) == 1
    assert len(ehr.driver.all("SELECT * FROM core.observation_known('infinity')")) == 2


def test_of_two_versions_the_newer_counts_and_repeats_count_once(ehr: Ehr) -> None:
    run = ehr.send(
        updated(patient(1, gender="male"), 2, LATE), updated(patient(1), 1, EARLY), updated(patient(1), 1, EARLY),
        weight(1, "80"), weight(1, "80"), verdict="approve",
    )  # fmt: skip
    assert ehr.rows("patient")[0]["gender_code"] == "M"
    assert ehr.lines(run) == {"consumed": 2, "ignored older_version": 2, "duplicate": 1}


def test_two_statements_that_nothing_puts_in_order_are_both_refused(ehr: Ehr) -> None:
    run = ehr.send(patient(1), patient(1, gender="male"), patient(2), verdict="approve")
    assert [row["resource_id"] for row in ehr.rows("patient")] == ["p2"]
    assert ehr.lines(run) == {"consumed": 1, "quarantined": 2}
    kept = ehr.driver.all("SELECT reasons FROM ops.quarantine WHERE delivery_id = %s", run.delivery_id)
    assert [row["reasons"] for row in kept] == [["ambiguous_key"]] * 2


def test_what_the_source_deleted_is_closed_and_its_history_stays(ehr: Ehr) -> None:
    ehr.send(patient(1), pressure(1, 120, 80), weight(1, "80"), verdict="approve")
    run = ehr.send(deleted("Observation/b1", "Observation/w1", "Observation/never"), deleted("Observation/none"))
    assert run.state == "published"
    assert ehr.rows("observation") == []
    assert len(ehr.driver.all("SELECT * FROM core.observation_history WHERE closed_by_action = 'void'")) == 4
    assert ehr.lines(run) == {"consumed": 1, "ignored unknown_key": 1}


def test_a_record_that_comes_and_is_deleted_at_once_is_refused(ehr: Ehr) -> None:
    ehr.send(patient(1), weight(1, "80"), verdict="approve")
    run = ehr.send(weight(1, "81"), deleted("Observation/w1"))
    assert [row["value_number"] for row in ehr.rows("observation")] == [80]
    assert ehr.lines(run) == {"quarantined": 2}


def test_an_older_version_never_goes_over_a_newer_one(ehr: Ehr) -> None:
    ehr.send(updated(patient(1), 2, LATE), verdict="approve")
    run = ehr.send(updated(patient(1, gender="male"), 1, EARLY), patient(2))
    assert ehr.rows("patient")[0]["gender_code"] == "F"
    assert ehr.lines(run) == {"ignored newer_truth": 1, "consumed": 1}


def test_refused_lines_are_kept_raw_and_counted(ehr: Ehr) -> None:
    run = ehr.send(
        patient(1),
        b"{",
        b'{"resourceType": "Patient"}',
        b'{"resourceType": "Basic", "id": "1"}',
        b"",
        verdict="approve",
    )
    assert ehr.lines(run) == {"consumed": 1, "quarantined": 3, "ignored blank_line": 1}


def test_many_deletions_hold(site: Site) -> None:
    ehr = Ehr(site, lax(ends=Limit(share=0.05, floor=2)))
    ehr.send(*(patient(number) for number in range(10)), verdict="approve")
    run = ehr.send(deleted("Patient/p1", "Patient/p2"), verdict="decline")
    assert "deletes patient" in run.plan["breaches"]
    assert run.state == "declined"


def test_negative_control_the_same_deletions_without_the_guard_pass(ehr: Ehr) -> None:
    ehr.send(*(patient(number) for number in range(10)), verdict="approve")
    assert ehr.send(deleted("Patient/p1", "Patient/p2")).state == "published"


# ── replay ──


def replay(ehr: Ehr) -> Run:
    """Takes up every refused line and runs the replay."""
    site = ehr.driver.site
    opened = steps.replay(ehr.driver.feed, Selection(ehr.driver.feed.name), by="ann", site=site)
    (delivery_id,) = opened["replays"]
    assert ehr.driver.open() == [delivery_id]
    run = ehr.driver.run(delivery_id, "approve")
    assert check.run(site) == []
    return run


def test_a_refused_resource_is_replayed_once_the_reader_knows_it(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_file, "RESOURCE_TYPES", {"Patient": RESOURCE_TYPES["Patient"]})
    run = ehr.send(patient(1), weight(1, "80"), verdict="approve")
    assert ehr.driver.reasons(run.delivery_id) == {2: ("resource.type_unknown",)}
    monkeypatch.undo()
    assert replay(ehr).state == "published"
    assert [row["value_number"] for row in ehr.rows("observation")] == [80]
    assert [row["state"] for row in ehr.driver.all("SELECT state FROM ops.quarantine")] == ["replayed"]


def test_a_replay_never_goes_over_what_a_newer_delivery_said(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_file, "RESOURCE_TYPES", {"Patient": RESOURCE_TYPES["Patient"]})
    ehr.send(patient(1), weight(1, "80"), weight(2, "81"), weight(3, "82"), verdict="approve")
    monkeypatch.undo()
    ehr.send(weight(1, "90"), weight(2, "91"))
    ehr.send(deleted("Observation/w2"))
    replay(ehr)
    held = {row["resource_id"]: row["value_number"] for row in ehr.rows("observation")}
    assert held == {"w1": 90, "w3": 82}


def test_what_is_refused_again_stays(ehr: Ehr) -> None:
    ehr.send(patient(1), b"{", verdict="approve")
    assert replay(ehr).state == "published"
    (kept,) = ehr.driver.all("SELECT state, attempts FROM ops.quarantine")
    assert (kept["state"], kept["attempts"]) == ("open", 1)


# ── who it is, protected ──


def test_a_number_is_kept_as_token_ciphertext_and_last_four(ehr: Ehr) -> None:
    number = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-1234"}
    ehr.send(patient(1, identifier=[number]), verdict="approve")
    (row,) = ehr.rows("patient")
    assert row["ssn_last_four"] == "1234"
    assert "400551234" not in str({name: value for name, value in row.items() if name != "ssn_sealed"})
    opened = ehr.driver.site.keys.open(row["ssn_sealed"], context=patient_ssn_context("northgate", "p1"))
    assert opened == b"400551234"


def test_rotated_keys_take_patients_with_them(ehr: Ehr) -> None:
    number = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "400-55-1234"}
    ehr.send(patient(1, identifier=[number]), verdict="approve")
    site = ehr.driver.site
    newer = {"newer": secrets.token_bytes(32)}
    settings = site.settings
    rotated = steps.open_site(
        replace(settings, seal_keys=newer | settings.seal_keys, token_keys=newer | settings.token_keys)
    )
    steps.rewrap(rotated)
    steps.retoken(rotated)
    (row,) = Driver(ehr.driver.feed, rotated).all("SELECT * FROM core.patient")
    assert row["ssn_token"].startswith("newer:")
    assert rotated.keys.key_id_of(row["ssn_sealed"]) == "newer"
    assert check.run(rotated) == []
