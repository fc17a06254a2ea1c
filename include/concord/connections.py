"""What a connection must be before PHI goes over it: rules over plain values, findings without any.

Airflow keeps the connections; ``orchestrate.connections`` reads them and asks here. A finding
names the connection and the rule, and never what stands in a field (45 CFR 164.312(d), (e)).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from concord.openpgp import Certificate

LEAST_RSA_BITS = 3072
CHECKS_OFF = ("no_host_key_check", "allow_host_key_change")
SAYS_NO = frozenset({"", "0", "false", "no", "none"})
LEGACY = re.compile(
    r"cbc|3des|arcfour|blowfish|ssh-dss|ssh-rsa\b|md5|sha1\b|diffie-hellman-group1-|none", re.IGNORECASE
)
"""Ciphers, MACs, key exchanges and signatures that nobody should agree to."""
ALGORITHMS = ("ciphers", "encryption_algs", "kex_algs", "mac_algs", "signature_algs", "server_host_key_algs")
SECRET_SHAPE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|://[^:/@\s]+:[^@/\s]+@")


@dataclass(frozen=True)
class Facts:
    """A connection as Airflow has it. No part of it is ever printed but its id."""

    conn_id: str
    kind: str
    host: str = field(default="", repr=False)
    has_password: bool = False
    scheme: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Finding:
    """A rule that a connection breaks, and what to do about it."""

    conn_id: str
    rule: str
    text: str


Breach = tuple[str, str]
Rules = Callable[[Facts], Iterator[Breach]]


def says_yes(value: object) -> bool:
    """Whether a field of an extra switches something on; Airflow takes text as well as booleans."""
    return str(value if value is not None else "").strip().lower() not in SAYS_NO


def check(facts: Facts, *, is_hidden: Callable[[str], bool]) -> list[Finding]:
    """Every rule that the connection breaks. ``is_hidden`` says whether Airflow masks a field of that name."""
    rules = RULES.get(facts.kind, _no_rules)
    return [Finding(facts.conn_id, rule, text) for rule, text in (*rules(facts), *_shown(facts, is_hidden))]


def missing(conn_id: str) -> Finding:
    """A connection that is named and that nobody made."""
    return Finding(conn_id, "connection.missing", "a contract or CONCORD_NOTIFY names it, and Airflow does not have it")


# ── SFTP ───────────────────────────────────────────────────────────────────────


def _sftp(facts: Facts) -> Iterator[Breach]:
    for name in CHECKS_OFF:
        if says_yes(facts.extra.get(name)):
            yield "host_key.check_off", f"{name} is on: whoever answers would be believed"
    yield from _host_keys(str(facts.extra.get("host_key") or ""))
    for name in ALGORITHMS:
        if LEGACY.search(str(facts.extra.get(name) or "")):
            yield "algorithm.legacy", f"{name} allows what was broken long ago: leave it out"
    yield from _login(facts)


def _host_keys(text: str) -> Iterator[Breach]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        yield "host_key.missing", "no host_key is pinned: ask the partner for it over another channel"
    for line in lines:
        weakness = _weakness(line.strip().encode(), public=True)
        if weakness:
            yield "host_key.weak", f"a pinned host key {weakness}"


def _login(facts: Facts) -> Iterator[Breach]:
    key = str(facts.extra.get("private_key") or "")
    path = facts.extra.get("key_file")
    if not key and not path:
        yield "login.password", "logs in by password: agree on a key with the partner (Ed25519)"
        return
    if path and not key:
        try:
            key = Path(str(path)).read_text(encoding="ascii")
            if Path(str(path)).stat().st_mode & 0o077:
                yield "login.key_open", "its key_file can be read by others: chmod 600"
        except (OSError, ValueError):
            yield "login.key_missing", "its key_file cannot be read here"
            return
    if facts.has_password:
        yield "login.both", "has a password besides its key: remove it"
    weakness = _weakness(key.encode(), public=False)
    if weakness:
        yield "login.key_weak", f"its private key {weakness}"


def _weakness(text: bytes, *, public: bool) -> str | None:
    """What is wrong with a key, or None: RSA below 3072 bits, DSA, or nothing that can be read without a passphrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, rsa
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
        load_ssh_public_key,
    )

    try:
        if public:
            key: object = load_ssh_public_key(text)
        else:
            load = load_ssh_private_key if b"OPENSSH PRIVATE" in text else load_pem_private_key
            key = load(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "cannot be read: an algorithm nobody should use any more, a passphrase, or no key at all"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        return f"is RSA of {key.key_size} bits: at least {LEAST_RSA_BITS}, or Ed25519"
    return "is DSA: use Ed25519" if isinstance(key, dsa.DSAPublicKey | dsa.DSAPrivateKey) else None


# ── what speaks TLS ────────────────────────────────────────────────────────────


def _fhir(facts: Facts) -> Iterator[Breach]:
    """A FHIR server's base URL and the key we sign with stand in the extra (SMART Backend Services)."""
    base = urlsplit(str(facts.extra["base_url"]))
    if base.scheme != "https" and not is_local(base.hostname or ""):
        yield "tls.off", "base_url is not https: what goes over it can be read"
    weakness = (
        _weakness(str(facts.extra["private_key"]).encode(), public=False) if facts.extra.get("private_key") else None
    )
    if weakness:
        yield "login.key_weak", f"its private key {weakness}"


def _postgres(facts: Facts) -> Iterator[Breach]:
    if not is_local(facts.host) and facts.extra.get("sslmode") != "verify-full":
        yield "tls.unverified", "sslmode is not verify-full: whoever answers would be believed"


QUIET: Mapping[str, tuple[str, ...]] = {
    "log_min_messages": ("log", "fatal", "panic"),
    "log_min_error_statement": ("panic", "fatal", "log"),
    "log_error_verbosity": ("terse",),
    "log_statement": ("none", "ddl"),
    "log_min_duration_statement": ("-1",),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
}
"""What a server's settings must be so that no value reaches its log; the first of each is ours. ``log`` lies above
``error`` here: errors, whose texts quote values, are not logged; start and stop are."""


def check_server(conn_id: str, settings: Mapping[str, str]) -> Iterator[Finding]:
    """The settings of a Postgres server by which its log may come to quote rows."""
    for name, fits in QUIET.items():
        if settings.get(name) not in fits:
            yield Finding(conn_id, f"server.{name}", f"is not {fits[0]}: the server's log may quote rows")


def _http(facts: Facts) -> Iterator[Breach]:
    url = urlsplit(facts.host if "://" in facts.host else f"{facts.scheme or 'http'}://{facts.host}")
    if facts.extra.get("base_url"):
        yield from _fhir(facts)
    elif url.scheme != "https" and not is_local(url.hostname or ""):
        yield "tls.off", "is not https: what goes over it can be read"
    yield from _verify(facts)


def _verify(facts: Facts) -> Iterator[Breach]:
    if "verify" in facts.extra and not says_yes(facts.extra["verify"]):
        yield "tls.unverified", "verify is off: whoever answers would be believed"


def _aws(facts: Facts) -> Iterator[Breach]:
    endpoint = urlsplit(str(facts.extra.get("endpoint_url") or ""))
    if endpoint.scheme == "http" and not is_local(endpoint.hostname or ""):
        yield "tls.off", "endpoint_url is not https: what goes over it can be read"
    yield from _verify(facts)


def _smtp(facts: Facts) -> Iterator[Breach]:
    if (
        says_yes(facts.extra.get("disable_tls"))
        and says_yes(facts.extra.get("disable_ssl"))
        and not is_local(facts.host)
    ):
        yield "tls.off", "neither TLS nor STARTTLS: the password and every text can be read"


# ── OpenPGP ────────────────────────────────────────────────────────────────────

UNCERTIFIED = "certificate.missing"
"""A rule that counts only where a contract demands signatures."""
LASTS = timedelta(days=14)
"""A key that ends sooner is to be changed now: the partner needs time for it."""


def _pgp(facts: Facts) -> Iterator[Breach]:
    """Our private keys and the partner's certificates stand in the extra (``docs/formats.md``, Envelopes)."""
    yield from _our_keys(facts)
    yield from _their_certificates(str(facts.extra.get("certificate") or ""))


def _our_keys(facts: Facts) -> Iterator[Breach]:
    from concord.openpgp import Unreadable, certificates, openers

    text = str(facts.extra.get("private_key") or "")
    try:
        keys = [key for key in certificates(text) if key.has_secret]
        is_usable = bool(facts.has_password or openers(text, None))
    except Unreadable:
        yield "login.key_missing", "its private_key is missing or cannot be read: armored, with the private part"
        return
    if not keys:
        yield "login.key_missing", "its private_key has no private part"
    elif not any(_lasts(key) for key in keys):
        yield "login.key_expired", f"no key of ours lasts {LASTS.days} days more: make a new one and tell the partner"
    elif not is_usable:
        yield "login.key_locked", "no key of ours can decrypt: it needs its passphrase as password, or a subkey for it"


def _their_certificates(text: str) -> Iterator[Breach]:
    from concord.openpgp import Unreadable, certificates

    if not text.strip():
        yield UNCERTIFIED, "no certificate of the partner: whoever has our public key would be believed"
        return
    try:
        found = certificates(text)
    except Unreadable:
        yield "certificate.unreadable", "its certificate cannot be read"
        return
    if any(certificate.has_secret for certificate in found):
        yield "certificate.secret", "its certificate has the partner's private part: ask for a new key"
    if not any(_lasts(certificate) for certificate in found):
        yield "certificate.expired", f"no certificate of the partner lasts {LASTS.days} days more: ask for a new one"


def _lasts(key: Certificate) -> bool:
    return not key.is_revoked and (key.expires is None or key.expires > datetime.now(UTC) + LASTS)


def _no_rules(_: Facts) -> Iterator[Breach]:
    yield from ()


RULES: Mapping[str, Rules] = {
    "pgp": _pgp,
    "sftp": _sftp,
    "ssh": _sftp,
    "postgres": _postgres,
    "http": _http,
    "slackwebhook": _http,
    "aws": _aws,
    "smtp": _smtp,
}
"""Rules by Airflow's connection type; every type is asked for secrets that would be shown."""


def _shown(facts: Facts, is_hidden: Callable[[str], bool]) -> Iterator[Breach]:
    """Airflow masks fields by their name: a key under another name stands in the UI for everybody."""
    for name, value in facts.extra.items():
        if SECRET_SHAPE.search(str(value)) and not is_hidden(name):
            yield "extra.shown", f"field {_field(name)} holds a secret under a name that Airflow does not mask"


def _field(name: str) -> str:
    """A field's name where it is one; a secret may have been pasted into the wrong place."""
    return name if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) else "with an odd name"


def is_local(host: str) -> bool:
    """Whether a host is this machine: a socket's folder, or loopback."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
