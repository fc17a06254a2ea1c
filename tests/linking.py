"""Members and patients as they stand in core, and a driver that links them; all persons are invented."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from concord import identity
from concord.identity import Applied, Limits, LinkPlan
from concord.postgres import connect
from concord.protect import KeyRing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from concord.postgres import Connection
    from tests.playground import Playground

KNOWN = datetime(2026, 11, 1, tzinfo=UTC)
LINKLETTER: dict[str, Any] = {
    "last_name": "Linkletter", "first_name": "Odile", "birth_date": date(1981, 7, 14), "gender_code": "F",
    "address_line_1": "12 North Canal Street", "postal_code": "44101", "phone": "2165550142",
}  # fmt: skip
"""Who everybody is unless a test says otherwise."""
BORN = date(1979, 2, 3)


@dataclass
class Linking:
    """One database in which people appear, are corrected, and are linked."""

    place: Playground
    keys: KeyRing

    @classmethod
    def begin(cls, place: Playground) -> Linking:
        """Nobody is there; two feeds may write."""
        place.empty()
        place.connection.execute(
            "INSERT INTO ops.lease (feed, partner) VALUES ('acme_eligibility', 'acme'), ('lake_fhir', 'lake')"
        )
        return cls(place, KeyRing.from_settings(place.settings))

    # ── who there is ───────────────────────────────────────────────────────────

    def member(self, subscriber: str, code: str = "01", *, partner: str = "acme", **values: Any) -> None:
        """A member of ``partner``; ``values`` replace what everybody has in common."""
        own = {"subscriber_id": subscriber, "person_code": code, "relationship_code": "18", "partner": partner}
        self._enter("member", "acme_eligibility", {**LINKLETTER, **values, **own})

    def patient(self, resource_id: str, *, partner: str = "lake", **values: Any) -> None:
        """A patient of the health system ``partner``, of whom nothing but the names, birth and gender is known."""
        known = {k: v for k, v in LINKLETTER.items() if k in ("last_name", "first_name", "birth_date", "gender_code")}
        own = {"resource_id": resource_id, "partner": partner, "birth_precision": "day"}
        self._enter("patient", "lake_fhir", {**known, **own, **values})

    def correct(self, entity: str, key: str, **values: Any) -> None:
        """A delivery changed what is known of a record (``subscriber_id`` or ``resource_id`` is ``key``)."""
        column = "subscriber_id" if entity == "member" else "resource_id"
        sets = ", ".join(f"{name} = %s" for name in self._stored(values))
        self.place.connection.execute(
            f"UPDATE core.{entity} SET {sets} WHERE {column} = %s", [*self._stored(values).values(), key]
        )
        self.applied_a_delivery()

    def remove(self, entity: str, key: str) -> None:
        """The record is gone."""
        column = "subscriber_id" if entity == "member" else "resource_id"
        self.place.connection.execute(f"DELETE FROM core.{entity} WHERE {column} = %s", [key])
        self.applied_a_delivery()

    def applied_a_delivery(self) -> None:
        """What every apply of a delivery does to its lease."""
        self.place.connection.execute("UPDATE ops.lease SET state_seq = state_seq + 1 WHERE feed = 'lake_fhir'")

    def _enter(self, entity: str, feed: str, values: dict[str, Any]) -> None:
        row = self._stored(values) | {
            "content_hash": 1, "feed": feed, "delivery_id": "aaaaaaaa", "line": 2, "known_from": KNOWN,
        }  # fmt: skip
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        self.place.connection.execute(f"INSERT INTO core.{entity} ({names}) VALUES ({marks})", list(row.values()))
        self.applied_a_delivery()

    def _stored(self, values: dict[str, Any]) -> dict[str, Any]:
        row = dict(values)
        if (number := row.pop("ssn", None)) is not None:
            row["ssn_token"] = self.keys.token(number, kind="ssn")
        return row

    # ── linking ────────────────────────────────────────────────────────────────

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """A connection as the loader."""
        with connect(self.place.settings.loader_url) as connection:
            yield connection

    def plan(self, limits: Limits | None = None) -> LinkPlan:
        """What would be linked now."""
        with self.database() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return identity.plan_links(connection, self.keys, limits or Limits())

    def fence(self) -> int:
        """The newest fence."""
        with self.database() as connection:
            return identity.take_fence(connection)

    def apply(self, plan: LinkPlan, fence: int | None = None) -> Applied:
        """Applies a plan under the newest fence, or one that was taken."""
        fence = self.fence() if fence is None else fence
        with self.database() as connection:
            return identity.apply_links(connection, plan.plan_id, fence, "test")

    def link(self) -> LinkPlan:
        """Plans and applies; returns the plan."""
        plan = self.plan()
        self.apply(plan)
        return plan

    def approve(self, plan: LinkPlan, verdict: str = "approve", by: str = "jo") -> identity.Answer:
        """A person answers what the plan asks."""
        with self.database() as connection:
            return identity.decide_links(connection, digest=str(plan.asks), verdict=verdict, by=by, via="shell")

    def answer(self, verdict: str, resource_id: str, person_id: str | None = None) -> identity.Answer:
        """A person answers the open review of a patient."""
        (review,) = [row for row in self.reviews() if row["key"] == [resource_id]]
        with self.database() as connection:
            return identity.decide_review(
                connection, review["review_id"], verdict=verdict, person_id=person_id, by="jo", via="page"
            )

    # ── what came of it ────────────────────────────────────────────────────────

    def person(self, *key: str, partner: str | None = None) -> str:
        """The person of a member (``subscriber_id, person_code``) or of a patient (``resource_id``)."""
        partner = partner or ("acme" if len(key) == 2 else "lake")
        row = self.place.connection.execute(
            "SELECT person_id::text FROM core.crosswalk WHERE partner = %s AND key = %s", [partner, list(key)]
        ).fetchone()
        return str(row["person_id"])

    def rule(self, *key: str) -> str:
        """By which rule."""
        row = self.place.connection.execute("SELECT rule FROM core.crosswalk WHERE key = %s", [list(key)]).fetchone()
        return str(row["rule"])

    def reviews(self, state: str = "open") -> list[dict[str, Any]]:
        """Reviews in this state, whole."""
        return list(
            self.place.connection.execute(
                "SELECT *, candidates::text[] AS persons FROM core.link_review WHERE state = %s ORDER BY key", [state]
            ).fetchall()
        )

    def asked(self) -> dict[str, str]:
        """Why each patient is asked about."""
        return {row["key"][0]: row["reason"] for row in self.reviews()}

    def flaws(self) -> dict[str, tuple[str, ...]]:
        """What ``check`` finds."""
        with self.database() as connection:
            return {flaw.code: flaw.ids for flaw in identity.check(connection)}

    def tables(self) -> list[dict[str, Any]]:
        """Everything that an apply of links writes."""
        rows = []
        for table in ("core.person", "core.crosswalk", "core.crosswalk_history", "core.link_review", "ops.link_lease"):
            rows += self.place.connection.execute(
                f"SELECT '{table}' AS what, t.*::text AS row FROM {table} t ORDER BY 2"
            ).fetchall()
        return rows
