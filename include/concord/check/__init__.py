"""``concord check``: what must hold at rest, asked of tables, ledger, accounting and archive.

``findings.py`` what a check says · ``spans.py`` the reconciled tables (reconcile §1) ·
``accounting.py`` lines, plans, versions, events (§10) · ``states.py`` chains, holds, leases, stage
tables (§11) · ``trail.py`` the audit chain, its anchors, and deeds without an entry · ``archive.py`` landing
against ledger · ``overdue.py`` what should be gone ·
``persons.py`` links of patients and members.

A rule is a statement in ``sql/check`` that selects what breaks it. Everything runs as the
loader and reads one snapshot; nothing is repaired here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from psycopg import IsolationLevel

from concord.audit.anchors import Anchors
from concord.check import accounting, archive, overdue, persons, spans, states, trail
from concord.check.findings import Finding
from concord.landing import Landing
from concord.postgres import Connection

__all__ = ["Finding", "Installation", "run"]


class Installation(Protocol):
    """The parts of an opened site that checking needs."""

    @property
    def landing(self) -> Landing:
        """The archive."""

    @property
    def anchors(self) -> Anchors:
        """The heads of the audit trail that are kept outside the database."""

    def database(self, actor: str = ...) -> AbstractContextManager[Connection]:
        """A connection as the loader."""


def run(site: Installation, *, deep: bool = False) -> list[Finding]:
    """Every finding; empty when all is well.

    ``deep`` reads every byte of the archive instead of only what was landed lately.
    Raises DatabaseUnavailable or OSError where database or archive do not answer.
    """
    # Before the snapshot: what was anchored until now must be in it.
    anchored = site.anchors.newest()
    with site.database("check") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        prefer_set_work(connection)
        found = [*spans.check(connection), *accounting.check(connection), *states.check(connection)]
        found += [*trail.check(connection, anchored), *overdue.check(connection), *persons.check(connection)]
        landed, unlanded = archive.landed(connection)
        gone, files = archive.shredded(connection), archive.files(connection)
    # The archive is read without a transaction: a long one would be ended by its idle limit.
    archived = list(archive.check(site.landing, landed, gone, files, deep=deep))
    with site.database("check") as connection:
        return [*found, *unlanded, *archive.without_shredded(connection, archived)]


def prefer_set_work(connection: Connection) -> None:
    """Tables that were filled just now have no statistics; compiling costs more than these statements do."""
    connection.execute("SET LOCAL work_mem = '256MB'")
    connection.execute("SET LOCAL enable_nestloop = off")
    connection.execute("SET LOCAL jit = off")
