"""Bodies: gzip is undone whatever the headers say, in small pieces, up to a limit."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.acquire.http.plaintext import PIECE_BYTES, plain
from concord.errors import DeliveryRejected, SourceUnavailable


def read(*chunks: bytes, limit: int = 1 << 30) -> bytes:
    return b"".join(plain(chunks, "file 1", limit=limit))


TEXT = b'{"resourceType":"Patient"}\n' * 1000


@pytest.mark.parametrize(
    "raw",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(gzip.compress(TEXT)),
        gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]),
        gzip.compress(TEXT) + b"\0" * 512,
    ],
    ids=["plain", "gzip", "twice", "two members", "padded"],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_gzip_is_seen_by_its_bytes_wherever_they_are_cut(raw: bytes, step: int) -> None:
    assert read(*(raw[at : at + step] for at in range(0, len(raw), step))) == TEXT


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_come_out_as_they_went_in(content: bytes, cuts: list[int]) -> None:
    raw = gzip.compress(gzip.compress(content))
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [raw[a:b] for a, b in pairwise(edges)]
    assert content.startswith(b"\x1f\x8b") or read(*chunks) == content


@pytest.mark.parametrize("content", [b"", b"\x1f", b"{"])
def test_a_body_shorter_than_a_magic_number_is_itself(content: bytes) -> None:
    assert read(content) == content
    assert read() == b""


@pytest.mark.parametrize("kept", [2, 10, 40, -1, -8])
def test_half_a_gzip_is_a_broken_transfer(kept: int) -> None:
    with pytest.raises(SourceUnavailable, match="cut off"):
        read(gzip.compress(TEXT)[:kept])


def test_half_of_the_inner_gzip_is_one_too() -> None:
    with pytest.raises(SourceUnavailable, match="cut off"):
        read(gzip.compress(gzip.compress(TEXT)[:-4]))


def test_a_damaged_gzip_is_a_broken_transfer() -> None:
    raw = bytearray(gzip.compress(os.urandom(1000)))
    raw[500] ^= 0xFF
    with pytest.raises(SourceUnavailable, match="damaged"):
        read(bytes(raw))


def test_what_follows_a_gzip_and_is_none_is_damage() -> None:
    with pytest.raises(SourceUnavailable, match="damaged"):
        read(gzip.compress(TEXT) + b"<html>")


def test_a_bomb_stops_at_the_limit_in_flat_memory() -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 200_000_000))
    tracemalloc.start()
    with pytest.raises(DeliveryRejected, match=r"acquire\.too_large"):
        for piece in plain([bomb], "file 1", limit=100_000_000):
            assert len(piece) <= PIECE_BYTES
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * PIECE_BYTES
