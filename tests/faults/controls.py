"""The checks that keep two writers apart, each with a way to switch it off: the negative controls.

Each function patches the process it is called in; only a process of the tests calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from concord import ledger, postgres
from concord.errors import Unbalanced
from concord.landing import Keeper
from concord.reconcile import apply as writing
from concord.steps import reading
from concord.steps.exporting import landing as exporting


def _no_fence() -> None:
    """Whoever asks holds the lease."""
    real = postgres.statement
    postgres.statement = lambda name: real(name).replace("AND fence = %(fence)s", "")  # type: ignore[assignment]


def _no_state() -> None:
    """Whatever became of the delivery meanwhile, it looks as planned as before."""
    real = ledger.find_of

    def as_planned(*given: Any, lock: bool = False) -> ledger.Delivery:
        delivery = real(*given, lock=lock)
        return replace(delivery, state="planned") if lock else delivery

    ledger.find_of = as_planned  # type: ignore[assignment]


def _no_base() -> None:
    """The tables count as those that the plan was computed against."""
    real = writing._check

    def moved(connection: Any, feed: Any, delivery: Any, staging: Any, plan: Any, lease: Any) -> Any:
        return real(connection, feed, delivery, staging, plan, {**lease, "state_seq": plan["base_seq"]})

    writing._check = moved


def _no_digest() -> None:
    """A plan is believed as it lies there."""
    writing._check_digest = lambda *_: None  # type: ignore[assignment]


def _no_decision() -> None:
    """A held plan needs nobody."""
    writing._check_decision = lambda *_: None  # type: ignore[assignment]


def _no_late_staging() -> None:
    """A staging that wakes up late counts."""
    reading._still_ours = lambda *_: None  # type: ignore[assignment]


def _no_late_fetch() -> None:
    """What went wrong while an export was landed went wrong, whoever landed it meanwhile."""
    exporting.ConcordError = Unbalanced  # type: ignore[assignment, misc]


def _no_export_cancelled() -> None:
    """The server is not told that an export may go."""
    from concord.acquire.fhir_bulk.client import Bulk

    Bulk.cancel = lambda *_: None  # type: ignore[assignment, method-assign]


def _no_stored_key() -> None:
    """The ledger's copy of a single file's key is as good as the archive's."""
    Keeper.stored = lambda *_: None  # type: ignore[assignment, method-assign]


CONTROLS: dict[str, Callable[[], None]] = {
    "fence": _no_fence,
    "state": _no_state,
    "base": _no_base,
    "digest": _no_digest,
    "decision": _no_decision,
    "late staging": _no_late_staging,
    "late fetch": _no_late_fetch,
    "export cancelled": _no_export_cancelled,
    "stored key": _no_stored_key,
}
