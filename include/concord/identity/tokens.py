"""Social security numbers compared across partners, without a number.

A token is HMAC-SHA-256 of the number under a token key of the installation, not of the partner
(:meth:`concord.protect.KeyRing.token`): equal numbers of two partners have equal tokens, as long as both partners'
tokens are under the same key. That is so except during a rotation, which changes one partner at a time
(``ops.match_key``). For those whose token is under another key than the ring's first, the sealed number is opened in
memory and its token under the first key goes into a temporary table, which is gone with the transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from concord import stage
from concord.postgres import Connection, compose, run
from concord.protect import KeyRing, ProtectError

BATCH = 2_000
Row = dict[str, Any]


def _of_member(row: Row) -> str:
    return stage.ssn_context(row["partner"], row["subscriber_id"], row["person_code"])


def _of_patient(row: Row) -> str:
    return stage.patient_ssn_context(row["partner"], row["resource_id"])


STALE: tuple[tuple[str, str, Callable[[Row], str]], ...] = (
    ("member", "identity/select_stale_members", _of_member),
    ("patient", "identity/select_stale_patients", _of_patient),
)


def collect_tokens(connection: Connection, keys: KeyRing) -> int:
    """Fills ``link_token``; returns how many numbers did not open: those are compared with nobody's."""
    run(connection, "identity/create_tokens")
    return sum(_collect(connection, keys, *stale) for stale in STALE)


def _collect(connection: Connection, keys: KeyRing, entity: str, name: str, context: Callable[[Row], str]) -> int:
    unreadable = 0
    with connection.cursor("stale_numbers") as cursor:
        cursor.execute(compose(name), {"key_id": keys.token_key_id})
        while rows := cursor.fetchmany(BATCH):
            with connection.cursor() as target, target.copy("COPY link_token FROM STDIN") as copy:
                for row in rows:
                    token = _token(keys, row, context)
                    unreadable += token is None
                    if token is not None:
                        copy.write_row((entity, row["row_id"], token))
    return unreadable


def _token(keys: KeyRing, row: Row, context: Callable[[Row], str]) -> str | None:
    try:
        return keys.token(keys.open(row["ssn_sealed"], context=context(row)).decode(), kind="ssn")
    except ProtectError:
        return None  # the census of keys tells of it; one cell must not keep everybody from being linked
