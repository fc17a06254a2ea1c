"""``concord_connections``: every night, asks whether each connection is one that PHI may go over.

It reads them as a task does, from wherever Airflow has them (environment, secrets backend, metadata).
A run is red when a rule is broken; the incident names the connection and the rule, never a value, and
closes by itself. `concord connections check` asks the same of what the shell can see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronTriggerTimetable, task

from concord.connections import UNCERTIFIED, Facts, Finding, check, missing
from concord.contract import Feed
from concord.orchestrate.callbacks import RunIsRed
from concord.orchestrate.contracts import readable
from concord.orchestrate.operations import care
from concord.orchestrate.tasks import Counts, opened

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECTIONS = "concord_connections"
OPTIONAL = ("concord_loader",)
"""Read where there is one; without it the environment counts."""


def connections_dag() -> DAG:
    """Builds the DAG that checks connections."""

    @task(multiple_outputs=False)
    def check_connections() -> Counts:
        """Reports every rule that a connection breaks, and is red where there is one."""
        with opened() as site:
            from concord import steps

            findings = [*lint(readable().sound, site.settings.notify), *steps.settings_findings(site.settings)]
            findings += steps.server_findings(site)
            steps.report_connections(findings, site)
        if findings:
            named = ", ".join(sorted({f"{finding.conn_id} {finding.rule}" for finding in findings}))
            raise RunIsRed(f"{named}; `concord incidents` says what to press")
        return {"findings": 0}

    with DAG(
        dag_id=CONNECTIONS,
        description="Checks at night that every connection is one that PHI may go over.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable("0 22 * * *", timezone="UTC", run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        default_args=care(),
        tags=["operations"],
    ) as dag:
        check_connections()
    return dag


def lint(feeds: Iterable[Feed], notify: str = "") -> list[Finding]:
    """What is wrong with the connections that contracts and ``notify`` (CONCORD_NOTIFY) name, and the loader's."""
    known = list(feeds)
    found = [finding for conn_id, required in _named(known, notify) for finding in _linted(conn_id, required=required)]
    return [finding for finding in found if finding.rule != UNCERTIFIED or finding.conn_id in _signed(known)]


def _signed(feeds: Iterable[Feed]) -> set[str]:
    """Connections with keys of which a contract demands signatures."""
    layers = [feed.drop.pgp for feed in feeds if not feed.pulls]
    return {layer.conn_id for layer in layers if layer is not None and layer.signed}


def _named(feeds: Iterable[Feed], notify: str) -> Iterator[tuple[str, bool]]:
    from concord.publish.notify import wanted

    partners = [conn_id for feed in feeds for conn_id in feed.connections]
    channels = [entry.connection for entry in wanted(notify) if entry.connection] if notify else []
    yield from ((conn_id, True) for conn_id in dict.fromkeys([*partners, *channels]))
    yield from ((conn_id, False) for conn_id in OPTIONAL)


def _partner(feed: Feed) -> Iterator[str]:
    yield feed.source.conn_id
    if not feed.pulls and feed.drop.pgp is not None:
        yield feed.drop.pgp.conn_id


def _linted(conn_id: str, *, required: bool) -> list[Finding]:
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    from concord.orchestrate.access import named

    found = named(conn_id)
    if found is None:
        return [missing(conn_id)] if required else []
    return check(facts(found), is_hidden=should_hide_value_for_key)


def facts(connection: Connection) -> Facts:
    """The connection as plain values."""
    return Facts(
        conn_id=connection.conn_id,
        kind=str(connection.conn_type or ""),
        host=connection.host or "",
        has_password=bool(connection.password),
        scheme=connection.schema or "",
        extra=connection.extra_dejson,
    )
