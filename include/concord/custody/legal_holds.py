"""Legal holds: what must not be destroyed, whatever its retention says, until the hold is released.

Not to be mixed up with a held plan. A hold is on a delivery, a feed or a whole partner: files are
not divided by person, so one about a member goes on the feeds that report the member.
"""

from __future__ import annotations

from typing import Any

from concord import audit
from concord.errors import ConcordError
from concord.postgres import Connection, one, run


class NoSuchHold(ConcordError):
    """There is no legal hold of this number that is not released yet."""


class NothingToHold(ConcordError):
    """Nobody knows what a hold names: it would protect nothing, and look as if it did."""


def add(
    connection: Connection,
    *,
    by: str,
    matter: str,
    partner: str | None = None,
    feed: str | None = None,
    delivery_id: str | None = None,
) -> int:
    """Places a hold on exactly one of partner, feed and delivery; returns its number.

    Of a replay the hold is on its original, whose rows it read. Whatever a retention run is
    about to destroy just now is destroyed before, or stays. Raises :class:`NothingToHold`.
    """
    run(connection, "custody/lock_custody")
    target = {"partner": partner, "feed": feed, "delivery_id": delivery_id}
    named = one(connection, "custody/name_held", target) or {}
    if not named["is_known"]:
        raise NothingToHold("no feed and no delivery is known by that name: nothing would be held")
    target |= {"delivery_id": named["delivery_id"]}
    row = one(connection, "custody/insert_hold", {**target, "matter": matter, "by": by}) or {}
    number = int(row["legal_hold_id"])
    given: dict[str, Any] = {name: value for name, value in target.items() if value}
    audit.record(connection, actor=by, action="legal_hold", object_id=str(number), purpose=matter, **given)
    return number


def covered(connection: Connection, number: int) -> int:
    """How many deliveries the hold is on that are still there to be read."""
    row = one(connection, "custody/count_held", {"legal_hold_id": number}) or {}
    return int(row["deliveries"])


def release(connection: Connection, number: int, *, by: str, reason: str) -> None:
    """Ends a hold: from the next night on retention counts again. Raises :class:`NoSuchHold`."""
    if one(connection, "custody/release_hold", {"legal_hold_id": number, "by": by, "reason": reason}) is None:
        raise NoSuchHold(f"there is no legal hold {number}, or it was released before")
    audit.record(connection, actor=by, action="legal_release", object_id=str(number), purpose=reason)


def every(connection: Connection, *, released: bool = False) -> list[dict[str, Any]]:
    """The holds that stand; those that were released too on request."""
    return run(connection, "custody/list_holds", {"everything": released})
