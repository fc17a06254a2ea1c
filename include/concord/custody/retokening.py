"""Tokens under the newest token key: of file names one by one, of SSNs a partner at a time.

An SSN's token is part of what a plan compares, so half a partner under a new key would look
like thousands of changes. So every token of a partner changes in one transaction, with the
content hashes it is part of and with ``ops.match_key``, which every writer of members holds
and every staging has taken its key from. No version is closed and no event goes out: what
is believed is the same, only written otherwise. Until then the earlier key counts, although
a newer one is first in the ring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from concord import audit, ledger, stage
from concord.custody.resealing import BATCH, Database
from concord.entities import MEMBER, RESOURCE_TYPES, Entity
from concord.errors import ConcordError
from concord.failpoint import failpoint
from concord.postgres import Connection, compose, identifiers, one, run
from concord.protect import KeyRing, ProtectError


@dataclass(frozen=True)
class Holder:
    """An entity whose rows have a number; ``owner`` are the columns that say whose it is, for ``context``."""

    entity: Entity
    owner: tuple[str, ...]
    context: Callable[..., str]

    @property
    def tables(self) -> tuple[sql.Identifier, ...]:
        """What is believed now, and what was."""
        return tuple(sql.Identifier("core", f"{self.entity.name}{ending}") for ending in ("", "_history"))

    def sealed_to(self, row: Mapping[str, Any]) -> str:
        """What the number of a row is sealed to."""
        return self.context(row["partner"], *(row[name] for name in self.owner))


HOLDERS = (
    Holder(MEMBER, ("subscriber_id", "person_code"), stage.ssn_context),
    Holder(RESOURCE_TYPES["Patient"], ("resource_id",), stage.patient_ssn_context),
)


class TokensLeft(ConcordError):
    """Some members of a partner have a token and no number to make another from: nothing was changed."""


def retoken(database: Database, keys: KeyRing, *, actor: str) -> Counter[str]:
    """Makes every token anew that is under an older key; returns how many of members and names.

    Raises :class:`~concord.protect.ProtectError` where a number does not open, TokensLeft where there is
    none; partners that were done before stay done.
    """
    done: Counter[str] = Counter(members=0, names=0, names_unreadable=0)
    with database("keys") as connection:
        partners = run(connection, "custody/list_old_partners", {"key_id": keys.token_key_id})
    for row in partners:
        with database("keys") as connection:
            done["members"] += _members(connection, keys, row["partner"], actor)
        failpoint("keys.partner_retokened")
    return done + _names(database, keys, actor)


def _members(connection: Connection, keys: KeyRing, partner: str, actor: str) -> int:
    run(connection, "custody/lock_match_key", {"partner": partner})
    run(connection, "custody/create_fresh_tokens")
    for holder in HOLDERS:
        _replace(connection, keys, partner, holder)
    left = one(connection, "custody/count_old_tokens", {"partner": partner, "key_id": keys.token_key_id}) or {}
    if left["members"]:
        raise TokensLeft(f"partner {partner}: {left['members']} members or patients have a token and no sealed number")
    run(connection, "custody/replace_match_key", {"partner": partner, "key_id": keys.token_key_id})
    count = int((one(connection, "custody/count_fresh_tokens") or {})["members"])
    _note(connection, keys, actor, partner, count)
    return count


def _replace(connection: Connection, keys: KeyRing, partner: str, holder: Holder) -> None:
    for table in holder.tables:
        _collect(connection, keys, partner, holder, table)
    run(connection, "custody/analyze_fresh_tokens")
    token = sql.SQL("n.ssn_token")
    for table in holder.tables:
        parts = {"table": table, "row_hash": stage.content_hash(holder.entity, "t", ssn_token=token)}
        run(connection, "custody/replace_tokens", {"partner": partner, "entity": holder.entity.name}, **parts)
        failpoint("keys.tokens_replaced")


def _note(connection: Connection, keys: KeyRing, actor: str, what: str, count: int) -> None:
    audit.record(
        connection, actor=actor, action="retoken", object_id=what, count=count, purpose="rotation",
        key_id=keys.token_key_id,
    )  # fmt: skip


def _collect(connection: Connection, keys: KeyRing, partner: str, holder: Holder, table: sql.Identifier) -> None:
    """Opens the numbers of ``table`` some thousands at a time: none but their tokens goes back."""
    with connection.cursor("sealed_numbers") as cursor:
        select = compose("custody/select_numbers", table=table, owner=identifiers(holder.owner))
        cursor.execute(select, {"partner": partner})
        while rows := cursor.fetchmany(BATCH):
            numbers = [keys.open(row["ssn_sealed"], context=holder.sealed_to(row)).decode() for row in rows]
            with connection.cursor() as target, target.copy("COPY fresh_token FROM STDIN") as copy:
                for row, token in zip(rows, keys.tokens(numbers, "ssn"), strict=True):
                    copy.write_row((holder.entity.name, row["row_id"], row["known_from"], token))


def _names(database: Database, keys: KeyRing, actor: str) -> Counter[str]:
    done: Counter[str] = Counter()
    after = ""
    while True:
        with database("keys") as connection:
            values = {"key_id": keys.token_key_id, "after": after, "most": BATCH}
            rows = run(connection, "custody/select_names", values)
            if not rows:
                return done
            renamed = _rename(connection, keys, rows)
            _note(connection, keys, actor, "file_names", renamed["names"])
        done += renamed
        after = rows[-1]["delivery_id"]


def _rename(connection: Connection, keys: KeyRing, rows: list[dict[str, Any]]) -> Counter[str]:
    done: Counter[str] = Counter()
    for row in rows:
        try:
            name = keys.open(row["file_name_sealed"], context=ledger.name_context(row["delivery_id"])).decode()
        except ProtectError:
            done["names_unreadable"] += 1
            continue
        token = keys.token(name, kind="file_name")
        run(connection, "custody/replace_name_token", {"delivery_id": row["delivery_id"], "token": token})
        done["names"] += 1
    return done
