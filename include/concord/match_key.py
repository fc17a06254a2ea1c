"""Under which token key a partner's SSN tokens are, for as long as somebody relies on it.

Equal numbers have equal tokens only under one key, and tokens are part of the content
that a plan compares. So one key at a time counts for a partner: a staging takes it, an
apply holds it, and a rotation changes it together with every token of the partner.
"""

from __future__ import annotations

from concord.postgres import Connection, one, run


def current(connection: Connection, partner: str, default: str) -> str:
    """The key that counts for ``partner``; ``default``, from now on, where nothing of it was ever staged."""
    run(connection, "match_key/insert_key", {"partner": partner, "key_id": default})
    row = one(connection, "match_key/get_key", {"partner": partner})
    return str(row["key_id"]) if row else default


def hold(connection: Connection, partner: str) -> str | None:
    """The key that counts, which no rotation changes until the transaction ends."""
    row = one(connection, "match_key/hold_key", {"partner": partner})
    return str(row["key_id"]) if row else None
