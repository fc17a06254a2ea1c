"""A partner that refuses us is not asked again and again, and one that is not the partner is told nothing."""

from __future__ import annotations

import threading
from dataclasses import replace

import asyncssh
import pytest

from concord import circuit, errors, steps
from concord.errors import HostNotTrusted, LoginRefused, LoginsBlocked, NeedsDecision, SourceUnavailable
from concord.orchestrate import callbacks
from concord.postgres import connect
from tests import tally
from tests.faults.partner import Partnership
from tests.faults.proxy import Do, Fault, Way
from tests.rosters import BASE
from tests.unit.acme_rows import acme

WRONG = {"password": "guess"}
CONN = "acme_sftp"


def refuse(partnership: Partnership, times: int = 2) -> None:
    for _ in range(times):
        with pytest.raises(LoginRefused):
            partnership.discover(**WRONG)


def age_refusals(partnership: Partnership) -> None:
    partnership.driver.do("UPDATE ops.circuit SET refused_at = refused_at - interval '12 hours 1 second'")


def test_after_two_refused_logins_nobody_knocks_any_more_not_even_with_the_right_password(
    partnership: Partnership,
) -> None:
    refuse(partnership)
    for access in (WRONG, WRONG, {}):
        with pytest.raises(LoginsBlocked):
            partnership.discover(**access)
    assert partnership.server.logins_tried == 2
    assert partnership.proxy.links == 2


def test_refusals_are_counted_over_tasks(partnership: Partnership) -> None:
    delivery_id = partnership.discovered(BASE)
    for _ in range(2):
        with pytest.raises(LoginRefused):
            partnership.fetch(delivery_id, **WRONG)
    with pytest.raises(LoginsBlocked):
        partnership.discover(**WRONG)
    assert partnership.server.logins_tried == 3


@pytest.mark.full
def test_without_the_count_every_run_would_knock(partnership: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "MOST_REFUSED", 1_000)
    refuse(partnership, times=4)
    assert partnership.server.logins_tried == 4
    tally.count("negative controls", tried=1, red=1)


def test_after_a_pause_one_login_is_tried(partnership: Partnership) -> None:
    refuse(partnership)
    age_refusals(partnership)
    refuse(partnership, times=1)
    with pytest.raises(LoginsBlocked):
        partnership.discover()
    age_refusals(partnership)
    assert partnership.discover() == []
    assert partnership.driver.all("SELECT * FROM ops.circuit") == []


def test_a_person_lets_the_next_one_be_tried_and_the_auditor_sees_who(partnership: Partnership) -> None:
    refuse(partnership)
    site = partnership.driver.site
    assert steps.unblock(CONN, by="ann", reason="new password", site=site) == 2
    assert partnership.discover() == []
    with connect(site.settings.auditor_url or "") as auditor:
        seen = auditor.execute("SELECT actor, object FROM ops.audit WHERE action = 'unblock'").fetchone()
    assert seen == {"actor": "ann", "object": CONN}


def test_what_was_never_refused_cannot_be_unblocked(partnership: Partnership) -> None:
    with pytest.raises(NeedsDecision):
        steps.unblock("other_sftp", by="ann", reason="", site=partnership.driver.site)


@pytest.mark.full
def test_a_login_that_succeeds_begins_the_count_anew(partnership: Partnership) -> None:
    for _ in range(3):
        refuse(partnership, times=1)
        partnership.discover()
    assert partnership.server.logins_tried == 6


def test_a_server_that_does_not_answer_has_refused_nothing(partnership: Partnership) -> None:
    partnership.proxy.is_down = True
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            partnership.discover()
    refuse_later = partnership.driver.all("SELECT * FROM ops.circuit")
    partnership.proxy.is_down = False
    assert (refuse_later, partnership.discover()) == ([], [])


def test_an_outage_between_two_refusals_does_not_hide_the_first(partnership: Partnership) -> None:
    refuse(partnership, times=1)
    partnership.proxy.down = Way(fault=Fault(Do.RESET, after_bytes=0))
    with pytest.raises(SourceUnavailable):
        partnership.discover()
    assert partnership.proxy.fired["reset"] == 1
    refuse(partnership, times=1)
    with pytest.raises(LoginsBlocked):
        partnership.discover()


def test_a_login_is_counted_before_it_is_tried_so_that_a_process_may_die_in_it(partnership: Partnership) -> None:
    site = partnership.driver.site
    with (
        site.database("login") as connection,
        circuit.one_login(connection, CONN),
        site.database("test") as other,
    ):
        assert circuit.refused(other, CONN) == 1


def test_logins_of_one_connection_take_turns(partnership: Partnership) -> None:
    site = partnership.driver.site
    began, seen = threading.Event(), []

    def second() -> None:
        with connect(site.settings.loader_url) as connection:
            began.set()
            with circuit.one_login(connection, CONN):
                seen.append("second")

    with connect(site.settings.loader_url) as connection, circuit.one_login(connection, CONN):
        thread = threading.Thread(target=second)
        thread.start()
        began.wait(5)
        thread.join(0.2)
        seen.append("first")
    thread.join(5)
    assert seen == ["first", "second"]


def test_another_host_key_is_a_matter_of_security_and_nothing_is_sent(partnership: Partnership) -> None:
    other = " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])
    for _ in range(3):
        with pytest.raises(HostNotTrusted):
            partnership.discover(host_key=other)
    assert partnership.server.logins_tried == 0
    (incident,) = partnership.driver.incidents()
    assert (incident["kind"], incident["times"]) == ("security", 3)
    assert "SECURITY" in incident["subject"]
    assert "another channel" in incident["text"]
    assert len(partnership.driver.told) == 1
    assert partnership.discover() == []
    assert partnership.driver.incidents() == []
    tally.count("faults", injected=1, fired=1, recovered=1)


def test_the_pin_is_what_stops_it(partnership: Partnership, monkeypatch: pytest.MonkeyPatch) -> None:
    class Everybody(dict[bytes, str]):
        def __contains__(self, key: object) -> bool:
            return True

    other = " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])
    monkeypatch.setattr("concord.acquire.ssh._pinned", lambda lines: Everybody({b"": "ssh-ed25519"}))
    assert partnership.discover(host_key=other) == []
    assert partnership.server.logins_tried == 1
    tally.count("negative controls", tried=1, red=1)


def test_on_call_is_told_of_the_first_refusal_and_of_the_end_of_trying(partnership: Partnership) -> None:
    refuse(partnership)
    for _ in range(3):
        with pytest.raises(LoginsBlocked):
            partnership.discover()
    first, last = partnership.driver.told
    assert "refused" in first[0]
    assert f"concord unblock {CONN}" in last[1]
    (incident,) = partnership.driver.incidents()
    assert (incident["text"], incident["times"]) == (last[1], 5)
    assert "guess" not in str(partnership.driver.told)
    steps.unblock(CONN, by="ann", reason="mended", site=partnership.driver.site)
    partnership.discover()
    assert partnership.driver.incidents() == []
    assert partnership.findings() == []
    tally.count("faults", injected=2, fired=2, recovered=2)


@pytest.mark.parametrize("error", errors.TOLD)
def test_a_failed_task_does_not_tell_it_a_second_time(
    partnership: Partnership, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[object] = []
    monkeypatch.setattr(callbacks, "_record", lambda *given: recorded.append(given))
    callbacks.report_failure(partnership.driver.feed)({"exception": error("no")})  # type: ignore[arg-type]
    assert recorded == []
    callbacks.report_failure(partnership.driver.feed)({"exception": SourceUnavailable("away")})  # type: ignore[arg-type]
    assert len(recorded) == 1


def test_two_feeds_of_one_connection_share_one_incident(partnership: Partnership) -> None:
    refuse(partnership, times=1)
    other = replace(partnership.driver, feed=acme(name="acme_dental"))
    refuse(replace(partnership, driver=other), times=1)
    (incident,) = partnership.driver.incidents()
    assert incident["times"] == 2
    assert partnership.server.logins_tried == 2
