"""What each family of ADT events does to patients and encounters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concord.parse.hl7v2 import interpret, patient
from concord.parse.hl7v2.events import EVENTS, Effect, Shape
from concord.parse.hl7v2.repeats import Repeats
from concord.parse.hl7v2.rows import Row
from tests.unit.hl7v2_messages import OPTIONS, PID, PV1, encounter, message, parse, pid, pv1, reasons, rows

OTHER = pid("1002", n5="Otherman^Olga")
MRG = "MRG|1002^^^GHH^MR||A2||V2^^^GHH^VN"
FHIR_STATUSES = {"planned", "in-progress", "onleave", "finished", "cancelled"}


def whole(trigger: str) -> bytes:
    """A message of ``trigger`` that has all it may need."""
    shape = EVENTS[trigger].shape
    segments = {Shape.NOBODY: ("NPU|1",), Shape.ONE: (PID, PV1), Shape.TWO: (PID, PV1, OTHER, pv1("V2"))}
    return message(trigger, *segments.get(shape, (PID, MRG, PV1)))


def merges(data: bytes) -> list[tuple[str, str, str, str]]:
    return [(each.entity, each.kind, each.survivor_id, each.replaced_id) for each in parse(data).merges]


# ── the table ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", range(1, 61))
def test_every_trigger_from_a01_to_a60_is_known_or_refused(number: int) -> None:
    trigger = f"A{number:02}"
    if trigger in EVENTS:
        assert reasons(whole(trigger)) == []
        assert EVENTS[trigger].status in {None, *FHIR_STATUSES}
    else:
        assert trigger in {"A19", "A56", "A57", "A58", "A59"}
        assert reasons(message(trigger)) == ["message.trigger_unknown"]


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("A01", "in-progress"), ("A02", "in-progress"), ("A03", "finished"), ("A04", "in-progress"),
        ("A05", "planned"), ("A06", "in-progress"), ("A07", "in-progress"), ("A08", None), ("A11", "cancelled"),
        ("A12", "in-progress"), ("A13", "in-progress"), ("A14", "planned"), ("A16", None), ("A21", "onleave"),
        ("A22", "in-progress"), ("A25", "in-progress"), ("A26", None), ("A27", "cancelled"), ("A28", None),
        ("A31", None), ("A38", "cancelled"), ("A52", "in-progress"), ("A53", "onleave"), ("A54", None), ("A60", None),
    ],
)  # fmt: skip
def test_the_status_of_a_visit_is_what_the_event_means(trigger: str, status: str | None) -> None:
    assert encounter(trigger).get("status") == status


# ── admission and discharge ────────────────────────────────────────────────────


def test_a_visit_begins_and_ends_when_pv1_says() -> None:
    row = encounter("A03", n44="20240101", n45="202401020800-0500", n36="01")
    assert (row["started_at"], row["started_precision"]) == ("2024-01-01T00:00:00+00:00", "day")
    assert (row["ended_at"], row["ended_precision"]) == ("2024-01-02T13:00:00+00:00", "time")
    assert row["discharge_disposition_code"] == "01"


@pytest.mark.parametrize(("trigger", "column"), [("A01", "started_at"), ("A04", "started_at"), ("A03", "ended_at")])
def test_where_pv1_does_not_say_it_was_when_the_event_occurred(trigger: str, column: str) -> None:
    data = message(trigger).replace(b"EVN|%b|20240102030400" % trigger.encode(), b"EVN||20240102030400||||202401011200")
    (row,) = rows(parse(data), "encounter")
    assert row[column] == "2024-01-01T17:00:00+00:00"


def test_when_it_was_recorded_is_not_when_it_occurred() -> None:
    assert "ended_at" not in encounter("A03")


def test_a_cancelled_discharge_takes_the_end_away_whatever_pv1_repeats() -> None:
    row = encounter("A13", n45="20240102", n36="01")
    assert "ended_at" not in row
    assert {"ended_at", "ended_precision", "discharge_disposition_code"} <= set(row["cleared"])


def test_a_cancelled_pending_discharge_says_nothing_of_the_end() -> None:
    row = encounter("A25", n45="20240102", n36="01")
    assert not {"ended_at", "discharge_disposition_code"} & {*row, *row["cleared"]}


@pytest.mark.parametrize("trigger", ["A11", "A12", "A13", "A23", "A27", "A38", "A42", "A50", "A52"])
def test_an_event_about_a_visit_alone_must_say_which(trigger: str) -> None:
    effect = EVENTS[trigger].effect
    mrg = (MRG,) if effect is Effect.MERGE_VISITS else ()
    assert reasons(message(trigger, PID, *mrg, pv1(""))) == ["visit.no_number"]
    assert reasons(message(trigger, PID, *mrg)) == ["segment.missing_pv1"]


def test_a_visit_without_number_is_counted_and_its_patient_is_read() -> None:
    chunk = parse(message("A01", PID, pv1("")))
    assert (chunk.unkeyed, list(chunk.frames)) == (1, ["patient"])


def test_the_alternate_visit_number_stands_in() -> None:
    assert encounter("A01", n19="", n50="ALT1^^^GHH")["resource_id"] == "GHH-ALT1"


# ── deletes ────────────────────────────────────────────────────────────────────


def test_a_deleted_person_is_a_deleted_row_and_nothing_else() -> None:
    chunk = parse(message("A29"))
    assert list(chunk.frames) == ["patient"]
    (row,) = rows(chunk)
    assert (row["resource_id"], row["deleted"], row.get("last_name")) == ("GHH-1001", True, None)


def test_a_deleted_visit_is_a_deleted_row_and_its_patient_stays() -> None:
    chunk = parse(message("A23"))
    assert [(row["resource_id"], row["deleted"]) for row in rows(chunk, "encounter")] == [("GHH-V1", True)]
    assert [row["deleted"] for row in rows(chunk)] == [False]


@pytest.mark.parametrize("trigger", sorted(set(EVENTS) - {"A23", "A29", "A42", "A45", "A50"}))
def test_no_other_event_deletes(trigger: str) -> None:
    for frame in parse(whole(trigger)).frames.values():
        assert not frame["deleted"].any()


# ── merges and links ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("trigger", ["A18", "A30", "A34", "A36", "A39", "A40", "A47"])
def test_a_merge_replaces_the_patient_of_mrg_by_the_one_of_pid(trigger: str) -> None:
    data = message(trigger, PID, MRG)
    assert merges(data) == [("patient", "merge", "GHH-1001", "GHH-1002")]
    survivor, gone = rows(parse(data))
    assert survivor["resource_id"] == "GHH-1001"
    assert "replaced_by_reference" not in survivor
    assert (gone["resource_id"], gone["replaced_by_reference"]) == ("GHH-1002", "Patient/GHH-1001")
    assert gone["active"] is False
    assert gone["cleared"] == ()
    assert gone["last_updated"] == survivor["last_updated"]


def test_one_message_may_merge_several_patients() -> None:
    data = message("A40", PID, MRG, pid("1003"), "MRG|1004^^^GHH^MR", "MRG|1005^^^GHH^MR")
    assert [merge[2:] for merge in merges(data)] == [
        ("GHH-1001", "GHH-1002"), ("GHH-1003", "GHH-1004"), ("GHH-1003", "GHH-1005"),
    ]  # fmt: skip
    assert parse(data).accounting()["record"] == 7


def test_a_merge_without_the_replaced_or_with_itself_is_refused() -> None:
    assert reasons(message("A40", PID)) == ["segment.missing_mrg"]
    assert reasons(message("A40", PID, "MRG|||A2")) == ["segment.missing_mrg"]
    assert reasons(message("A40", PID, MRG, pid("1003"))) == ["segment.missing_mrg"]
    assert reasons(message("A40", PID, "MRG|1001^7^M11^GHH^MR")) == ["merge.same_identifier"]


@pytest.mark.parametrize("trigger", ["A35", "A41", "A43", "A44", "A46", "A48", "A49", "A51"])
def test_events_about_accounts_and_other_numbers_merge_nobody(trigger: str) -> None:
    assert merges(message(trigger, PID, MRG, PV1)) == []
    assert len(rows(parse(message(trigger, PID, MRG, PV1)))) == 1


@pytest.mark.parametrize(("trigger", "kind"), [("A24", "link"), ("A37", "unlink")])
def test_link_and_unlink_replace_nobody(trigger: str, kind: str) -> None:
    data = message(trigger, PID, OTHER)
    assert merges(data) == [("patient", kind, "GHH-1001", "GHH-1002")]
    assert all("replaced_by_reference" not in row for row in rows(parse(data)))
    assert reasons(message(trigger, PID)) == ["segment.missing_pid"]
    assert reasons(message(trigger, PID, PID)) == ["merge.same_identifier"]
    assert reasons(message(trigger, PID, OTHER, pid("1003"))) == ["segment.repeated_pid"]


@pytest.mark.parametrize("trigger", ["A42", "A50"])
def test_a_merged_visit_ends_and_goes_on_under_the_other_number(trigger: str) -> None:
    data = message(trigger, PID, MRG, PV1)
    assert merges(data) == [("encounter", "merge", "GHH-V1", "GHH-V2")]
    assert [(row["resource_id"], row["deleted"]) for row in rows(parse(data), "encounter")] == [
        ("GHH-V1", False), ("GHH-V2", True),
    ]  # fmt: skip
    assert reasons(message(trigger, PID, PV1)) == ["segment.missing_mrg"]
    assert reasons(message(trigger, PID, "MRG|||||V1^^^GHH", PV1)) == ["merge.same_identifier"]


def test_moved_visits_belong_to_the_patient_of_pid() -> None:
    data = message("A45", PID, "MRG|1002^^^GHH^MR||||V1^^^GHH", pv1("V1"), "MRG|1002^^^GHH^MR||||V7^^^GHH", pv1(""))
    assert [(row["resource_id"], row["subject_reference"]) for row in rows(parse(data), "encounter")] == [
        ("GHH-V1", "Patient/GHH-1001"), ("GHH-V7", "Patient/GHH-1001"),
    ]  # fmt: skip
    assert merges(data) == []


def test_swapped_patients_are_both_read() -> None:
    data = message("A17", PID, PV1, OTHER, pv1("V2"))
    assert [row["subject_reference"] for row in rows(parse(data), "encounter")] == [
        "Patient/GHH-1001", "Patient/GHH-1002",
    ]  # fmt: skip


# ── messages that lost something ───────────────────────────────────────────────


def test_two_messages_glued_together_are_refused() -> None:
    assert reasons(message("A01", PID, PV1, OTHER)) == ["segment.repeated_pid"]
    assert reasons(message("A01", PID, PV1, pv1("V2"))) == ["segment.repeated_pv1"]
    assert reasons(message("A01", PID, PV1, "EVN|A02|2024")) == ["segment.repeated_evn"]


def test_a_message_without_a_patient_or_a_number_is_refused() -> None:
    assert reasons(message("A01", PV1)) == ["segment.missing_pid"]
    assert reasons(message("A01", pid(""))) == ["patient.no_identifier"]
    assert reasons(message("A01", pid("", n3="400550101^^^USA^SS"))) == ["patient.no_identifier"]


def test_guards_turn_red_when_they_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard against two persons in an event of one, both would be read."""
    monkeypatch.setattr(interpret, "_check_shape", lambda groups, context: None)
    assert reasons(message("A01", PID, PV1, OTHER)) == []


def test_a_medical_record_number_is_preferred_and_an_ssn_never_makes_a_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "400550101^^^USA^SS~E9^^^ENT^PI~1001^^^GHH^MR"
    (row,) = rows(parse(message("A08", pid("", n3=listed))))
    assert (row["resource_id"], row["mrn"]) == ("GHH-1001", "1001")
    monkeypatch.setattr(patient, "patient_identifier", lambda choice, authority: next(iter(choice)))
    (row,) = rows(parse(message("A08", pid("", n3=listed))))
    assert row["resource_id"] == "USA-400550101"


def test_the_senders_own_number_is_preferred_in_whatever_order_they_come() -> None:
    for listed in ("E1^^^ENT^MR~1001^^^GHH^MR~G2^^^GHH^PI", "G2^^^GHH^PI~1001^^^GHH^MR~E1^^^ENT^MR"):
        assert rows(parse(message("A08", pid("", n3=listed))))[0]["resource_id"] == "GHH-1001"
        (_, gone) = rows(parse(message("A40", pid("1003"), f"MRG|{listed}")))
        assert gone["resource_id"] == "GHH-1001"
        ent = rows(parse(message("A08", pid("", n3=listed)), replace(OPTIONS, authority="ENT")))
        assert ent[0]["resource_id"] == "ENT-E1"


def test_without_their_guards_repeats_ends_and_old_addresses_would_come_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Repeats, "first_line", lambda *_: None)
    assert len(rows(parse(message("A08", control_id="1") * 2))) == 2
    monkeypatch.setitem(EVENTS, "A13", EVENTS["A03"])
    assert encounter("A13", n45="20240102")["ended_precision"] == "day"
    monkeypatch.setattr(Row, "replace", lambda *_: None)
    assert rows(parse(message("A08", pid(n11="9 Other Road"))))[0]["cleared"] == ()


# ── when it was recorded ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("evn", "sent", "recorded"),
    [
        ("20240102030400", "20240102030405", "2024-01-02T08:04:00+00:00"),
        ("20240102", "20240102030405", "2024-01-02T08:04:05+00:00"),
        ("", "20240102030405+0215", "2024-01-02T00:49:05+00:00"),
        ("20240102", "", "2024-01-02T00:00:00+00:00"),
        ("", "", None),
    ],
)
def test_a_row_knows_when_its_event_was_recorded(evn: str, sent: str, recorded: str | None) -> None:
    data = message("A08", n7=sent).replace(b"EVN|A08|20240102030400", f"EVN|A08|{evn}".encode())
    assert rows(parse(data))[0].get("last_updated") == recorded


def test_numbers_without_an_authority_are_the_feeds_or_the_senders() -> None:
    data = message("A08", pid("", n3="1001^^^^MR"))
    assert rows(parse(data))[0]["resource_id"] == "GHH-1001"
    assert rows(parse(data, replace(OPTIONS, authority="ENT")))[0]["resource_id"] == "ENT-1001"
    other = message("A08", pid("", n3="1001^^^^MR^FAC"))
    assert rows(parse(other, replace(OPTIONS, authority="ENT")))[0]["resource_id"] == "FAC-1001"
