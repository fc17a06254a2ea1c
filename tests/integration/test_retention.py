"""What was kept long enough goes, with its key first; what has to stay stays, and both can be seen afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from concord import check, steps
from concord.connections import check_server, missing
from concord.contract import Limit
from concord.custody import legal_holds, retention
from concord.custody.retention import Kept, judge
from concord.errors import LandingMoved, LandingShredded, NeedsDecision
from concord.landing import Manifest
from concord.postgres import StatementFailed
from concord.quarantine import Selection
from concord.steps import open_site
from tests.rosters import BASE, FRI, MON, THU, Driver, employee, guarded, quick, without
from tests.tally import negative_control

KEEP = timedelta(days=2_190)
LATER = datetime.now(UTC) + KEEP + timedelta(days=1)
BROKEN = employee(40, DOB="02/30/1980")
OTHER, THIRD = [*BASE[1:], BASE[0]], [*BASE[2:], *BASE[:2]]
"""What the first day said, in other bytes."""


@pytest.fixture
def acme(acme: Driver, tmp_path: Path) -> Iterator[Driver]:
    """Acme after its first day, with an archive of its own."""
    old = Path(acme.site.settings.landing_url.removeprefix("file://"))
    for row in acme.all("SELECT manifest ->> 'object_url' AS path FROM ops.delivery"):
        target = tmp_path / "landing" / row["path"]
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        shutil.copy(old / row["path"], target)
        shutil.copy(old / row["path"].replace(row["path"][-33:], ".manifest"), target.parent)
    site = quick(open_site(replace(acme.site.settings, landing_url=(tmp_path / "landing").as_uri())))
    yield Driver(acme.feed, site)
    site.close()


@pytest.fixture
def three(acme: Driver) -> tuple[Driver, list[str]]:
    """Acme after three days; the second has a refused row."""
    second = acme.day([*OTHER, BROKEN], THU)
    third = acme.day(THIRD, FRI)
    assert (second.state, third.state) == ("published", "published")
    first = acme.all("SELECT delivery_id FROM ops.delivery ORDER BY arrival LIMIT 1")[0]["delivery_id"]
    return acme, [first, second.delivery_id, third.delivery_id]


def archive(driver: Driver) -> set[str]:
    """Paths of everything in the archive."""
    root = Path(driver.site.settings.landing_url.removeprefix("file://"))
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def retain(driver: Driver, now: datetime = LATER, **options: Any) -> dict[str, Any]:
    """A night's run at ``now``."""
    return steps.retain([driver.feed], driver.site, now=now, **options)


# ── what goes ──────────────────────────────────────────────────────────────────


def test_a_file_past_its_retention_cannot_be_read_again_and_what_it_did_stays(
    three: tuple[Driver, list[str]],
) -> None:
    acme, (first, second, third) = three
    tables, lines = acme.tables(), acme.lines(second)
    before = acme.facts(second)
    taken = Manifest.from_json(dict(before["manifest"]))
    done = retain(acme)
    assert (done["files"], done["rows"], done["stopped"]) == (2, 1, [])
    assert done["stays"] == {"acme_eligibility": {"the feed's newest": 1}}
    after = acme.facts(second)
    assert after["manifest"]["wrapped_key"] == ""
    assert after["file_name_sealed"] is None
    assert after["shredded_at"]
    assert after["erased_at"]
    with pytest.raises(LandingShredded):
        acme.site.landing.open(Manifest.from_json(dict(after["manifest"])))
    with pytest.raises(Exception, match="is missing"):
        acme.site.landing.open(taken)
    assert {path for path in archive(acme) if before["sha256"] in path} == set()
    kept = ("sha256", "byte_count", "line_count", "state", "landed_at", "file_name_token", "contract_hash")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert acme.tables() == tables
    assert acme.lines(second) == lines
    assert acme.facts(third)["shredded_at"] is None
    assert acme.facts(first)["shredded_at"]
    row = acme.all("SELECT * FROM ops.quarantine WHERE delivery_id = %s", second)[0]
    assert row["raw_sealed"] is None
    assert row["shredded_at"]
    assert row["reasons"] == ["birth_date.date"]
    assert check.run(acme.site, deep=True) == []


@pytest.mark.full
def test_the_audit_says_what_was_destroyed_once_each(three: tuple[Driver, list[str]], template: Any) -> None:
    acme, (first, second, _) = three
    retain(acme, actor="ann")
    retain(acme, actor="ben")
    with psycopg.connect(acme.site.settings.auditor_url or "") as auditor:
        rows = auditor.execute(
            "SELECT actor, object, detail ->> 'what' FROM ops.audit WHERE action = 'shred' ORDER BY 2, 3"
        ).fetchall()
    assert sorted(rows) == sorted([("ann", first, "file"), ("ann", second, "file"), ("ann", second, "rows")])


@pytest.mark.full
def test_a_file_within_its_retention_stays(three: tuple[Driver, list[str]]) -> None:
    acme, _ = three
    before = archive(acme)
    done = retain(acme, datetime.now(UTC) + KEEP - timedelta(days=1))
    assert (done["files"], done["rows"], archive(acme)) == (0, 0, before)


@pytest.mark.full
def test_a_dry_run_destroys_nothing(three: tuple[Driver, list[str]]) -> None:
    acme, _ = three
    before = archive(acme)
    done = retain(acme, dry_run=True)
    assert done["due"] == {"acme_eligibility": 2}
    assert done["files"] == done["rows"] == 0
    assert archive(acme) == before


@pytest.mark.full
def test_a_shredded_delivery_fails_clearly_when_it_is_opened_again(three: tuple[Driver, list[str]]) -> None:
    acme, _ = three
    first = acme.deliver(b"no columns\n1\n", FRI)
    assert acme.run(first).state == "rejected"
    retain(acme)
    with pytest.raises(LandingShredded, match="retention"):
        steps.stage(acme.feed, first, acme.facts(first)["attempt"] + 1, acme.site)


@pytest.mark.full
def test_the_same_bytes_may_arrive_again_after_they_were_shredded(three: tuple[Driver, list[str]]) -> None:
    acme, _ = three
    retain(acme)
    again = acme.day([*OTHER, BROKEN], MON)
    assert again.state == "published"
    assert acme.facts(again.delivery_id)["manifest"]["wrapped_key"]
    assert check.run(acme.site, deep=True) == []


# ── what stays ─────────────────────────────────────────────────────────────────


def test_a_held_delivery_is_never_destroyed(acme: Driver) -> None:
    careful = Driver(guarded(ends=Limit(share=0.01, floor=1)), acme.site)
    held = careful.day([*without(4, 5), BROKEN], THU)
    assert held.state == "held"
    done = retain(careful)
    assert done["stays"]["acme_eligibility"]["not ended"] == 1
    assert careful.facts(held.delivery_id)["shredded_at"] is None
    assert careful.reasons(held.delivery_id)
    assert careful.all("SELECT raw_sealed IS NOT NULL AS kept FROM ops.quarantine")[0]["kept"]


@pytest.mark.full
@pytest.mark.parametrize("target", ["partner", "feed", "delivery_id"])
def test_what_is_on_legal_hold_stays_until_it_is_released(three: tuple[Driver, list[str]], target: str) -> None:
    acme, (_, second, _) = three
    values = {"partner": "acme", "feed": "acme_eligibility", "delivery_id": second}
    with acme.site.database("ann") as connection:
        number = legal_holds.add(connection, by="ann", matter="Doe v. Acme", **{target: values[target]})
    done = retain(acme)
    assert acme.facts(second)["shredded_at"] is None
    assert done["rows"] == 0
    assert done["stays"]["acme_eligibility"]["legal hold"] >= 1
    with acme.site.database("ann") as connection:
        legal_holds.release(connection, number, by="ben", reason="settled")
        assert legal_holds.every(connection) == []
    retain(acme)
    assert acme.facts(second)["shredded_at"]


@pytest.mark.full
@negative_control
def test_without_its_legal_hold_it_would_be_destroyed(
    three: tuple[Driver, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the hold stands and nobody asks for it."""
    acme, (_, second, _) = three
    with acme.site.database("ann") as connection:
        legal_holds.add(connection, by="ann", matter="Doe v. Acme", delivery_id=second)
    monkeypatch.delitem(retention.REASONS, "is_on_hold")
    retain(acme)
    assert acme.facts(second)["shredded_at"]


def test_a_hold_placed_after_the_survey_still_counts(three: tuple[Driver, list[str]]) -> None:
    acme, _ = three
    with acme.site.database("test") as connection:
        night = retention.survey(connection, [acme.feed], LATER)
    with acme.site.database("ann") as connection:
        legal_holds.add(connection, by="ann", matter="Doe v. Acme", feed="acme_eligibility")
    done = retention.shred(acme.site.database, acme.site.landing, [acme.feed], night, now=LATER, actor="test")
    assert done == {"files": 0, "rows": 0}


def test_a_hold_names_exactly_one_thing(acme: Driver) -> None:
    for target in ({}, {"partner": "acme", "feed": "acme_eligibility"}):
        with pytest.raises((StatementFailed, legal_holds.NothingToHold)), acme.site.database("ann") as connection:
            legal_holds.add(connection, by="ann", matter="Doe v. Acme", **target)


def test_a_hold_on_what_nobody_knows_is_refused(acme: Driver) -> None:
    for target in ({"partner": "acmee"}, {"feed": "acme_eligibilty"}, {"delivery_id": "zzzzzzzz"}):
        with pytest.raises(legal_holds.NothingToHold), acme.site.database("ann") as connection:
            legal_holds.add(connection, by="ann", matter="Doe v. Acme", **target)


def test_a_hold_on_a_replay_is_on_the_delivery_whose_rows_it_read(three: tuple[Driver, list[str]]) -> None:
    acme, (_, second, _) = three
    (replay,) = steps.replay(acme.feed, Selection(acme.feed.name), by="ann", site=acme.site)["replays"]
    with acme.site.database("ann") as connection:
        number = legal_holds.add(connection, by="ann", matter="Doe v. Acme", delivery_id=replay)
        assert legal_holds.covered(connection, number) == 1
    retain(acme)
    assert acme.facts(second)["shredded_at"] is None


def test_the_rows_of_a_failed_replay_stay_for_its_next_attempt(three: tuple[Driver, list[str]]) -> None:
    acme, (_, second, _) = three
    (replay,) = steps.replay(acme.feed, Selection(acme.feed.name), by="ann", site=acme.site)["replays"]
    steps.settle(acme.feed, replay, 1, acme.site)
    assert acme.facts(replay)["state"] == "failed"
    retain(acme)
    assert acme.facts(second)["shredded_at"] is None
    steps.skip(acme.feed, replay, by="ann", reason="not wanted", site=acme.site)
    retain(acme)
    assert acme.facts(second)["shredded_at"]


@pytest.mark.full
def test_a_hold_is_released_once(acme: Driver) -> None:
    with acme.site.database("ann") as connection:
        number = legal_holds.add(connection, by="ann", matter="Doe v. Acme", feed="acme_eligibility")
        legal_holds.release(connection, number, by="ann", reason="settled")
        with pytest.raises(legal_holds.NoSuchHold):
            legal_holds.release(connection, number, by="ann", reason="settled")


@pytest.mark.full
def test_bytes_that_a_younger_delivery_shares_stay_for_it(three: tuple[Driver, list[str]]) -> None:
    acme, (first, _, third) = three
    again = acme.day(BASE, MON)
    assert acme.facts(again.delivery_id)["manifest"]["object_url"] == acme.facts(first)["manifest"]["object_url"]
    done = retain(acme)
    assert done["stays"]["acme_eligibility"] == {"the feed's newest": 1, retention.SHARED: 1}
    assert acme.facts(third)["shredded_at"]
    assert not acme.facts(first)["shredded_at"]
    assert check.run(acme.site, deep=True) == []


# ── the brake ──────────────────────────────────────────────────────────────────


@pytest.fixture
def many(three: tuple[Driver, list[str]]) -> Driver:
    """Acme with five more files that were rejected."""
    acme, _ = three
    for number in range(5):
        run = acme.day(b"no columns\n%d\n" % number, MON)
        assert run.state == "rejected"
    return acme


def test_a_shortened_retention_destroys_nothing_until_somebody_confirms_the_number(many: Driver) -> None:
    before = archive(many)
    shortened = replace(many, feed=replace(many.feed, retention_days=0))
    now = datetime.now(UTC) + timedelta(hours=1)
    done = retain(shortened, now)
    assert (done["files"], done["stopped"], archive(many)) == (0, ["acme_eligibility"], before)
    incident = next(i for i in many.incidents() if i["kind"] == "retention")
    assert "--confirm 7" in incident["text"]
    assert "7 of 8" in incident["subject"]
    with pytest.raises(NeedsDecision, match="not 6"):
        retain(shortened, now, confirm=6)
    assert retain(shortened, now, confirm=7)["files"] == 7
    assert not [i for i in many.incidents() if i["kind"] == "retention"]


@pytest.mark.full
@negative_control
def test_without_the_brake_a_shortened_retention_would_destroy_everything(
    many: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.setattr(retention, "USUAL", Limit(share=1.0, floor=1_000))
    shortened = replace(many, feed=replace(many.feed, retention_days=0))
    assert retain(shortened, datetime.now(UTC) + timedelta(hours=1))["files"] == 7


# ── what the check says ────────────────────────────────────────────────────────


def findings(driver: Driver) -> dict[str, tuple[str, ...]]:
    return {finding.code: finding.ids for finding in check.run(driver.site)}


def test_the_check_names_what_should_be_gone(three: tuple[Driver, list[str]]) -> None:
    acme, (first, *_) = three
    old = KEEP + timedelta(days=4)
    acme.do("UPDATE ops.delivery SET landed_at = landed_at - %s WHERE delivery_id = %s", old, first)
    assert findings(acme) == {"retention.overdue": (first,)}


def test_what_is_shredded_while_the_archive_is_read_is_no_damage(
    three: tuple[Driver, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, _ = three
    whole = check.archive.landed

    def landed_and_then_shredded(connection: Any) -> Any:
        found = whole(connection)
        monkeypatch.setattr(check.archive, "landed", whole)
        retain(acme)
        return found

    monkeypatch.setattr(check.archive, "landed", landed_and_then_shredded)
    assert check.run(acme.site, deep=True) == []
    assert acme.all("SELECT count(*) AS n FROM ops.delivery WHERE shredded_at IS NOT NULL")[0]["n"] > 0


@pytest.mark.full
def test_the_check_names_a_shredded_object_that_came_back(three: tuple[Driver, list[str]]) -> None:
    acme, (first, *_) = three
    root = Path(acme.site.settings.landing_url.removeprefix("file://"))
    path = acme.facts(first)["manifest"]["object_url"]
    copy = shutil.copy(root / path, root / "copy")
    retain(acme)
    shutil.move(copy, root / path)
    os.utime(root / path, (0, 0))
    assert findings(acme) == {"retention.left": (first,)}


@pytest.mark.full
@negative_control
def test_the_check_names_what_was_shredded_without_an_entry(
    three: tuple[Driver, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, (first, second, _) = three
    monkeypatch.setattr(retention, "_note", lambda *_: None)
    retain(acme)
    assert findings(acme)["retention.unaudited"] == tuple(sorted((first, second)))


def test_the_ledger_cannot_call_something_shredded_that_still_has_its_key(acme: Driver) -> None:
    with pytest.raises(StatementFailed, match="shredded_has_no_key"):
        acme.do("UPDATE ops.delivery SET shredded_at = clock_timestamp()")


# ── twice, at once, and interrupted ────────────────────────────────────────────


@pytest.mark.full
def test_a_fetch_that_found_an_equal_object_just_before_it_was_shredded_fetches_anew(
    three: tuple[Driver, list[str]],
) -> None:
    acme, (first, *_) = three
    equal = Manifest.from_json(dict(acme.facts(first)["manifest"]))
    retain(acme)
    with acme.site.database("test") as connection, pytest.raises(LandingMoved):
        steps.gathering.refuse_shredded(connection, equal, acme.site)


def test_a_fetch_whose_manifest_was_erased_with_that_of_an_older_equal_object_fetches_anew(acme: Driver) -> None:
    sealed = Manifest.from_json(dict(acme.all("SELECT manifest FROM ops.delivery")[0]["manifest"]))
    root = Path(acme.site.settings.landing_url.removeprefix("file://"))
    with acme.site.database("test") as connection:
        steps.gathering.refuse_shredded(connection, sealed, acme.site)
        (root / sealed.path).unlink()
        with pytest.raises(LandingMoved):
            steps.gathering.refuse_shredded(connection, sealed, acme.site)


@pytest.mark.full
def test_a_key_that_the_archive_still_had_is_erased_by_the_next_run(
    three: tuple[Driver, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, (first, second, _) = three
    monkeypatch.setattr(retention, "erase", lambda *_: 0)
    retain(acme)
    monkeypatch.undo()
    left = [Manifest.from_json(dict(acme.facts(d)["manifest"])) for d in (first, second)]
    assert all(acme.site.landing.keeper.is_sealed(manifest) for manifest in left)
    retain(acme)
    assert not {path for manifest in left for path in (manifest.path, manifest.object_url)} & archive(acme)


# ── judging ────────────────────────────────────────────────────────────────────

PAST = Kept("aaaaaaaa", "f", "0" * 64, "objects/x", True, 0, True, False, False, False, False, False)


@pytest.mark.parametrize("reason", retention.REASONS)
def test_any_reason_keeps_a_file(reason: str) -> None:
    night = judge([replace(PAST, **{reason: True})])
    assert (night.objects, night.stays) == ({}, {"f": {retention.REASONS[reason]: 1}})
    assert judge([PAST]).objects


def test_refused_rows_of_a_living_delivery_go_when_their_time_is_over() -> None:
    rows = replace(PAST, is_past=False, past_rows=3)
    assert judge([rows]).rows == (rows,)
    for reason in retention.ROWS_STAY:
        assert judge([replace(rows, **{reason: True})]).rows == ()


@pytest.mark.parametrize(("due", "kept", "stopped"), [(4, 4, False), (5, 100, False), (6, 100, True), (5, 99, True)])
def test_the_brake_needs_a_number_and_a_share(due: int, kept: int, stopped: bool) -> None:
    goes = [replace(PAST, delivery_id=f"{n:08}", object_url=f"objects/{n}") for n in range(due)]
    others = [
        replace(PAST, delivery_id=f"z{n:07}", object_url=f"objects/z{n}", is_past=False) for n in range(kept - due)
    ]
    assert bool(judge([*goes, *others]).unusual) is stopped


# ── connections, told ──────────────────────────────────────────────────────────


def test_an_unfit_connection_is_an_incident_until_it_is_mended(acme: Driver) -> None:
    steps.report_connections([missing("acme_sftp"), missing("other_sftp")], acme.site)
    assert [i["cause"] for i in acme.incidents()] == ["connection:acme_sftp", "connection:other_sftp"]
    steps.report_connections([missing("other_sftp")], acme.site)
    assert [i["cause"] for i in acme.incidents()] == ["connection:other_sftp"]


def test_a_server_whose_log_may_quote_rows_is_named(acme: Driver) -> None:
    assert steps.server_findings(acme.site) == []
    found = check_server("x", {"log_error_verbosity": "default"})
    assert "server.log_error_verbosity" in {finding.rule for finding in found}
