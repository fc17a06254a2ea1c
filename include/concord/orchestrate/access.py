"""Airflow Connections as plain access values: what a task needs, and nothing of Airflow.

Called inside tasks only: a Connection read while a DAG is parsed would be read by
every task process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from concord.acquire import SftpAccess
from concord.connections import CHECKS_OFF, says_yes
from concord.contract import Feed
from concord.settings import SettingMissing, Settings

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.unwrap import PgpAccess

LOADER = "concord_loader"
"""The Postgres Connection of the loading role; without it ``CONCORD_LOADER_URL`` counts."""
POSTGRES_EXTRAS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs", "channel_binding")


def sftp_access(conn_id: str) -> SftpAccess:
    """How to log in at the partner, from the SFTP Connection ``conn_id``.

    Raises :class:`SettingMissing` where the Connection is missing, pins no host key,
    switches the check of it off, or has no way to log in.
    """
    connection = named(conn_id)
    if connection is None:
        raise SettingMissing(f"there is no Airflow connection {conn_id!r}")
    extra = connection.extra_dejson
    refuse_unpinned(conn_id, extra)
    key = _private_key(conn_id, extra)
    if not connection.host or not connection.login or not (key or connection.password):
        raise SettingMissing(f"connection {conn_id!r} needs host, login and a private_key or password")
    return SftpAccess(
        host=connection.host,
        port=connection.port or 22,
        username=connection.login,
        host_key=str(extra["host_key"]).strip(),
        private_key=key,
        password=connection.password or None,
        timeout_s=float(extra.get("conn_timeout", 20)),
    )


def fhir_access(conn_id: str) -> FhirAccess:
    """How to ask a FHIR server, from the HTTP Connection ``conn_id``: login is the client id, the extra has the key.

    Extra: ``base_url``, ``private_key`` (PEM), ``kid``, and where they are needed ``scopes``, ``allowed_hosts``
    (blank between several), ``token_url``, ``ca_file``, ``timeout``. Raises :class:`SettingMissing`.
    """
    from concord.acquire.fhir_bulk.access import FhirAccess

    connection = named(conn_id)
    if connection is None:
        raise SettingMissing(f"there is no Airflow connection {conn_id!r}")
    extra = connection.extra_dejson
    key = _private_key(conn_id, extra)
    if not (extra.get("base_url") and connection.login and key and extra.get("kid")):
        raise SettingMissing(f"connection {conn_id!r} needs login (client id), base_url, private_key and kid")
    return FhirAccess(
        base_url=str(extra["base_url"]),
        client_id=connection.login,
        private_key=key,
        kid=str(extra["kid"]),
        scopes=tuple(str(extra.get("scopes") or "system/*.read").split()),
        token_url=str(extra["token_url"]) if extra.get("token_url") else None,
        allowed_hosts=tuple(str(extra.get("allowed_hosts") or "").split()),
        ca_file=str(extra["ca_file"]) if extra.get("ca_file") else None,
        timeout_s=float(extra.get("timeout", 30)),
    )


def pgp_access(feed: Feed) -> PgpAccess | None:
    """Keys for the envelopes of ``feed``, from its Connection of type ``pgp``; None where nothing is encrypted.

    Extra: ``private_key`` (ours, armored, several one after the other while a key is changed) and ``certificate`` (the
    partner's, likewise). The password is the passphrase of our keys. Raises :class:`SettingMissing`.
    """
    from concord.unwrap import PgpAccess

    layer = None if feed.pulls else feed.drop.pgp
    if layer is None:
        return None
    connection = named(layer.conn_id)
    if connection is None:
        raise SettingMissing(f"there is no Airflow connection {layer.conn_id!r}")
    extra = connection.extra_dejson
    if not extra.get("private_key") or (layer.signed and not extra.get("certificate")):
        raise SettingMissing(f"connection {layer.conn_id!r} needs private_key, and certificate where signatures count")
    return PgpAccess(
        conn_id=layer.conn_id,
        private_keys=str(extra["private_key"]),
        certificates=str(extra.get("certificate") or ""),
        passphrase=connection.password or None,
    )


def refuse_unpinned(conn_id: str, extra: Mapping[str, Any]) -> None:
    """Raises :class:`SettingMissing` unless ``extra`` pins a host key and leaves the check on."""
    for name in CHECKS_OFF:
        if says_yes(extra.get(name)):
            raise SettingMissing(f"connection {conn_id!r} says {name}: whoever answers would be believed")
    if len(str(extra.get("host_key") or "").split()) < 2:
        raise SettingMissing(f"connection {conn_id!r} pins no host_key (as in 'ssh-ed25519 AAAA…')")


def _private_key(conn_id: str, extra: Mapping[str, Any]) -> str | None:
    if extra.get("private_key_passphrase"):
        raise SettingMissing(f"connection {conn_id!r}: keep the key unencrypted in the secrets backend, no passphrase")
    if extra.get("private_key"):
        return str(extra["private_key"])
    path = extra.get("key_file")
    return Path(str(path)).read_text(encoding="ascii") if path else None


def settings() -> Settings:
    """This installation's settings: the environment, with the loader's Connection where there is one.

    Raises :class:`SettingMissing` naming what is not set.
    """
    environment = dict(os.environ)
    loader = named(LOADER)
    if loader is not None:
        environment.pop("CONCORD_LOADER_URL_FILE", None)
        environment["CONCORD_LOADER_URL"] = conninfo(loader)
    return Settings.from_environment(environment)


def conninfo(connection: Connection) -> str:
    """The Postgres Connection ``connection`` as a libpq connection string."""
    extra = {name: value for name, value in connection.extra_dejson.items() if name in POSTGRES_EXTRAS}
    parts = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
    }
    try:
        return make_conninfo("", **{name: value for name, value in (parts | extra).items() if value})
    except ProgrammingError:
        pass
    raise SettingMissing(f"connection {connection.conn_id!r} is no Postgres connection")


def named(conn_id: str) -> Connection | None:
    """The Connection as Airflow finds it from here; None where there is none."""
    try:
        found: Connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    return found
