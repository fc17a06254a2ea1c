"""``concord try``: a contract over local files, without Airflow or a partner's server."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concord.catalogue import feed as feed_of
from concord.cli import show
from concord.cli.deliveries import newest_plan, show_plan
from concord.errors import ConcordError

if TYPE_CHECKING:
    from concord.onboarding.trial import Trial, Tried
    from concord.postgres import Connection

Files = Annotated[list[str], typer.Argument(metavar="[FEED] FILE...", help="The contract, then the files in order.")]
REASONS = """
SELECT reason, count(*) AS rows, min(line) AS first_line
FROM ops.quarantine CROSS JOIN LATERAL unnest(reasons) AS reason
WHERE delivery_id = %(delivery_id)s GROUP BY reason ORDER BY rows DESC, reason
"""
FLAGS = """
SELECT flag, n::bigint AS rows FROM ops.stage_attempt CROSS JOIN LATERAL jsonb_each_text(flags) AS f (flag, n)
WHERE delivery_id = %(delivery_id)s ORDER BY stage_no DESC, flag
"""


class NothingToTry(ConcordError):
    """No file, or one that is not there."""


def try_(
    given: Files,
    form: Annotated[str | None, typer.Option("--format", help="No contract: the format by itself (x12_834).")] = None,
    after: Annotated[
        list[Path] | None, typer.Option("--after", help="Earlier files, taken in first; may be given several times.")
    ] = None,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Where a name says no date.")
    ] = None,
) -> None:
    """Runs a contract over local files: the accounting, the reasons, and the plan it would make; nothing is kept.

    Exit code 1 where a file is rejected, an earlier one too, or a row refused.
    """
    clean = _by_format(form, _paths(given)) if form else _by_contract(given, after or [], day)
    raise typer.Exit(0 if clean else 1)


def _paths(given: list[str]) -> list[Path]:
    paths = [Path(name) for name in given]
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        raise NothingToTry(f"no such file: {', '.join(missing)}" if missing else "say which files")
    return paths


# ── a format by itself ──


def _by_format(form: str, paths: list[Path]) -> bool:
    from concord.onboarding.envelopes import ACCEPTED, verdict
    from concord.onboarding.generic import FORMATS

    if form not in FORMATS:
        raise NothingToTry(f"formats that can be tried by themselves: {', '.join(FORMATS)}")
    rows, sets, clean = [], [], True
    for path in paths:
        with path.open("rb") as stream:
            found = verdict(stream, FORMATS[form])
        clean = clean and found.word == ACCEPTED
        why = [*filter(None, (found.code, found.faults)), *(f"{n} × {code}" for code, n in found.refused.items())]
        test = "T" if any(each.usage == "T" for each in found.interchanges) else "P"
        rows.append((path.name, test, found.members, found.coverages, found.rows, found.word, why))
        sets += [(path.name, *each) for each in found.sets]
    show.table("Files", ("file", "usage", "members", "coverages", "rows", "verdict", "why"), rows)
    show.table("Transaction sets", ("file", "set", "BGN08", "guide", "members", "coverages", "faults"), sets)
    return clean


# ── a contract ──


def _by_contract(given: list[str], after: list[Path], day: datetime | None) -> bool:
    from concord.onboarding.private import private_site
    from concord.onboarding.trial import Trial

    feed, paths = feed_of(given[0]), [*_paths([str(path) for path in after])] if after else []
    wanted = _paths(given[1:])
    show.say("[dim]a private Postgres is started; it goes when this is over[/dim]")
    with private_site() as site:
        trial = Trial.of(feed, site)
        outcomes = [_taken_in(trial.apply(path, day.date() if day else None)) for path in paths]
        outcomes += [_shown(trial, trial.plan(path, day.date() if day else None)) for path in wanted]
    return all(outcomes)


def _taken_in(tried: Tried) -> bool:
    """Prints what became of an earlier file; whether it is in the state that the others are planned against."""
    show.say(f"before: {show.plain(tried.path.name)} is {tried.state}{_why(tried)}")
    return tried.rejection is None


def _why(tried: Tried) -> str:
    return f" ({show.plain(tried.rejection)})" if tried.rejection is not None else ""


def _shown(trial: Trial, tried: Tried) -> bool:
    """Prints what became of one file; whether nothing of it was refused."""
    show.say(f"\n[bold]{show.plain(tried.path.name)}[/bold] is [bold]{tried.state}[/bold]{_why(tried)}")
    with trial.site.database("trial") as connection:
        refused = _reasons(connection, tried.delivery_id)
        if tried.state in ("planned", "held", "compared"):
            found = newest_plan(connection, tried.delivery_id)
            show_plan(connection, found)
            show.say(f"digest  {show.plain(found['digest'])}")
    return tried.rejection is None and not refused


def _reasons(connection: Connection, delivery_id: str) -> int:
    values = {"delivery_id": delivery_id}
    reasons = connection.execute(REASONS.encode(), values).fetchall()
    flags = connection.execute(FLAGS.encode(), values).fetchall()
    if reasons:
        show.records("Refused rows by reason", reasons)
    if flags:
        show.records("Noticed in accepted rows", flags)
    return sum(Counter({row["reason"]: row["rows"] for row in reasons}).values())
