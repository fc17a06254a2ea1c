"""Rules of the archive: what is sealed reads back exactly, anything else is seen, nothing is ever in the clear."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.errors import LandingDamaged
from concord.landing import Checkpoint, Landing, Manifest
from concord.landing.chunks import HEADER, TAG_BYTES
from concord.landing.disk import LocalStore
from concord.protect import KeyRing, UnknownKey

CHUNK = 64
SEALED_CHUNK = CHUNK + TAG_BYTES
KEY, NEW_KEY = b"\1" * 32, b"\2" * 32
CANARY = b"CANARY-900-01-0001-Quillfeather"
BODY = bytes(range(256)) * 2
"""512 bytes: eight whole chunks."""


def ring(**keys: bytes) -> KeyRing:
    """A ring of these keys; the first is in use."""
    keys = keys or {"k1": KEY}
    return KeyRing(keys, keys)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The archive's folder."""
    return tmp_path / "landing"


@pytest.fixture
def landing(root: Path) -> Landing:
    """An empty archive with small chunks."""
    return Landing(f"file://{root}", ring(), chunk_bytes=CHUNK)


def land(landing: Landing, body: bytes, *, delivery: str = "7k2m9xab", step: int = 0) -> Manifest:
    """``body`` landed and sealed, written ``step`` bytes at a time."""
    with landing.begin(delivery, 1) as writer:
        for start in range(0, len(body), step or len(body) or 1):
            writer.write(body[start : start + (step or len(body))])
        return writer.seal()


def read(landing: Landing, manifest: Manifest, offset: int = 0) -> bytes:
    """The plaintext from ``offset`` on."""
    with landing.open(manifest, offset=offset) as stream:
        return stream.read()


def ciphertext(root: Path, manifest: Manifest, change: Callable[[bytearray], object]) -> None:
    """Changes the object on disk."""
    path = root / manifest.object_url
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def chunk(number: int) -> slice:
    """Where sealed chunk ``number`` lies in the object."""
    start = HEADER.size + number * SEALED_CHUNK
    return slice(start, start + SEALED_CHUNK)


# ── reading back ───────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(data=st.data(), chunk_bytes=st.sampled_from([1, 2, 7, 64]), chunks=st.integers(0, 4), beyond=st.integers(-1, 1))
def test_any_size_around_a_chunk_border_reads_back(
    data: st.DataObject, chunk_bytes: int, chunks: int, beyond: int
) -> None:
    length = max(0, chunks * chunk_bytes + beyond)
    body = data.draw(st.binary(min_size=length, max_size=length))
    offset = data.draw(st.integers(0, length))
    step = data.draw(st.integers(1, 100))
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(f"file://{folder}", ring(), chunk_bytes=chunk_bytes)
        manifest = land(landing, body, step=step)
        assert (manifest.length, manifest.sha256) == (length, hashlib.sha256(body).hexdigest())
        assert manifest.chunk_count == max(1, -(-length // chunk_bytes))
        assert read(landing, manifest) == body
        assert read(landing, manifest, offset) == body[offset:]
        landing.verify(manifest)


def test_a_reader_can_start_at_a_checkpoint_without_reading_what_is_before(landing: Landing, root: Path) -> None:
    manifest = land(landing, BODY)
    ciphertext(root, manifest, lambda c: c.__setitem__(slice(HEADER.size, HEADER.size + 3 * SEALED_CHUNK), b"\0" * 240))
    assert read(landing, manifest, 3 * CHUNK + 5) == BODY[3 * CHUNK + 5 :]
    with pytest.raises(LandingDamaged):
        read(landing, manifest, 3 * CHUNK - 1)


def test_the_stream_seeks_and_gives_lines(landing: Landing) -> None:
    body = b"".join(b"line %d\n" % n for n in range(100))
    with landing.open(land(landing, body)) as stream:
        assert stream.readline() == b"line 0\n"
        stream.seek(-8, io.SEEK_END)
        assert stream.read() == b"line 99\n"
        assert stream.read() == b""
        stream.seek(0)
        assert list(stream) == body.splitlines(keepends=True)


@pytest.mark.parametrize("offset", [-1, 513])
def test_an_offset_outside_the_object_is_refused(landing: Landing, offset: int) -> None:
    manifest = land(landing, BODY)
    with pytest.raises(ValueError):
        landing.open(manifest, offset=offset)


# ── damage ─────────────────────────────────────────────────────────────────────


def swap(content: bytearray) -> None:
    """Exchanges chunks 1 and 2."""
    content[chunk(1)], content[chunk(2)] = content[chunk(2)], content[chunk(1)]


def cut_and_hide(content: bytearray) -> None:
    """Ends the object after chunk 6, with junk so that its size is right."""
    content[chunk(7)] = b"\0" * SEALED_CHUNK


DAMAGE: dict[str, Callable[[bytearray], object]] = {
    "one bit": lambda c: c.__setitem__(HEADER.size + 100, c[HEADER.size + 100] ^ 1),
    "one bit of a tag": lambda c: c.__setitem__(-1, c[-1] ^ 1),
    "one bit of the header": lambda c: c.__setitem__(HEADER.size - 1, c[HEADER.size - 1] ^ 1),
    "last byte cut": lambda c: c.pop(),
    "cut at a chunk border": lambda c: c.__delitem__(chunk(7)),
    "cut and padded": cut_and_hide,
    "chunks swapped": swap,
    "chunk repeated": lambda c: c.__setitem__(chunk(2), c[chunk(1)]),
    "chunk left out": lambda c: c.__delitem__(chunk(3)),
    "chunk appended": lambda c: c.extend(c[chunk(7)]),
    "emptied": lambda c: c.clear(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_seen(landing: Landing, root: Path, damage: Callable[[bytearray], object]) -> None:
    manifest = land(landing, BODY)
    landing.verify(manifest)
    ciphertext(root, manifest, damage)
    with pytest.raises(LandingDamaged):
        read(landing, manifest)
    with pytest.raises(LandingDamaged):
        landing.verify(manifest)


def test_nothing_damaged_is_handed_out_before_it_is_seen(landing: Landing, root: Path) -> None:
    manifest = land(landing, BODY)
    ciphertext(root, manifest, DAMAGE["chunks swapped"])
    with landing.open(manifest) as stream:
        assert stream.read(CHUNK) == BODY[:CHUNK]
        with pytest.raises(LandingDamaged, match="chunk 1"):
            stream.read(1)


def test_a_chunk_of_another_object_is_refused(landing: Landing, root: Path) -> None:
    manifest, other = land(landing, BODY), land(landing, BODY[::-1])
    foreign = (root / other.object_url).read_bytes()[chunk(2)]
    ciphertext(root, manifest, lambda c: c.__setitem__(chunk(2), foreign))
    with pytest.raises(LandingDamaged, match="chunk 2"):
        read(landing, manifest)


def test_a_whole_other_object_in_its_place_is_refused(landing: Landing, root: Path) -> None:
    manifest, other = land(landing, BODY), land(landing, BODY[::-1])
    (root / manifest.object_url).write_bytes((root / other.object_url).read_bytes())
    with pytest.raises(LandingDamaged):
        landing.open(manifest)


def test_a_missing_object_is_damage(landing: Landing, root: Path) -> None:
    manifest = land(landing, BODY)
    (root / manifest.object_url).unlink()
    with pytest.raises(LandingDamaged, match="is missing"):
        landing.open(manifest)


def test_the_order_of_chunks_hangs_on_the_nonce(landing: Landing, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the number left out of the nonce, swapped chunks read as if they were right."""
    monkeypatch.setattr("concord.landing.chunks.ChunkCipher._nonce", lambda *_: b"\0" * 12)
    manifest = land(landing, BODY)
    ciphertext(root, manifest, swap)
    assert read(landing, manifest) != BODY


# ── manifests ──────────────────────────────────────────────────────────────────


def test_a_manifest_survives_json_and_the_ledger(landing: Landing) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(BODY)
        manifest = writer.seal(checkpoints=(Checkpoint(0, 1, 0), Checkpoint(128, 5, 3)))
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(json.loads(manifest.to_json())) == manifest
    assert landing.manifest(manifest.sha256) == manifest


EDITS = {
    "shorter": lambda m: replace(m, length=7 * CHUNK, chunk_count=7),
    "one byte shorter": lambda m: replace(m, length=m.length - 1),
    "other chunk size": lambda m: replace(m, chunk_bytes=32, chunk_count=16),
    "other hash": lambda m: replace(m, sha256="0" * 64),
    "other object": lambda m: replace(m, object_url="objects/00/" + "0" * 64 + "." + m.object_id),
    "checkpoint moved": lambda m: replace(m, checkpoints=(Checkpoint(1, 1, 0),)),
    "checkpoints dropped": lambda m: replace(m, checkpoints=()),
    "no MAC": lambda m: replace(m, mac=""),
    "other key": lambda m: replace(m, wrapped_key=base64.b64encode(ring().new_data_key()[1]).decode()),
    "no key": lambda m: replace(m, wrapped_key="?"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_manifest_is_refused(landing: Landing, edit: Callable[[Manifest], Manifest]) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(BODY)
        manifest = writer.seal(checkpoints=(Checkpoint(0, 1, 0),))
    with pytest.raises(LandingDamaged):
        landing.open(edit(manifest))


def test_an_edited_manifest_is_refused_by_its_mac(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the MAC not looked at, a moved checkpoint would be believed."""
    manifest = land(landing, BODY)
    edited = replace(manifest, checkpoints=(Checkpoint(1, 1, 0),))
    monkeypatch.setattr(Manifest, "is_genuine", lambda *_: True)
    assert read(landing, edited) == BODY


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"object_url": "../../etc/passwd"}', b"\xff"],
)
def test_a_manifest_of_another_shape_is_damage(text: str | bytes) -> None:
    with pytest.raises(LandingDamaged):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("object_url", "objects/../../../etc/passwd"),
        ("length", "512"),
        ("length", -1),
        ("chunk_count", 7),
        ("sha256", ""),
    ],
)
def test_a_manifest_that_contradicts_itself_is_damage(landing: Landing, name: str, value: object) -> None:
    values = json.loads(land(landing, BODY).to_json())
    with pytest.raises(LandingDamaged):
        Manifest.from_json(values | {name: value})


def test_an_object_without_its_manifest_does_not_count(landing: Landing, root: Path) -> None:
    manifest = land(landing, BODY)
    (root / manifest.path).unlink()
    assert not landing.exists(manifest.sha256)
    assert list(landing.sealed_objects()) == []
    assert list(landing.orphans()) == [manifest.object_url]
    for look in (lambda: landing.manifest(manifest.sha256), lambda: landing.verify(manifest)):
        with pytest.raises(LandingDamaged, match="no manifest"):
            look()


def test_another_objects_manifest_in_its_place_is_refused(landing: Landing, root: Path) -> None:
    manifest, other = land(landing, BODY), land(landing, BODY[::-1])
    (root / manifest.path).write_bytes((root / other.path).read_bytes())
    with pytest.raises(LandingDamaged, match="another object"):
        landing.verify(manifest)


def test_checkpoints_found_while_parsing_are_authenticated_too(landing: Landing) -> None:
    manifest = landing.with_checkpoints(land(landing, BODY), [Checkpoint(100, 3, 2)])
    assert read(landing, manifest, manifest.checkpoints[0].byte_offset) == BODY[100:]
    with pytest.raises(LandingDamaged):
        landing.open(replace(manifest, checkpoints=(Checkpoint(101, 3, 2),)))


# ── keys ───────────────────────────────────────────────────────────────────────


def test_a_wrong_key_opens_nothing(landing: Landing, root: Path) -> None:
    manifest = land(landing, BODY)
    with pytest.raises(LandingDamaged, match="data key"):
        Landing(str(root), ring(k1=NEW_KEY)).open(manifest)


def test_after_rotation_old_objects_open_until_their_key_is_taken_away(landing: Landing, root: Path) -> None:
    old = land(landing, BODY)
    rotated = Landing(str(root), ring(k2=NEW_KEY, k1=KEY), chunk_bytes=CHUNK)
    new = land(rotated, BODY[::-1])
    assert (read(rotated, old), read(rotated, new)) == (BODY, BODY[::-1])
    with pytest.raises(UnknownKey, match="'k1'"):
        Landing(str(root), ring(k2=NEW_KEY)).open(old)


def test_every_object_has_its_own_data_key(landing: Landing) -> None:
    keys = {
        ring().unwrap(m.wrapped(), context=f"landing|{m.object_id}")
        for m in (land(landing, BODY[n:]) for n in range(5))
    }
    assert len(keys) == 5


def test_the_wrapped_key_is_durable_before_any_ciphertext(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    put, create = LocalStore.put_new, LocalStore.create

    def watch_put(store: LocalStore, path: str, data: bytes) -> bool:
        seen.append(path.rpartition(".")[2])
        return put(store, path, data)

    def watch_create(store: LocalStore, path: str) -> io.BufferedWriter:
        seen.append(path.rpartition(".")[2])
        return create(store, path)  # type: ignore[return-value]

    monkeypatch.setattr(LocalStore, "put_new", watch_put)
    monkeypatch.setattr(LocalStore, "create", watch_create)
    with Landing(str(root), ring()).begin("7k2m9xab", 1):
        sidecar = json.loads(next((root / "parts").glob("*.key")).read_bytes())
        assert (
            len(ring().unwrap(base64.b64decode(sidecar["wrapped_key"]), context=f"landing|{sidecar['object_id']}"))
            == 32
        )
    assert seen == ["key", "draft", "part"]


# ── writing ────────────────────────────────────────────────────────────────────


def test_leaving_without_seal_leaves_nothing(landing: Landing, root: Path) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(BODY)
        assert len(list(landing.parts())) == 2
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_an_error_while_writing_leaves_nothing(landing: Landing, root: Path) -> None:
    with pytest.raises(RuntimeError), landing.begin("7k2m9xab", 1) as writer:
        writer.write(BODY)
        raise RuntimeError
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_sealed_object_takes_no_more(landing: Landing) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(BODY)
        writer.seal()
        with pytest.raises(ValueError):
            writer.write(b"more")
        with pytest.raises(ValueError):
            writer.seal()


def test_an_object_of_the_same_content_is_kept(landing: Landing, root: Path) -> None:
    first = land(landing, BODY)
    before = (root / first.object_url).stat()
    assert land(landing, BODY, delivery="2").to_json() == first.to_json()
    assert (root / first.object_url).stat() == before
    assert len(list((root / "objects").rglob("*.*"))) == 2
    assert list(landing.parts()) == []


def test_of_two_writers_of_one_content_the_first_manifest_wins(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looked before the first had sealed; key and ciphertext are never mixed."""
    first = land(landing, BODY)
    answers = iter([None])
    look = landing._intact
    monkeypatch.setattr(landing, "_intact", lambda sha256: next(answers, look(sha256)))
    assert land(landing, BODY) == first
    landing.verify(first)
    assert list(landing.orphans()) == []


def test_a_damaged_object_is_landed_anew(landing: Landing, root: Path) -> None:
    damaged = land(landing, BODY)
    ciphertext(root, damaged, DAMAGE["last byte cut"])
    again = land(landing, BODY)
    landing.verify(again)
    assert again.object_url != damaged.object_url
    assert list(landing.sealed_objects()) == [again.object_url]
    assert list(landing.orphans()) == [damaged.object_url]


def test_a_crash_between_object_and_manifest_seals_nothing_and_heals(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LocalStore.put_new

    def crash(store: LocalStore, path: str, data: bytes) -> bool:
        if path.endswith(".manifest"):
            raise OSError
        return put(store, path, data)

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(LocalStore, "put_new", crash)
        land(landing, BODY)
    assert list(landing.sealed_objects()) == []
    manifest = land(landing, BODY)
    landing.verify(manifest)
    assert list(landing.sealed_objects()) == [manifest.object_url]
    assert len(list(landing.orphans())) == 1
    assert list(landing.orphans(older_than=timedelta(minutes=1))) == []


@pytest.mark.parametrize("delivery_id", ["", "../x", "ELIG_Smith.csv", "a/b", "a\n", "x" * 33])
def test_only_a_delivery_id_may_name_a_part(landing: Landing, root: Path, delivery_id: str) -> None:
    with pytest.raises(ValueError), landing.begin(delivery_id, 1):
        pass
    assert not root.exists()


KILLED = """
import os, signal, sys
from concord.landing import Landing
from concord.protect import KeyRing
keys = {"k1": b"\\1" * 32}
with Landing(sys.argv[1], KeyRing(keys, keys), chunk_bytes=64).begin("7k2m9xab", 1) as writer:
    for _ in range(100_000):
        writer.write(sys.argv[2].encode())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_ciphertext_parts_and_nothing_sealed(landing: Landing, root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(root), CANARY.decode()], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(landing.sealed_objects()) == []
    left = list(landing.parts())
    assert [path.partition(".")[0] for path in left] == ["parts/7k2m9xab"] * 2
    assert list(landing.parts(older_than=timedelta(hours=1))) == []
    assert_nothing_in_the_clear(root)
    for path in left:
        landing.remove_part(path)
    assert list(landing.parts()) == []


FULL = """
import resource, signal, sys
from concord.landing import Landing
from concord.protect import KeyRing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
keys = {"k1": b"\\1" * 32}
try:
    with Landing(sys.argv[1], KeyRing(keys, keys), chunk_bytes=64).begin("7k2m9xab", 1) as writer:
        for _ in range(2_000):
            writer.write(b"x" * 100)
        writer.seal()
except OSError as error:
    sys.exit(17)
"""


def test_a_disk_that_is_full_is_an_error_and_leaves_nothing(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(root)], timeout=60, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (17, b"")
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_only_parts_can_be_removed(landing: Landing) -> None:
    manifest = land(landing, BODY)
    for path in (manifest.object_url, "parts/../" + manifest.path, "/etc/passwd"):
        with pytest.raises(ValueError):
            landing.remove_part(path)


# ── nothing in the clear ───────────────────────────────────────────────────────


def assert_nothing_in_the_clear(root: Path) -> None:
    """No file below ``root`` has the canary in its content or name, nor base64 or hex of it."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes() + str(path).encode()
        for form in (CANARY, CANARY[::-1], CANARY[:12], CANARY.hex().encode(), base64.b64encode(CANARY)[:20]):
            assert form not in content


def test_no_plaintext_is_ever_on_disk(landing: Landing, root: Path) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        for _ in range(5_000):
            writer.write(CANARY)
        assert_nothing_in_the_clear(root)
        manifest = writer.seal(checkpoints=(Checkpoint(0, 1, 0),))
    assert_nothing_in_the_clear(root)
    assert read(landing, manifest).startswith(CANARY)


def test_the_search_for_plaintext_would_find_it(root: Path) -> None:
    root.mkdir()
    (root / "leak").write_bytes(b"x" + CANARY)
    with pytest.raises(AssertionError):
        assert_nothing_in_the_clear(root)


def test_folders_and_files_are_the_owners_alone(landing: Landing, root: Path) -> None:
    before = os.umask(0)
    try:
        with landing.begin("7k2m9xab", 1) as writer:
            writer.write(BODY)
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
            writer.seal()
    finally:
        os.umask(before)
    modes |= {path: stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}
    assert {mode for path, mode in modes.items() if path.suffix == ""} == {0o700}
    assert {mode for path, mode in modes.items() if path.suffix != ""} == {0o600}


def test_errors_name_the_object_and_no_content(landing: Landing, root: Path) -> None:
    manifest = land(landing, CANARY * 20)
    ciphertext(root, manifest, DAMAGE["one bit"])
    with pytest.raises(LandingDamaged) as caught:
        read(landing, manifest)
    assert manifest.object_url in str(caught.value)
    assert CANARY.decode() not in str(caught.value)
