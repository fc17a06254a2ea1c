"""Connections become plain values, and none that believes whoever answers."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.conninfo import conninfo_to_dict

from concord.orchestrate import access
from concord.settings import SettingMissing

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample"
KEYS = "k1:" + base64.b64encode(bytes(32)).decode()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, Connection]:
    """The Connections there are, by id."""
    known: dict[str, Connection] = {}

    def get(conn_id: str) -> Connection:
        if conn_id not in known:
            raise AirflowNotFoundException(conn_id)
        return known[conn_id]

    monkeypatch.setattr(access.Connection, "get", get)
    return known


def sftp(extra: dict[str, Any], **more: Any) -> Connection:
    import json

    values = {"host": "sftp.acme.example", "login": "concord", "password": "pw"} | more
    return Connection(conn_id="acme_sftp", conn_type="sftp", extra=json.dumps(extra), **values)


def test_a_pinned_connection_becomes_an_access_value(connections: dict[str, Connection]) -> None:
    connections["acme_sftp"] = sftp(
        {"host_key": KEY, "private_key": "PEM", "conn_timeout": 7}, port=2222, password=None
    )
    found = access.sftp_access("acme_sftp")
    assert (found.host, found.port, found.username, found.host_key) == ("sftp.acme.example", 2222, "concord", KEY)
    assert (found.private_key, found.password, found.timeout_s) == ("PEM", None, 7.0)


def test_the_port_is_22_unless_said(connections: dict[str, Connection]) -> None:
    connections["acme_sftp"] = sftp({"host_key": KEY})
    assert access.sftp_access("acme_sftp").port == 22


def test_a_key_file_is_read(connections: dict[str, Connection], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("PEM of a file")
    connections["acme_sftp"] = sftp({"host_key": KEY, "key_file": str(tmp_path / "key")}, password=None)
    assert access.sftp_access("acme_sftp").private_key == "PEM of a file"


@pytest.mark.parametrize("name", ["no_host_key_check", "allow_host_key_change"])
@pytest.mark.parametrize("value", [True, "true", "True", "1", "yes"])
def test_a_host_key_check_that_is_off_is_refused(connections: dict[str, Connection], name: str, value: Any) -> None:
    connections["acme_sftp"] = sftp({"host_key": KEY, name: value})
    with pytest.raises(SettingMissing, match=name):
        access.sftp_access("acme_sftp")


@pytest.mark.parametrize("value", [False, "false", "", "no", None])
def test_saying_that_the_check_stays_on_is_allowed(connections: dict[str, Connection], value: Any) -> None:
    connections["acme_sftp"] = sftp({"host_key": KEY, "no_host_key_check": value or False})
    assert access.sftp_access("acme_sftp").host_key == KEY


@pytest.mark.parametrize("host_key", [None, "", "AAAAC3NzaC1lZDI1NTE5"])
def test_a_connection_without_a_pinned_key_is_refused(connections: dict[str, Connection], host_key: str | None) -> None:
    connections["acme_sftp"] = sftp({"host_key": host_key})
    with pytest.raises(SettingMissing, match="host_key"):
        access.sftp_access("acme_sftp")


@pytest.mark.parametrize("missing", ["host", "login", "password"])
def test_a_connection_that_cannot_log_in_is_refused(connections: dict[str, Connection], missing: str) -> None:
    connections["acme_sftp"] = sftp({"host_key": KEY}, **{missing: None})
    with pytest.raises(SettingMissing, match="needs host, login"):
        access.sftp_access("acme_sftp")


def test_a_missing_connection_is_named(connections: dict[str, Connection]) -> None:
    with pytest.raises(SettingMissing, match="acme_sftp"):
        access.sftp_access("acme_sftp")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CONCORD_LOADER_URL": "postgresql://environment@127.0.0.1/concord",
        "CONCORD_LANDING_URL": "file:///nowhere",
        "CONCORD_SEAL_KEYS": KEYS,
        "CONCORD_TOKEN_KEYS": KEYS,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_without_a_loader_connection_the_environment_counts(connections: dict[str, Connection]) -> None:
    assert access.settings().loader_url == "postgresql://environment@127.0.0.1/concord"


@pytest.mark.usefixtures("environment")
def test_the_loader_connection_goes_before_the_environment(connections: dict[str, Connection]) -> None:
    connections["concord_loader"] = Connection(
        conn_id="concord_loader", conn_type="postgres", host="/run/pg", port=5433, login="concord_loader",
        password="p w'", schema="concord", extra='{"sslmode": "require", "cursor": "dictcursor"}',
    )  # fmt: skip
    assert conninfo_to_dict(access.settings().loader_url) == {
        "host": "/run/pg", "port": "5433", "user": "concord_loader", "password": "p w'", "dbname": "concord",
        "sslmode": "require",
    }  # fmt: skip
