"""Tasks that rotate keys, keep retention and judge connections: what they ask, and when they are red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from concord import steps
from concord.connections import missing
from concord.orchestrate import connections, keys, retention, tasks
from concord.orchestrate.callbacks import RunIsRed
from concord.orchestrate.contracts import readable
from concord.settings import Settings

SITE = SimpleNamespace(settings=Settings(loader_url="postgresql://127.0.0.1/concord"))
FEED = next(iter(readable().sound)).name


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened() -> Iterator[Any]:
        yield SITE

    for module in (connections, keys, retention):
        monkeypatch.setattr(module, "opened", opened)


def body(dag: Any, task: str) -> Callable[[], Any]:
    """What a task does."""
    found: Callable[[], Any] = dag.get_task(task).python_callable
    return found


def triggered_by(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """Somebody filled the form, or the schedule came."""
    run = SimpleNamespace(triggering_user_name=name)
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"dag_run": run})


def night(monkeypatch: pytest.MonkeyPatch, *, stopped: list[str], by: str | None = None, **form: Any) -> dict[str, Any]:
    """A night's run with this form; returns what retention was asked."""
    asked: dict[str, Any] = {}

    def retain(feeds: Any, site: Any, **options: Any) -> dict[str, Any]:
        asked.update(options, feeds={feed.name for feed in feeds}, site=site)
        return {"stopped": stopped, "files": 1, "rows": 0}

    monkeypatch.setattr(steps, "retain", retain)
    params = {"dry_run": False, "confirm": 0} | form
    monkeypatch.setattr(retention, "get_current_context", lambda: {"params": params})
    triggered_by(monkeypatch, by)
    body(retention.retention_dag(), "retain")()
    return asked


def test_an_ordinary_night_asks_for_every_feed_and_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = night(monkeypatch, stopped=[])
    assert (asked["dry_run"], asked["confirm"], asked["site"]) == (False, None, SITE)
    assert FEED in asked["feeds"]
    assert asked["actor"] == "concord retention"


def test_the_form_reaches_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = night(monkeypatch, stopped=[], confirm=7, by="ann")
    assert (asked["confirm"], asked["actor"]) == (7, "ann"), "the trail names who destroyed"
    assert night(monkeypatch, stopped=[], dry_run=True)["dry_run"] is True


def test_a_night_that_was_stopped_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunIsRed, match=FEED):
        night(monkeypatch, stopped=[FEED])


def test_keys_are_rewrapped_and_then_tokens_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    triggered_by(monkeypatch, "ann")
    monkeypatch.setattr(steps, "rewrap", lambda site, actor: {"objects": 2 * (actor == "ann")})
    monkeypatch.setattr(steps, "retoken", lambda site, actor: {"members": 3 * (actor == "ann")})
    dag = keys.keys_dag()
    assert body(dag, "rewrap")() == {"objects": 2}
    assert body(dag, "retoken")() == {"members": 3}
    assert dag.get_task("retoken").upstream_task_ids == {"rewrap"}


@pytest.mark.parametrize("findings", [[], [missing("acme_sftp")]])
def test_connections_are_reported_and_red_where_one_breaks_a_rule(
    findings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(connections, "lint", lambda *_: findings)
    monkeypatch.setattr(steps, "server_findings", lambda _: [])
    monkeypatch.setattr(steps, "report_connections", lambda found, _: told.append(found))
    check = body(connections.connections_dag(), "check_connections")
    if findings:
        with pytest.raises(RunIsRed, match=r"acme_sftp connection\.missing"):
            check()
    else:
        assert check() == {"findings": 0}
    assert told == [findings]
