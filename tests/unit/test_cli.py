"""The rule book of the ``concord`` command, with fakes for ledger, steps and Airflow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import concord
from concord.airflow_api import AirflowRefused, AirflowUnavailable, RequiredAction
from concord.cli import app, changes, decisions, deliveries, environment, query
from concord.errors import DatabaseUnavailable
from concord.settings import Settings

KEY = "k1:" + "A" * 43 + "="
INSTALLATION = {
    "CONCORD_LOADER_URL": "postgresql://concord_loader:one@127.0.0.1:1/concord",
    "CONCORD_LANDING_URL": "file:///nowhere",
    "CONCORD_SEAL_KEYS": KEY,
    "CONCORD_TOKEN_KEYS": KEY,
}
PLANNED: dict[str, Any] = {
    "delivery_id": "7k2m9xab", "feed": "acme_eligibility", "state": "held", "state_reason": "guard.ends",
    "file_date": date(2026, 11, 20), "attempt": 1, "line_count": 20_001, "drift": {}, "plan_id": 3, "stage_no": 4,
    "base_seq": 2, "as_of_date": date(2026, 11, 20), "digest": "d1ge57" * 8, "verdict": "hold",
    "counts": {"eligibility": {"incoming": 14_000, "end": 7_000}, "member": {"incoming": 9_000}},
    "balance": {}, "finished_at": None, "decision": None, "decided_by": None, "decided_at": None,
}  # fmt: skip
GUARD: dict[str, Any] = {
    "guard": "ends", "scope": "", "count": 7_000, "base": 21_000, "share": 0.3333, "limit_share": 0.05,
    "limit_floor": 10, "tripped": True, "text": "7,000 of 21,000 spans would end",
}  # fmt: skip
ROW: dict[str, Any] = {
    "entity": "member", "action": "change", "part": "grant", "key": ["E1234567", "01"], "line": 17,
    "from_before": None, "to_before": None, "from_after": None, "to_after": None,
    "changed": ["last_name"], "inferred": False, "reason": None,
}  # fmt: skip


class Ledger:
    """Answers the command's statements from a dict by statement name."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers

    def run(self, _: object, name: str, values: Any = None, **parts: Any) -> list[dict[str, Any]]:
        return self.answers.get(name.removeprefix("cli/"), [])


class Steps(ModuleType):
    """Stands for ``concord.steps``; keeps what was decided."""

    def __init__(self, *, standing: bool = True, stands: str | None = None, by: str = "ada") -> None:
        super().__init__("concord.steps")
        self.decided: list[dict[str, Any]] = []
        self.standing, self.stands, self.by = standing, stands, by

    def open_site(self, settings: Settings) -> Any:
        return SimpleNamespace(settings=settings)

    def decide(self, feed: Any, delivery_id: str, **said: Any) -> dict[str, Any]:
        self.decided.append({"feed": feed.name, "delivery_id": delivery_id, **said})
        return {"verdict": self.stands or said["verdict"], "standing": self.standing, "by": self.by}


class Airflow:
    """Stands for :class:`AirflowApi`; one run waits."""

    answered: list[tuple[str, str, str, str]]
    failure: Exception | None = None

    def __init__(self, *_: str) -> None:
        pass

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def required_actions(self, dag: str) -> list[RequiredAction]:
        if isinstance(self.failure, AirflowUnavailable):
            raise self.failure
        runs = ("2026-11-20_7k2m9xab_1", "2026-11-19_otheroth_1")
        return [RequiredAction(dag, run, "approve", "held", ("Approve", "Reject")) for run in runs]

    def answer(self, dag: str, run_id: str, task: str, option: str) -> None:
        if self.failure is not None:
            raise self.failure
        type(self).answered.append((dag, run_id, task, option))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in INSTALLATION.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, installed: None) -> Callable[..., Steps]:
    def use(**choices: Any) -> Steps:
        fake = Steps(**choices)
        monkeypatch.setitem(sys.modules, "concord.steps", fake)
        monkeypatch.setattr(concord, "steps", fake, raising=False)
        return fake

    return use


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, installed: None) -> Callable[..., None]:
    def use(**answers: list[dict[str, Any]]) -> None:
        fake = Ledger(**answers)

        @contextmanager
        def opened(_: Settings) -> Iterator[Any]:
            yield SimpleNamespace()

        monkeypatch.setattr(environment, "ledger", opened)
        monkeypatch.setattr("concord.postgres.run", fake.run)
        monkeypatch.setattr(changes, "run", fake.run)
        monkeypatch.setattr(changes, "stage_table", lambda *_: None)

    return use


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> type[Airflow]:
    class Fresh(Airflow):
        answered: list[tuple[str, str, str, str]] = []  # noqa: RUF012 - one class for each test

    monkeypatch.setattr(decisions, "AirflowApi", Fresh)
    for name in ("URL", "USER", "PASSWORD"):
        monkeypatch.setenv(f"CONCORD_AIRFLOW_{name}", "http://127.0.0.1:1")
    return Fresh


def concord_(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=answer)


def one_line_of(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    return result.stderr.strip()


# ── where the installation is ──────────────────────────────────────────────────


def test_without_an_installation_there_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_LOADER_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "make up" in one_line_of(concord_("deliveries"))


def environment_in(folder: Path, mode: int = 0o600) -> Path:
    file = folder / ".concord" / "environment"
    file.parent.mkdir()
    file.write_text("# the demo\n\n" + "".join(f"{name}={value}\n" for name, value in INSTALLATION.items()))
    file.chmod(mode)
    return file


def test_the_environment_file_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_LOADER_URL", raising=False)
    environment_in(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert environment.settings().landing_url == "file:///nowhere"


def test_a_variable_that_is_set_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_LOADER_URL", raising=False)
    environment_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORD_LANDING_URL", "file:///elsewhere")
    assert environment.settings().landing_url == "file:///elsewhere"


def test_an_environment_file_that_others_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_LOADER_URL", raising=False)
    environment_in(tmp_path, mode=0o644)
    monkeypatch.chdir(tmp_path)
    assert "chmod 600" in one_line_of(concord_("deliveries"))


def test_the_passwords_of_the_roles_come_from_their_urls() -> None:
    urls = {"concord_loader": INSTALLATION["CONCORD_LOADER_URL"]}
    assert environment.passwords(urls) == {"concord_loader": "one"}


def test_a_url_of_another_user_makes_no_role() -> None:
    with pytest.raises(environment.SettingMissing, match="concord_owner"):
        environment.passwords({"concord_owner": INSTALLATION["CONCORD_LOADER_URL"]})


# ── errors ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "text"),
    [(DatabaseUnavailable("SQLSTATE 08000"), "SQLSTATE 08000"), (ValueError("Smith"), "unexpected ValueError")],
)
def test_an_error_is_one_line_without_values(
    error: Exception, text: str, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger()

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(deliveries, "_run", fails)
    line = one_line_of(concord_("deliveries"))
    assert text in line
    assert "Smith" not in line


# ── lists ──────────────────────────────────────────────────────────────────────


def test_feeds_lists_every_contract() -> None:
    assert "acme_eligibility" in concord_("feeds").stdout


def test_pools_prints_what_airflow_imports() -> None:
    assert json.loads(concord_("pools").stdout)["partner_acme"]["slots"] >= 1


def test_deliveries_says_what_each_changed_and_leaves_zeros_out(ledger: Callable[..., None]) -> None:
    row = dict.fromkeys(deliveries.EFFECTS, 0) | {
        "delivery_id": "7k2m9xab", "feed": "acme_eligibility", "file_date": date(2026, 11, 20), "state": "published",
        "lines": 20_001, "quarantined": 3, "added": 1_200, "lines_balance": "ok", "spans_balance": "ok",
        "state_reason": None, "replay_of": None,
    }  # fmt: skip
    ledger(select_deliveries=[row])
    shown = concord_("deliveries").stdout
    assert "1,200 added" in shown
    assert "voided" not in shown


# ── the plan ───────────────────────────────────────────────────────────────────


def held(ledger: Callable[..., None], **differs: Any) -> None:
    ledger(
        select_delivery_plan=[PLANNED | differs],
        select_plan_guards=[GUARD],
        select_plan_rows=[ROW],
        select_plan_columns=[{"entity": "member", "column": "last_name", "rows": 12}],
    )


def test_a_plan_shows_counts_guards_columns_and_its_digest(ledger: Callable[..., None]) -> None:
    held(ledger)
    shown = concord_("plan", "7k2m9xab").stdout
    for text in ("14,000", "HOLDS", "33.33%", "last_name", "12", PLANNED["digest"]):
        assert text in shown


def test_a_plan_shows_identifiers_masked(ledger: Callable[..., None]) -> None:
    held(ledger)
    shown = concord_("plan", "7k2m9xab").stdout
    assert "1234567" not in shown
    assert changes.HIDDEN in shown


def test_an_identifier_is_masked_only_by_the_phi_class() -> None:
    assert deliveries.masked_key("eligibility", ["E1234567", "01", "HLT"]).endswith("HLT")


def test_a_delivery_that_is_not_there_is_one_clear_line(ledger: Callable[..., None]) -> None:
    ledger()
    assert "concord deliveries" in one_line_of(concord_("plan", "nosuchid"))


def test_a_delivery_without_a_plan_says_its_state(ledger: Callable[..., None]) -> None:
    held(ledger, plan_id=None, state="landed")
    assert "is landed and has no plan" in one_line_of(concord_("plan", "7k2m9xab"))


# ── decisions ──────────────────────────────────────────────────────────────────


def test_approve_records_the_digest_it_showed(
    ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    fake = steps()
    result = concord_("approve", "7k2m9xab", "--by", "ada", "--ticket", "OPS-1", answer="y\n")
    assert result.exit_code == 0, result.output
    assert PLANNED["digest"] in result.stdout
    said = fake.decided[0]
    assert (said["digest"], said["verdict"], said["by"], said["via"]) == (PLANNED["digest"], "approve", "ada", "shell")
    assert airflow.answered == [("acme_eligibility", "2026-11-20_7k2m9xab_1", "approve", "Approve")]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_recorded_without_a_yes(
    answer: str, ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    fake = steps()
    assert concord_("approve", "7k2m9xab", answer=answer).exit_code != 0
    assert fake.decided == airflow.answered == []


def test_decline_needs_a_reason(ledger: Callable[..., None], steps: Callable[..., Steps]) -> None:
    held(ledger)
    fake = steps()
    assert concord_("decline", "7k2m9xab", "--yes").exit_code == 2
    assert not fake.decided


def test_decline_rejects_in_airflow(
    ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    steps()
    assert concord_("decline", "7k2m9xab", "--yes", "--reason", "truncated").exit_code == 0
    assert [option for *_, option in airflow.answered] == ["Reject"]


def test_only_a_held_delivery_is_decided(ledger: Callable[..., None], steps: Callable[..., Steps]) -> None:
    held(ledger, state="published")
    fake = steps()
    assert "not held" in one_line_of(concord_("approve", "7k2m9xab", "--yes"))
    assert not fake.decided


def test_a_plan_that_changed_since_it_was_reviewed_is_not_approved(
    ledger: Callable[..., None], steps: Callable[..., Steps]
) -> None:
    held(ledger)
    fake = steps()
    assert "another digest" in one_line_of(concord_("approve", "7k2m9xab", "--yes", "--digest", "0ther"))
    assert not fake.decided


def test_whoever_answered_first_has_answered(
    ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    steps(stands="decline", by="grace")
    result = concord_("approve", "7k2m9xab", "--yes")
    assert "grace" in result.stderr
    assert [option for *_, option in airflow.answered] == ["Reject"]


def test_the_first_of_two_persons_does_not_answer_airflow(
    ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    steps(standing=False)
    assert "second person" in concord_("approve", "7k2m9xab", "--yes").stdout
    assert airflow.answered == []


@pytest.mark.parametrize("failure", [AirflowUnavailable("down"), AirflowRefused(403, "PATCH")])
def test_a_decision_stands_when_airflow_does_not_answer(
    failure: Exception, ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    fake = steps()
    airflow.failure = failure
    result = concord_("approve", "7k2m9xab", "--yes")
    assert result.exit_code == 0
    assert fake.decided
    assert "reconciled" in result.stderr


def test_an_approval_that_was_answered_meanwhile_is_no_error(
    ledger: Callable[..., None], steps: Callable[..., Steps], airflow: type[Airflow]
) -> None:
    held(ledger)
    steps()
    airflow.failure = AirflowRefused(409, "PATCH")
    result = concord_("approve", "7k2m9xab", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")


# ── check and sql ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("findings", "code"), [([], 0), ([("lines.unbalanced", ("7k2m9xab",), "one line is lost")], 1)]
)
def test_check_exits_1_on_findings(
    findings: list[tuple[str, tuple[str, ...], str]],
    code: int,
    steps: Callable[..., Steps],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps()
    found = [SimpleNamespace(code=name, ids=ids, text=text) for name, ids, text in findings]
    fake = ModuleType("concord.check")
    fake.run = lambda *_, **__: found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "concord.check", fake)
    monkeypatch.setattr(concord, "check", fake, raising=False)
    result = concord_("check")
    assert result.exit_code == code, result.output
    assert all(text in result.stdout for *_, text in findings)


def test_sql_needs_the_analyst_role(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONCORD_ANALYST_URL", raising=False)
    assert "CONCORD_ANALYST_URL" in one_line_of(concord_("sql", "select 1"))


def test_sql_says_that_there_are_more_rows(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_ANALYST_URL", "postgresql://concord_analyst@127.0.0.1:1/concord")
    monkeypatch.setattr(query, "ask", lambda *_, limit, **__: (["n"], [(number,) for number in range(limit + 1)]))
    shown = concord_("sql", "select n", "--limit", "2").stdout
    assert "there are more" in shown


def test_data_is_neither_markup_nor_terminal_control(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_ANALYST_URL", "postgresql://concord_analyst@127.0.0.1:1/concord")
    monkeypatch.setattr(query, "ask", lambda *_, **__: (["[b]x"], [("[red]y[/red]",), ("\x1b[2J",)]))
    shown = concord_("sql", "select 1").stdout
    assert "[b]x" in shown
    assert "[red]y[/red]" in shown
    assert "\x1b" not in shown
