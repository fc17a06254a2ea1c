"""Unmasked values of one member, for a person with the right: logged first, given afterwards.

Asking and reading are two transactions. The first leaves an audit entry (who, what for,
whose token, which fields) and commits; the database gives values only for a request of
another, committed transaction. So nobody reads and rolls the trace back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from concord.entities import MEMBER, Phi
from concord.errors import ConcordError
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
