"""``concord check`` as a step: what must hold at rest, asked by the clock and told as incidents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from concord import check as invariants
from concord import incidents
from concord.check import Finding
from concord.postgres import Connection, run
from concord.steps import texts
from concord.steps.site import Site

BY_DEPTH = frozenset({"landing.damaged"})
"""Found of older objects by a deep check only: a quick one that does not see it any more proves nothing."""


def check(site: Site, *, deep: bool = False) -> dict[str, Any]:
    """Checks everything; opens an incident per rule that is broken and closes those of rules that hold again.

    Returns how many ``findings`` there are, and how many by ``codes``. Nothing is repaired, nothing is stopped.
    """
    found = by_code(invariants.run(site, deep=deep))
    with site.database("check") as connection:
        for code, findings in found.items():
            incidents.report(connection, "check", texts.unsound(code, findings), feed=None, cause=f"check:{code}")
        _resolve(connection, sound_again(_open(connection), found, deep=deep))
    return {"findings": sum(map(len, found.values())), "codes": {code: len(each) for code, each in found.items()}}


def by_code(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by the rule they break."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.code].append(finding)
    return dict(found)


def sound_again(told: Iterable[str], found: Iterable[str], *, deep: bool) -> list[str]:
    """Codes that on-call was told of and that hold again, as far as this check looked."""
    return sorted(set(told) - set(found) - (frozenset() if deep else BY_DEPTH))


def _open(connection: Connection) -> list[str]:
    return [
        str(row["cause"]).removeprefix("check:") for row in run(connection, "incident/list_open", {"kind": "check"})
    ]


def _resolve(connection: Connection, codes: Iterable[str]) -> None:
    for code in codes:
        incidents.resolve_cause(connection, f"check:{code}")
