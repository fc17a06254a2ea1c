"""Every named file of Acme's folder goes through every step, as the second delivery."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.rosters import BASE, FRI, THU, Driver, key, without

FOLDER = Path(__file__).parents[1] / "feeds" / "acme_eligibility"
EXPECTED: dict[str, Any] = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
AS_OF: date = EXPECTED.pop("as_of")
REJECTED = {name: wanted for name, wanted in EXPECTED.items() if "rejected" in wanted}
ACCEPTED = {name: wanted for name, wanted in EXPECTED.items() if "rejected" not in wanted}

FOUND_BY_RECONCILING = {
    "duplicate_key_different": {"ambiguous_key": 2},
}
"""What only becomes clear beside the other rows: reasons that reading does not give."""
CANARIES = ("Testman", "Tessa", "400-55-0101", "400550101", "E0000101", "Sample Way", "LOCKER", "tessa@example.com")


def content(name: str) -> bytes:
    return (FOLDER / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", REJECTED)
def test_a_file_refused_by_rule_ends_rejected_says_what_to_press_and_writes_nothing(acme: Driver, name: str) -> None:
    before = acme.tables()
    run = acme.day(content(name), AS_OF)
    code, facts = REJECTED[name]["rejected"], acme.facts(run.delivery_id)
    assert (run.state, run.settled["ok"], run.rejection and run.rejection.code) == ("rejected", False, code)
    assert facts["state_reason"].startswith(f"{code}: ")
    assert REJECTED[name].get("names", "") in facts["state_reason"]
    assert acme.tables() == before
    assert acme.reasons(run.delivery_id) == {}
    _told_what_to_press(acme, run.delivery_id, code)


def _told_what_to_press(acme: Driver, delivery_id: str, code: str) -> None:
    (incident,) = acme.incidents()
    assert (incident["kind"], incident["delivery_id"], incident["feed"]) == (
        "rejected",
        delivery_id,
        "acme_eligibility",
    )
    assert acme.told == [(incident["subject"], incident["text"])]
    assert code in incident["subject"]
    assert all(
        word in incident["text"] for word in ("Partner acme", delivery_id, code, "Safe: ", "Press: ", "attempt 2")
    )
    assert not [value for value in CANARIES if value in incident["text"] + incident["subject"]]


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_with_usable_rows_is_applied_and_every_refused_row_is_kept_with_its_reasons(
    acme: Driver, name: str
) -> None:
    """Acme's people are not in these files: whole scopes vanish, which a person approves here."""
    run = acme.day(content(name), AS_OF, "approve")
    assert run.state == "published"
    reasons = Counter(code for codes in acme.reasons(run.delivery_id).values() for code in codes)
    assert reasons == Counter(ACCEPTED[name].get("reasons", {})) + Counter(FOUND_BY_RECONCILING.get(name, {}))
    assert (
        sum(acme.lines(run.delivery_id).values())
        == content(name).count(b"\n")
        == acme.facts(run.delivery_id)["line_count"]
    )
    assert acme.lines(run.delivery_id).get("ignored", 0) >= ACCEPTED[name].get("ignored", 0)


def test_an_extra_column_is_accepted_and_reported_as_drift_without_its_name(acme: Driver) -> None:
    run = acme.day(content("extra_column"), AS_OF)
    assert run.state == "published"
    assert acme.facts(run.delivery_id)["drift"] == {"extra_columns": 1, "missing_columns": [], "reordered": False}


def test_drift_is_an_incident_until_the_columns_are_as_promised_again(acme: Driver) -> None:
    drift = "SELECT state, subject, text FROM ops.incident WHERE kind = 'drift'"
    acme.day(content("extra_column"), THU)
    found = acme.all(drift)
    assert [row["state"] for row in found] == ["open"]
    assert "1 columns that the contract does not know" in found[0]["text"]
    assert "Safe:" in found[0]["text"]
    assert "Press:" in found[0]["text"]
    acme.day(content("good"), AS_OF)
    assert [row["state"] for row in acme.all(drift)] == ["resolved"]


def test_reordered_columns_are_accepted_and_mean_what_they_are_called(acme: Driver) -> None:
    run = acme.day(content("reordered_column"), AS_OF)
    assert acme.facts(run.delivery_id)["drift"]["reordered"] is True
    member = acme.all("SELECT first_name, last_name FROM core.member WHERE subscriber_id = 'E0000101'")[0]
    assert member == {"first_name": "Tessa", "last_name": "Testman"}


def test_a_missing_optional_column_is_drift_and_keeps_what_is_held(acme: Driver) -> None:
    acme.day(content("good"), THU)
    run = acme.day(content("missing_optional_column"), AS_OF)
    assert acme.facts(run.delivery_id)["drift"]["missing_columns"] == ["phone"]
    member = acme.all("SELECT phone FROM core.member WHERE subscriber_id = 'E0000101' AND person_code = '01'")[0]
    assert member == {"phone": "5550100101"}


def test_a_sentinel_date_means_no_end(acme: Driver) -> None:
    acme.day(content("sentinel_9999"), AS_OF)
    added = {name: spans for name, spans in acme.spans().items() if name not in {key(n) for n in range(1, 11)}}
    assert all(end is None for name, spans in added.items() for _, end in spans if name[0] >= "E0000100")


def test_a_byte_order_mark_changes_nothing(acme: Driver) -> None:
    run = acme.day(content("bom"), AS_OF)
    assert run.counts["add"] == 2


def test_after_a_rejection_the_corrected_file_goes_through(acme: Driver) -> None:
    assert acme.day(content("truncated"), AS_OF).state == "rejected"
    run = acme.day(without(3), AS_OF)
    assert (run.state, run.counts["end"]) == ("published", 1)


def test_a_rejected_delivery_is_opened_again_by_its_next_attempt(acme: Driver) -> None:
    """As on-call does after mending the contract; here the same contract rejects it again."""
    run = acme.day(content("truncated"), AS_OF)
    again = acme.planned_as(run.delivery_id, run.attempt + 1)
    assert (again.state, acme.facts(run.delivery_id)["attempt"]) == ("rejected", 2)


def test_a_cell_of_one_megabyte_is_quarantined_and_its_neighbours_go_on(acme: Driver) -> None:
    rows = [*BASE[:-1], {**BASE[-1], "STREET": "x" * 1_100_000}]
    run = acme.day(rows, FRI)
    assert (run.state, acme.reasons(run.delivery_id)) == ("published", {14: ("record.too_long",)})
    assert (run.counts["unchanged"], run.counts.get("end")) == (12, None)
