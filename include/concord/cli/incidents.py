"""``concord incidents``: what on-call has to know, what people were told of it, and who is on it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from concord.cli import environment, show
from concord.cli.guard import one_line
from concord.errors import NeedsDecision

app = typer.Typer(help="What on-call has to know: lists the open incidents, the loudest first.")

Number = Annotated[int, typer.Argument(metavar="ID", help="The incident's number, as the list shows it.")]
By = Annotated[str, typer.Option(help="Who is on it.", default_factory=getpass.getuser, show_default="you")]
COLUMNS = ("id", "kind", "severity", "level", "times", "age", "feed", "delivery", "on it", "not told", "what")


@app.callback(invoke_without_command=True)
def listed(context: typer.Context) -> None:
    """What on-call has to know: lists the open incidents, the loudest first."""
    if context.invoked_subcommand is None:
        one_line(list_open)()


def list_open() -> None:
    """The open incidents; ``not told`` counts messages that a channel has not taken yet."""
    from concord.postgres import run

    with environment.ledger(environment.settings()) as connection:
        rows = run(connection, "cli/select_open_incidents")
    show.table("Open incidents", COLUMNS, map(row_of, rows))
    if rows:
        show.say("concord incidents show ID says what is safe and what to press; ack ID says that you are on it")


def row_of(row: Mapping[str, Any]) -> tuple[object, ...]:
    """An incident as one row of the list."""
    names = ("incident_id", "kind", "severity", "level", "times", "age", "feed", "delivery_id", "acked_by", "untold")
    return *(row[name] for name in names), row["subject"]


def shown(incident_id: Number) -> None:
    """Shows the text of an incident, what happened to it, and which channels took which message when."""
    from concord.postgres import one, run

    values = {"incident_id": incident_id}
    with environment.ledger(environment.settings()) as connection:
        incident = one(connection, "cli/select_incident", values)
        notices = run(connection, "cli/select_notices", values)
    if incident is None:
        raise NeedsDecision(f"there is no incident {incident_id}; concord incidents lists the open ones")
    show.say(f"[bold]{show.plain(incident['subject'])}[/bold], {show.plain(incident['state'])}")
    for line in incident["text"].splitlines():
        show.say(show.plain(line))
    told = (
        (n["event"], n["severity"], n["level"], n["created_at"], [f"{c} {at[:19]}Z" for c, at in n["told"].items()])
        for n in notices
    )
    show.table("Told", ("event", "severity", "level", "at", "taken by"), told)


def ack(incident_id: Number, by: By) -> None:
    """Says that you are on it: it escalates no further, and stays open until its cause is gone."""
    from concord import steps

    owner = steps.acknowledge(incident_id, by=by, site=environment.site())
    if owner == by:
        show.say(f"incident {incident_id} is acknowledged by {show.plain(by)}: it escalates no further, and stays open")
    else:
        show.warn(f"{owner} was first and is on it")


app.command(name="show")(one_line(shown))
app.command(name="ack")(one_line(ack))
