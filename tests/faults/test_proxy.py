"""The fault proxy itself: each fault does what it says, exactly, and says that it did."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Do, Fault, Proxy, Way, Weather

SAID = bytes(range(256)) * 40


@pytest.fixture
def echo() -> Iterator[list[bytes]]:
    """A server that says back what it hears: its port, then what it heard over each connection that ended."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, heard), daemon=True).start()
        heard.append(str(server.getsockname()[1]).encode())
        yield heard


def serve(server: socket.socket, heard: list[bytes]) -> None:
    while True:
        try:
            link, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(link, heard), daemon=True).start()


def answer(link: socket.socket, heard: list[bytes]) -> None:
    said = b""
    try:
        while piece := link.recv(4096):
            said += piece
            link.sendall(piece)
    except OSError:
        said += b"<reset>"
    heard.append(said)


@pytest.fixture
def proxy(echo: list[bytes]) -> Iterator[Proxy]:
    with Proxy(int(echo[0])) as running:
        yield running


def heard_by(echo: list[bytes], links: int) -> bytes:
    """What the server heard over so many connections, once it has seen each of them end."""
    limit = time.monotonic() + 10
    while len(echo) <= links and time.monotonic() < limit:
        time.sleep(0.01)
    assert len(echo) == links + 1
    return b"".join(echo[1:])


def talk(proxy: Proxy, said: bytes = SAID, timeout_s: float = 5) -> bytes:
    """Says something and returns what comes back, up to as much."""
    back = b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout_s) as link:
        link.sendall(said)
        while len(back) < len(said) and (piece := link.recv(4096)):
            back += piece
    return back


def test_without_a_fault_every_byte_passes_and_nothing_is_counted(proxy: Proxy) -> None:
    assert talk(proxy) == SAID
    assert (proxy.fired, proxy.links) == ({}, 1)


@pytest.mark.parametrize("count", [0, 1, 5000, len(SAID) - 1])
def test_a_connection_is_closed_after_exactly_so_many_bytes_once(proxy: Proxy, count: int) -> None:
    proxy.down = Way(fault=Fault(Do.CLOSE, after_bytes=count))
    assert talk(proxy) == SAID[:count]
    assert proxy.fired == {"close": 1}
    assert talk(proxy) == SAID


def test_a_reset_is_a_reset(proxy: Proxy) -> None:
    proxy.up = Way(fault=Fault(Do.RESET, after_bytes=10))
    with pytest.raises(ConnectionResetError):
        talk(proxy)
    assert proxy.fired == {"reset": 1}


def test_a_stall_tells_nobody(proxy: Proxy) -> None:
    proxy.down = Way(fault=Fault(Do.STALL, after_bytes=10))
    with pytest.raises(TimeoutError):
        talk(proxy, timeout_s=0.2)
    assert proxy.fired == {"stall": 1}


def test_a_server_that_is_down_resets_and_a_black_hole_says_nothing(proxy: Proxy) -> None:
    proxy.is_down = True
    with pytest.raises(ConnectionError):
        talk(proxy)
    proxy.is_down, proxy.is_black_hole = False, True
    with pytest.raises(TimeoutError):
        talk(proxy, timeout_s=0.2)
    assert proxy.fired == {"down": 1, "black hole": 1}


def test_words_are_heard_across_pieces_and_in_order(proxy: Proxy) -> None:
    called: list[int] = []
    proxy.up = Way(Weather(slice_bytes=3), Fault(Do.GO_ON, words=(b"begin", b"COMMIT"), then=lambda: called.append(1)))
    said = b"COMMIT early, begin, and then COMMIT and on"
    assert talk(proxy, said) == said
    assert (called, proxy.fired["go on"]) == ([1], 1)


def test_a_lost_reply_was_heard_and_is_not_answered(proxy: Proxy, echo: list[bytes]) -> None:
    proxy.up = Way(fault=Fault(Do.LOSE_REPLY, words=(b"COMMIT",)))
    assert talk(proxy, b"now COMMIT") == b""
    assert proxy.fired == {"lose reply": 1}
    assert talk(proxy) == SAID
    assert b"now COMMIT" in heard_by(echo, links=2)


def test_words_may_be_kept_from_the_other_side(proxy: Proxy, echo: list[bytes]) -> None:
    proxy.up = Way(fault=Fault(Do.CLOSE, words=(b"COMMIT",), before=True))
    assert talk(proxy, b"now COMMIT") == b""
    assert b"COMMIT" not in heard_by(echo, links=1)


@pytest.mark.parametrize(
    "weather", [Weather(latency_s=0.01, jitter_s=0.01), Weather(bytes_per_s=1e6), Weather(slice_bytes=700)]
)
def test_bad_weather_changes_no_byte(proxy: Proxy, weather: Weather) -> None:
    proxy.down = Way(weather)
    assert talk(proxy) == SAID
    assert bool(proxy.fired["weather"]) == (weather.slice_bytes != 700)


def test_jitter_is_seeded() -> None:
    assert Proxy(1, seed=3).random.random() == Proxy(1, seed=3).random.random() != Proxy(1, seed=4).random.random()
