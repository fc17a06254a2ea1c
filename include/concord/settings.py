"""Everything Concord takes from its environment, as one frozen value.

Read when a task or a command runs, never at import or while a DAG is parsed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from concord.errors import ConcordError

LOST_AFTER = timedelta(minutes=20)
"""A run takes minutes and its retries a quarter of an hour."""


class SettingMissing(ConcordError):
    """An environment variable that Concord needs is not set, or cannot be read."""


@dataclass(frozen=True)
class Settings:
    """Connections, keys and folders of one installation. No part of it is ever printed.

    ``*_url`` are libpq URLs, one per role. ``*_keys`` map a key id to 32 bytes; the
    first id is the one in use, the others still open what they sealed. What has not moved
    for ``lost_after`` may have lost its run, and the reconciler looks after it.
    """

    loader_url: str = field(repr=False)
    owner_url: str | None = field(default=None, repr=False)
    analyst_url: str | None = field(default=None, repr=False)
    auditor_url: str | None = field(default=None, repr=False)
    revealer_url: str | None = field(default=None, repr=False)
    landing_url: str = "file:///var/lib/concord/landing"
    seal_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    token_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    notify: str = "log,webhook"
    notify_webhook_url: str | None = field(default=None, repr=False)
    airflow_url: str | None = None
    airflow_user: str | None = None
    airflow_password: str | None = field(default=None, repr=False)
    lost_after: timedelta = LOST_AFTER

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``CONCORD_*`` variables, or from the files that ``CONCORD_*_FILE`` name.

        Raises :class:`SettingMissing` naming the variable.
        """
        env = with_files(os.environ if environment is None else environment)
        return cls(
            loader_url=_required(env, "CONCORD_LOADER_URL"),
            owner_url=env.get("CONCORD_OWNER_URL"),
            analyst_url=env.get("CONCORD_ANALYST_URL"),
            auditor_url=env.get("CONCORD_AUDITOR_URL"),
            revealer_url=env.get("CONCORD_REVEALER_URL"),
            landing_url=_required(env, "CONCORD_LANDING_URL"),
            seal_keys=_keys(env, "CONCORD_SEAL_KEYS"),
            token_keys=_keys(env, "CONCORD_TOKEN_KEYS"),
            notify=env.get("CONCORD_NOTIFY") or "log,webhook",
            notify_webhook_url=env.get("CONCORD_NOTIFY_WEBHOOK_URL"),
            airflow_url=env.get("CONCORD_AIRFLOW_URL"),
            airflow_user=env.get("CONCORD_AIRFLOW_USER"),
            airflow_password=env.get("CONCORD_AIRFLOW_PASSWORD"),
            lost_after=_seconds(env, "CONCORD_LOST_AFTER_S", LOST_AFTER),
        )


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with the content of each file that ``CONCORD_<NAME>_FILE`` names as ``CONCORD_<NAME>``.

    What a variable holds is seen by whoever may look at the process or the container; a mounted
    secret (``/run/secrets/…``) is not. Raises :class:`SettingMissing` where both are set, or the
    file cannot be read.
    """
    found = dict(environment)
    for name, path in environment.items():
        if name.startswith("CONCORD_") and name.endswith(FILE) and path:
            found[name.removesuffix(FILE)] = _content(environment, name, path)
    return found


FILE = "_FILE"


def _content(environment: Mapping[str, str], name: str, path: str) -> str:
    if environment.get(name.removesuffix(FILE)):
        raise SettingMissing(f"{name.removesuffix(FILE)} and {name} are both set: which one counts?")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingMissing(f"{name}: the file it names cannot be read") from None


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise SettingMissing(f"{name} is not set")
    return value


def _seconds(env: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    try:
        return timedelta(seconds=float(env[name])) if env.get(name) else default
    except ValueError:
        raise SettingMissing(f"{name} is not a number of seconds") from None


def _keys(env: Mapping[str, str], name: str) -> dict[str, bytes]:
    """Keys from ``id:base64,id:base64``; each must be 32 bytes."""
    pairs = (entry.partition(":") for entry in _required(env, name).split(","))
    try:
        keys = {key_id.strip(): base64.b64decode(text, validate=True) for key_id, _, text in pairs}
    except binascii.Error:
        raise SettingMissing(f"{name} is not id:base64[,id:base64]") from None
    if any(len(key) != 32 for key in keys.values()):
        raise SettingMissing(f"{name}: every key must be 32 bytes")
    return keys
