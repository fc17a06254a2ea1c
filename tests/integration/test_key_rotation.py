"""Keys are rotated while everything goes on: nothing is lost, nothing counts as changed, nobody has to wait."""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import pytest

from concord import check, ledger, steps
from concord.contract import Limit
from concord.custody import resealing
from concord.errors import StageLost
from concord.postgres import connect
from concord.protect import UnknownKey
from concord.steps import Site, open_site
from tests.rosters import BASE, FRI, MON, THU, Driver, employee, guarded, quick, without
from tests.tally import negative_control

PLACES = {"quarantined rows", "file names", "SSNs now", "SSNs before", "stage tables"}
ARCHIVE = {"landing, in the ledger", "landing, in the archive"}
SAME = [*BASE[1:], BASE[0]]
"""What the first day said, in other bytes."""
BROKEN = employee(40, DOB="02/30/1980")


def rotated(driver: Driver, *, seal: bool = False, token: bool = False, forget: bool = False) -> Driver:
    """The same installation with a new first key; without the earlier ones on request."""
    settings = driver.site.settings
    new = {"new": secrets.token_bytes(32)}
    rings: dict[str, Any] = {}
    for name, is_new in (("seal_keys", seal), ("token_keys", token)):
        if is_new:
            rings[name] = new | dict(getattr(settings, name))
        if forget:
            rings[name] = {next(iter(ring := getattr(settings, name))): next(iter(ring.values()))}
    return Driver(driver.feed, quick(open_site(replace(settings, **rings))))


@pytest.fixture
def acme(acme: Driver, tmp_path: Path) -> Iterator[Driver]:
    """Acme after its first day, with an archive of its own: a rotation spoils it for other tests."""
    old = Path(acme.site.settings.landing_url.removeprefix("file://"))
    for row in acme.all("SELECT sha256, manifest ->> 'object_url' AS path FROM ops.delivery"):
        target = tmp_path / "landing" / row["path"]
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        shutil.copy(old / row["path"], target)
        shutil.copy(old / row["path"].replace(row["path"][-33:], ".manifest"), target.parent)
    site = quick(open_site(replace(acme.site.settings, landing_url=(tmp_path / "landing").as_uri())))
    yield Driver(acme.feed, site)
    site.close()


@pytest.fixture
def busy(acme: Driver) -> Driver:
    """Acme after two days: changed members have a history, a row is quarantined, a delivery is held."""
    second = acme.day([*without(3), employee(3, LASTNAME="Other", SSN="400-55-7777"), BROKEN], THU)
    assert second.state == "published"
    Driver(guarded(ends=Limit(share=0.01, floor=1)), acme.site).day([*without(4), BROKEN], FRI)
    return acme


def uses(driver: Driver, kind: str = "seal") -> dict[str, Counter[str]]:
    """By key: how many things where."""
    found: dict[str, Counter[str]] = {}
    for use in steps.key_census(driver.site).uses:
        if use.kind == kind:
            found.setdefault(use.key_id, Counter())[use.place] += use.count
    return found


def content(driver: Driver) -> list[Any]:
    """Everything in core but how it is written: tokens, hashes over tokens, ciphertext."""
    hidden = {"ssn_token", "ssn_sealed", "content_hash"}
    return [[{k: v for k, v in row.items() if k not in hidden} for row in table] for table in driver.tables()]


def numbers(driver: Driver) -> set[str]:
    """Every SSN of core, opened."""
    from concord import stage

    rows = driver.all("SELECT * FROM core.member WHERE ssn_sealed IS NOT NULL")
    keys = driver.site.keys
    return {
        keys.open(
            r["ssn_sealed"], context=stage.ssn_context(r["partner"], r["subscriber_id"], r["person_code"])
        ).decode()
        for r in rows
    }


# ── seal keys ──────────────────────────────────────────────────────────────────


def test_after_a_rewrap_everything_opens_without_the_old_key(busy: Driver) -> None:
    old, content_before, numbers_before = busy.site.keys.seal_key_id, busy.tables()[1:2], numbers(busy)
    after = rotated(busy, seal=True)
    assert set(uses(after)) == {old}
    assert set(uses(after)[old]) == PLACES | ARCHIVE
    assert steps.key_census(after.site).removable("seal") == []
    done = steps.rewrap(after.site)
    assert done["objects"] > 0
    assert done["values"] > 0
    assert done["objects_busy"] == done["values_unreadable"] == 0
    assert set(uses(after)) == {"new"}
    assert steps.key_census(after.site).removable("seal") == [old]
    without_old = rotated(after, forget=True)
    assert without_old.site.keys.seal_key_ids == ("new",)
    assert numbers(without_old) == numbers_before
    assert without_old.tables()[1:2] == content_before
    assert check.run(without_old.site, deep=True) == []
    row = without_old.all("SELECT * FROM ops.quarantine ORDER BY quarantine_id LIMIT 1")[0]
    from concord import quarantine

    context = quarantine.context(row["delivery_id"], row["line"])
    assert b"E0000040" in without_old.site.keys.open(row["raw_sealed"], context=context)


@pytest.mark.full
@negative_control
def test_a_key_that_is_still_needed_is_told_of_when_it_is_gone(busy: Driver) -> None:
    """Negative control: without the rewrap, nothing opens without the old key, and the check says so."""
    without_old = rotated(rotated(busy, seal=True), forget=True)
    assert steps.key_census(without_old.site).missing("seal") == [busy.site.keys.seal_key_id]
    with pytest.raises(UnknownKey):
        numbers(without_old)
    assert "landing.damaged" in {finding.code for finding in check.run(without_old.site)}


@pytest.mark.full
def test_a_rewrap_touches_no_ciphertext_and_no_mac(busy: Driver) -> None:
    folder = Path(busy.site.settings.landing_url.removeprefix("file://"))
    objects = {f: f.read_bytes() for f in folder.glob("objects/*/*") if f.suffix != ".manifest"}
    macs = busy.all("SELECT manifest ->> 'mac' AS mac FROM ops.delivery ORDER BY delivery_id")
    after = rotated(busy, seal=True)
    steps.rewrap(after.site)
    assert {f: f.read_bytes() for f in objects} == objects
    assert busy.all("SELECT manifest ->> 'mac' AS mac FROM ops.delivery ORDER BY delivery_id") == macs
    mirrored = after.all("SELECT sha256, manifest FROM ops.delivery WHERE manifest IS NOT NULL")
    for row in mirrored:
        assert after.site.landing.manifest(row["sha256"]).wrapped_key == row["manifest"]["wrapped_key"]


@pytest.mark.full
def test_a_second_rewrap_does_nothing(busy: Driver) -> None:
    after = rotated(busy, seal=True)
    steps.rewrap(after.site)
    before = after.tables()
    assert set(steps.rewrap(after.site).values()) == {0}
    assert after.tables() == before


def trail(driver: Driver) -> list[tuple[str, str, str]]:
    """Actor, action and object of every entry about keys."""
    with connect(str(driver.site.settings.auditor_url)) as connection:
        rows = connection.execute("SELECT * FROM ops.audit WHERE purpose = 'rotation' ORDER BY audit_id").fetchall()
    return [(row["actor"], row["action"], row["object"]) for row in rows]


def test_the_trail_knows_of_a_rotation_that_was_killed_on_its_way(
    acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = rotated(acme, seal=True, token=True)
    monkeypatch.setattr(resealing, "reseal", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        steps.rewrap(after.site, actor="ann")
    assert trail(after) == [("ann", "rewrap_begun", "new")]
    monkeypatch.undo()
    steps.rewrap(after.site, actor="ann")
    steps.retoken(after.site, actor="ann")
    assert trail(after)[1:] == [
        ("ann", "rewrap_begun", "new"),
        ("ann", "rewrap", "new"),
        ("ann", "retoken", "acme"),
        ("ann", "retoken", "file_names"),
    ]
    steps.rewrap(after.site, actor="ann")
    assert len(trail(after)) == 5, "nothing was left to do"


@pytest.mark.full
def test_a_rewrap_is_no_change_to_the_next_file(busy: Driver) -> None:
    after = rotated(busy, seal=True)
    events = after.all("SELECT count(*) AS n FROM ops.outbox")
    steps.rewrap(after.site)
    assert after.all("SELECT count(*) AS n FROM ops.outbox") == events
    assert check.run(after.site) == []


@pytest.mark.full
def test_an_object_that_somebody_works_on_is_left_for_the_next_pass(acme: Driver) -> None:
    after = rotated(acme, seal=True)
    with acme.site.database("an apply") as connection:
        connection.execute("SELECT * FROM ops.delivery FOR UPDATE")
        done = steps.rewrap(replace_site(after))
        assert done["objects_busy"] == 1
        assert done["objects"] == 0
    assert steps.rewrap(after.site)["objects"] == 1


def replace_site(driver: Driver) -> Site:
    """The installation with connections of its own."""
    return open_site(driver.site.settings)


@pytest.mark.full
def test_a_value_that_does_not_open_keeps_no_other_under_the_old_key(busy: Driver) -> None:
    busy.do("UPDATE core.member SET ssn_sealed = overlay(ssn_sealed placing '\\x00' from 40) WHERE person_code = '01'"
            " AND subscriber_id = 'E0000003'")  # fmt: skip
    after = rotated(busy, seal=True)
    assert steps.rewrap(after.site)["values_unreadable"] == 1
    assert uses(after)[busy.site.keys.seal_key_id] == Counter({"SSNs now": 1})


@pytest.mark.full
def test_small_batches_miss_nothing(busy: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 3)
    after = rotated(busy, seal=True)
    steps.rewrap(after.site)
    assert set(uses(after)) == {"new"}


@pytest.mark.full
def test_a_sealed_object_that_no_delivery_names_yet_is_wrapped_too(acme: Driver) -> None:
    """A fetch that ended between sealing and entering: its retry finds the object and enters it."""
    with acme.site.landing.begin("7k2m9xab", 1) as writer:
        writer.write(b"not entered yet")
        sealed = writer.seal()
    after = rotated(acme, seal=True)
    steps.rewrap(after.site)
    found = after.site.landing.manifest(sealed.sha256)
    assert after.site.keys.key_id_of(found.wrapped()) == "new"
    with pytest.raises(UnknownKey):
        acme.site.landing.manifest(sealed.sha256)


# ── token keys ─────────────────────────────────────────────────────────────────


def versions(driver: Driver) -> tuple[int, int]:
    """Versions in history, events in the outbox."""
    statement: LiteralString = (
        "SELECT (SELECT count(*) FROM core.member_history) + (SELECT count(*) FROM core.eligibility_history) AS kept,"
        " (SELECT count(*) FROM ops.outbox) AS told"
    )
    row = driver.all(statement)[0]
    return row["kept"], row["told"]


def test_between_two_identical_files_a_rotation_is_no_change(acme: Driver) -> None:
    acme.day(SAME, THU)
    before, told = content(acme), versions(acme)
    after = rotated(acme, token=True)
    done = steps.retoken(after.site)
    assert done["members"] > 0
    assert done["names"] == 2
    assert content(after) == before
    assert set(uses(after, "token")) == {"new"}
    run = after.day(BASE, FRI)
    assert run.state == "published"
    assert run.counts.get("unchanged") == len(BASE)
    assert set(run.counts) <= {"unchanged", "incoming", "held"}
    assert versions(after) == told
    assert check.run(after.site) == []
    forgetful = rotated(after, forget=True)
    assert forgetful.day(SAME, MON).state == "published"
    assert versions(forgetful) == told


@pytest.mark.full
def test_until_the_rotation_the_earlier_key_counts_although_the_new_one_is_first(acme: Driver) -> None:
    told = versions(acme)
    after = rotated(acme, token=True)
    run = after.day(SAME, THU)
    assert run.counts.get("unchanged") == len(BASE)
    assert versions(after) == told
    assert set(uses(after, "token")["test"]) >= {"SSNs now", "partners"}


@pytest.mark.full
@negative_control
def test_tokens_of_another_key_would_be_changes(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a staging that takes the ring's first key sees every member with a number changed."""
    from concord.steps import reading

    after = rotated(acme, token=True)
    monkeypatch.setattr(reading.match_key, "current", lambda connection, partner, default: default)
    with pytest.raises(StageLost):
        after.planned(delivery_id := after.deliver(SAME, THU))
    monkeypatch.setattr("concord.stage.require_match_key", lambda *_: None)
    run = after.planned(delivery_id)
    with_number = {row["EMPID"] for row in SAME if row["SSN"]}
    assert run.plan["counts"]["member"]["change"] == len(with_number)


@pytest.mark.full
def test_a_changed_number_is_seen_across_a_rotation(acme: Driver) -> None:
    after = rotated(acme, token=True)
    steps.retoken(after.site)
    run = after.day([employee(3, SSN="400-55-9999"), *[r for r in BASE if r["EMPID"] != "E0000003"]], THU)
    assert run.plan["counts"]["member"]["change"] == 1


def test_what_was_staged_before_a_rotation_is_staged_again(acme: Driver) -> None:
    delivery_id = acme.deliver([*BASE, employee(60)], THU)
    planned = acme.planned(delivery_id)
    assert planned.state == "planned"
    after = rotated(acme, token=True)
    steps.retoken(after.site)
    run = after.finished(planned)
    assert run.state == "published"
    row = after.all("SELECT count(*) AS n FROM core.member WHERE split_part(ssn_token, ':', 1) <> 'new'")[0]
    assert row["n"] == 0
    assert check.run(after.site) == []


@pytest.mark.full
@negative_control
def test_a_staging_of_the_earlier_key_would_write_its_tokens(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without the comparison of keys an apply mixes tokens, and the check finds them."""
    planned = acme.planned(acme.deliver([*BASE, employee(60)], THU))
    after = rotated(acme, token=True)
    steps.retoken(after.site)
    monkeypatch.setattr("concord.reconcile.apply.require_match_key", lambda *_: None)
    after.finished(planned)
    found = {finding.code for finding in check.run(after.site)}
    assert "keys.match" in found


@pytest.mark.full
def test_a_held_delivery_asks_again_after_a_rotation(acme: Driver) -> None:
    careful = Driver(guarded(ends=Limit(share=0.05, floor=1)), acme.site)
    held = careful.day(without(4, 5), THU)
    assert held.state == "held"
    careful.decide(held)
    after = rotated(careful, token=True)
    steps.retoken(after.site)
    assert after.finished(held).applied["state"] in ("applied", "held")


def test_a_token_without_its_number_stops_the_rotation_whole(acme: Driver) -> None:
    from concord.custody.retokening import TokensLeft

    acme.do("UPDATE core.member SET ssn_sealed = NULL WHERE subscriber_id = 'E0000003'")
    before = acme.tables()
    after = rotated(acme, token=True)
    with pytest.raises(TokensLeft, match="acme: 1 members"):
        steps.retoken(after.site)
    assert after.tables() == before


def test_a_file_that_was_seen_under_the_earlier_key_is_known(acme: Driver) -> None:
    from datetime import UTC, datetime

    at, after = datetime(2026, 11, 20, 5, tzinfo=UTC), rotated(acme, token=True)
    entered = []
    for driver in (acme, after):
        tokens = driver.site.keys.tokens_under_every_key("ELIG.csv", kind="file_name")
        with driver.site.database("test") as connection:
            entered.append(
                ledger.discover(
                    connection, driver.feed, name_sealed=b"-", name_token=tokens[0], known_as=tokens[1:], size=1,
                    modified_at=at, file_date=FRI, sequence=None,
                )
            )  # fmt: skip
    assert entered[0] is not None
    assert entered[1] is None


@pytest.mark.full
def test_a_ring_without_the_key_that_counts_says_so(acme: Driver) -> None:
    stranger = rotated(rotated(acme, token=True), forget=True)
    with pytest.raises(UnknownKey, match="'test'"):
        stranger.planned(stranger.deliver(SAME, THU))
