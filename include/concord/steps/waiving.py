"""A person says that refused rows need nothing more, or that they wait again after all."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from concord import audit, ledger
from concord.contract import Feed
from concord.failpoint import failpoint
from concord.postgres import Connection, run
from concord.quarantine import Selection
from concord.steps.site import Site

Verb = Literal["waive", "reopen"]
FROM: dict[Verb, list[str]] = {"waive": ["open", "poison"], "reopen": ["poison", "waived"]}
TO: dict[Verb, str] = {"waive": "waived", "reopen": "open"}


@dataclass(frozen=True)
class Matched:
    """Rows that would be changed: ids, and how many by reason (a row with two counts under both)."""

    ids: tuple[int, ...]
    by_reason: dict[str, int]
    by_delivery: dict[str, int]


def match(verb: Verb, selection: Selection, site: Site, *, line: int | None = None) -> Matched:
    """The rows of ``selection`` that ``verb`` would change now. Rows in a replay that goes on are none of them."""
    with site.database(verb) as connection:
        return _match(connection, verb, selection, line)


def change(
    feed: Feed, verb: Verb, selection: Selection, *, by: str, reason: str, site: Site, line: int | None = None,
    among: tuple[int, ...] | None = None,
) -> Matched:  # fmt: skip
    """Waives or reopens the rows of ``selection`` (of those ``among``, where a preview was shown); returns which.

    The reason is a person's free text, so it goes where only the auditor reads.
    """
    with site.database(by) as connection:
        ledger.be_alone(connection, feed)
        found = _match(connection, verb, selection, line, among)
        if not found.ids:
            return found
        values: dict[str, Any] = {"ids": list(found.ids), "to": TO[verb], "by": by}
        run(connection, "quarantine/change_rows", values)
        audit.record(
            connection, actor=by, action=verb, object_id=feed.name, count=len(found.ids), purpose=reason,
            reasons=found.by_reason, deliveries=found.by_delivery,
        )  # fmt: skip
        failpoint("waive.before_commit")
    failpoint("waive.committed")
    return found


def waive(feed: Feed, selection: Selection, *, by: str, reason: str, site: Site) -> Matched:
    """The rows of ``selection`` need nothing more: :func:`change`."""
    return change(feed, "waive", selection, by=by, reason=reason, site=site)


def _match(
    connection: Connection, verb: Verb, selection: Selection, line: int | None, among: tuple[int, ...] | None = None
) -> Matched:
    values = {**asdict(selection), "line": line, "states": FROM[verb]}
    rows = run(connection, "quarantine/list_changeable", values)
    rows = [row for row in rows if among is None or row["quarantine_id"] in set(among)]
    return Matched(
        ids=tuple(row["quarantine_id"] for row in rows),
        by_reason=dict(Counter(code for row in rows for code in row["reasons"]).most_common()),
        by_delivery=dict(Counter(row["delivery_id"] for row in rows)),
    )
