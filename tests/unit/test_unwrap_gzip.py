"""Gzip files: one member or several, whole, and nothing behind them."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from concord.contract.envelope import Gzip, Wrapping
from concord.errors import DeliveryRejected
from concord.unwrap import inflating, limits
from tests.unit.envelopes import ROWS, Kept, opened

WHOLE = gzip.compress(ROWS)


def refused(data: bytes, *envelope: Wrapping) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        opened(data, *envelope or (Gzip(),))
    return caught.value.code


@pytest.mark.parametrize("cut", [0, 1, 99, len(ROWS)])
def test_members_one_after_the_other_are_one_file(cut: int) -> None:
    content, said = opened(gzip.compress(ROWS[:cut]) + gzip.compress(ROWS[cut:]), Gzip())
    assert content == ROWS
    assert said.lengths == (len(ROWS),)


def test_a_file_with_all_fields_in_its_header_is_read() -> None:
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x02\x00xy" + b"name.csv\x00" + b"comment\x00"
    with_hash = header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    assert opened(with_hash + WHOLE[10:], Gzip())[0] == ROWS


@pytest.mark.parametrize("size", [1, 2, 1 << 14, (1 << 14) + 1, 1 << 20])
def test_members_that_end_where_a_piece_ends_are_read(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflating, "OUT_BYTES", size)
    monkeypatch.setattr("concord.unwrap.gzipped.IN_BYTES", len(WHOLE))
    assert opened(WHOLE + WHOLE, Gzip())[0] == ROWS + ROWS


CASES = {
    "plain": ("envelope.not_gzip", ROWS),
    "nothing": ("envelope.not_gzip", b""),
    "cut": ("envelope.damaged", WHOLE[:-1]),
    "cut in the middle": ("envelope.damaged", WHOLE[: len(WHOLE) // 2]),
    "cut in its header": ("envelope.damaged", WHOLE[:5]),
    "second cut": ("envelope.damaged", WHOLE + WHOLE[:20]),
    "hash": ("envelope.damaged", WHOLE[:-8] + bytes(4) + WHOLE[-4:]),
    "length": ("envelope.damaged", WHOLE[:-4] + bytes(4)),
    "method": ("envelope.damaged", WHOLE[:2] + b"\x07" + WHOLE[3:]),
    "trailing": ("envelope.trailing", WHOLE + b"more"),
    "padded": ("envelope.trailing", WHOLE + bytes(512)),
    "one byte more": ("envelope.trailing", WHOLE + b"\x1f"),
    "nested": ("envelope.nested", gzip.compress(WHOLE)),
    "bomb": ("envelope.bomb", gzip.compress(bytes(3_000_000))),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_trusted_is_refused(case: str) -> None:
    code, data = CASES[case]
    assert refused(data) == code


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(WHOLE, Gzip(max_bytes=len(ROWS) - 1)) == "envelope.bomb"
    assert opened(WHOLE, Gzip(max_bytes=len(ROWS)))[0] == ROWS
    assert refused(WHOLE * 3, Gzip(max_members=2)) == "envelope.too_many_members"
    assert opened(WHOLE * 3, Gzip(max_members=3))[0] == ROWS * 3
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 30)
    assert opened(CASES["bomb"][1], Gzip())[1].bytes == 3_000_000


def test_no_more_than_the_limit_reaches_the_target() -> None:
    class Counting(Kept):
        most = 0

        def write(self, data: bytes) -> int:
            Counting.most += len(data)
            return len(data)

    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(DeliveryRejected):
        opened(gzip.compress(bomb), Gzip(), Gzip(max_bytes=1_000_000), scratch=Counting)
    assert Counting.most <= len(bomb)


def test_declared_layers_are_opened_and_scratches_removed() -> None:
    made: list[Kept] = []

    def scratch() -> Kept:
        made.append(Kept())
        return made[-1]

    assert opened(gzip.compress(WHOLE), Gzip(), Gzip(), scratch=scratch)[0] == ROWS
    with pytest.raises(DeliveryRejected):
        opened(gzip.compress(ROWS), Gzip(), Gzip(), scratch=scratch)
    assert [kept.gone for kept in made] == [True, True]


def test_a_million_members_of_nothing_are_no_hang() -> None:
    data = gzip.compress(b"", mtime=0) * 200_000
    reads = io.BytesIO(data)
    assert opened(reads.getvalue(), Gzip())[1].bytes == 0
    assert refused(data, Gzip(max_members=199_999)) == "envelope.too_many_members"
