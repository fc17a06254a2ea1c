"""The archive is full, read-only or damaged: one delivery says so, the others go on, and nothing half is believed."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from concord import check, steps
from concord.errors import LandingDamaged, LandingUnavailable
from concord.landing import Landing
from concord.orchestrate.retry import AGAIN, AT_ONCE
from concord.steps.repairing import PART_AGE
from tests import tally
from tests.faults.hashes import beliefs
from tests.faults.partner import Partnership
from tests.playground import Playground
from tests.rosters import BASE, THU, WED, Driver, without
from tests.unit.acme_rows import file

LARGE = file(*BASE) + b"#" * (2 << 20)
"""Does not fit; what is in it does not matter until it is read."""


@dataclass
class SmallDisk:
    """A file system of its own, mounted at ``folder``."""

    folder: Path

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """One megabyte; who may not mount has the limit of file sizes instead, see below."""
    folder = tmp_path / "small"
    folder.mkdir(mode=0o711)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def at(partnership: Partnership, folder: Path) -> None:
    """The archive lies in ``folder``."""
    site = partnership.driver.site
    settings = replace(site.settings, landing_url=(folder / "landing").as_uri())
    moved = replace(site, settings=settings, landing=Landing(settings.landing_url, site.keys))
    partnership.driver = replace(partnership.driver, site=moved)


def assert_unavailable(caught: pytest.ExceptionInfo[LandingUnavailable], delivery_id: str, number: str) -> None:
    """It names the delivery and the cause, and is tried again."""
    assert delivery_id in str(caught.value)
    assert number in str(caught.value)
    assert isinstance(caught.value, tuple(AGAIN))
    assert caught.value.__suppress_context__


def assert_whole(partnership: Partnership) -> None:
    """Nothing to find, and nothing left."""
    findings = partnership.findings()
    tally.count("faults", injected=1, fired=1, recovered=1, violations=len(findings))
    assert findings == []


@pytest.mark.full
def test_a_full_disk_fails_one_delivery_and_lets_the_others_land(
    partnership: Partnership, small_disk: SmallDisk
) -> None:
    at(partnership, small_disk.folder)
    large = partnership.discovered(LARGE)
    with pytest.raises(LandingUnavailable) as caught:
        partnership.fetch(large)
    assert_unavailable(caught, large, "ENOSPC")
    assert list(partnership.driver.site.landing.parts()) == []
    partnership.drop(file(*without(3)), THU)
    (small,) = set(partnership.discover()) - {large}
    assert partnership.fetch(small)["state"] == "landed"
    small_disk.remount("size=16m")
    assert partnership.fetch(large)["state"] == "landed"
    assert_whole(partnership)


@contextmanager
def file_sizes_up_to(count: int) -> Iterator[None]:
    """EFBIG where ENOSPC would be: needs no mount."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_leaves_no_part_and_the_retry_comes_to_the_same_tables(
    partnership: Partnership, blank: Playground
) -> None:
    data = file(*BASE)
    partnership.driver.run(partnership.driver.deliver(data, WED), "approve")
    clean = beliefs(partnership.driver)
    blank.empty()
    delivery_id = partnership.discovered(data)
    with file_sizes_up_to(1_000), pytest.raises(LandingUnavailable) as caught:
        partnership.fetch(delivery_id)
    assert_unavailable(caught, delivery_id, "EFBIG")
    assert list(partnership.driver.site.landing.parts()) == []
    assert partnership.fetch(delivery_id)["state"] == "landed"
    assert partnership.driver.run(delivery_id, "approve").state == "published"
    assert beliefs(partnership.driver) == clean
    assert_whole(partnership)


@pytest.mark.full
def test_a_part_that_could_not_be_removed_is_removed_by_the_reconciler(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery_id = partnership.discovered(file(*BASE))
    with monkeypatch.context() as patched, file_sizes_up_to(1_000):
        patched.setattr("concord.landing.writer.LandingWriter._remove_parts", lambda self: None)
        with pytest.raises(LandingUnavailable):
            partnership.fetch(delivery_id)
    folder = Path(partnership.driver.site.settings.landing_url.removeprefix("file://")) / "parts"
    left = [*folder.iterdir()]
    assert left
    old = left[0].stat().st_mtime - PART_AGE.total_seconds() - 60
    for part in left:
        os.utime(part, (old, old))
    assert {finding.code for finding in check.run(partnership.driver.site)} == {"landing.part"}
    steps.reconcile_ledger([partnership.driver.feed], partnership.driver.site)
    assert partnership.fetch(delivery_id)["state"] == "landed"
    assert_whole(partnership)


@pytest.mark.full
def test_a_read_only_disk_is_named_and_waited_for(partnership: Partnership, small_disk: SmallDisk) -> None:
    at(partnership, small_disk.folder)
    delivery_id = partnership.discovered(file(*BASE))
    small_disk.remount("ro")
    with pytest.raises(LandingUnavailable) as caught:
        partnership.fetch(delivery_id)
    assert_unavailable(caught, delivery_id, "EROFS")
    small_disk.remount("rw")
    assert partnership.fetch(delivery_id)["state"] == "landed"
    assert_whole(partnership)


# ── what lies there ────────────────────────────────────────────────────────────


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    "damage",
    [flip, pytest.param(cut, marks=pytest.mark.full), pytest.param(Path.unlink, marks=pytest.mark.full)],
    ids=["flipped bit", "truncated", "missing"],
)
def test_damage_is_found_before_a_row_is_believed_and_mended_by_putting_the_object_back(
    acme: Driver, damage: object
) -> None:
    delivery_id = acme.deliver(without(3), THU)
    before = acme.tables()
    path = object_of(acme, delivery_id)
    whole = path.read_bytes()
    damage(path)  # type: ignore[operator]
    with pytest.raises(LandingDamaged) as caught:
        steps.stage(acme.feed, delivery_id, 1, acme.site)
    assert isinstance(caught.value, tuple(AT_ONCE))
    assert acme.facts(delivery_id)["state"] == "landed"
    assert acme.tables() == before
    found = [finding for finding in check.run(acme.site, deep=True) if finding.code == "landing.damaged"]
    assert [finding.ids for finding in found] == [(delivery_id,)]
    path.write_bytes(whole)
    assert acme.run(delivery_id).state == "published"
    findings = check.run(acme.site, deep=True)
    assert findings == []
    tally.count("faults", injected=1, fired=1, recovered=1)


def test_a_bit_that_rots_in_an_old_object_is_found_by_a_deep_check_alone(acme: Driver) -> None:
    (delivery_id,) = (row["delivery_id"] for row in acme.all("SELECT delivery_id FROM ops.delivery"))
    acme.do("UPDATE ops.delivery SET landed_at = landed_at - %s", timedelta(days=30))
    path = object_of(acme, delivery_id)
    flip(path)
    assert check.run(acme.site) == []
    assert [finding.ids for finding in check.run(acme.site, deep=True)] == [(delivery_id,)]
    flip(path)
    assert check.run(acme.site, deep=True) == []
    tally.count("faults", injected=1, fired=1, recovered=1)


def object_of(driver: Driver, delivery_id: str) -> Path:
    """Where the delivery's ciphertext lies."""
    root = Path(driver.site.settings.landing_url.removeprefix("file://"))
    return root / str(driver.facts(delivery_id)["manifest"]["object_url"])
