"""Connections that PHI may not go over, told to people; and the same asked of the settings' URLs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from concord import incidents
from concord.connections import QUIET, Facts, Finding, check, check_server
from concord.incidents import Text
from concord.postgres import Connection, run
from concord.settings import Settings
from concord.steps.site import Site

URLS = ("loader_url", "owner_url", "analyst_url", "auditor_url", "revealer_url")


def report_connections(findings: Iterable[Finding], site: Site) -> None:
    """An incident for each connection that breaks a rule; those that break none any more are closed."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.conn_id].append(finding)
    with site.database("connections") as connection:
        for conn_id, breaches in found.items():
            incidents.report(connection, "connection", unfit(conn_id, breaches), feed=None, cause=cause(conn_id))
        for told in _told(connection) - {cause(conn_id) for conn_id in found}:
            incidents.resolve_cause(connection, told)


def cause(conn_id: str) -> str:
    """The incident's cause."""
    return f"connection:{conn_id}"


def _told(connection: Connection) -> set[str]:
    return {str(row["cause"]) for row in run(connection, "incident/list_open", {"kind": "connection"})}


def unfit(conn_id: str, findings: Iterable[Finding]) -> Text:
    """What on-call reads: rules and remedies, never a value."""
    listed = "\n".join(f"- {finding.rule}: {finding.text}" for finding in findings)
    return Text(
        f"connection {conn_id} is not one that PHI may go over",
        f"All partners: connection {conn_id} breaks these rules:\n\n{listed}",
        "nothing was changed. A connection that pins no host key, or does not check it, is refused by every task.",
        f"mend {conn_id} where Airflow has it (environment, secrets backend, Admin → Connections), then trigger "
        "concord_connections. Never switch a check off to get a file in: ask the partner over another channel.",
    )


def server_findings(site: Site) -> list[Finding]:
    """The settings of the database server by which its log may come to quote rows."""
    with site.database("connections") as connection:
        rows = run(connection, "check/list_settings", {"names": list(QUIET)})
    return list(check_server("CONCORD_LOADER_URL", {row["name"]: row["setting"] for row in rows}))


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """The URLs of an installation by which it speaks to a server that it does not verify."""
    from psycopg.conninfo import conninfo_to_dict

    for name in URLS:
        url = getattr(settings, name)
        if url:
            parts = conninfo_to_dict(url)
            facts = Facts(
                f"CONCORD_{name.upper()}", "postgres", str(parts.get("host") or ""),
                extra={"sslmode": parts.get("sslmode")},
            )  # fmt: skip
            yield from check(facts, is_hidden=lambda _: True)
    if settings.notify_webhook_url:
        webhook = Facts("CONCORD_NOTIFY_WEBHOOK_URL", "http", settings.notify_webhook_url)
        yield from check(webhook, is_hidden=lambda _: True)
