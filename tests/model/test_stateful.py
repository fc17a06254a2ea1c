"""The real reconciler and the model, side by side on random small feeds.

Full and delta files, files of the same day, late files, the same bytes again, bad
rows, unreadable keys, contradictions, holds, approvals, declines and supersession;
after every step both must hold the same spans and members, with the same actions,
guards, line accounts and states.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from concord.contract import Feed, Omission
from tests.model.machine import Comparison
from tests.model.real_system import RealSystem, frugal
from tests.model.systems import ModelSystem, System

NO_CHECKS = list(HealthCheck)
ANY = settings(deadline=None, suppress_health_check=NO_CHECKS, database=None)
CHEAP = settings(ANY, max_examples=16, stateful_step_count=7, phases=[Phase.generate], derandomize=True)
CAMPAIGN = int(os.environ.get("CONCORD_MODEL_EXAMPLES", "0"))
"""With a number, the long run takes as many fresh examples; without, always the same, so that it says the same."""
LARGE = settings(ANY, max_examples=CAMPAIGN or 60, stateful_step_count=12, print_blob=True, derandomize=not CAMPAIGN)
CONTROL = settings(CHEAP, max_examples=150, stateful_step_count=10)
"""The every-day run only looks; the long one also shrinks what it finds."""


def compare(open_system: Callable[[Feed], System], how: settings) -> None:
    """Runs the machine against the system that ``open_system`` makes."""
    machine = type("Machine", (Comparison,), {"open_system": staticmethod(open_system)})
    run_state_machine_as_test(machine, settings=how)


# ── the machine itself ─────────────────────────────────────────────────────────


class Counting(ModelSystem):
    """The model, counting what its plans contain."""

    seen: ClassVar[Counter[Any]] = Counter()

    def plan(self, number: int) -> str:
        state = super().plan(number)
        self.seen.update([state, *self.guards(number), *self.reasons(number).values(), *self.lines(number)])
        self.seen.update(action[:2] for action in self.actions(number))
        return state


def test_the_machine_reaches_every_action_guard_and_state() -> None:
    Counting.seen = Counter()
    compare(Counting, settings(CONTROL, max_examples=90))
    spans = ["add", "change", "correct_start", "correct_end", "end", "pending_end", "reinstate", "void", "ignored"]
    actions = {*(("eligibility", name) for name in spans), ("member", "add"), ("member", "change")}
    loss = {"ends", "ends_persons", "ends_7_days", "tail_losses", "retro"}
    guards = loss | {"first_full", "adds", "rejected", "unreadable_keys", "nameless_rows", "minimum_rows"}
    scopes = {"omission", "scope_new", "scope_vanished"}
    in_file = {"ambiguous_key", "member.conflict", "subscriber_quarantined", "spans.overlap", "duplicate"}
    in_delta = {"unknown_member", "end.no_date"}
    states = {"planned", "held", "compared"}
    wanted = actions | guards | scopes | in_file | in_delta | states
    assert {what for what in wanted if not Counting.seen[what]} == set()


def with_policy(**changes: Any) -> Callable[[Feed], ModelSystem]:
    """The model, mistaken about the policy."""

    def opened(feed: Feed) -> ModelSystem:
        policy = replace(feed.policy, **{name: value for name, value in changes.items() if fits(feed, name)})
        return ModelSystem(replace(feed, policy=policy))

    return opened


def fits(feed: Feed, name: str) -> bool:
    """Contradictory contracts cannot be built."""
    return name != "omission" or (feed.policy.absences == 1 and feed.mode.value == "full")


class Gullible(ModelSystem):
    """Takes every delivery as new."""

    def deliver(self, rows: Any, file_date: Any, content: object) -> int:
        return super().deliver(rows, file_date, object())


@pytest.mark.parametrize(
    "mistaken",
    [
        pytest.param(with_policy(grace=timedelta(days=1)), marks=pytest.mark.full),
        with_policy(omission=Omission.KEEP),
        with_policy(absences=1),
        with_policy(look_back=timedelta(days=36_500)),
        with_policy(retro_limit=timedelta(days=36_500)),
        Gullible,
    ],
    ids=["no grace", "absence means nothing", "ends at once", "no look-back", "no retro limit", "knows no duplicates"],
)
def test_a_reconciler_that_is_wrong_about_one_rule_is_found_out(mistaken: Callable[[Feed], System]) -> None:
    with pytest.raises(AssertionError):
        compare(mistaken, settings(CONTROL, max_examples=1_500))  # ends with the first difference


# ── the real reconciler ────────────────────────────────────────────────────────


def compare_real(site: Any, how: settings) -> None:
    """Runs the machine against feeds of the real system at ``site``."""
    with frugal(site) as installation:
        compare(lambda feed: RealSystem(feed, installation), how)


def test_the_reconciler_does_what_the_model_says(site: Any) -> None:
    compare_real(site, CHEAP)


@pytest.mark.full
def test_a_real_reconciler_under_another_contract_is_found_out(site: Any) -> None:
    """Negative control: the same code, told that absence means nothing."""
    mistaken = with_policy(omission=Omission.KEEP)
    with frugal(site) as installation, pytest.raises(AssertionError):
        compare(lambda feed: RealSystem(mistaken(feed).feed, installation), settings(CHEAP, max_examples=200))


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_the_reconciler_does_what_the_model_says_for_long(site: Any) -> None:
    compare_real(site, LARGE)
