"""Inside a task: this run's delivery, the opened installation, and errors that quote no row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from concord.errors import ConcordError
from concord.process import harden
from concord.redaction import guard_logs

if TYPE_CHECKING:
    from concord.steps import Site

Counts = dict[str, Any]
"""What a step hands on: ids, states and counts, never a row."""

DELIVERY_ID = re.compile(r"\A[0-9a-z]{8}\Z")


class Unexpected(Exception):
    """A third party's error, by class and place: its own text may quote a row."""


@dataclass(frozen=True)
class Delivery:
    """Which delivery a run is about."""

    delivery_id: str
    attempt: int
    dry_run: bool


def this_delivery() -> Delivery:
    """The delivery that the current run's form or opener named."""
    params = get_current_context()["params"]
    return Delivery(str(params["delivery_id"]), int(params["attempt"]), bool(params["dry_run"]))


def person(otherwise: str = "airflow") -> str:
    """Who triggered the run, as Airflow knows them; ``otherwise`` for a scheduled one."""
    run = get_current_context()["dag_run"]
    return str(getattr(run, "triggering_user_name", None) or otherwise)


@contextmanager
def opened() -> Iterator[Site]:
    """The opened installation, for the length of a task; people are told at its end what was reported in it.

    Our errors and Airflow's pass; of any other only class and place remain
    (:class:`Unexpected`), for Airflow logs an error's text.
    """
    failure: Unexpected | None = None
    try:
        from concord import steps
        from concord.orchestrate.access import settings

        harden()
        guard_logs()
        site = steps.open_site(settings())
        try:
            yield site
        finally:
            _tell(site)
    except (ConcordError, AirflowException, AirflowRuntimeError):
        raise
    except Exception as error:  # noqa: BLE001 — raised again below, without its text
        failure = Unexpected(place(error))
    if failure is not None:
        # A context manager raises while its caller handles the first error: only `from None` keeps that one unlogged.
        raise failure from None


def _tell(site: Site) -> None:
    from concord.orchestrate.channels import tell_now

    tell_now(site)


def place(error: BaseException) -> str:
    """Class of ``error`` and the last line of ours that it passed, as in ``KeyError at stage.py:57``."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "concord" in Path(frame.filename).parts] or list(frames)
    where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"


def described(error: object) -> str:
    """What may be told about ``error``: the text of our own errors, of others the class."""
    if isinstance(error, ConcordError | Unexpected):
        return f"{type(error).__name__}: {error}"
    return place(error) if isinstance(error, BaseException) else "the task was stopped from outside"
