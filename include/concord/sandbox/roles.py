"""Roles and databases of an installation, on the embedded server or a real one.

``concord`` belongs to ``concord_owner`` and ``airflow`` to ``airflow``; nobody else
may connect but the roles that need to. Passwords reach the server as SCRAM
verifiers, so that no statement log can hold one. Needs Postgres 16 or newer and a
role that may create roles and databases.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

ROLES = ("concord_owner", "concord_loader", "concord_analyst", "concord_auditor", "concord_revealer", "airflow")

ROLE_SETTINGS = {
    "concord_loader": {
        # A stopped process must not block its feed for ever (design: zombies).
        "idle_in_transaction_session_timeout": "60s",
        "lock_timeout": "30s",
        "statement_timeout": "30min",
    },
    # 45 CFR 164.312(a)(2)(iii): who left a query open is logged off.
    "concord_analyst": {"default_transaction_read_only": "on", "idle_in_transaction_session_timeout": "60s"},
    "concord_auditor": {"default_transaction_read_only": "on", "idle_in_transaction_session_timeout": "60s"},
    "concord_revealer": {"idle_in_transaction_session_timeout": "60s", "statement_timeout": "60s"},
}

OWNERS = {"concord": "concord_owner", "airflow": "airflow"}

CONNECT = {"concord": ("concord_loader", "concord_analyst", "concord_auditor", "concord_revealer"), "airflow": ()}
"""Who may connect besides the owner."""

Admin = psycopg.Connection[tuple[object, ...]]


def bootstrap(admin_url: str, *, passwords: Mapping[str, str] | None = None) -> dict[str, str]:
    """Creates roles and databases where they are missing, and sets every password anew.

    ``passwords`` by role; missing ones are made up. Returns role -> libpq URL. Twice
    changes nothing but the passwords that were not given.
    """
    chosen = {role: (passwords or {}).get(role) or secrets.token_hex(24) for role in ROLES}
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role, password in chosen.items():
            _role(admin, role, password)
        for name in OWNERS:
            _database(admin, name)
            grant_connect(admin, name, like=name)
    urls = {role: role_url(admin_url, role, chosen[role]) for role in ROLES}
    with psycopg.connect(urls["concord_owner"], autocommit=True) as owner:
        owner.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # trusted: the database's owner may
    return urls


def role_url(admin_url: str, role: str, password: str, *, database: str | None = None) -> str:
    """libpq URL of ``role`` on the server of ``admin_url``; its own database unless told."""
    parts = conninfo_to_dict(admin_url)
    host, port = str(parts.get("host", "127.0.0.1")), str(parts.get("port", "5432"))
    return f"postgresql://{role}:{password}@{host}:{port}/{database or ('airflow' if role == 'airflow' else 'concord')}"


def grant_connect(admin: Admin, database: str, *, like: str = "concord") -> None:
    """Closes ``database`` to everybody but its owner and the roles of database ``like``."""
    name = sql.Identifier(database)
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for role in CONNECT[like]:
        admin.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(name, sql.Identifier(role)))


def _role(admin: Admin, role: str, password: str) -> None:
    name = sql.Identifier(role)
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE").format(name))
        if not _superuser(admin):
            admin.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH SET TRUE").format(name))
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))
    for setting, value in ROLE_SETTINGS.get(role, {}).items():
        admin.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value)))


def _superuser(admin: Admin) -> bool:
    return admin.info.parameter_status("is_superuser") == "on"


def _database(admin: Admin, name: str) -> None:
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    database, owner = sql.Identifier(name), sql.Identifier(OWNERS[name])
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(database, owner))
