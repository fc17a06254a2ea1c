"""What partners hear: entered once, sent once, whatever goes wrong in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from concord import failpoint, outgoing, steps
from concord.acquire import SftpAccess
from concord.contract import Answers, Feed
from concord.errors import DatabaseUnavailable, SourceRefused, SourceUnavailable, Unbalanced
from concord.ledger import Delivery
from concord.postgres import connect
from concord.publish.partner_report import Report
from concord.sandbox.sftp_server import SftpPartner
from concord.steps import answering
from tests.rosters import SEEN_OF_A_PERSON, THU, WED, Driver, Run, employee, lax, roster

ANSWERS = Answers("/from_concord")


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    (tmp_path / "from_concord").mkdir()
    with SftpPartner(tmp_path) as server:
        server.add_user("acme", password="secret", root=tmp_path)
        yield server


@pytest.fixture
def access(partner: SftpPartner) -> SftpAccess:
    return SftpAccess("127.0.0.1", partner.port, "acme", partner.host_key_line, password="secret", timeout_s=5)


@pytest.fixture
def acme(new_acme: Driver) -> Driver:
    new_acme.feed = replace(lax(), answers=ANSWERS)
    return new_acme


def lying(partner: SftpPartner) -> list[str]:
    return sorted(path.name for path in (partner.root / "from_concord").iterdir())


def test_a_held_delivery_is_told_of_and_then_its_outcome(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    run = acme.planned(acme.deliver(roster(range(1, 9)), WED))
    assert steps.answer(acme.feed, access, acme.site) == {"entered": 2, "sent": 2}
    acme.decide(run)
    acme.finished(run)
    steps.answer(acme.feed, access, acme.site)
    name = f"report_{run.delivery_id}"
    assert lying(partner) == [f"{name}_{state}.{kind}" for state in ("held", "published") for kind in ("csv", "html")]
    assert steps.answer(acme.feed, access, acme.site) == {"entered": 0, "sent": 0}


def test_refused_rows_are_told_without_anything_of_the_person(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    acme.begin(roster(range(1, 9)))
    run = acme.day([*roster(range(1, 8)), employee(8, SEX="?"), employee(9, DOB="13/45/1980")], THU)
    steps.answer(acme.feed, access, acme.site)
    told = (partner.root / "from_concord" / f"report_{run.delivery_id}_published.csv").read_text()
    assert "refused,9,SEX,code,is not in the agreed code table,E0000008 01," in told
    assert "refused,10,DOB,date,is no date as agreed,E0000009 01," in told
    without_ids = told.replace("E0000008", "").replace("E0000009", "")
    assert SEEN_OF_A_PERSON.search(without_ids) is None
    assert SEEN_OF_A_PERSON.search(told), "a search that finds nothing proves nothing"


def test_a_rejected_delivery_is_told_of_by_its_reason(acme: Driver, partner: SftpPartner, access: SftpAccess) -> None:
    run = acme.day(b"EMPID\nE0000001\n", WED)
    steps.answer(acme.feed, access, acme.site)
    told = (partner.root / "from_concord" / f"report_{run.delivery_id}_rejected.csv").read_text()
    assert "structure.missing_column" in told


def test_what_cannot_be_sent_stays_due_and_is_told_of_when_it_is_late(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    acme.begin(roster(range(1, 9)))
    with pytest.raises(SourceUnavailable):
        steps.answer(acme.feed, replace(access, port=1), acme.site)
    assert [row["last_failure"] for row in acme.all("SELECT * FROM ops.outgoing")] == ["SourceUnavailable"] * 2
    assert [row["kind"] for row in acme.incidents()] == []
    acme.do("UPDATE ops.outgoing SET entered_at = entered_at - interval '2 hours'")
    assert steps.answer_all([acme.feed], lambda _: replace(access, port=1), acme.site) == {
        acme.feed.name: "SourceUnavailable"
    }
    assert [row["kind"] for row in acme.incidents()] == ["answer"]
    assert steps.answer_all([acme.feed], lambda _: access, acme.site) == {}
    assert ([row["kind"] for row in acme.incidents()], len(lying(partner))) == ([], 2)


@pytest.mark.parametrize("point", ["answer.reported", "answer.written_aside", "answer.put", "answer.before_commit"])
def test_a_crash_anywhere_leaves_each_answer_once(
    acme: Driver, partner: SftpPartner, access: SftpAccess, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.begin(roster(range(1, 9)))
    failpoint._seen.clear()
    monkeypatch.setenv(failpoint.FAULTS, f"{point}=raise:DatabaseUnavailable")
    with pytest.raises(DatabaseUnavailable):
        steps.answer(acme.feed, access, acme.site)
    monkeypatch.delenv(failpoint.FAULTS)
    steps.answer(acme.feed, access, acme.site)
    assert [name for name in lying(partner) if not name.endswith(".part")] == [
        row["file_name"] for row in acme.all("SELECT file_name FROM ops.outgoing WHERE state = 'sent' ORDER BY 1")
    ]
    assert len(acme.all("SELECT * FROM ops.outgoing")) == 2


def test_another_file_of_the_partner_is_never_overwritten(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    run = acme.begin(roster(range(1, 9)))
    theirs = partner.root / "from_concord" / f"report_{run.delivery_id}_published.csv"
    theirs.write_text("theirs")
    with pytest.raises(SourceRefused):
        steps.answer(acme.feed, access, acme.site)
    assert theirs.read_text() == "theirs"


def test_a_feed_without_answers_says_nothing(acme: Driver, access: SftpAccess) -> None:
    acme.feed = lax()
    acme.begin(roster(range(1, 9)))
    assert steps.answer(acme.feed, access, acme.site) == {"entered": 0, "sent": 0}


def test_what_was_answered_goes_with_its_delivery(acme: Driver, access: SftpAccess) -> None:
    acme.begin(roster(range(1, 9)))
    steps.answer(acme.feed, access, acme.site)
    with acme.site.database("test") as connection:
        from concord.postgres import run

        ids = [row["delivery_id"] for row in connection.execute("SELECT delivery_id FROM ops.delivery").fetchall()]
        run(connection, "custody/forget_outgoing", {"delivery_ids": ids})
        assert outgoing.due(connection, acme.feed.name) == []
    assert {row["content_sealed"] for row in acme.all("SELECT content_sealed FROM ops.outgoing")} == {None}


def other(partner: SftpPartner, run: Run, kind: str) -> Path:
    """A file of somebody else's under the name of the report of ``run``."""
    path = partner.root / "from_concord" / f"report_{run.delivery_id}_published.{kind}"
    path.write_text("theirs")
    return path


def test_what_was_sent_is_not_sent_again_when_a_later_one_is_refused(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    """The partner takes the first one away: it must not come a second time."""
    run = acme.begin(roster(range(1, 9)))
    other(partner, run, "html")
    with pytest.raises(SourceRefused):
        steps.answer(acme.feed, access, acme.site)
    ours = partner.root / "from_concord" / f"report_{run.delivery_id}_published.csv"
    ours.unlink()
    with pytest.raises(SourceRefused):
        steps.answer(acme.feed, access, acme.site)
    assert not ours.exists()


def test_one_that_is_refused_holds_no_other_back(acme: Driver, partner: SftpPartner, access: SftpAccess) -> None:
    run = acme.begin(roster(range(1, 9)))
    other(partner, run, "csv")
    with pytest.raises(SourceRefused):
        steps.answer(acme.feed, access, acme.site)
    states = {row["kind"]: row["state"] for row in acme.all("SELECT kind, state FROM ops.outgoing")}
    assert states == {"csv": "due", "html": "sent"}


def test_a_report_that_cannot_be_written_holds_no_other_back(
    acme: Driver, partner: SftpPartner, access: SftpAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = acme.begin(roster(range(1, 9))), acme.day(roster(range(1, 10)), THU)
    write = answering._report

    def broken(feed: Feed, delivery: Delivery, *rest: Any) -> Report:
        if delivery.delivery_id == first.delivery_id:
            raise Unbalanced("test")
        return write(feed, delivery, *rest)

    monkeypatch.setattr(answering, "_report", broken)
    with pytest.raises(Unbalanced):
        steps.answer(acme.feed, access, acme.site)
    assert lying(partner) == [f"report_{second.delivery_id}_published.{kind}" for kind in ("csv", "html")]


def test_an_incident_is_not_over_while_somebody_else_is_still_sending(
    acme: Driver, partner: SftpPartner, access: SftpAccess
) -> None:
    acme.begin(roster(range(1, 9)))
    with pytest.raises(SourceUnavailable):
        steps.answer(acme.feed, replace(access, port=1), acme.site)
    acme.do("UPDATE ops.outgoing SET entered_at = entered_at - interval '2 hours'")
    steps.answer_all([acme.feed], lambda _: replace(access, port=1), acme.site)
    with connect(acme.site.settings.loader_url) as sending:
        assert len(outgoing.due(sending, acme.feed.name)) == 2
        assert steps.answer(acme.feed, access, acme.site)["sent"] == 0
        assert [row["kind"] for row in acme.incidents()] == ["answer"]
    steps.answer(acme.feed, access, acme.site)
    assert acme.incidents() == []
