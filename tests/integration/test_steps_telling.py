"""Every incident is told by every channel at least once, louder while nobody sees to it, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from concord import steps
from concord.errors import NeedsDecision
from concord.incidents import Severity
from concord.publish.notify import Channel, Message, NotTold
from concord.steps import telling
from concord.steps.repairing import escalate
from tests.rosters import BASE, FRI, THU, Driver, without


class Recorder:
    """A channel that remembers what it took, and refuses while told to."""

    def __init__(self, name: str = "phone", least: Severity = Severity.NOTE) -> None:
        self.took: list[Message] = []
        self.refuses = False
        self.channel = Channel(name, least, self._send)

    def _send(self, message: Message) -> None:
        if self.refuses:
            raise NotTold("status 500")
        self.took.append(message)

    @property
    def subjects(self) -> list[str]:
        return [message.subject for message in self.took]


def held(acme: Driver) -> str:
    run = acme.planned(acme.deliver(BASE[:4], THU))
    assert run.state == "held"
    return run.delivery_id


def tell(acme: Driver, *recorders: Recorder) -> steps.Told:
    return steps.tell(acme.site, [recorder.channel for recorder in recorders])


def untold(acme: Driver) -> int:
    return len(acme.all("SELECT 1 FROM ops.notice WHERE told_at IS NULL"))


def later(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


# ── at least once ──


def test_what_is_told_once_is_not_told_again(acme: Driver) -> None:
    delivery_id, phone = held(acme), Recorder()
    assert tell(acme, phone).notices == 1
    assert tell(acme, phone).notices == 0
    assert phone.subjects == [f"acme_eligibility: delivery {delivery_id} of 2026-11-19 is held"]
    (notice,) = acme.all("SELECT told, told_at FROM ops.notice WHERE event = 'opened' ORDER BY notice_id DESC LIMIT 1")
    assert (list(notice["told"]), notice["told_at"] is not None) == (["phone"], True)


def test_a_channel_that_refuses_is_told_later_and_the_others_are_not_told_twice(acme: Driver) -> None:
    phone, mail = Recorder("phone"), Recorder("mail")
    mail.refuses = True
    held(acme)
    first = tell(acme, phone, mail)
    assert (first.notices, first.refusals) == (0, {"mail": "status 500"})
    mail.refuses = False
    assert tell(acme, phone, mail) == steps.Told(1, {})
    assert (len(phone.took), len(mail.took)) == (1, 1)


def test_a_channel_that_refuses_is_asked_once_however_much_there_is_to_tell(acme: Driver) -> None:
    asked: list[str] = []

    def refuse(message: Message) -> None:
        asked.append(message.subject)
        raise NotTold("ConnectError")

    held(acme)
    acme.day(b"", FRI)
    assert untold(acme) == 2
    steps.tell(acme.site, [Channel("mail", Severity.NOTE, refuse)])
    assert len(asked) == 1


def test_a_crash_between_telling_and_remembering_tells_twice_never_not_at_all(
    acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Recorder()
    held(acme)
    with monkeypatch.context() as crash:
        crash.setattr(telling, "failpoint", lambda _: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            tell(acme, phone)
    tell(acme, phone)
    assert len(phone.took) == 2
    assert untold(acme) == 0


def test_an_incident_and_what_is_to_be_told_of_it_are_one_transaction(acme: Driver) -> None:
    """A step that is rolled back has told nobody, and one that committed cannot have forgotten to."""
    before = untold(acme)
    with pytest.raises(OSError, match="killed"), acme.site.database("test") as connection:
        connection.execute("INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('held', 'x', 's', 't')")
        raise OSError("killed")
    assert untold(acme) == before
    acme.do("INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('held', 'x', 's', 't')")
    assert untold(acme) == before + 1


def test_without_the_trigger_nobody_would_be_told(acme: Driver, first_day: Any) -> None:
    """Negative control: the connection's triggers are off."""
    before = untold(acme)
    first_day.connection.execute("INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('held', 'y', 's', 't')")
    assert untold(acme) == before


def test_two_tellers_do_not_tell_the_same(acme: Driver) -> None:
    held(acme)
    heard: list[str] = []

    def interrupted(message: Message) -> None:
        heard.append("first")
        steps.tell(acme.site, [Channel("phone", Severity.NOTE, lambda _: heard.append("second"))])

    steps.tell(acme.site, [Channel("phone", Severity.NOTE, interrupted)])
    assert heard == ["first"]


# ── runs that take too long ──


def test_a_slow_run_is_told_and_over_with_its_delivery(acme: Driver) -> None:
    delivery_id = acme.deliver(without(3), THU)
    assert steps.overdue(acme.feed, acme.feed.name, 360, acme.site, delivery_id=delivery_id)
    (incident,) = acme.incidents()
    assert (incident["kind"], incident["delivery_id"]) == ("slow", delivery_id)
    assert "landed, a run of acme_eligibility is not over after 360 minutes" in incident["text"]
    assert acme.run(delivery_id).state == "published"
    assert acme.incidents() == []


def test_a_delivery_that_waits_for_a_person_or_is_over_is_not_slow(acme: Driver) -> None:
    delivery_id = held(acme)
    assert not steps.overdue(acme.feed, acme.feed.name, 360, acme.site, delivery_id=delivery_id)
    assert [incident["kind"] for incident in acme.incidents()] == ["held"]


def test_a_slow_watch_is_told(acme: Driver) -> None:
    assert steps.overdue(acme.feed, f"{acme.feed.name}_watch", 90, acme.site, delivery_id=None)
    assert [(i["kind"], i["cause"]) for i in acme.incidents()] == [("slow", f"slow:{acme.feed.name}")]


# ── how loud ──


def test_a_channel_hears_only_what_is_severe_enough(acme: Driver) -> None:
    everything, pager = Recorder("log"), Recorder("pager", Severity.URGENT)
    held(acme)
    tell(acme, everything, pager)
    assert (len(everything.took), len(pager.took)) == (1, 0)


def test_what_nobody_sees_to_escalates_at_growing_distances_to_the_second_level(acme: Driver) -> None:
    delivery_id, pager = held(acme), Recorder("pager", Severity.URGENT)
    reached = []
    for hours in (3.9, 4.1, 7.9, 8.1, 15.9, 16.1, 31.9, 32.1):
        escalate(acme.site, later(hours))
        tell(acme, pager)
        reached.append(acme.incidents()[0]["level"])
    assert reached == [0, 1, 1, 2, 2, 3, 3, 4]
    assert len(pager.took) == 4
    assert all(subject.endswith(f"delivery {delivery_id} of 2026-11-19 is held") for subject in pager.subjects)
    for words in ("Partner acme", "Safe: ", "Press: ", "concord incidents ack "):
        assert words in pager.took[0].text


def test_what_was_missed_while_nobody_asked_escalates_once(acme: Driver) -> None:
    held(acme)
    assert [escalate(acme.site, later(33)) for _ in range(2)] == [1, 0]
    assert acme.incidents()[0]["level"] == 4


def test_who_acknowledges_stops_the_escalation_and_resolves_nothing(acme: Driver) -> None:
    delivery_id, phone = held(acme), Recorder()
    (incident,) = acme.incidents()
    assert steps.acknowledge(incident["incident_id"], by="ann", site=acme.site) == "ann"
    assert steps.acknowledge(incident["incident_id"], by="bob", site=acme.site) == "ann", "the first one has it"
    assert escalate(acme.site, later(100)) == 0
    assert acme.facts(delivery_id)["state"] == "held"
    assert [row["state"] for row in acme.incidents()] == ["open"]
    tell(acme, phone)
    assert phone.subjects[-1].startswith("Acknowledged: ")
    assert "ann is on it" in phone.took[-1].text


def test_without_the_acknowledgement_it_would_escalate(acme: Driver) -> None:
    """Negative control."""
    held(acme)
    assert escalate(acme.site, later(100)) == 1


def test_what_is_over_cannot_be_acknowledged(acme: Driver) -> None:
    with pytest.raises(NeedsDecision, match="no open incident 0"):
        steps.acknowledge(0, by="ann", site=acme.site)


def test_notes_never_escalate(acme: Driver) -> None:
    acme.do(
        "INSERT INTO ops.incident (kind, cause, subject, text, severity) VALUES ('drift', 'z', 's', 't', 'note')"
    )  # as ``report`` does for a kind without a distance
    assert escalate(acme.site, later(10_000)) == 0


def test_who_was_told_louder_hears_that_it_is_over(acme: Driver) -> None:
    delivery_id, pager = held(acme), Recorder("pager", Severity.URGENT)
    escalate(acme.site, later(5))
    acme.day(without(3), FRI)
    assert acme.facts(delivery_id)["state"] == "superseded"
    tell(acme, pager)
    assert [subject.split(" ")[0] for subject in pager.subjects] == ["Still", "Over:"]
    assert f"delivery {delivery_id}: superseded" in pager.took[-1].text


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-1), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=3, minutes=12), "3 h 12 min"),
        (timedelta(hours=47), "47 h 0 min"),
        (timedelta(days=9, hours=5), "9 days"),
    ],
)
def test_ages_are_said_as_people_say_them(age: timedelta, words: str) -> None:
    assert telling.in_words(age) == words
