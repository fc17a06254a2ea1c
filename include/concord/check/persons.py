"""Persons and their links: everybody is one, nobody is two, and what was linked was planned and approved."""

from __future__ import annotations

from collections.abc import Iterator

from concord import identity
from concord.check.findings import Finding
from concord.postgres import Connection


def check(connection: Connection) -> Iterator[Finding]:
    """Findings by row id, person id or number of a plan."""
    for flaw in identity.check(connection):
        yield Finding(flaw.code, flaw.ids, flaw.text)
