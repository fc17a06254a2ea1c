"""The whole of it through a real Airflow: one start, the ordinary and the held case, and nothing leaked.

Tests run in order and go on from each other, since starting Airflow is what costs.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from concord import steps
from concord.catalogue import feed
from concord.postgres import connect
from concord.sandbox import story
from concord.sandbox.dirt import COLUMNS
from tests.canaries import leaks
from tests.e2e.places import canaries, places, secrets, temp_folder, webhook
from tests.tally import count

if TYPE_CHECKING:
    from concord.sandbox.installation import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

FEED = feed("acme_eligibility")
TODAY = date(2026, 11, 22)
MEMBERS = 1_000


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the installation said while it worked."""
    return []


@pytest.fixture(scope="module")
def notified() -> Iterator[list[str]]:
    """What the installation told people."""
    with webhook() as (url, messages), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONCORD_NOTIFY_WEBHOOK_URL", url)
        yield messages


@pytest.fixture(scope="module")
def installation(told: list[str], notified: list[str]) -> Iterator[Installation]:
    from concord.sandbox.installation import Installation
    from concord.sandbox.state import State

    root = Path(tempfile.mkdtemp(prefix="concord-e2e-"))
    try:
        os.environ["TMPDIR"] = str(temp_folder(root))
        with Installation(State.create(root / "state", temporary=True), say=told.append) as running:
            root.chmod(0o711)
            running.get_ready()
            yield running
    finally:
        del os.environ["TMPDIR"]
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def chapters() -> list[story.Chapter]:
    return story.chapters(MEMBERS, today=TODAY)


def ledger_row(installation: Installation, file_date: date) -> dict[str, Any]:
    with connect(installation.settings.loader_url) as connection:
        row = connection.execute(
            "SELECT * FROM ops.delivery WHERE file_date = %s ORDER BY arrival DESC LIMIT 1", [file_date]
        ).fetchone()
    assert row is not None
    return dict(row)


def run_of(row: dict[str, Any]) -> str:
    return f"{row['file_date']}_{row['delivery_id']}_{row['attempt']}"


def finished(installation: Installation, row: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """State of a delivery's run once it has ended, and the states of its tasks."""
    with installation.airflow.api() as api:
        state = api.wait(FEED.name, run_of(row), timeout_s=180, every_s=1)
        tasks = {task["task_id"]: task["state"] for task in api.task_instances(FEED.name, run_of(row))}
    return state, tasks


def test_the_first_full_is_held_and_goes_on_when_a_person_approves(
    installation: Installation, chapters: list[story.Chapter], told: list[str]
) -> None:
    story.live_through(chapters[0], installation, told.append)
    row = ledger_row(installation, chapters[0].roster.manifest.file_date)
    state, tasks = finished(installation, row)
    assert (row["state"], state) == ("published", "success")
    assert set(tasks.values()) == {"success"}
    with connect(installation.settings.loader_url) as connection:
        decision = connection.execute("SELECT * FROM ops.decision").fetchone()
    assert decision is not None
    assert (decision["verdict"], decision["via"], decision["decided_by"]) == ("approve", "airflow", "admin")


def test_an_ordinary_full_reconciles_by_itself(
    installation: Installation, chapters: list[story.Chapter], told: list[str]
) -> None:
    story.live_through(chapters[1], installation, told.append)
    row = ledger_row(installation, chapters[1].roster.manifest.file_date)
    state, tasks = finished(installation, row)
    assert (row["state"], state) == ("published", "success")
    assert tasks.pop("approve") == "skipped"
    assert set(tasks.values()) == {"success"}
    expected = chapters[1].roster.manifest.expected
    with connect(installation.settings.loader_url) as connection:
        found = connection.execute(
            "SELECT * FROM mart.delivery_reconciliation WHERE delivery_id = %s", [row["delivery_id"]]
        ).fetchone()
    assert found is not None
    assert {name: found[name] for name in expected} == expected
    assert (found["lines_balance"], found["spans_balance"]) == ("balanced", "balanced")


def test_the_same_bytes_under_another_name_are_a_duplicate_and_open_no_run(
    installation: Installation, chapters: list[story.Chapter]
) -> None:
    chapter = chapters[1]
    day = chapter.roster.manifest.file_date
    outbound = installation.state.partner / "outbound"
    shutil.copy2(outbound / chapter.roster.file_name, outbound / f"ELIG_{day:%Y%m%d}_again.csv")
    with installation.airflow.api() as api:
        before = len(api.runs(FEED.name))
        story.look(api)
        assert len(api.runs(FEED.name)) == before
    assert ledger_row(installation, day)["state"] == "duplicate"


def test_a_truncated_full_is_held_and_a_decline_is_red(
    installation: Installation, chapters: list[story.Chapter], told: list[str]
) -> None:
    story.live_through(chapters[2], installation, told.append)
    row = ledger_row(installation, chapters[2].roster.manifest.file_date)
    assert "tail_losses" in row["state_reason"]
    site = steps.open_site(installation.settings)
    with site.database("test") as connection:
        before = connection.execute("SELECT count(*) AS n FROM core.eligibility WHERE effective_to IS NULL").fetchone()
        plan = connection.execute(
            "SELECT digest FROM ops.plan WHERE delivery_id = %s ORDER BY plan_id DESC", [row["delivery_id"]]
        ).fetchone()
    assert plan is not None
    steps.decide(
        FEED, row["delivery_id"], digest=plan["digest"], verdict="decline", by="oncall", via="shell", reason="cut off",
        site=site,
    )  # fmt: skip
    with installation.airflow.api() as api:
        story.wait_for(
            installation, row["file_date"], ("declined",), told.append, meanwhile=lambda: answer(api, row), within=120
        )
    state, tasks = finished(installation, row)
    assert (state, tasks["apply"], tasks["settle"]) == ("failed", "skipped", "failed")
    with site.database("test") as connection:
        after = connection.execute("SELECT count(*) AS n FROM core.eligibility WHERE effective_to IS NULL").fetchone()
    assert after == before


def answer(api: Any, row: dict[str, Any]) -> None:
    """Answers Airflow after the shell decided, as ``concord decline`` does; the ledger's decision counts."""
    for action in api.required_actions(FEED.name):
        if action.run_id == run_of(row):
            api.answer(action.dag, action.run_id, action.task, "Reject")


def test_a_rejected_file_is_red_says_why_and_the_next_goes_on(
    installation: Installation, chapters: list[story.Chapter], told: list[str]
) -> None:
    roster = chapters[1].roster
    days = [chapters[2].roster.manifest.file_date + timedelta(days=extra) for extra in (1, 2)]
    bad = replace(roster, manifest=replace(roster.manifest, file_date=days[0]))
    good = replace(roster, manifest=replace(roster.manifest, file_date=days[1]))
    outbound = installation.state.partner / "outbound"
    story.drop(bad, installation)
    cut = outbound / bad.file_name
    os.truncate(cut, cut.stat().st_size - 40)
    dropped = cut.stat().st_mtime - 3600  # it has to look finished
    os.utime(cut, (dropped, dropped))
    story.drop(replace(good, records=[*good.records[1:], good.records[0]]), installation)
    with installation.airflow.api() as api:
        story.look(api)
    first = story.wait_for(installation, days[0], ("rejected",), told.append, within=180)
    second = story.wait_for(installation, days[1], ("published", "held"), told.append, within=180)
    assert (first["state"], second["state"]) == ("rejected", "published")
    row = ledger_row(installation, days[0])
    assert row["state_reason"].startswith("structure.no_final_terminator")
    state, tasks = finished(installation, row)
    assert (state, tasks["stage"], tasks["settle"]) == ("failed", "failed", "failed")
    with connect(installation.settings.loader_url) as connection:
        incident = connection.execute(
            "SELECT text FROM ops.incident WHERE delivery_id = %s", [row["delivery_id"]]
        ).fetchone()
    assert incident is not None
    assert "Safe:" in incident["text"]
    assert "Press:" in incident["text"]


def test_no_value_of_a_member_is_anywhere_that_people_or_machines_read(
    installation: Installation, chapters: list[story.Chapter], notified: list[str]
) -> None:
    secret = canaries([record for chapter in chapters for record in chapter.roster.records])
    looked = places(installation) | {"notifications": "\n".join(notified)}
    assert len(looked) > 50, "nothing was searched"
    assert notified, "nobody was told"
    count("canaries", planted=len(secret), places=len(looked), searched=len(secret) * len(looked))
    assert leaks(secret, looked) == {}


def test_no_password_or_key_is_there_either(installation: Installation) -> None:
    wanted = secrets(installation)
    assert len(wanted) >= 6
    found = {(name, len(secret)) for name, text in places(installation).items() for secret in wanted if secret in text}
    assert found == set()


def test_the_search_finds_what_is_planted_in_a_log_a_table_and_a_file_name(
    installation: Installation, chapters: list[story.Chapter]
) -> None:
    """Negative control."""
    secret = canaries(chapters[1].roster.records)
    record = dict(zip(COLUMNS, chapters[1].roster.records[5], strict=True))
    log = installation.state.airflow / "planted.log"
    named = installation.state.landing / record["EMPID"]
    log.write_text(f"something {record['SSN']} else")
    named.touch()
    site = steps.open_site(installation.settings)
    with site.database("test") as connection:
        connection.execute(
            "INSERT INTO ops.incident (kind, cause, subject, text) VALUES ('test', 'planted', 'a', %s)",
            [base64.b64encode(record["LASTNAME"].encode()).decode()],
        )
    found = leaks(secret, places(installation))
    log.unlink()
    named.unlink()
    assert {"airflow/planted.log", "ops.incident", "names of files"} <= set(found)
