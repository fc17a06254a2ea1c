"""``concord replay``: refused rows, read again under today's contract, as deliveries of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from concord.airflow_api import AirflowApi, AirflowRefused, AirflowUnavailable
from concord.catalogue import feed as feed_of
from concord.cli import environment, show
from concord.cli.decisions import ALREADY_ANSWERED
from concord.cli.deliveries import show_counts
from concord.cli.quarantine import By, Delivery, FeedName, Reason, Since, Yes, show_left, utc
from concord.quarantine import Selection

if TYPE_CHECKING:
    from concord.contract import Feed
    from concord.steps import Site
    from concord.steps.replaying import Chosen


def replay(
    feed: FeedName,
    by: By,
    delivery: Delivery = None,
    reason: Reason = None,
    since: Since = None,
    poison: Annotated[bool, typer.Option("--poison", help="Take up rows that were set apart as well.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and write nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Replays refused rows: shows what is taken up, asks, and opens a delivery of kind replay for each original."""
    from concord import steps

    contract, site = feed_of(feed), environment.site()
    selection = Selection(feed, delivery, reason, utc(since), poison)
    chosen = steps.choose(contract, selection, site)
    show_chosen(chosen)
    if not chosen.choices:
        return
    if dry_run:
        show_rehearsal(steps.rehearse(contract, selection, site))
        return
    if not yes:
        typer.confirm(f"replay these {chosen.rows} rows?", abort=True)
    opened = steps.replay(contract, selection, by=by, site=site)
    ids = ", ".join(opened["replays"]) or "none: another replay took the rows up meanwhile"
    show.say(f"[green]opened {show.plain(ids)}[/green]; concord deliveries --feed {show.plain(feed)} shows them")
    start(contract, site)


def show_chosen(chosen: Chosen) -> None:
    """Rows by delivery and reason, and what stays."""
    rows = [
        (c.original.delivery_id, c.original.file_date, reason, count)
        for c in chosen.choices for reason, count in c.by_reason.items()
    ]  # fmt: skip
    if rows:
        show.table(f"{chosen.rows} rows to replay", ("of delivery", "file date", "reason", "rows"), rows)
    else:
        show.say("nothing to replay")
    show_left(chosen.left)


def show_rehearsal(outcomes: list[dict[str, Any]]) -> None:
    """What each replay would do to the tables as they are now."""
    for outcome in outcomes:
        fate = outcome["fate"]
        show.say(
            f"replay of [bold]{show.plain(outcome['original'])}[/bold] would be [bold]{outcome['state']}[/bold]: "
            f"{fate['replayed']:,} rows count, {fate['refused']:,} are refused again, "
            f"{fate['newer_truth']:,} are moot since a newer delivery says otherwise"
        )
        if outcome["breaches"]:
            show.say(f"guards: {show.plain(outcome['breaches'])}")
        show_counts(outcome["counts"])
    show.say("a dry run: nothing was written")


def start(feed: Feed, site: Site) -> None:
    """Opens the run that may start now; a failure is a warning, since the ledger opens it anyway."""
    from concord import steps

    settings, due = site.settings, steps.open_runs(feed, site)
    if not (settings.airflow_url and settings.airflow_user and settings.airflow_password):
        show.warn("no CONCORD_AIRFLOW_URL: its run starts when the ledger is next reconciled")
        return
    try:
        with AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password) as airflow:
            started = [run["trigger_run_id"] for run in due if _triggered(airflow, feed.name, run)]
    except (AirflowUnavailable, AirflowRefused) as error:
        show.warn(f"{error}: its run starts when the ledger is next reconciled")
        return
    show.say(f"Airflow runs {show.plain(started)}" if started else "it starts when what runs now is done")


def _triggered(airflow: AirflowApi, dag: str, run: dict[str, Any]) -> bool:
    try:
        airflow.trigger(dag, run["trigger_run_id"], run["conf"])
    except AirflowRefused as error:
        if error.status != ALREADY_ANSWERED:
            raise
        return False
    return True
