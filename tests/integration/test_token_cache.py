"""One token for all workers: who comes while it is asked for waits, and takes what is found."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from concord.errors import LoginRefused
from concord.protect import KeyRing
from concord.token_cache import Token, TokensInPostgres

if TYPE_CHECKING:
    from tests.conftest import Database

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TABLE = """
CREATE TABLE IF NOT EXISTS ops.access_token (
    conn_id text PRIMARY KEY,
    sealed bytea,
    minted_at timestamptz,
    expires_at timestamptz,
    CHECK (num_nulls(sealed, minted_at, expires_at) IN (0, 3))
);
GRANT SELECT, INSERT, UPDATE ON ops.access_token TO concord_loader;
"""


@pytest.fixture
def url(database: Database) -> str:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(TABLE)
    return database.loader_url


class Mint:
    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause, self.made, self.lock = threading.Event(), 0, threading.Lock()
        self.pause_s = pause_s

    def __call__(self) -> Token:
        with self.lock:
            self.made += 1
            number = self.made
        self.pause.wait(self.pause_s)
        return Token(f"token-planted-{number}", NOW, NOW + timedelta(seconds=300))


def cache(url: str, keys: KeyRing, conn_id: str = "epic", after_s: float = 0.0) -> TokensInPostgres:
    """As a worker of its own has it."""
    return TokensInPostgres(url, keys, conn_id, clock=lambda: NOW + timedelta(seconds=after_s))


def stored(database: Database) -> list[tuple[object, ...]]:
    with psycopg.connect(database.owner_url) as connection:
        return connection.execute("SELECT conn_id, sealed, expires_at FROM ops.access_token ORDER BY 1").fetchall()


def test_workers_that_come_at_once_ask_once(url: str, keys: KeyRing) -> None:
    mint = Mint(pause_s=0.3)
    with ThreadPoolExecutor(6) as pool:
        found = [each.result() for each in [pool.submit(cache(url, keys).get, mint) for _ in range(6)]]
    assert {token.text for token in found} == {"token-planted-1"}
    assert mint.made == 1


def test_connections_do_not_wait_for_each_other(url: str, keys: KeyRing) -> None:
    slow, quick = Mint(pause_s=20), Mint()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache(url, keys, "epic").get, slow)
        assert cache(url, keys, "cerner").get(quick).text == "token-planted-1"
        assert not waiting.done()
        slow.pause.set()
        assert waiting.result().text == "token-planted-1"


def test_a_token_that_is_over_is_asked_for_anew(url: str, keys: KeyRing) -> None:
    mint = Mint()
    assert cache(url, keys).get(mint).text == "token-planted-1"
    assert cache(url, keys, after_s=269).get(mint).text == "token-planted-1"
    assert cache(url, keys, after_s=270).get(mint).text == "token-planted-2"


def test_a_refused_token_is_forgotten_by_all_and_a_newer_one_stays(url: str, keys: KeyRing) -> None:
    mint, one, other = Mint(), cache(url, keys), cache(url, keys)
    old = one.get(mint)
    assert other.get(mint) == old
    one.forget(old)
    assert one.get(mint).text == "token-planted-2"
    other.forget(old)
    assert other.get(mint).text == "token-planted-2"
    assert mint.made == 2


def test_a_login_that_is_refused_leaves_nothing_and_the_next_may_try(
    url: str, keys: KeyRing, database: Database
) -> None:
    def refused() -> Token:
        raise LoginRefused("token: the client was refused")

    with pytest.raises(LoginRefused):
        cache(url, keys).get(refused)
    assert stored(database) == []
    assert cache(url, keys).get(Mint()).text == "token-planted-1"


def test_a_token_lies_sealed_and_bound_to_its_connection(url: str, keys: KeyRing, database: Database) -> None:
    cache(url, keys).get(Mint())
    ((_, sealed, _),) = stored(database)
    assert isinstance(sealed, bytes)
    assert b"planted" not in sealed
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO ops.access_token SELECT 'cerner', sealed, minted_at, expires_at FROM ops.access_token"
        )
    mint = Mint()
    cache(url, keys, "cerner").get(mint)
    assert mint.made == 1, "a token of another connection does not open"


def test_a_token_whose_key_was_retired_is_asked_for_anew(url: str, keys: KeyRing) -> None:
    cache(url, keys).get(Mint())
    others = KeyRing({"newer": b"7" * 32}, {"t": b"8" * 32})
    mint = Mint()
    assert cache(url, others).get(mint).text == "token-planted-1"
    assert mint.made == 1


def test_a_process_asks_the_database_once_per_token(url: str, keys: KeyRing, database: Database) -> None:
    mint, one = Mint(), cache(url, keys)
    one.get(mint)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DROP TABLE ops.access_token")
    assert one.get(mint).text == "token-planted-1"
    assert repr(one) == "TokensInPostgres('epic')"
