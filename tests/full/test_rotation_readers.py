"""A reader that never stops reads the archive while its data keys are wrapped anew, again and again."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from concord import steps
from concord.settings import Settings
from tests.rosters import Driver, employee, lax
from tests.tally import negative_control

if TYPE_CHECKING:
    from concord.steps import Site

pytestmark = pytest.mark.full

ROTATIONS = 6
FILES = 8

READER = """
import sys
from pathlib import Path
from concord.landing import Manifest
from concord.settings import Settings
from concord.steps import open_site

site, stop, reads, failed = open_site(Settings.from_environment()), Path(sys.argv[1]), 0, 0
while not stop.exists() or reads == 0:
    with site.database("reader") as connection:
        rows = connection.execute("SELECT sha256, manifest FROM ops.delivery WHERE manifest IS NOT NULL").fetchall()
    for row in rows:
        for find in (lambda: Manifest.from_json(row["manifest"]), lambda: site.landing.manifest(row["sha256"])):
            try:
                with site.landing.open(find()) as stream:
                    stream.read()
            except Exception:
                failed += 1
            reads += 1
    Path(sys.argv[2]).touch()
print(reads, failed)
"""


def ring(keys: dict[str, bytes]) -> str:
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


def reader(settings: Settings, keys: dict[str, bytes], folder: Path) -> subprocess.Popen[str]:
    """A process that reads everything over and over, with these seal keys, until ``folder/stop`` is there."""
    environment = os.environ | {
        "CONCORD_LOADER_URL": settings.loader_url,
        "CONCORD_LANDING_URL": settings.landing_url,
        "CONCORD_SEAL_KEYS": ring(keys),
        "CONCORD_TOKEN_KEYS": ring(dict(settings.token_keys)),
    }
    command = [sys.executable, "-c", READER, str(folder / "stop"), str(folder / "begun")]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    while not (folder / "begun").exists() and process.poll() is None:
        time.sleep(0.05)
    return process


def rotated_meanwhile(site: Site, known: dict[str, bytes], folder: Path) -> tuple[int, int]:
    """Reads and failed reads of a reader that knows these keys, while all of them come first in turn."""
    driver = Driver(lax(), site)
    for number in range(FILES):
        driver.deliver([employee(number)])
    everything = dict(site.settings.seal_keys) | {f"k{n}": secrets.token_bytes(32) for n in range(ROTATIONS)}
    process = reader(site.settings, {name: everything[name] for name in known} or everything, folder)
    for name in [name for name in everything if name.startswith("k")]:
        turned = {name: everything[name]} | everything
        done = steps.rewrap(steps.open_site(replace(site.settings, seal_keys=turned)))
        assert (done["objects"], done["objects_busy"], done["objects_unreadable"]) == (FILES, 0, 0)
    (folder / "stop").touch()
    output, _ = process.communicate(timeout=60)
    reads, failed = map(int, output.split())
    return reads, failed


def test_a_reader_never_waits_and_never_fails(site: Site, tmp_path: Path) -> None:
    reads, failed = rotated_meanwhile(site, {}, tmp_path)
    assert reads > 2 * FILES
    assert failed == 0


@negative_control
def test_a_reader_without_the_new_keys_would_fail(site: Site, tmp_path: Path) -> None:
    """Negative control."""
    _, failed = rotated_meanwhile(site, dict(site.settings.seal_keys), tmp_path)
    assert failed > 0
