"""The commands, put together."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from concord.catalogue import feeds as every_feed
from concord.cli import answers, connections, environment, fhir, incidents, keys, links, show
from concord.cli.decisions import approve, decline, skip
from concord.cli.deliveries import deliveries, plan
from concord.cli.drift import drift
from concord.cli.guard import one_line
from concord.cli.logins import unblock
from concord.cli.new_feed import new_feed
from concord.cli.quarantine import quarantine, reopen, waive
from concord.cli.query import sql
from concord.cli.replay import replay
from concord.cli.retention import holds, retention
from concord.cli.reveal import reveal
from concord.cli.trail import audit
from concord.cli.trying import try_
from concord.process import harden
from concord.settings import with_files

app = typer.Typer(
    help="Concord: plan, then apply.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def begin() -> None:
    """Concord: plan, then apply."""
    harden()


def bootstrap() -> None:
    """Makes roles and databases on the server of CONCORD_DATABASE_URL, with the passwords of the role URLs.

    That URL's role may create roles and databases; nothing but this command uses it.
    """
    from concord.sandbox.roles import bootstrap

    given = with_files(os.environ)
    admin_url = environment.required(given.get("CONCORD_DATABASE_URL"), "CONCORD_DATABASE_URL")
    urls = environment.role_urls(environment.settings(), given.get("CONCORD_AIRFLOW_DATABASE_URL"))
    made = bootstrap(admin_url, passwords=environment.passwords(urls))
    show.say(f"roles: {show.plain(sorted(made))}")


def migrate() -> None:
    """Brings the database to the newest schema; running it again changes nothing."""
    from concord.migrations import current_revision, migrate

    owner_url = environment.required(environment.settings().owner_url, "CONCORD_OWNER_URL")
    migrate(owner_url)
    show.say(f"schema is at {show.plain(current_revision(owner_url))}")


def feeds() -> None:
    """Lists the feeds: who sends what, when, and what a missing member means."""
    rows = [
        (feed.name, feed.partner, feed.mode, feed.policy.omission, feed.schedule.cron, feed.schedule.tz, feed.owner)
        for feed in every_feed().values()
    ]
    show.table("Feeds", ("feed", "partner", "mode", "omission", "schedule", "time zone", "owner"), rows)


def check(
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte of landing, not only what is recent.")] = False,
) -> None:
    """Checks tables, ledger, accounting and landing against the rules; exit code 1 on findings."""
    from concord import check as invariants

    findings = invariants.run(environment.site(), deep=deep)
    for finding in findings:
        ids = f" ({show.plain(list(finding.ids))})" if finding.ids else ""
        show.say(f"[red]{show.plain(finding.code)}[/red]{ids}: {show.plain(finding.text)}")
    show.say(f"{len(findings)} findings" if findings else "[green]no findings[/green]")
    raise typer.Exit(1 if findings else 0)


def pools() -> None:
    """Prints the pools of all partners, as ``airflow pools import`` reads them."""
    from concord.pools import pools_file

    typer.echo(pools_file(), nl=False)


for command in (
    bootstrap,
    migrate,
    feeds,
    deliveries,
    plan,
    approve,
    decline,
    skip,
    unblock,
    quarantine,
    replay,
    waive,
    reopen,
    sql,
    reveal,
    check,
    pools,
    retention,
):
    app.command()(one_line(command))
app.command("try")(one_line(try_))
app.command("drift")(one_line(drift))
app.command("new-feed")(one_line(new_feed))
app.add_typer(answers.app, name="answers")
app.add_typer(audit, name="audit")
app.add_typer(incidents.app, name="incidents")
app.add_typer(connections.app, name="connections")
app.add_typer(keys.app, name="keys")
app.add_typer(links.app, name="links")
app.add_typer(fhir.app, name="fhir")
app.add_typer(holds, name="legal-hold")
