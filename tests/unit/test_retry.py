"""Which errors are tried again, and why: the table of ``concord.orchestrate.retry``."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta

import pytest
from airflow.sdk import RetryAction

import concord
from concord import errors
from concord.errors import ConcordError, DeliveryRejected, SourceRefused, SourceUnavailable
from concord.orchestrate.retry import AGAIN, AT_ONCE, BY_REMEDY, LONGEST_PAUSE, ByRemedy
from concord.postgres import StatementFailed
from concord.settings import SettingMissing


def decided(error: BaseException) -> RetryAction:
    return BY_REMEDY.evaluate(error, try_number=1, max_tries=5).action


@pytest.mark.parametrize("name", ["SourceUnavailable", "DatabaseUnavailable", "StageLost", "Fenced"])
def test_what_may_pass_is_tried_again(name: str) -> None:
    assert decided(getattr(errors, name)("gone")) is RetryAction.RETRY


@pytest.mark.parametrize("name", ["SourceRefused", "Unbalanced", "LandingDamaged", "NeedsDecision"])
def test_what_comes_out_the_same_again_fails_at_once(name: str) -> None:
    assert decided(getattr(errors, name)("no")) is RetryAction.FAIL


def test_rejected_bytes_a_contradictory_contract_and_a_failed_statement_fail_at_once() -> None:
    same_again = [
        DeliveryRejected("structure.missing_column", "line 1"),
        errors.ContractError("acme", "columns", "x"),
        StatementFailed("SQLSTATE 22003"),
        SettingMissing("CONCORD_SEAL_KEYS is not set"),
    ]
    assert [decided(error) for error in same_again] == [RetryAction.FAIL] * 4


def test_a_third_partys_error_follows_the_number_of_retries() -> None:
    assert decided(ValueError("x")) is RetryAction.DEFAULT
    assert decided(ConnectionResetError("x")) is RetryAction.DEFAULT


def test_every_decision_about_an_error_of_ours_has_a_reason() -> None:
    for error in (*AGAIN, *AT_ONCE):
        instance = error.__new__(error)
        if isinstance(instance, SourceUnavailable):
            instance.retry_after = None
        assert BY_REMEDY.evaluate(instance, 1, 5).reason


def test_the_pause_a_partner_asks_for_is_kept() -> None:
    decision = BY_REMEDY.evaluate(SourceUnavailable("busy", retry_after=90), try_number=1, max_tries=5)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))


def test_a_partner_cannot_ask_for_a_pause_without_end() -> None:
    decision = BY_REMEDY.evaluate(SourceUnavailable("busy", retry_after=10_000_000), try_number=1, max_tries=5)
    assert decision.retry_delay == LONGEST_PAUSE


def test_without_a_wish_the_tasks_own_growing_pause_counts() -> None:
    assert BY_REMEDY.evaluate(SourceUnavailable("busy"), try_number=1, max_tries=5).retry_delay is None


def test_without_its_rules_the_policy_would_decide_nothing() -> None:
    """Negative control: it is the table that decides."""
    policy = ByRemedy()
    policy.rules = []
    assert policy.evaluate(SourceRefused("no"), 1, 5).action is RetryAction.DEFAULT


def test_no_error_of_ours_is_left_to_chance() -> None:
    for module in pkgutil.iter_modules(concord.__path__):
        if module.name not in ("cli", "sandbox", "migrations"):
            importlib.import_module(f"concord.{module.name}")
    undecided = [error for error in subclasses(ConcordError) if decided(error.__new__(error)) is RetryAction.DEFAULT]
    assert undecided == []


def subclasses(error: type[ConcordError]) -> set[type[ConcordError]]:
    direct = set(error.__subclasses__()) - {SourceUnavailable}
    return direct.union(*(subclasses(child) for child in direct)) if direct else direct
