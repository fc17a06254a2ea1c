"""A TCP proxy that breaks what passes through it: one between us and SFTP, Postgres or S3.

It runs in a thread with a loop of its own. ``up`` is what we say, ``down`` what the other
side answers; each direction has :class:`Weather`, which lasts, and at most one
:class:`Fault`, which strikes once at a byte or after words. Every strike is counted in
``proxy.fired``: a fault that never fired proves nothing. Changes count at once.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType

PIECE_BYTES = 1 << 16


class Do(StrEnum):
    """What a fault does to the connection."""

    CLOSE = "close"
    """Both ends see an orderly end."""
    RESET = "reset"
    """Both ends see RST (SO_LINGER 0)."""
    STALL = "stall"
    """Nothing passes any more, in either direction, and nobody is told."""
    LOSE_REPLY = "lose reply"
    """What was said is heard; the connection ends when it has been answered, and nobody gets the answer."""
    GO_ON = "go on"
    """Nothing: only ``then`` is called."""


@dataclass(frozen=True)
class Fault:
    """Strikes once: when ``after_bytes`` have passed, or ``words`` have, one after the other.

    Both are counted over all connections since the fault was set. At a byte count exactly so
    many bytes get through; words get through with what came with them, unless ``before``.
    ``then`` is called first, from a thread, and waited for.
    """

    do: Do
    after_bytes: int | None = None
    words: tuple[bytes, ...] = ()
    before: bool = False
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Weather:
    """What every byte of a direction goes through: seconds, bytes per second, and pieces of so many bytes."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int = PIECE_BYTES


@dataclass
class Way:
    """One direction."""

    weather: Weather = Weather()
    fault: Fault | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(self.fault)


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to ``port`` there; a context manager.

    ``target`` may be changed while it runs. With ``is_down`` connections are refused by a
    reset, with ``is_black_hole`` they are taken and never answered.
    """

    def __init__(self, target: int, *, seed: int = 7) -> None:
        self.target, self.port = target, 0
        self.up, self.down = Way(), Way()
        self.is_down = self.is_black_hole = False
        self.fired: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.links = 0
        self.random = random.Random(seed)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy", daemon=True)

    def clear(self) -> None:
        """Fair weather, no fault, nothing counted."""
        self.up, self.down, self.is_down, self.is_black_hole = Way(), Way(), False, False
        self.fired.clear()
        self.passed.clear()
        self.links = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(asyncio.CancelledError):  # the proxy stops
                await self._take(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links += 1
        if self.is_down:
            self.fired["down"] += 1
            return _end(writer, by_reset=True)
        if self.is_black_hole:
            self.fired["black hole"] += 1
            with suppress(ConnectionError):
                while await reader.read(PIECE_BYTES):
                    pass
            return _end(writer, by_reset=False)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return _end(writer, by_reset=True)
        return await Link(self, (reader, writer), (there_reader, there_writer)).run()


Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Link:
    """One connection through the proxy."""

    proxy: Proxy
    here: Side
    there: Side
    deaf: bool = False
    end: asyncio.Event = field(default_factory=asyncio.Event)
    ends_at_answer: bool = False
    by_reset: bool = False

    async def run(self) -> None:
        """Until either side or a fault ends it."""
        ways = [
            asyncio.create_task(self._carry("up", self.here[0], self.there[1])),
            asyncio.create_task(self._carry("down", self.there[0], self.here[1])),
        ]
        try:
            await self.end.wait()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for _, writer in (self.here, self.there):
                _end(writer, by_reset=self.by_reset)

    async def _carry(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(self._way(name).weather.slice_bytes):
                way = self._way(name)
                if name == "down" and self.ends_at_answer:
                    break
                through, strikes = way.watch.see(piece)
                fault, way.fault = (way.fault, None) if strikes else (None, way.fault)  # once, over all connections
                self.ends_at_answer |= fault is not None and fault.do is Do.LOSE_REPLY
                await self._send(name, way.weather, writer, through)
                if fault is not None:
                    await self._strike(fault)
                    await self._send(name, way.weather, writer, piece[len(through) :])
        if not self.deaf:
            self.end.set()

    def _way(self, name: str) -> Way:
        return self.proxy.up if name == "up" else self.proxy.down

    async def _send(self, name: str, weather: Weather, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if self.deaf or not piece:
            return
        wait = weather.latency_s + self.proxy.random.uniform(0, weather.jitter_s)
        wait += len(piece) / weather.bytes_per_s if weather.bytes_per_s else 0
        if wait:
            self.proxy.fired["weather"] += 1
            await asyncio.sleep(wait)
        writer.write(piece)
        self.proxy.passed[name] += len(piece)
        await writer.drain()

    async def _strike(self, fault: Fault) -> None:
        self.proxy.fired[fault.do.value] += 1
        if fault.then is not None:
            await asyncio.to_thread(fault.then)
        self.deaf = fault.do is Do.STALL
        self.by_reset = fault.do is Do.RESET
        if fault.do in (Do.CLOSE, Do.RESET):
            self.end.set()
            await asyncio.Event().wait()  # until it is cancelled: not a byte more


class Watch:
    """Sees a direction's bytes pass and says how many of them still do, and whether the fault strikes."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.left = fault.after_bytes if fault else None
        self.words = list(fault.words) if fault else []
        self.tail = b""

    def see(self, piece: bytes) -> tuple[bytes, bool]:
        """What of ``piece`` passes, and whether the fault strikes now."""
        if self.left is not None:
            through = piece[: self.left]
            self.left -= len(through)
            struck = self.left == 0
            self.left = None if struck else self.left
            return through, struck
        if not self.words:
            return piece, False
        struck = self._heard(piece)
        before = struck and self.fault is not None and self.fault.before
        return (b"" if before else piece), struck

    def _heard(self, piece: bytes) -> bool:
        """Words may be cut by the border of two pieces."""
        text = self.tail + piece
        while self.words and (at := text.find(self.words[0])) >= 0:
            text = text[at + len(self.words.pop(0)) :]
        self.tail = text[-max(map(len, self.words), default=1) :]
        return not self.words


def _end(writer: asyncio.StreamWriter, *, by_reset: bool) -> None:
    """Closes; by reset, what the other side was still owed is thrown away."""
    found = writer.get_extra_info("socket")
    if by_reset and found is not None:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
