"""When an ordinary plan stops being ordinary: each guard at its limit, below it, and switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concord.catalogue import feed
from concord.contract import Feed, Guards, Limit, Omission, Scope
from concord.reconcile.guard import Figures, ScopeFigures, evaluate, limited

GUARDS = Guards(
    ends=Limit(0.05, 10), adds=Limit(0.10, 25), rejected=Limit(0.02, 5), unreadable_keys=Limit(0.001, 3),
    minimum_rows=100, tail_losses=10,
)  # fmt: skip
ACME = feed("acme_eligibility")
FEED: Feed = replace(ACME, policy=replace(ACME.policy, guards=GUARDS))
LENIENT: Feed = replace(
    ACME,
    policy=replace(
        ACME.policy,
        guards=Guards(*(Limit(0.99, 10**9),) * 4, minimum_rows=0, tail_losses=10**9),
    ),
)
SCOPE = ScopeFigures(("ACME01", "HLT"), standing=1_000, losses=0, grants=0, rows_in=1_000, is_known=True)
QUIET = Figures(
    scopes=(SCOPE,), rows_read=1_000, rejected=0, unreadable=0, nameless=0, usable=1_000, retro=0, omitted=0,
    recent_losses=0, covered=900, uncovered=0, tail_losses=0, is_first=False, is_full=True,
)  # fmt: skip


def tripped(figures: Figures, contract: Feed = FEED) -> set[str]:
    return {finding.guard for finding in evaluate(contract, figures) if finding.tripped}


def scope(**changes: int | bool) -> Figures:
    return replace(QUIET, scopes=(replace(SCOPE, **changes),))  # type: ignore[arg-type]


def test_an_ordinary_delivery_trips_nothing() -> None:
    assert tripped(QUIET) == set()


def test_a_limit_needs_its_floor_and_its_share() -> None:
    limit = Limit(0.05, 10)
    assert limited("g", 51, 1_000, limit, "").tripped
    assert not limited("g", 50, 1_000, limit, "").tripped, "exactly the share"
    assert not limited("g", 9, 10, limit, "").tripped, "below the floor"
    assert limited("g", 10, 0, limit, "").tripped, "something against nothing"


@pytest.mark.parametrize(
    ("figures", "guard"),
    [
        (scope(losses=51), "ends"),
        (replace(QUIET, uncovered=46), "ends_persons"),
        (replace(scope(losses=20), recent_losses=40), "ends_7_days"),
        (scope(grants=101), "adds"),
        (replace(QUIET, rejected=21), "rejected"),
        (replace(QUIET, unreadable=3), "unreadable_keys"),
        (replace(QUIET, usable=99), "minimum_rows"),
        (replace(QUIET, tail_losses=10), "tail_losses"),
    ],
)
def test_a_guard_trips_at_its_limit_and_not_when_it_is_switched_off(figures: Figures, guard: str) -> None:
    assert guard in tripped(figures)
    assert guard not in tripped(figures, LENIENT)


def test_a_loss_in_a_small_scope_is_not_hidden_by_a_large_one() -> None:
    small = replace(SCOPE, scope=("ACME02", "DEN"), standing=20, losses=15)
    found = evaluate(FEED, replace(QUIET, scopes=(replace(SCOPE, standing=100_000), small)))
    assert [finding.scope for finding in found if finding.tripped] == ["ACME02 × DEN"]


def test_the_first_full_is_always_held_and_for_nothing_else_but_what_it_says() -> None:
    first = replace(scope(standing=0, grants=1_000), is_first=True)
    assert tripped(first) == {"first_full"}


def test_a_first_change_file_that_enrols_many_is_held() -> None:
    first = replace(scope(standing=0, grants=1_000), is_first=True, is_full=False)
    assert tripped(first) == {"adds"}


def test_what_reaches_back_too_far_is_held() -> None:
    assert tripped(replace(QUIET, retro=1)) == {"retro"}


def test_a_known_scope_without_a_row_has_vanished() -> None:
    assert "scope_vanished" in tripped(scope(rows_in=0))
    assert "scope_vanished" not in tripped(replace(scope(rows_in=0), is_full=False)), "a change file names few"
    assert "scope_vanished" not in tripped(scope(rows_in=0, standing=0)), "nobody was there"


def test_an_unknown_scope_is_held_in_every_mode() -> None:
    new = scope(is_known=False, standing=0)
    assert "scope_new" in tripped(new)
    assert "scope_new" in tripped(replace(new, is_full=False))
    undeclared = replace(FEED, scope=Scope())
    assert "scope_new" not in tripped(replace(new, is_first=True), undeclared), "everything is new to a first delivery"


def test_omissions_wait_for_a_person_where_the_contract_leaves_them_to_one() -> None:
    left = replace(QUIET, omitted=1)
    assert tripped(left) == set()
    assert tripped(left, replace(FEED, policy=replace(FEED.policy, omission=Omission.HOLD))) == {"omission"}


def test_a_refused_row_that_names_nobody_holds_whoever_is_missing() -> None:
    assert tripped(replace(QUIET, nameless=1)) == set()
    assert tripped(replace(QUIET, nameless=1, omitted=1), LENIENT) == {"nameless_rows"}


def test_a_finding_holds_counts_and_no_values() -> None:
    for finding in evaluate(FEED, scope(losses=51)):
        assert set(finding.text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.:-")
