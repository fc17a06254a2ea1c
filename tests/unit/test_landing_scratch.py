"""Bytes that are needed twice: never in the clear on disk, and gone when nobody needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from concord.errors import LandingDamaged
from concord.landing import Landing
from concord.protect import KeyRing

CHUNK = 64
CANARY = b"CANARY-900-01-0001-Quillfeather"


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    keys = {"k1": b"\1" * 32}
    return Landing(f"file://{tmp_path}", KeyRing(keys, keys), chunk_bytes=CHUNK)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 5 * CHUNK])
def test_what_is_written_is_read_back_and_sought_in(landing: Landing, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    with landing.scratch("7k2m9xab", 1) as make:
        scratch = make()
        for start in range(0, size, 50):
            scratch.write(content[start : start + 50])
        with scratch.reopen() as stream:
            assert stream.read() == content
            stream.seek(size // 2)
            assert stream.read() == content[size // 2 :]
        with scratch.reopen() as again:
            assert again.read() == content


def test_nothing_of_it_is_in_the_clear_and_nothing_is_left(landing: Landing, tmp_path: Path) -> None:
    with landing.scratch("7k2m9xab", 1) as make:
        one, two = make(), make()
        one.write(CANARY * 10)
        one.reopen().close()
        two.write(CANARY)
        lying = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert len(lying) == 2
        assert sum(map(len, lying)) > len(CANARY * 10)
        assert not any(CANARY in content for content in lying)
        one.discard()
        one.discard()
    assert list(landing.parts()) == []
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_nothing_is_left_where_it_went_wrong(landing: Landing) -> None:
    with pytest.raises(RuntimeError), landing.scratch("7k2m9xab", 1) as make:
        make().write(CANARY)
        raise RuntimeError("whatever")
    assert list(landing.parts()) == []


def test_what_a_killed_process_left_is_a_part_like_any_other(landing: Landing) -> None:
    """The reconciler finds it by its place and removes it; nobody has its key."""
    with landing.scratch("7k2m9xab", 1) as make:
        make().write(CANARY)
        (path,) = landing.parts()
        landing.remove_part(path)
        assert list(landing.parts()) == []


def test_altered_ciphertext_is_seen(landing: Landing, tmp_path: Path) -> None:
    with landing.scratch("7k2m9xab", 1) as make:
        scratch = make()
        scratch.write(CANARY * 10)
        with scratch.reopen() as stream:
            (path,) = (tmp_path / "parts").iterdir()
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)
            with pytest.raises(LandingDamaged):
                stream.read()


def test_a_name_from_outside_makes_no_path(landing: Landing) -> None:
    with pytest.raises(ValueError, match="delivery id"), landing.scratch("../x", 1):
        pass
