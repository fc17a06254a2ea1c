"""A contract over local files: landed, staged and planned by the steps of every day, in a private installation."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concord import ledger
from concord.acquire import Fetched
from concord.acquire.naming import matcher
from concord.contract import Feed, SftpDrop, Stage
from concord.errors import ConcordError, DeliveryRejected

if TYPE_CHECKING:
    from concord.steps import Site

BLOCK_BYTES = 1 << 20
BY = "trial"
ENDINGS = (".pgp", ".gpg", ".gz", ".zip")
"""What the name of a file had while it was in its envelope."""


class NoDay(ConcordError):
    """Nothing says which day a file speaks of."""


@dataclass(frozen=True)
class Tried:
    """What became of one file: its delivery, the state it came to, and why it was rejected, where it was."""

    path: Path
    delivery_id: str
    state: str
    rejection: DeliveryRejected | None = None


@dataclass(frozen=True)
class Trial:
    """One contract in a private installation. A pilot's plan is computed as if it were live, to see what holds it."""

    feed: Feed
    site: Site

    @classmethod
    def of(cls, feed: Feed, site: Site) -> Trial:
        """The contract as it is tried: live, and with files that lie here as they are."""
        source = replace(feed.source, envelope=()) if isinstance(feed.source, SftpDrop) else feed.source
        return cls(replace(feed, stage=Stage.LIVE, source=source), site)

    def apply(self, path: Path, day: date | None) -> Tried:
        """Takes a file into the tables, whatever the guards say: it is what was there before."""
        from concord import steps

        tried, attempt = self.plan(path, day), 1
        if tried.state == "held":
            plan = self._newest_plan(tried.delivery_id)
            steps.decide(
                self.feed, tried.delivery_id, digest=plan["digest"], verdict="approve", by=BY, via="shell",
                site=self.site,
            )  # fmt: skip
        if tried.state in ("held", "planned"):
            steps.apply(self.feed, tried.delivery_id, attempt, self.site)
            settled = steps.settle(self.feed, tried.delivery_id, attempt, self.site)
            return replace(tried, state=settled["state"])
        return tried

    def plan(self, path: Path, day: date | None) -> Tried:
        """Lands, reads, judges and plans a file."""
        from concord import steps

        delivery_id = self._land(path, day)
        try:
            staged = steps.stage(self.feed, delivery_id, 1, self.site)
        except DeliveryRejected as error:
            return Tried(path, delivery_id, "rejected", error)
        if staged["state"] != "staged":
            return Tried(path, delivery_id, staged["state"])
        planned = steps.plan(self.feed, delivery_id, 1, self.site)
        return Tried(path, delivery_id, planned["state"])

    def _land(self, path: Path, day: date | None) -> str:
        from concord.steps.arriving import land

        said, sequence = said_by_name(self.feed, path.name)
        delivery_id, keys = ledger.new_id(), self.site.keys
        name = f"{delivery_id}.try"
        with self.site.database(BY) as connection:
            ledger.register(connection, self.feed)
            ledger.discover(
                connection, self.feed, delivery_id=delivery_id, size=path.stat().st_size,
                name_sealed=keys.seal(name.encode(), context=ledger.name_context(delivery_id)),
                name_token=keys.token(name, kind="file_name"), modified_at=datetime.now(UTC),
                file_date=self._day(path, day or said), sequence=sequence,
            )  # fmt: skip
        digest = hashlib.sha256()
        with path.open("rb") as file, self.site.landing.begin(delivery_id, 1) as writer:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                writer.write(block)
            length, manifest = writer.length, writer.seal()
        land(self.feed, delivery_id, Fetched(length, digest.hexdigest(), manifest), self.site)
        return delivery_id

    def _day(self, path: Path, day: date | None) -> date:
        if day is None:
            raise NoDay(f"{path.name}: its name has no date by the contract's pattern; say --date")
        return day

    def _newest_plan(self, delivery_id: str) -> dict[str, Any]:
        from concord.postgres import one

        with self.site.database(BY) as connection:
            return dict(one(connection, "plan/get_plan", {"delivery_id": delivery_id}) or {})


def said_by_name(feed: Feed, name: str) -> tuple[date | None, int | None]:
    """Date and number of a file's name, where it fits the contract's pattern, with or without its envelope's ending."""
    for ending in ("", *ENDINGS) if isinstance(feed.source, SftpDrop) else ():
        with suppress(ValueError):
            said = matcher(feed.drop).read(name + ending)
            if said is not None:
                return said.file_date, said.sequence
    return None, None
