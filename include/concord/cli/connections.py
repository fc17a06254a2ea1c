"""``concord connections check``: whether PHI may go over the connections that can be seen from here."""

from __future__ import annotations

import typer

from concord.catalogue import feeds
from concord.cli import environment, show
from concord.cli.guard import one_line
from concord.errors import DatabaseUnavailable

app = typer.Typer(no_args_is_help=True, help="Connections: whether PHI may go over them.")


def check() -> None:
    """Checks connections that contracts name, database URLs, the server's log; exit code 1 on findings, never a value.

    The shell sees connections of the environment (AIRFLOW_CONN_…) and of the secrets backend; those in
    Airflow's own database only a task sees: the DAG concord_connections asks there.
    """
    from concord.orchestrate.connections import lint
    from concord.steps import server_findings, settings_findings

    site = environment.site()
    findings = [*lint(feeds().values(), site.settings.notify), *settings_findings(site.settings)]
    try:
        findings += server_findings(site)
    except DatabaseUnavailable:
        show.warn("the database does not answer: what its server logs was not looked at")
    for finding in findings:
        show.say(f"[red]{show.plain(finding.conn_id)}[/red] {show.plain(finding.rule)}: {show.plain(finding.text)}")
    if any(finding.rule == "connection.missing" for finding in findings):
        show.warn("those in Airflow's own database cannot be seen from a shell: trigger the DAG concord_connections")
    show.say(f"{len(findings)} findings" if findings else "[green]no findings[/green]")
    raise typer.Exit(1 if findings else 0)


@app.callback()
def connections() -> None:
    """Connections: whether PHI may go over them."""


app.command()(one_line(check))
