"""Access tokens, shared: one is asked for at a time, however many workers need one.

Some partners' token servers count requests, and some void the older token when they give
a new one: two workers that refresh at once would throw each other out for ever. So a
token is minted inside one transaction that holds the row of its connection; whoever comes
meanwhile waits and takes what it finds. Tokens lie sealed, and bound to their connection.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol

from concord.postgres import Connection, connect, one, run
from concord.protect import KeyRing, ProtectError

EARLY = timedelta(seconds=30)
MOST_OF_A_LIFE = 3
"""A token counts as expired 30 seconds before its end, but not for more than a third of its life."""
PATIENCE_MS = 180_000
"""A mint is two or three requests with time-outs of their own; longer than the role's usual limits on waiting."""


@dataclass(frozen=True)
class Token:
    """An access token, valid from ``minted_at`` to ``expires_at`` by our clock (UTC)."""

    text: str = field(repr=False)
    minted_at: datetime
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether a request that begins at ``now`` should still get through."""
        return now < self.expires_at - min(EARLY, (self.expires_at - self.minted_at) / MOST_OF_A_LIFE)


Mint = Callable[[], Token]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class TokenCache(Protocol):
    """Where the tokens of one connection are kept."""

    def get(self, mint: Mint) -> Token:
        """A fresh token: the one that is kept, or a new one from ``mint``, whose errors pass through."""

    def forget(self, token: Token) -> None:
        """Drops ``token``, which the partner refused; a newer one of somebody else's stays."""


class TokensInProcess:
    """A cache for one process: its threads share a token, and one of them asks for the next."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock, self._lock = clock, Lock()
        self._kept: Token | None = None

    def get(self, mint: Mint) -> Token:
        """As :meth:`TokenCache.get`."""
        with self._lock:
            if self._kept is None or not self._kept.is_fresh(self._clock()):
                self._kept = mint()
            return self._kept

    def forget(self, token: Token) -> None:
        """As :meth:`TokenCache.forget`."""
        with self._lock:
            if self._kept is not None and _equal(self._kept.text, token.text):
                self._kept = None


class TokensInPostgres:
    """A cache for all workers of an installation, in ``ops.access_token``; each process keeps a copy.

    ``url`` is the loader's. Raises DatabaseUnavailable and StatementFailed as
    :mod:`concord.postgres` does; a row whose seal does not open is as good as none.
    """

    def __init__(self, url: str, keys: KeyRing, conn_id: str, *, clock: Clock = utc_now) -> None:
        self._url, self._keys, self.conn_id, self._clock = url, keys, conn_id, clock
        self._copy = TokensInProcess(clock=clock)

    def __repr__(self) -> str:
        return f"TokensInPostgres({self.conn_id!r})"

    def get(self, mint: Mint) -> Token:
        """As :meth:`TokenCache.get`; at most one ``mint`` of a connection runs at a time, over all workers."""
        return self._copy.get(lambda: self._shared(mint))

    def forget(self, token: Token) -> None:
        """As :meth:`TokenCache.forget`."""
        self._copy.forget(token)
        with connect(self._url) as connection:
            kept = self._locked(connection)
            if kept is not None and _equal(kept.text, token.text):
                run(connection, "token_cache/clear_token", {"conn_id": self.conn_id})

    def _shared(self, mint: Mint) -> Token:
        with connect(self._url) as connection:
            kept = self._locked(connection)
            if kept is not None and kept.is_fresh(self._clock()):
                return kept
            token = mint()
            self._write(connection, token)
            return token

    def _locked(self, connection: Connection) -> Token | None:
        """The token of the connection, its row held until the transaction ends (and made, to be held)."""
        key = {"conn_id": self.conn_id}
        run(connection, "token_cache/set_patience", {"patience_ms": str(PATIENCE_MS)})
        run(connection, "token_cache/insert_placeholder", key)
        row = one(connection, "token_cache/lock_token", key)
        if row is None or row["sealed"] is None:
            return None
        try:
            text = self._keys.open(bytes(row["sealed"]), context=self._context).decode()
        except ProtectError:
            return None  # its key was retired: a new token costs one request
        return Token(text, row["minted_at"], row["expires_at"])

    def _write(self, connection: Connection, token: Token) -> None:
        values = {
            "conn_id": self.conn_id,
            "sealed": self._keys.seal(token.text.encode(), context=self._context),
            "minted_at": token.minted_at,
            "expires_at": token.expires_at,
        }
        run(connection, "token_cache/update_token", values)

    @property
    def _context(self) -> str:
        return f"ops.access_token|{self.conn_id}"


def _equal(one_text: str, other: str) -> bool:
    return hmac.compare_digest(one_text.encode(), other.encode())
