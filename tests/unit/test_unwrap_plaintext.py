"""Plaintext touches no disk while envelopes are opened: every file that is written is looked at."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from concord.contract.envelope import Gzip, Pgp, Zip
from concord.errors import DeliveryRejected
from concord.landing.disk import LocalStore
from concord.landing.scratch import Scratch
from concord.unwrap import unwrap
from tests.unit.envelopes import PGP, Kept, access, message, zipped

CANARY = b"Smithqzbcdfgh801223344"
CONTENT = b"".join(b"%s,%d\r\n" % (CANARY, number) for number in range(200_000))
SLICE = 12
"""A part of it so long is enough to be found."""


class Watch:
    """Looks into every file below some folders, and what of them has a name no more, again and again."""

    def __init__(self, *folders: Path) -> None:
        self._folders, self.looks = folders, 0
        self.found: list[str] = []

    def look(self) -> None:
        """Call it while something is written."""
        self.looks += 1
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if any(CANARY[at : at + SLICE] in content for at in range(len(CANARY) - SLICE)):
                self.found.append(path.name)

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from (path for path in folder.rglob("*") if path.is_file())
        links = Path("/proc/self/fd").iterdir() if Path("/proc/self/fd").exists() else []
        yield from (link for link in links if "(deleted)" in _target(link))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Temporary files of this process and of those it starts go where it looks."""
    places = [tmp_path / name for name in ("temporary", "working", "landing")]
    for place in places:
        place.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP", "HOME"):
        monkeypatch.setenv(name, str(places[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(places[0]))
    monkeypatch.setattr("concord.unwrap.pgp.PASSED_ON", ("PATH", "PYTHONPATH", "TMPDIR", "HOME"))
    monkeypatch.chdir(places[1])
    return Watch(*places)


class Looking:
    """A target that keeps nothing, and looks around with every megabyte."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self.length = watch, 0

    def write(self, data: bytes) -> int:
        self._watch.look()
        self.length += len(data)
        return len(data)


def scratches(folder: Path) -> Callable[[], Scratch]:
    """Landing's own, on a disk."""
    store = LocalStore(folder)
    return lambda: Scratch(store, "d1", 1 << 16)


@pytest.mark.parametrize(
    ("data", "envelope"),
    [
        (message(CONTENT), (PGP,)),
        (message(zipped({"a.csv": CONTENT})), (PGP, Zip("*.csv"))),
        (gzip.compress(gzip.compress(CONTENT)), (Gzip(), Gzip())),
        (zipped({"a.pgp": message(CONTENT)}), (Zip("*"), PGP)),
    ],
    ids=["pgp", "zip in pgp", "gzip twice", "pgp in zip"],
)
def test_no_file_has_any_of_it(
    data: bytes, envelope: tuple[Pgp | Zip | Gzip, ...], watch: Watch, tmp_path: Path
) -> None:
    target = Looking(watch)
    unwrap(io.BytesIO(data), envelope, access(), target, scratches(tmp_path / "landing"))
    watch.look()
    assert target.length == len(CONTENT)
    assert watch.looks > 2
    assert watch.found == []


def test_nor_has_it_after_a_refusal(watch: Watch, tmp_path: Path) -> None:
    target = Looking(watch)
    data = message(zipped({"a.csv": CONTENT, "b.csv": CONTENT}))
    with pytest.raises(DeliveryRejected):
        unwrap(io.BytesIO(data), (PGP, Zip("*.csv")), access(), target, scratches(tmp_path / "landing"))
    watch.look()
    assert watch.found == []
    assert [path for path in (tmp_path / "landing").rglob("*") if path.is_file()] == []


class OnDisk(Kept):
    """A scratch as it must not be."""

    def write(self, data: bytes) -> int:
        with Path("scratch").open("ab") as file:
            file.write(data)
        return super().write(data)


def test_the_look_finds_a_scratch_that_does_not_encrypt(watch: Watch) -> None:
    unwrap(io.BytesIO(message(message(CONTENT))), (PGP, PGP), access(), Looking(watch), OnDisk)
    assert watch.found == []
    unwrap(io.BytesIO(message(gzip.compress(CONTENT, 0))), (PGP, Gzip()), access(), Looking(watch), OnDisk)
    assert set(watch.found) == {"scratch"}


def test_the_look_finds_temporary_files_of_this_process_and_of_others(watch: Watch) -> None:
    with tempfile.TemporaryFile() as nameless:
        nameless.write(CONTENT)
        nameless.flush()
        watch.look()
    assert len(watch.found) == 1
    script = "import sys, tempfile; open(tempfile.mkstemp()[1], 'wb').write(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", script], input=CONTENT, check=True)
    watch.look()
    assert len(watch.found) == 2
