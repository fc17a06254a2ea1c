"""The two ways to a replay: the command, and the DAG with its form. Neither shows a value."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from concord.cli import app, quarantine, replay
from concord.contract import Feed
from concord.orchestrate import replay as dag
from concord.orchestrate import tasks
from concord.steps import Site
from tests.integration.test_steps_replay import NEW_CODE, published, states
from tests.rosters import BASE, THU, Driver, employee, mended

FEED = "acme_eligibility"
Command = Callable[..., Result]


@pytest.fixture
def refused(acme: Driver) -> str:
    """A delivery with two refused rows: one of a new code, one of an unknown state."""
    return published(acme, [*BASE, employee(11, **NEW_CODE), employee(12, STATE="?")])


@pytest.fixture
def concord(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, at this installation; the contract is the driver's."""
    settings = acme.site.settings

    def keys(ring: Any) -> str:
        return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in ring.items())

    monkeypatch.setenv("CONCORD_LOADER_URL", settings.loader_url)
    monkeypatch.setenv("CONCORD_LANDING_URL", settings.landing_url)
    monkeypatch.setenv("CONCORD_SEAL_KEYS", keys(settings.seal_keys))
    monkeypatch.setenv("CONCORD_TOKEN_KEYS", keys(settings.token_keys))
    for module in (quarantine, replay):
        monkeypatch.setattr(module, "feed_of", lambda _name: acme.feed)

    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, list(arguments), input=answer)

    return run


def test_the_list_says_where_rows_stand_and_never_what_they_say(concord: Command, refused: str) -> None:
    shown = concord("quarantine", "--feed", FEED, "--state", "open").output
    assert all(word in shown for word in (refused, "coverage_tier.code", "state_code.pattern", "15", "16"))
    assert not any(value in shown for value in ("E0000011", "Sample", "EE+1", "400-55"))


def test_the_story_in_the_shell(concord: Command, acme: Driver, refused: str) -> None:
    acme.feed = mended(acme.feed)
    dry = concord("replay", FEED, "--dry-run")
    assert "1 rows count, 1 are refused again" in dry.output
    assert "nothing was written" in dry.output
    assert states(acme, refused) == ["open", "open"]
    assert concord("replay", FEED, answer="n\n").exit_code == 1
    assert acme.open() == []
    done = concord("replay", FEED, "--reason", "coverage_tier.code", "--by", "ann", answer="y\n")
    assert (done.exit_code, "opened" in done.output) == (0, True), done.output
    acme.run(acme.open()[0])
    assert states(acme, refused) == ["replayed", "open"]
    again = concord("replay", FEED, "--reason", "coverage_tier.code", "--yes")
    assert "nothing to replay" in again.output


def test_waiving_shows_counts_by_reason_first_and_asks(concord: Command, acme: Driver, refused: str) -> None:
    arguments = ("waive", FEED, "--reason-text", "the partner mended it")
    asked = concord(*arguments, answer="n\n")
    assert (asked.exit_code, "coverage_tier.code" in asked.output) == (1, True)
    assert states(acme, refused) == ["open", "open"]
    assert concord(*arguments, "--line", "16", "--yes").exit_code == 0
    assert states(acme, refused) == ["open", "waived"]
    assert concord("reopen", FEED, "--reason-text", "it did not", "--yes").exit_code == 0
    assert states(acme, refused) == ["open", "open"]


# ── the DAG ──


@pytest.fixture
def triggered(acme: Driver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the DAG's task with a filled-in form; runs that it opens are handed back instead of to Airflow."""

    @contextmanager
    def opened() -> Iterator[Site]:
        yield acme.site

    monkeypatch.setattr(dag, "opened", opened)
    monkeypatch.setattr(dag, "named", lambda _name: acme.feed)
    monkeypatch.setattr(dag, "open_all", lambda _feed, due: [run["conf"] for run in due])

    def trigger(**form: Any) -> Any:
        empty = {name: param.value for name, param in dag.form([FEED]).items() if name != "feed"}
        run = SimpleNamespace(triggering_user_name="ann")
        for module in (dag, tasks):
            monkeypatch.setattr(
                module, "get_current_context", lambda: {"params": empty | {"feed": FEED} | form, "dag_run": run}
            )
        task: Any = dag.replay_dag().get_task("replay")
        return task.python_callable()

    return trigger


def test_the_story_in_airflow(triggered: Callable[..., Any], acme: Driver, refused: str) -> None:
    acme.feed = mended(acme.feed)
    assert triggered(dry_run=True)["dry_run"] == {refused: {"replayed": 1, "refused": 1, "newer_truth": 0}}
    assert acme.open() == []
    outcome = triggered(reason="coverage_tier.code", since=THU.isoformat())
    (conf,) = outcome["opened"]
    assert conf == {"delivery_id": outcome["replays"][0], "attempt": 1}
    assert acme.run(conf["delivery_id"]).state == "published"
    assert states(acme, refused) == ["replayed", "open"]
    with psycopg.connect(acme.site.settings.auditor_url or "") as auditor:
        assert auditor.execute("SELECT actor FROM ops.audit WHERE action = 'replay'").fetchall() == [("ann",)]


def test_a_task_that_is_tried_again_opens_the_same_run(triggered: Callable[..., Any], refused: str) -> None:
    first, second = triggered(), triggered()
    assert (second["replays"], second["left"], second["opened"]) == ([], {"in_replay": 2}, first["opened"])


def test_a_form_of_no_such_feed_is_told_so() -> None:
    with pytest.raises(Exception, match="no sound contract"):
        dag.named("no_such_feed")


def test_the_form_offers_every_feed() -> None:
    built: Any = dag.replay_dag()
    assert FEED in built.params.get_param("feed").schema["enum"]
    assert isinstance(dag.named(FEED), Feed)
