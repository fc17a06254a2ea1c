"""Which connections PHI may not go over; a finding names the connection and the rule, never a value."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pysequoia import Tsk
from typer.testing import CliRunner

from concord.catalogue import feed
from concord.cli import app
from concord.connections import RULES, Facts, Finding, check, is_local, missing
from concord.contract import Pgp
from concord.orchestrate import access
from concord.orchestrate.connections import lint
from concord.sandbox.pgp import PgpKeys, certificate
from concord.settings import SettingMissing, Settings
from concord.steps import settings_findings
from concord.steps.linting import unfit

FEED = feed("acme_eligibility")


@cache
def key(kind: str) -> Any:
    return {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
        "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()


def private(kind: str = "ed25519") -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    return str(key(kind).private_bytes(*form).decode())


def public(kind: str = "ed25519") -> str:
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return str(key(kind).public_key().public_bytes(*form).decode())


def hidden(name: str) -> bool:
    return name == "private_key"


def rules(**values: Any) -> set[str]:
    return {finding.rule for finding in check(Facts("c", **values), is_hidden=hidden)}


def sftp(**extra: Any) -> set[str]:
    """Rules that a sound SFTP connection breaks after these changes of its extra."""
    return rules(kind="sftp", host="h", extra={"host_key": public(), "private_key": private()} | extra)


def test_a_sound_connection_breaks_no_rule() -> None:
    assert sftp() == set()
    assert sftp(host_key=f"{public()}\n{public('ecdsa')}", no_host_key_check="false") == set()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa3072"])
def test_strong_keys_are_fine(kind: str) -> None:
    assert sftp(host_key=public(kind), private_key=private(kind)) == set()


@pytest.mark.parametrize(
    ("extra", "rule"),
    [
        ({"no_host_key_check": True}, "host_key.check_off"),
        ({"allow_host_key_change": "true"}, "host_key.check_off"),
        ({"host_key": ""}, "host_key.missing"),
        ({"host_key": "ssh-dss AAAAB3NzaC1kc3M="}, "host_key.weak"),
        ({"host_key": "nonsense"}, "host_key.weak"),
        ({"private_key": ""}, "login.password"),
        ({"private_key": "nonsense"}, "login.key_weak"),
        ({"private_key": "", "key_file": "/nowhere/at/all"}, "login.key_missing"),
        ({"ciphers": "aes256-gcm@openssh.com,aes128-cbc"}, "algorithm.legacy"),
        ({"kex_algs": ["diffie-hellman-group1-sha1"]}, "algorithm.legacy"),
        ({"note": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "extra.shown"),
    ],
)
def test_a_rule_that_is_broken_is_named(extra: dict[str, Any], rule: str) -> None:
    assert sftp(**extra) == {rule}


@pytest.mark.parametrize("name", ["host_key", "private_key"])
def test_a_short_rsa_key_is_too_weak(name: str) -> None:
    value = public("rsa2048") if name == "host_key" else private("rsa2048")
    assert sftp(**{name: value}) == {"host_key.weak" if name == "host_key" else "login.key_weak"}


def test_a_second_pinned_key_is_judged_too() -> None:
    assert sftp(host_key=f"{public()}\n{public('rsa2048')}") == {"host_key.weak"}


def test_a_password_besides_the_key_is_one_too_many() -> None:
    extra = {"host_key": public(), "private_key": private()}
    assert rules(kind="sftp", host="h", has_password=True, extra=extra) == {"login.both"}


@pytest.mark.parametrize(("mode", "found"), [(0o600, set()), (0o644, {"login.key_open"})])
def test_a_key_file_is_its_users_alone(mode: int, found: set[str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(private())
    file.chmod(mode)
    assert sftp(private_key="", key_file=str(file)) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"kind": "postgres", "host": "db.example"}, {"tls.unverified"}),
        ({"kind": "postgres", "host": "db.example", "extra": {"sslmode": "require"}}, {"tls.unverified"}),
        ({"kind": "postgres", "host": "db.example", "extra": {"sslmode": "verify-full"}}, set()),
        ({"kind": "postgres", "host": "/run/postgresql"}, set()),
        ({"kind": "postgres", "host": "127.0.0.1"}, set()),
        ({"kind": "http", "host": "hooks.example"}, {"tls.off"}),
        ({"kind": "http", "host": "hooks.example", "scheme": "https"}, set()),
        ({"kind": "http", "host": "https://hooks.example", "extra": {"verify": False}}, {"tls.unverified"}),
        ({"kind": "http", "host": "http://127.0.0.1:1"}, set()),
        ({"kind": "aws", "extra": {"endpoint_url": "http://s3.example"}}, {"tls.off"}),
        ({"kind": "aws", "extra": {"verify": "false"}}, {"tls.unverified"}),
        ({"kind": "smtp", "host": "mail.example", "extra": {"disable_tls": True, "disable_ssl": True}}, {"tls.off"}),
        ({"kind": "smtp", "host": "mail.example", "extra": {"disable_ssl": True}}, set()),
        ({"kind": "generic", "extra": {"url": "https://u:p@h"}}, {"extra.shown"}),
    ],
)
def test_what_speaks_tls_verifies_whom_it_speaks_to(values: dict[str, Any], found: set[str]) -> None:
    assert rules(**values) == found


@pytest.mark.parametrize(("host", "local"), [("::1", True), ("127.1.2.3", True), ("10.0.0.1", False), ("db", False)])
def test_only_this_machine_is_local(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_no_finding_says_a_value() -> None:
    canaries = ["CANARYHOST", "CANARYPASS", "CANARYKEY", "CANARYNAME"]
    extra = {
        "host_key": "ssh-dss CANARYKEY", "private_key": "CANARYKEY", "ciphers": "cbc CANARYKEY",
        "endpoint_url": "http://CANARYHOST", "verify": False, "no_host_key_check": "CANARYPASS",
        "CANARYNAME": "-----BEGIN PRIVATE KEY CANARYPASS",
    }  # fmt: skip
    for kind in [*RULES, "other"]:
        facts = Facts("conn", kind, "CANARYHOST", has_password=True, extra=extra)
        found = check(facts, is_hidden=hidden)
        text = repr((found, facts, unfit("conn", found)))
        assert found
        assert not [canary for canary in canaries if canary in text]


# ── through Airflow ────────────────────────────────────────────────────────────


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Connection]:
    """The connections that Airflow has."""
    found: dict[str, Connection] = {}
    monkeypatch.setattr(access, "named", found.get)
    return found


def made(extra: dict[str, Any], **values: Any) -> Connection:
    conn_id = FEED.source.conn_id
    return Connection(conn_id=conn_id, conn_type="sftp", host="h", login="u", extra=json.dumps(extra), **values)


def test_every_connection_that_a_contract_names_exists(known: dict[str, Connection]) -> None:
    assert lint([FEED]) == [missing(FEED.source.conn_id)]
    known[FEED.source.conn_id] = made({"host_key": public(), "private_key": private()})
    assert lint([FEED]) == []


def test_the_connections_of_notifications_are_asked_for_too(known: dict[str, Connection]) -> None:
    known[FEED.source.conn_id] = made({"host_key": public(), "private_key": private()})
    assert lint([FEED], "log,smtp:concord_smtp@urgent") == [missing("concord_smtp")]


def test_airflow_masks_the_fields_that_keys_belong_into(known: dict[str, Connection]) -> None:
    known[FEED.source.conn_id] = made({"host_key": public(), "private_key": private(), "remark": private()})
    assert [finding.rule for finding in lint([FEED])] == ["extra.shown"]


def test_the_shell_asks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = "k1:" + base64.b64encode(bytes(32)).decode()
    extra = {"host_key": public(), "private_key": private(), "no_host_key_check": True}
    for name, value in {
        "CONCORD_LOADER_URL": "postgresql://u:CANARYPASS@db.example/concord", "CONCORD_LANDING_URL": "file:///x",
        "CONCORD_SEAL_KEYS": ring, "CONCORD_TOKEN_KEYS": ring,
        "AIRFLOW_CONN_ACME_SFTP": json.dumps({"conn_type": "sftp", "host": "h", "extra": extra}),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("concord.cli.connections.feeds", lambda: {FEED.name: FEED})
    done = CliRunner().invoke(app, ["connections", "check"])
    assert done.exit_code == 1, done.output
    assert "acme_sftp host_key.check_off" in done.output
    assert "CONCORD_LOADER_URL tls.unverified" in done.output
    assert "CANARYPASS" not in done.output


def test_the_urls_of_the_settings_verify_their_server() -> None:
    def found(url: str) -> list[Finding]:
        return list(settings_findings(Settings(loader_url=url)))

    assert [f.conn_id for f in found("postgresql://u:p@db.example/concord")] == ["CONCORD_LOADER_URL"]
    assert found("postgresql://u:p@db.example/concord?sslmode=verify-full") == []
    assert found("postgresql://u:p@127.0.0.1/concord") == []
    told = Settings(loader_url="postgresql://127.0.0.1/concord", notify_webhook_url="http://hooks.example/x")
    assert [f.rule for f in settings_findings(told)] == ["tls.off"]


# ── OpenPGP ──


def pgp(has_password: bool = False, **extra: Any) -> set[str]:
    """Rules that a sound connection with keys breaks after these changes of its extra."""
    sound = json.loads(PGP_KEYS.connection)["extra"]
    return rules(kind="pgp", has_password=has_password, extra=sound | extra)


PGP_KEYS = PgpKeys.generate("acme")
ENDING = str(Tsk.generate("ending", validity_seconds=13 * 86_400))
LASTING = str(Tsk.generate("lasting", validity_seconds=15 * 86_400))
LOCKED = (Path(__file__).parent / "data" / "locked.asc").read_text(encoding="ascii")


def test_sound_keys_break_no_rule() -> None:
    assert pgp() == set()
    assert pgp(private_key=ENDING + PGP_KEYS.ours, certificate=certificate(ENDING) + certificate(LASTING)) == set()
    assert pgp(private_key=LOCKED, has_password=True) == set()


@pytest.mark.parametrize(
    ("rule", "extra"),
    [
        ("login.key_missing", {"private_key": ""}),
        ("login.key_missing", {"private_key": PGP_KEYS.ours[:400]}),
        ("login.key_missing", {"private_key": certificate(PGP_KEYS.ours)}),
        ("login.key_expired", {"private_key": ENDING}),
        ("login.key_locked", {"private_key": LOCKED}),
        ("certificate.missing", {"certificate": " "}),
        ("certificate.unreadable", {"certificate": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}),
        ("certificate.expired", {"certificate": certificate(ENDING)}),
        ("certificate.secret", {"certificate": PGP_KEYS.partners}),
    ],
)
def test_keys_that_open_nothing_or_prove_nothing_break_a_rule(rule: str, extra: dict[str, str]) -> None:
    assert rule in pgp(**extra)


def with_envelope(monkeypatch: pytest.MonkeyPatch, *, signed: bool, **extra: str) -> Any:
    """A feed whose files are encrypted, and its connection."""
    made = json.loads(PGP_KEYS.connection)
    monkeypatch.setenv("AIRFLOW_CONN_ACME_PGP", json.dumps(made | {"extra": made["extra"] | extra}))
    return replace(FEED, source=replace(FEED.drop, envelope=(Pgp("acme_pgp", signed=signed),)))


def test_the_connection_of_an_envelope_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = with_envelope(monkeypatch, signed=True, certificate="")
    assert ("acme_pgp", "certificate.missing") in {(one.conn_id, one.rule) for one in lint([feed])}
    monkeypatch.delenv("AIRFLOW_CONN_ACME_PGP")
    assert ("acme_pgp", "connection.missing") in {(one.conn_id, one.rule) for one in lint([feed])}


def test_a_certificate_is_missing_only_where_signatures_are_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = with_envelope(monkeypatch, signed=False, certificate="")
    assert not [one for one in lint([feed]) if one.conn_id == "acme_pgp"]


def test_keys_become_access_values(monkeypatch: pytest.MonkeyPatch) -> None:
    found = access.pgp_access(with_envelope(monkeypatch, signed=True))
    assert found is not None
    assert (found.conn_id, found.private_keys) == ("acme_pgp", PGP_KEYS.ours)
    assert found.certificates == certificate(PGP_KEYS.partners)
    assert "BEGIN" not in repr(found)
    assert access.pgp_access(FEED) is None


@pytest.mark.parametrize("name", ["private_key", "certificate"])
def test_keys_that_are_not_there_are_a_setting_that_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingMissing, match="acme_pgp"):
        access.pgp_access(with_envelope(monkeypatch, signed=True, **{name: ""}))


def test_airflow_masks_the_field_with_our_keys() -> None:
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    assert should_hide_value_for_key("private_key")
