"""Settings come from the environment or from mounted files, and are printed by nobody."""

from __future__ import annotations

import base64
import os
import re
import resource
import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from concord.protect import KeyRing
from concord.settings import LOST_AFTER, SettingMissing, Settings

SECRETS = {
    "CONCORD_LOADER_URL": f"postgresql://concord_loader:{secrets.token_hex(16)}@127.0.0.1/concord",
    "CONCORD_SEAL_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "CONCORD_TOKEN_KEYS": "t1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "CONCORD_AIRFLOW_PASSWORD": secrets.token_hex(16),
}
PLAIN = {"CONCORD_LANDING_URL": "file:///nowhere"}


@pytest.fixture
def mounted(tmp_path: Path) -> dict[str, str]:
    """Every secret in a file of its own, as a container mounts them."""
    environment = dict(PLAIN)
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value + "\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    return environment


def test_a_file_says_the_same_as_a_variable(mounted: dict[str, str]) -> None:
    assert Settings.from_environment(mounted) == Settings.from_environment(PLAIN | SECRETS)


def test_a_variable_and_a_file_are_one_too_many(mounted: dict[str, str]) -> None:
    with pytest.raises(SettingMissing, match="CONCORD_SEAL_KEYS and CONCORD_SEAL_KEYS_FILE"):
        Settings.from_environment(mounted | {"CONCORD_SEAL_KEYS": SECRETS["CONCORD_SEAL_KEYS"]})


def test_a_file_that_is_not_there_is_named_by_its_variable(mounted: dict[str, str]) -> None:
    with pytest.raises(SettingMissing, match="CONCORD_SEAL_KEYS_FILE") as caught:
        Settings.from_environment(mounted | {"CONCORD_SEAL_KEYS_FILE": "/nowhere/CANARY"})
    assert "CANARY" not in str(caught.value)


def test_settings_and_keys_print_no_secret() -> None:
    settings = Settings.from_environment(PLAIN | SECRETS)
    shown = f"{settings!r} {settings} {KeyRing.from_settings(settings)!r}"
    parts = [part for value in SECRETS.values() for part in re.split(r"[:@]", value) if len(part) > 20]
    assert len(parts) == len(SECRETS)
    assert not [part for part in parts if part in shown]


@pytest.mark.parametrize("name", ["CONCORD_SEAL_KEYS", "CONCORD_TOKEN_KEYS"])
def test_an_error_about_a_key_does_not_quote_it(name: str) -> None:
    for broken in ("k1:CANARY", "CANARY", "k1:" + base64.b64encode(b"CANARY").decode()):
        with pytest.raises(SettingMissing) as caught:
            Settings.from_environment(PLAIN | SECRETS | {name: broken})
        assert "CANARY" not in str(caught.value)
        assert "Q0FOQVJZ" not in str(caught.value)


# ── the process ────────────────────────────────────────────────────────────────

PROBE = """
import os, resource, sys
from concord.process import harden
if sys.argv[1] == "hardened": harden()
open(sys.argv[2], "w").close()
print(oct(os.stat(sys.argv[2]).st_mode & 0o777), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def probe(how: str, file: Path) -> list[str]:
    """Mode of a new file and the limit of core dumps, in a process that began with both wide open."""

    def wide_open() -> None:
        os.umask(0)
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    command = [sys.executable, "-c", PROBE, how, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=wide_open)
    return done.stdout.split()


def test_a_process_keeps_its_files_and_its_memory_to_itself(tmp_path: Path) -> None:
    assert probe("hardened", tmp_path / "a") == ["0o600", "0"]
    assert probe("as it was", tmp_path / "b")[0] == "0o666", "negative control"


def test_the_command_and_every_task_begin_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from concord.cli import app
    from concord.orchestrate import tasks

    called: list[str] = []
    monkeypatch.setattr("concord.cli.main.harden", lambda: called.append("shell"))
    monkeypatch.setattr(tasks, "harden", lambda: called.append("task"))
    CliRunner().invoke(app, ["pools"])
    with pytest.raises(SettingMissing), tasks.opened():
        pass
    assert called == ["shell", "task"]


def test_how_long_a_delivery_may_stand_still_can_be_said_in_seconds() -> None:
    assert Settings.from_environment(PLAIN | SECRETS).lost_after == LOST_AFTER
    said = PLAIN | SECRETS | {"CONCORD_LOST_AFTER_S": "90"}
    assert Settings.from_environment(said).lost_after == timedelta(seconds=90)
    with pytest.raises(SettingMissing, match="CONCORD_LOST_AFTER_S"):
        Settings.from_environment(said | {"CONCORD_LOST_AFTER_S": "soon"})


@pytest.mark.parametrize("name", [*PLAIN, *(name for name in SECRETS if not name.endswith("PASSWORD"))])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingMissing, match=name):
        Settings.from_environment(PLAIN | SECRETS | {name: ""})
