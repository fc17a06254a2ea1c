"""Unmasked values of a member, or a record as it was sent, for a person with the right: logged first, then given.

Asking and reading are two transactions. The first leaves an audit entry (who, what for,
whose token, which fields) and commits; the database gives values only for a request of
another, committed transaction. So nobody reads and rolls the trace back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from concord import quarantine
from concord.entities import MEMBER, RESOURCE_TYPES, Phi
from concord.errors import ConcordError, LandingDamaged, LandingShredded
from concord.landing import Landing, Manifest, available
from concord.postgres import connect, one
from concord.protect import KeyRing
from concord.stage import ssn_context

FIELDS: Final = tuple(c.name for c in MEMBER.columns if c.phi is not Phi.NONE and c.name not in MEMBER.key)
"""What can be asked for; ``ops.reveal_field`` says the same."""


class NoSuchMember(ConcordError):
    """No member has this key; that somebody asked is logged all the same."""


@dataclass(frozen=True)
class Member:
    """The key of a person at one partner; does not print who."""

    partner: str
    subscriber_id: str = field(repr=False)
    person_code: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Member:
        """``partner:subscriber:person``; raises :class:`NoSuchMember` without repeating it."""
        parts = [part.strip() for part in text.split(":")]
        if len(parts) != 3 or not all(parts):
            raise NoSuchMember("a member is named as partner:subscriber_id:person_code")
        return cls(*parts)

    @property
    def name(self) -> str:
        """What tokens of the person are made of; NUL keeps the parts apart."""
        return f"{self.partner}\0{self.subscriber_id}\0{self.person_code}"

    def token(self, keys: KeyRing) -> str:
        """The name under which the audit trail knows the person."""
        return keys.token(self.name, kind="person")

    def tokens(self, keys: KeyRing) -> tuple[str, ...]:
        """The same under every key of the ring."""
        return keys.tokens_under_every_key(self.name, kind="person")


def reveal(
    url: str, keys: KeyRing, member: Member, fields: Sequence[str], *, actor: str, purpose: str, ticket: str = ""
) -> Mapping[str, str | None]:
    """The fields of a member by name, as the role of ``url``.

    Raises RevealRefused (no purpose, unknown field), :class:`NoSuchMember`, ProtectError.
    """
    asked = {
        "actor": actor, "partner": member.partner, "subscriber_id": member.subscriber_id,
        "person_code": member.person_code, "token": member.token(keys), "fields": list(fields), "purpose": purpose,
        "ticket": ticket or None,
    }  # fmt: skip
    with connect(url, application="concord reveal") as connection:
        request = one(connection, "reveal/insert_request", asked) or {}
    with connect(url, application="concord reveal") as connection:
        held = (one(connection, "reveal/get_values", request) or {})["held"]
    if held is None:
        raise NoSuchMember("no member has this key")
    return {name: _opened(keys, member, held["ssn_sealed"]) if name == "ssn" else _text(held[name]) for name in fields}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _opened(keys: KeyRing, member: Member, sealed: str | None) -> str | None:
    """The number itself: the key to it is here and never in the database."""
    if sealed is None:
        return None
    context = ssn_context(member.partner, member.subscriber_id, member.person_code)
    return keys.open(bytes.fromhex(sealed.removeprefix("\\x")), context=context).decode()


# ── records as they were sent ──


class NoSuchRecord(ConcordError):
    """No record has this key now; that somebody asked is logged all the same."""


@dataclass(frozen=True)
class Record:
    """A clinical record: the resource of one partner by type and logical id; does not print which."""

    partner: str
    resource_type: str
    resource_id: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.resource_type not in RESOURCE_TYPES:
            raise NoSuchRecord(f"no such resource type is kept; there are {', '.join(RESOURCE_TYPES)}")

    @property
    def entity(self) -> str:
        """The table that keeps it."""
        return RESOURCE_TYPES[self.resource_type].name

    @property
    def _name(self) -> str:
        return f"{self.partner}\0{self.entity}\0{self.resource_id}"

    @property
    def key(self) -> dict[str, str]:
        """What the database knows it by."""
        return {"partner": self.partner, "entity": self.entity, "resource_id": self.resource_id}

    def token(self, keys: KeyRing) -> str:
        """The name under which the audit trail knows it."""
        return keys.token(self._name, kind="record")

    def tokens(self, keys: KeyRing) -> tuple[str, ...]:
        """The same under every key of the ring."""
        return keys.tokens_under_every_key(self._name, kind="record")


def reveal_record(
    url: str, keys: KeyRing, landing: Landing, record: Record, *, actor: str, purpose: str, ticket: str = ""
) -> bytes:
    """The resource that states the record now, as it arrived; of a component, the whole it is of. PHI.

    Raises RevealRefused (no purpose), :class:`NoSuchRecord`, LandingShredded where its retention is over,
    LandingDamaged where something else stands there, LandingUnavailable, ProtectError.
    """
    asked = record.key | {
        "actor": actor, "token": record.token(keys), "purpose": purpose, "ticket": ticket or None,
    }  # fmt: skip
    with connect(url, application="concord reveal") as connection:
        request = one(connection, "reveal/insert_record_request", asked) or {}
    with connect(url, application="concord reveal") as connection:
        held = (one(connection, "reveal/get_record", request) or {})["held"]
    if held is None:
        raise NoSuchRecord("no record of this type has this id now")
    raw = _refused(keys, held) if held["is_replay"] else _landed(landing, held)
    if not _is_of(record, raw):
        raise LandingDamaged(f"delivery {held['delivery_id']}, line {held['line']}: is another resource")
    return raw


def _landed(landing: Landing, held: Mapping[str, Any]) -> bytes:
    """The line of a landed object: found by counting, for a resource has no fixed place."""
    delivery_id, line = held["delivery_id"], int(held["line"])
    if held["is_shredded"] or held["manifest"] is None:
        raise LandingShredded(f"delivery {delivery_id}: its retention is over, what was sent is destroyed")
    manifest = Manifest.from_json(dict(held["manifest"]))
    with available(f"delivery {delivery_id}"), landing.open(manifest) as stream:
        found = next(islice(stream, line - 1, line), b"")
    return found.rstrip(b"\r\n")


def _refused(keys: KeyRing, held: Mapping[str, Any]) -> bytes:
    """The refused row that a replay took up: it was kept by itself."""
    row = held["refused"]
    if row is None or row["raw_sealed"] is None:
        raise LandingShredded(f"delivery {held['delivery_id']}: its retention is over, what was sent is destroyed")
    context = quarantine.context(row["delivery_id"], row["line"])
    return keys.open(bytes.fromhex(row["raw_sealed"].removeprefix("\\x")), context=context)


def _is_of(record: Record, raw: bytes) -> bool:
    """Whether the bytes are the resource that was asked for: never another person's."""
    try:
        said = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        return False
    return isinstance(said, dict) and (said.get("resourceType"), said.get("id")) == (
        record.resource_type, record.resource_id,
    )  # fmt: skip
