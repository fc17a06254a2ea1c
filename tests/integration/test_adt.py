"""HL7v2 ADT files through stage, plan and apply: a message tells changes, and every segment is accounted for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from concord import check
from concord.catalogue import feed
from concord.contract import Guards, Limit
from concord.steps import Site
from tests.rosters import Driver, Run

LAX = Limit(share=0.99, floor=1_000_000)


def message(trigger: str, number: str, at: str, *segments: str) -> bytes:
    """One message about patient ``number``; segments end in CR, as HL7 says."""
    head = f"MSH|^~\\&|ADT|RIVERBEND|CONCORD|C|{at}||ADT^{trigger}|{trigger}{number}{at}|P|2.5.1"
    return b"".join(f"{each}\r".encode() for each in (head, f"EVN|{trigger}|{at}", *segments))


def pid(number: str, name: str = "Sampleb^Pat", street: str = "1 Main St") -> str:
    return f"PID|1||{number}^^^RIVERBEND^MR||{name}||19800302|F|||{street}^^Springfield^OH^45501"


class Riverbend:
    def __init__(self, site: Site) -> None:
        contract = feed("riverbend_adt")
        guards = Guards(ends=LAX, rejected=LAX, minimum_rows=1)
        self.driver = Driver(replace(contract, policy=replace(contract.policy, guards=guards)), site)
        self.today = date(2026, 11, 1)

    def send(self, *messages: bytes, verdict: str | None = None) -> Run:
        self.today += timedelta(days=1)
        run = self.driver.day(b"".join(messages), self.today, verdict)
        assert check.run(self.driver.site) == []
        return run

    def patients(self) -> dict[str, dict[str, Any]]:
        return {row["mrn"]: row for row in self.driver.all("SELECT * FROM core.patient")}


@pytest.fixture
def riverbend(site: Site) -> Riverbend:
    return Riverbend(site)


VISIT = "PV1|1|I|WARD^1^1||||||||||||||||V1|||||||||||||||||||||||||202611010800"


def test_messages_about_one_patient_become_one_row_and_every_segment_counts(riverbend: Riverbend) -> None:
    run = riverbend.send(
        message("A01", "7", "20261101080000", pid("7"), VISIT),
        message("A08", "7", "20261101090000", pid("7", street="2 Oak Ave")),
        b"MSH|^~\\&|ADT\r",
        verdict="approve",
    )
    assert run.state == "published"
    (row,) = riverbend.patients().values()
    assert (row["last_name"], row["address_line_1"], row["partner"]) == ("Sampleb", "2 Oak Ave", "riverbend")
    assert len(riverbend.driver.all("SELECT * FROM core.encounter")) == 1
    assert riverbend.driver.lines(run.delivery_id) == {"consumed": 7, "quarantined": 1}


def test_what_a_later_message_does_not_name_stays_and_two_quotes_empty(riverbend: Riverbend) -> None:
    riverbend.send(message("A01", "7", "20261101080000", pid("7") + "||5551234567", VISIT), verdict="approve")
    before = riverbend.patients()["7"]
    riverbend.send(message("A08", "7", "20261102080000", 'PID|1||7^^^RIVERBEND^MR||Sampleb^Pat||""|F'))
    after = riverbend.patients()["7"]
    assert (after["address_line_1"], after["birth_date"]) == (before["address_line_1"], None)
    assert before["birth_date"] == date(1980, 3, 2)


def test_a_merged_patient_leads_to_its_survivor(riverbend: Riverbend) -> None:
    riverbend.send(
        message("A28", "7", "20261101080000", pid("7")), message("A28", "8", "20261101080100", pid("8")),
        verdict="approve",
    )  # fmt: skip
    riverbend.send(message("A40", "7", "20261102080000", pid("7"), "MRG|8^^^RIVERBEND^MR"))
    found = riverbend.patients()
    assert found["8"]["replaced_by_reference"] == f"Patient/{found['7']['resource_id']}"
