"""``concord check``: quiet about what is sound, and about every corruption it finds and names it.

The corruptions are made by hand as the superuser, with triggers and foreign keys off:
each is the negative control of its rule.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from concord import check, steps
from concord.check import Finding
from concord.cli import app
from concord.contract import Limit
from concord.sandbox.roles import grant_connect
from concord.steps import Site
from tests.rosters import BASE, FRI, MON, THU, WED, Driver, employee, guarded, lax, next_day, roster, without

if TYPE_CHECKING:
    from concord.settings import Settings

LONG_AGO = timedelta(days=30)
BEFORE = employee(9, COVEFF="01/01/2025", COVEND="06/30/2025")
FIRST = [*BASE, BEFORE, employee(30, DOB="02/30/1980"), BASE[4]]
SECOND = [
    employee(1, PLAN="HMO-2", LASTNAME="Other"), employee(1, COVERAGE="DENTAL", PLAN="DEN-1", LASTNAME="Other"),
    *without(1, 4, rows=FIRST), *roster([11]), employee(31, COVEND="nonsense"),
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One database and its landing."""

    name: str
    admin_url: str = field(repr=False)
    settings: Settings = field(repr=False)

    @property
    def landing(self) -> Path:
        return Path(self.settings.landing_url.removeprefix("file://"))

    def site(self) -> Site:
        return steps.open_site(self.settings)

    def spoil(self, statement: LiteralString, *values: Any) -> list[str]:
        """Runs it as the superuser, nothing in its way; returns the ids it touched, where it returns any."""
        with psycopg.connect(self.admin_url) as connection:
            connection.execute("SET session_replication_role = replica")
            cursor = connection.execute(statement, values or None)
            while cursor.nextset():
                pass
            return [str(row[0]) for row in cursor.fetchall()] if cursor.description else []

    def found(self, *, deep: bool = False) -> dict[str, Finding]:
        """Findings by code."""
        findings = check.run(self.site(), deep=deep)
        assert not [f for f in findings if any(value in repr(f) for value in ("E00000", "Sample", "400-55", "HMO"))]
        return {finding.code: finding for finding in findings}

    def id_of(self, state: str) -> str:
        """The delivery in this state."""
        return self.spoil("SELECT delivery_id FROM ops.delivery WHERE state = %s", state)[0]


def on(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"


def copied(template: Any, source: str, landing: Path) -> Place:
    """A copy of the database ``source``, with settings for it."""
    from concord.settings import Settings

    name = f"check_{secrets.token_hex(4)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER concord_owner STRATEGY FILE_COPY")
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(source)))
        grant_connect(admin, name)
    settings = Settings(
        loader_url=on(template.loader_url, name),
        landing_url=landing.as_uri(),
        seal_keys={"test": b"1" * 32},
        token_keys={"test": b"2" * 32},
    )
    return Place(name, on(template.admin_url, name), settings)


def dropped(template: Any, place: Place) -> None:
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(place.name)))


@pytest.fixture(scope="module")
def lived(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two days applied, a duplicate, and a third day held; with quarantine, an inferred end, a change of plan."""
    place = copied(template, template.name, tmp_path_factory.mktemp("lived") / "landing")
    try:
        driver = Driver(lax(), place.site())
        driver.begin(FIRST, WED)
        assert driver.day(SECOND, THU).state == "published"
        driver.deliver(SECOND, THU)
        driver.feed = guarded(ends=Limit(share=0.05, floor=3))
        assert driver.day(without(*range(3, 9), rows=SECOND), FRI).state == "held"
        yield place
    finally:
        dropped(template, place)


@pytest.fixture
def place(template: Any, lived: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy of ``lived`` to spoil."""
    shutil.copytree(lived.landing, tmp_path / "landing")
    own = copied(template, lived.name, tmp_path / "landing")
    try:
        yield own
    finally:
        dropped(template, own)


# ── what is sound ──────────────────────────────────────────────────────────────


def test_what_the_steps_leave_has_no_findings(lived: Place) -> None:
    assert lived.found() == lived.found(deep=True) == {}


def test_an_installation_without_deliveries_has_no_findings(site: Site) -> None:
    assert check.run(site, deep=True) == []


def test_no_state_is_a_finding_by_itself(site: Site) -> None:
    acme = Driver(lax(), site)
    acme.begin(BASE, WED)
    acme.feed = guarded(ends=Limit(share=0.05, floor=3))
    fewer = without(*range(3, 9))
    states = [acme.day(fewer, THU, "decline").state, acme.day(b"EMPID\r\nE0000001\r\n", FRI).state]
    states += [acme.day(fewer, MON).state, acme.day([*BASE, *roster([12])], next_day(MON)).state]
    waits = acme.deliver([*BASE, *roster([13])], next_day(MON, 2))
    assert check.run(site, deep=True) == []
    steps.stage(acme.feed, waits, 1, site)
    assert check.run(site, deep=True) == []
    assert steps.plan(acme.feed, waits, 1, site)["state"] == "planned"
    assert check.run(site, deep=True) == []
    assert states == ["declined", "rejected", "held", "published"]
    assert {row["state"] for row in acme.all("SELECT state FROM ops.delivery")} == {
        "published", "declined", "rejected", "superseded", "planned",
    }  # fmt: skip


def test_a_held_delivery_that_is_staged_again_has_no_findings(place: Place) -> None:
    driver = Driver(guarded(ends=Limit(share=0.05, floor=3)), place.site())
    held = driver.facts(place.id_of("held"))
    place.spoil("DROP SCHEMA stage CASCADE; CREATE SCHEMA stage; GRANT ALL ON SCHEMA stage TO concord_loader")
    steps.stage(driver.feed, held["delivery_id"], held["attempt"] + 1, place.site())
    assert place.found() == {}
    assert steps.plan(driver.feed, held["delivery_id"], held["attempt"] + 1, place.site())["held"]
    assert place.found() == {}


# ── corruptions ────────────────────────────────────────────────────────────────

CHANGED = "row_id = (SELECT row_id FROM core.eligibility_history WHERE closed_by_action = 'change')"
SINGLE = "row_id = (SELECT min(row_id) FROM core.{0} WHERE row_id NOT IN (SELECT row_id FROM core.{0}_history))"
SPANS = {
    "a span that runs into the next one of its key": (
        (
            "UPDATE core.eligibility SET effective_to = '2026-02-01' WHERE effective_from = '2025-01-01'"
            " RETURNING (SELECT row_id FROM core.eligibility e WHERE e.effective_from > '2025-01-01'"
            " AND (e.subscriber_id, e.person_code) = (eligibility.subscriber_id, eligibility.person_code))"
        ),
        {"eligibility.overlap"},
    ),
    "a span that ends before it begins": (
        (
            "ALTER TABLE core.eligibility DROP CONSTRAINT eligibility_check;"
            "UPDATE core.eligibility SET effective_to = '2024-01-01' WHERE effective_from = '2025-01-01'"
            " RETURNING row_id"
        ),
        {"eligibility.reversed"},
    ),
    "a former span that ended before it began": (
        (
            f"UPDATE core.eligibility_history SET effective_to = effective_from, end_kind = 'explicit' WHERE {CHANGED}"
            " RETURNING row_id"
        ),
        {"eligibility.reversed"},
    ),
    "an end of no kind": (
        (
            "ALTER TABLE core.eligibility DROP CONSTRAINT eligibility_check1;"
            "UPDATE core.eligibility SET end_kind = NULL WHERE effective_from = '2025-01-01' RETURNING row_id"
        ),
        {"eligibility.end_kind"},
    ),
    "a former end of no kind": (
        f"UPDATE core.eligibility_history SET end_kind = 'explicit' WHERE {CHANGED} RETURNING row_id",
        {"eligibility.end_kind"},
    ),
    "an inferred end without evidence": (
        "UPDATE core.eligibility SET end_evidence = NULL WHERE end_kind = 'inferred' RETURNING row_id",
        {"eligibility.evidence"},
    ),
    "an inferred end from a delivery that never was": (
        (
            """UPDATE core.eligibility SET end_evidence = end_evidence || '{"delivery": "00000000"}'"""
            " WHERE end_kind = 'inferred' RETURNING row_id"
        ),
        {"eligibility.evidence"},
    ),
    "an inferred end without where the member was last seen": (
        (
            "UPDATE core.eligibility SET end_evidence = end_evidence - 'last_seen_delivery'"
            " WHERE end_kind = 'inferred' RETURNING row_id"
        ),
        {"eligibility.evidence"},
    ),
    "two members with one key": (
        (
            "DROP INDEX core.member_key;"
            "UPDATE core.member SET person_code = '02' WHERE person_code = '03';"
            "SELECT row_id FROM core.member WHERE person_code = '02'"
        ),
        {"member.key_twice"},
    ),
    "a plan edited by hand": (
        f"UPDATE core.eligibility SET plan_code = 'FREE' WHERE {SINGLE.format('eligibility')} RETURNING row_id",
        {"eligibility.hash"},
    ),
    "a member edited by hand": (
        f"UPDATE core.member SET city = 'Elsewhere' WHERE {SINGLE.format('member')} RETURNING row_id",
        {"member.hash"},
    ),
}
VERSIONS = {
    "two consecutive versions that say the same": (
        (
            "UPDATE core.eligibility e SET plan_code = h.plan_code, content_hash = h.content_hash"
            " FROM core.eligibility_history h WHERE h.row_id = e.row_id AND h.closed_by_action = 'change'"
            " RETURNING e.row_id"
        ),
        {"eligibility.no_change"},
    ),
    "a version that ended when it began": (
        f"UPDATE core.eligibility_history SET known_from = known_to WHERE {CHANGED} RETURNING row_id",
        {"eligibility.known_reversed"},
    ),
    "a version that was believed beside the next": (
        f"UPDATE core.eligibility_history SET known_to = known_to + interval '1 hour' WHERE {CHANGED} RETURNING row_id",
        {"eligibility.known_overlap", "eligibility.known_at"},
    ),
    "a time in which nothing was believed": (
        "UPDATE core.member_history SET known_to = known_to - interval '1 microsecond' RETURNING row_id",
        {"member.known_gap", "member.known_at"},
    ),
    "a row that is gone without being voided": (
        f"DELETE FROM core.eligibility WHERE {CHANGED} RETURNING row_id",
        {"eligibility.known_gap"},
    ),
    "a version that no apply made": (
        (
            f"UPDATE core.member SET known_from = known_from + interval '1 hour' WHERE {SINGLE.format('member')}"
            " RETURNING row_id"
        ),
        {"member.known_at"},
    ),
    "a version of a delivery that never was": (
        f"UPDATE core.member SET delivery_id = '00000000' WHERE {SINGLE.format('member')} RETURNING row_id",
        {"member.origin"},
    ),
    "a former version of a delivery that never was": (
        f"UPDATE core.eligibility_history SET delivery_id = '00000000' WHERE {CHANGED} RETURNING row_id",
        {"eligibility.origin"},
    ),
    "a version of a line that is not there": (
        f"UPDATE core.eligibility SET line = 4711 WHERE {SINGLE.format('eligibility')} RETURNING row_id",
        {"eligibility.line"},
    ),
    "a version of a line that was refused": (
        (
            "UPDATE core.member m SET line = q.line FROM ops.quarantine q WHERE q.delivery_id = m.delivery_id"
            " AND m.row_id = (SELECT max(row_id) FROM core.member) RETURNING m.row_id"
        ),
        {"member.line"},
    ),
}
ACCOUNTS = {
    "a version closed by another action than the plan's": (
        (
            "UPDATE core.eligibility_history SET closed_by_action = 'end' WHERE closed_by_action = 'change'"
            " RETURNING closed_by_delivery_id"
        ),
        {"eligibility.closed"},
    ),
    "a former version that is gone": (
        f"DELETE FROM core.eligibility_history WHERE {CHANGED} RETURNING closed_by_delivery_id",
        {"eligibility.closed"},
    ),
    "a new row that is gone": (
        "DELETE FROM core.member WHERE row_id = (SELECT max(row_id) FROM core.member) RETURNING delivery_id",
        {"member.opened", "member.events"},
    ),
    "a row that nobody was told of": (
        "DELETE FROM ops.outbox WHERE outbox_id = (SELECT max(outbox_id) FROM ops.outbox) RETURNING delivery_id",
        {"eligibility.events"},
    ),
    "an event for nothing": (
        (
            "UPDATE ops.outbox SET row_id = 4711 WHERE outbox_id = (SELECT min(outbox_id) FROM ops.outbox)"
            " RETURNING delivery_id"
        ),
        {"member.events"},
    ),
    "a line in no account": (
        "DELETE FROM ops.line_account WHERE disposition = 'control' RETURNING delivery_id",
        {"lines.missing"},
    ),
    "a line in two accounts": (
        (
            "UPDATE ops.line_account SET lines = lines + '{[2,3)}'::int8multirange, line_total = line_total + 1"
            " WHERE disposition = 'control' RETURNING delivery_id"
        ),
        {"lines.twice"},
    ),
    "an account of a line that is not in the file": (
        (
            "UPDATE ops.line_account SET lines = lines + '{[4711,4712)}'::int8multirange, line_total = line_total + 1"
            " WHERE disposition = 'control' RETURNING delivery_id"
        ),
        {"lines.stray"},
    ),
    "an account with another total than its lines": (
        "UPDATE ops.line_account SET line_total = 7 WHERE disposition = 'control' RETURNING delivery_id",
        {"lines.miscounted"},
    ),
    "a delivery that does not say how many lines it has": (
        "UPDATE ops.delivery SET line_count = NULL WHERE state = 'held' RETURNING delivery_id",
        {"lines.missing"},
    ),
    "a refused row that nobody kept": (
        "DELETE FROM ops.quarantine RETURNING delivery_id",
        {"quarantine.lines"},
    ),
    "a kept row that nobody refused": (
        (
            "INSERT INTO ops.quarantine (delivery_id, feed, line, found_by, reasons, raw_sealed)"
            " SELECT delivery_id, feed, 3, 'parse', '{x}', '' FROM ops.delivery WHERE state = 'held'"
            " RETURNING delivery_id"
        ),
        {"quarantine.lines"},
    ),
    "a plan edited after it was shown": (
        (
            "UPDATE ops.plan_row p SET to_after = '2027-01-01' FROM ops.plan n JOIN ops.delivery d USING (delivery_id)"
            " WHERE n.plan_id = p.plan_id AND d.state = 'held' AND p.action = 'end' RETURNING d.delivery_id"
        ),
        {"plan.digest"},
    ),
    "a plan row that is gone": (
        (
            "DELETE FROM ops.plan_row p USING ops.plan n WHERE n.plan_id = p.plan_id AND p.action = 'change'"
            " RETURNING n.delivery_id"
        ),
        {"plan.digest", "member.closed", "member.opened", "eligibility.closed", "eligibility.opened"},
    ),
}
STATES = {
    "an event that is gone": (
        "DELETE FROM ops.delivery_event WHERE to_state = 'staged' RETURNING delivery_id",
        {"state.chain"},
    ),
    "a way that does not exist": (
        (
            "UPDATE ops.delivery_event SET to_state = 'applied'"
            " WHERE event_id = (SELECT max(event_id) FROM ops.delivery_event) RETURNING delivery_id"
        ),
        {"state.chain", "state.now"},
    ),
    "a delivery that was never discovered": (
        "DELETE FROM ops.delivery_event WHERE to_state = 'discovered' RETURNING delivery_id",
        {"state.chain"},
    ),
    "a state that no event brought": (
        "UPDATE ops.delivery SET state = 'planned' WHERE state = 'held' RETURNING delivery_id",
        {"state.now"},
    ),
    "a delivery that nobody works on": (
        (
            "UPDATE ops.delivery SET state_at = now() - interval '1 day' WHERE state = 'held';"
            "UPDATE ops.delivery SET state = 'staged' WHERE state = 'held' RETURNING delivery_id"
        ),
        {"state.now", "state.stuck"},
    ),
    "a failure that nobody hears of": (
        (
            "DELETE FROM ops.incident;"
            "UPDATE ops.delivery SET state = 'failed' WHERE state = 'held' RETURNING delivery_id"
        ),
        {"state.now", "end.silent"},
    ),
    "half a plan": (
        (
            "UPDATE ops.plan p SET finished_at = NULL FROM ops.delivery d WHERE d.delivery_id = p.delivery_id"
            " AND d.state = 'held' RETURNING d.delivery_id"
        ),
        {"plan.unfinished"},
    ),
    "an event that says something else than its plan": (
        (
            "UPDATE ops.outbox SET action = 'end' WHERE action = 'change' AND entity = 'eligibility'"
            " RETURNING delivery_id"
        ),
        {"eligibility.event_action"},
    ),
    "a stage table that nobody finished": (
        (
            "UPDATE ops.stage_attempt a SET finished_at = NULL, started_at = now() - interval '1 day'"
            " FROM ops.delivery d WHERE d.delivery_id = a.delivery_id AND d.state = 'held'"
            " RETURNING 'd_' || a.delivery_id || '_' || a.stage_no"
        ),
        {"stage.left"},
    ),
    "a hold that nobody hears of": (
        "UPDATE ops.incident SET state = 'resolved' RETURNING delivery_id",
        {"hold.silent"},
    ),
    "a hold that was applied without a decision": (
        "DELETE FROM ops.decision RETURNING delivery_id",
        {"hold.unapproved"},
    ),
    "a hold that was applied although declined": (
        "UPDATE ops.decision SET verdict = 'decline' RETURNING delivery_id",
        {"hold.unapproved"},
    ),
    "a comparison that was applied": (
        "UPDATE ops.plan SET verdict = 'compare' WHERE verdict = 'apply' RETURNING delivery_id",
        {"hold.unapproved"},
    ),
    "a delivery that nobody declined": (
        (
            "WITH gone AS (UPDATE ops.delivery SET state = 'declined' WHERE state = 'held' RETURNING delivery_id)"
            " INSERT INTO ops.delivery_event (delivery_id, from_state, to_state, attempt, actor)"
            " SELECT delivery_id, 'held', 'declined', 1, 'x' FROM gone RETURNING delivery_id"
        ),
        {"hold.undecided"},
    ),
    "a decision on a plan that never was": (
        "UPDATE ops.decision SET digest = 'x' RETURNING delivery_id",
        {"decision.digest", "hold.unapproved"},
    ),
    "an apply without its time": (
        "UPDATE ops.delivery SET applied_at = NULL WHERE applied_seq = 1 RETURNING delivery_id",
        {"apply.marks"},
    ),
    "an applied delivery that is not called so": (
        (
            "UPDATE ops.delivery SET applied_seq = 9, known_at = now(), applied_at = now() WHERE state = 'held'"
            " RETURNING delivery_id"
        ),
        {"apply.marks", "hold.unapproved"},
    ),
    "a later apply that was known earlier": (
        (
            "UPDATE ops.delivery SET applied_seq = 3 WHERE applied_seq = 1;"
            "SELECT delivery_id FROM ops.delivery WHERE applied_seq = 3"
        ),
        {"apply.order"},
    ),
    "a lease that counts another apply": (
        "UPDATE ops.lease SET state_seq = 1 RETURNING feed",
        {"lease.state"},
    ),
    "a lease that names another delivery": (
        "UPDATE ops.lease SET seen_delivery_id = NULL RETURNING feed",
        {"lease.state"},
    ),
    "more applies than fences": (
        "UPDATE ops.lease SET fence = 1 RETURNING feed",
        {"lease.fence"},
    ),
    "a stage table that nobody knows": (
        "CREATE TABLE stage.left_behind (); SELECT 'left_behind'",
        {"stage.orphan"},
    ),
    "a stage table that was said to be dropped": (
        (
            "UPDATE ops.stage_attempt a SET dropped_at = now() FROM ops.delivery d WHERE d.delivery_id = a.delivery_id"
            " AND d.state = 'held' RETURNING 'd_' || a.delivery_id || '_' || a.stage_no"
        ),
        {"stage.orphan"},
    ),
    "a landed delivery without its manifest": (
        "UPDATE ops.delivery SET manifest = NULL WHERE state = 'duplicate' RETURNING delivery_id",
        {"landing.unproved"},
    ),
    "a manifest that was altered in the ledger": (
        """UPDATE ops.delivery SET manifest = manifest || '{"mac": "00"}' WHERE state = 'held' RETURNING delivery_id""",
        {"landing.damaged"},
    ),
    "a ledger that has another hash": (
        "UPDATE ops.delivery SET sha256 = repeat('0', 64) WHERE state = 'held' RETURNING delivery_id",
        {"landing.damaged"},
    ),
}
FOLLOW = {
    # What else a corruption makes untrue; each follows from it.
    "a version that ended when it began": {"eligibility.opened", "eligibility.events"},
    "a row that is gone without being voided": {"eligibility.opened"},
    "a version that no apply made": {"member.opened", "member.events"},
    "a former version that is gone": {"eligibility.opened", "eligibility.events"},
    "a later apply that was known earlier": {"lease.state"},
    "a plan row that is gone": {"member.event_action", "eligibility.event_action"},
    "an applied delivery that is not called so": {
        "lease.state",
        "eligibility.closed",
        "eligibility.opened",
        "audit.entry",
    },
    "a hold that was applied although declined": {"audit.entry"},
}
EVERY = {**SPANS, **VERSIONS, **ACCOUNTS, **STATES}


@pytest.mark.parametrize("corruption", EVERY)
def test_a_corruption_is_found_and_named(corruption: str, place: Place) -> None:
    statement, codes = EVERY[corruption]
    spoiled = place.spoil(statement)
    found = place.found()
    assert spoiled
    assert set(found) == codes | FOLLOW.get(corruption, set())
    assert all(set(found[code].ids) <= set(spoiled) for code in codes)
    assert all(found[code].ids for code in codes)


def test_a_finding_names_some_ids_and_counts_all(place: Place) -> None:
    place.spoil(
        "INSERT INTO ops.outbox (feed, delivery_id, entity, row_id, action, known_at)"
        " SELECT 'f', lpad(n::text, 8, '0'), 'member', n, 'add', now() FROM generate_series(1, 50) n"
    )
    finding = place.found()["member.events"]
    assert (len(finding.ids), finding.text.endswith(": 50")) == (20, True)


def test_the_command_says_what_it_found_and_exits_1(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(place).items():
        monkeypatch.setenv(name, value)
    sound = CliRunner().invoke(app, ["check", "--deep"])
    spoiled = place.spoil("UPDATE ops.incident SET state = 'resolved' WHERE state = 'open' RETURNING delivery_id")
    silent = CliRunner().invoke(app, ["check"])
    assert (sound.exit_code, silent.exit_code) == (0, 1), sound.output + silent.output
    assert all(text in silent.stdout for text in ("hold.silent", *spoiled, "1 findings"))


def environment(place: Place) -> dict[str, str]:
    """The command's environment."""
    settings = place.settings
    keys = {
        name: ",".join(f"{key}:{b64encode(secret).decode()}" for key, secret in pairs.items())
        for name, pairs in (("CONCORD_SEAL_KEYS", settings.seal_keys), ("CONCORD_TOKEN_KEYS", settings.token_keys))
    }
    return {"CONCORD_LOADER_URL": settings.loader_url, "CONCORD_LANDING_URL": settings.landing_url, **keys}


# ── landing ────────────────────────────────────────────────────────────────────


def archived(place: Place, delivery_id: str) -> Path:
    """The object of a delivery."""
    return place.landing / place.spoil(
        "SELECT manifest ->> 'object_url' FROM ops.delivery WHERE delivery_id = %s", delivery_id
    )[0]  # fmt: skip


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def manifest_of(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0] + ".manifest")


def test_a_flipped_bit_is_found_at_once_in_what_is_recent_and_by_a_deep_check_in_what_is_old(place: Place) -> None:
    held = place.id_of("held")
    flip(archived(place, held))
    assert place.found()["landing.damaged"].ids == (held,)
    place.spoil("UPDATE ops.delivery SET landed_at = landed_at - interval '30 days'")
    assert place.found() == {}
    assert place.found(deep=True)["landing.damaged"].ids == (held,)


@pytest.mark.parametrize(
    "damage", [cut, Path.unlink, lambda path: cut(manifest_of(path)), lambda path: manifest_of(path).unlink()],
    ids=["cut off", "gone", "manifest cut off", "manifest gone"],
)  # fmt: skip
def test_an_object_that_is_not_whole_is_found_however_old(damage: Callable[[Path], None], place: Place) -> None:
    place.spoil("UPDATE ops.delivery SET landed_at = landed_at - interval '30 days'")
    held = place.id_of("held")
    damage(archived(place, held))
    assert place.found()["landing.damaged"].ids == (held,)


def test_a_key_that_is_gone_is_found(place: Place) -> None:
    other = replace(place, settings=replace(place.settings, seal_keys={"other": b"3" * 32}))
    assert "landing.damaged" in other.found()


def aged(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - LONG_AGO.total_seconds(),) * 2)


def test_a_sealed_object_that_no_delivery_names_is_found_once_no_fetch_can_be_at_it(place: Place) -> None:
    with place.site().landing.begin("stray001", 1) as writer:
        writer.write(b"nobody's")
        stray = writer.seal().object_url
    assert place.found() == {}
    aged(place.landing / stray)
    assert {code: f.ids for code, f in place.found().items()} == {"landing.unknown": (stray,)}


def test_what_killed_fetches_left_is_found_once_it_is_old(place: Place) -> None:
    part, unsealed = place.landing / "parts" / "7k2m9xab.1.0a.part", place.landing / "objects" / "aa" / ("aa.0b")
    unsealed.parent.mkdir(parents=True, exist_ok=True)
    for path in (part, unsealed):
        path.write_bytes(b"ciphertext")
    assert place.found() == {}
    aged(part, unsealed)
    assert {code: f.ids for code, f in place.found().items()} == {
        "landing.unsealed": ("objects/aa/aa.0b",), "landing.part": (f"parts/{part.name}",),
    }  # fmt: skip
