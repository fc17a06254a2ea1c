"""Keys at work: tokens to match by, sealed values to keep, data keys to archive under.

Tokens are HMAC-SHA-256 under a key that the database never sees: there are only
10^9 social security numbers, so that an unkeyed hash of one is reversed in
seconds. Values are sealed by AES-256-GCM with a random nonce, and bound to the
place they are stored at, so that a cell copied to another row does not open.

The first key of a ring is the one in use; the others still open (and recompute)
what was made under them. Every sealed value, wrapped key and token names its key.
A seal key is good for 2^32 sealed values (NIST SP 800-38D §8.3): rotate before.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from concord.entities import Phi
from concord.errors import ConcordError
from concord.settings import Settings

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
TOKEN_HEX: Final = 32
FORMAT: Final = 1
KEY_ID: Final = re.compile(r"\A[A-Za-z0-9_.-]{1,32}\Z")
HIDDEN: Final = "•••"

VALUE, DATA_KEY = b"value\0", b"data key\0"
"""What a sealed thing is, part of its associated data: a wrapped key never opens as a value."""


class ProtectError(ConcordError):
    """A sealed value does not open: altered, moved to another place, or the key is a wrong one."""


class UnknownKey(ProtectError):
    """The key that something was sealed under is not in the ring: the operator has to add it."""


class KeyRing:
    """The keys of one installation. Knows its key ids and shows nothing else.

    Raises :class:`ProtectError` for a ring without a key, a key that is not 32
    bytes, or an id that is not 1 to 32 of ``A-Za-z0-9_.-``.
    """

    def __init__(self, seal_keys: Mapping[str, bytes], token_keys: Mapping[str, bytes]) -> None:
        _check("seal keys", seal_keys)
        _check("token keys", token_keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in seal_keys.items()}
        self._token_keys = dict(token_keys)
        self._hashes: dict[tuple[str, str], hmac.HMAC] = {}
        self.seal_key_ids, self.token_key_ids = tuple(seal_keys), tuple(token_keys)
        self.seal_key_id = next(iter(seal_keys))
        self.token_key_id = next(iter(token_keys))
        self._header = _header(self.seal_key_id)
        self._cipher = self._ciphers[self.seal_key_id]

    @classmethod
    def from_settings(cls, settings: Settings) -> KeyRing:
        """The ring of an installation; raises :class:`ProtectError` where a key is missing."""
        return cls(settings.seal_keys, settings.token_keys)

    def __repr__(self) -> str:
        return f"KeyRing(seal={list(self._ciphers)}, token={list(self._token_keys)})"

    # ── tokens ─────────────────────────────────────────────────────────────────

    def token(self, value: str, *, kind: str) -> str:
        """The token of a normalised ``value``: ``<key id>:<32 hex digits>``, the same each time.

        ``kind`` ("ssn", "file_name") keeps the domains apart: equal values of two
        kinds have different tokens.
        """
        state = self._hash(self.token_key_id, kind).copy()
        state.update(value.encode())
        return f"{self.token_key_id}:{state.hexdigest()[:TOKEN_HEX]}"

    def tokens(self, values: Iterable[str], kind: str, *, key_id: str | None = None) -> list[str]:
        """:meth:`token` of each value, in order; under another key of the ring where ``key_id`` names one.

        Raises :class:`UnknownKey` where the ring does not have it.
        """
        key_id = key_id or self.token_key_id
        base, prefix, found = self._hash(key_id, kind), f"{key_id}:", []
        for value in values:
            state = base.copy()
            state.update(value.encode())
            found.append(prefix + state.hexdigest()[:TOKEN_HEX])
        return found

    def tokens_under_every_key(self, value: str, *, kind: str) -> tuple[str, ...]:
        """The tokens a value may be stored under while token keys rotate, newest key first."""
        states = ((key_id, self._hash(key_id, kind).copy()) for key_id in self._token_keys)
        return tuple(f"{key_id}:{_digest(state, value)}" for key_id, state in states)

    def has_token_key(self, key_id: str) -> bool:
        """Whether tokens under this key can be computed here."""
        return key_id in self._token_keys

    def _hash(self, key_id: str, kind: str) -> hmac.HMAC:
        """A keyed hash that has read ``kind``: copied per value, which halves the cost."""
        state = self._hashes.get((key_id, kind))
        if state is None:
            if not kind or "\0" in kind:
                raise ProtectError("a token's kind is a word without NUL")
            if key_id not in self._token_keys:
                raise UnknownKey(f"tokens are made under key {key_id!r}, which is not in the ring")
            state = hmac.new(self._token_keys[key_id], f"{kind}\0".encode(), hashlib.sha256)
            self._hashes[key_id, kind] = state
        return state

    # ── sealed values ──────────────────────────────────────────────────────────

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """``plaintext`` sealed for the place ``context`` ("core.member|ssn|<row key>"); differs each time."""
        nonce = os.urandom(NONCE_BYTES)
        return self._header + nonce + self._cipher.encrypt(nonce, plaintext, VALUE + context.encode())

    def seal_many(self, values: Iterable[bytes], contexts: Iterable[str]) -> list[bytes]:
        """:meth:`seal` of each value in its context; raises ``ValueError`` where their numbers differ."""
        return [self.seal(value, context=context) for value, context in zip(values, contexts, strict=True)]

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """What :meth:`seal` was given in the same ``context``; raises :class:`ProtectError`."""
        return self._open(sealed, VALUE + context.encode())

    def reseal(self, sealed: bytes, *, context: str) -> bytes:
        """The same value, sealed under the key in use; raises :class:`ProtectError`."""
        return self.seal(self.open(sealed, context=context), context=context)

    def key_id_of(self, sealed: bytes) -> str:
        """Id of the key that a sealed value or wrapped key needs; raises :class:`ProtectError`."""
        if len(sealed) < 2 or sealed[0] != FORMAT or len(sealed) < 2 + sealed[1] + NONCE_BYTES + TAG_BYTES:
            raise ProtectError("not a sealed value of a format known here")
        key_id = sealed[2 : 2 + sealed[1]].decode("ascii", "replace")
        if not KEY_ID.match(key_id):
            raise ProtectError("not a sealed value of a format known here")
        return key_id

    def _open(self, sealed: bytes, associated: bytes) -> bytes:
        key_id = self.key_id_of(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(f"sealed under key {key_id!r}, which is not in the ring")
        start = 2 + len(key_id)
        body = start + NONCE_BYTES
        try:
            return cipher.decrypt(sealed[start:body], sealed[body:], associated)
        except InvalidTag:
            raise ProtectError(f"does not open under key {key_id!r}: altered, moved, or another key") from None

    # ── data keys ──────────────────────────────────────────────────────────────

    def new_data_key(self, *, context: str = "") -> tuple[bytes, bytes]:
        """A fresh 32-byte key and the same, wrapped for ``context`` under the seal key in use."""
        key = os.urandom(KEY_BYTES)
        return key, self._wrap(key, context)

    def _wrap(self, key: bytes, context: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self._header + nonce + self._cipher.encrypt(nonce, key, DATA_KEY + context.encode())

    def rewrap(self, wrapped: bytes, *, context: str = "") -> bytes:
        """The same data key wrapped under the seal key in use, unchanged where it is so already.

        Raises :class:`ProtectError` where it does not open.
        """
        key = self.unwrap(wrapped, context=context)
        return wrapped if self.key_id_of(wrapped) == self.seal_key_id else self._wrap(key, context)

    def unwrap(self, wrapped: bytes, *, context: str = "") -> bytes:
        """The data key that was wrapped in the same ``context``; raises :class:`ProtectError`."""
        return self._open(wrapped, DATA_KEY + context.encode())


def _header(key_id: str) -> bytes:
    return bytes((FORMAT, len(key_id))) + key_id.encode("ascii")


def _digest(state: hmac.HMAC, value: str) -> str:
    state.update(value.encode())
    return state.hexdigest()[:TOKEN_HEX]


def _check(what: str, keys: Mapping[str, bytes]) -> None:
    if not keys:
        raise ProtectError(f"there are no {what}")
    for key_id, key in keys.items():
        if not KEY_ID.match(key_id):
            raise ProtectError(f"{what}: an id is 1 to 32 of A-Z a-z 0-9 _ . -")
        if len(key) != KEY_BYTES:
            raise ProtectError(f"{what}: key {key_id!r} is not {KEY_BYTES} bytes")


# ── display ────────────────────────────────────────────────────────────────────


def last_four(ssn: str) -> str:
    """The last four digits of a nine-digit number; empty for anything else."""
    plain = ssn.isascii() and ssn.isdigit()  # what validation leaves: nothing to pick out, a hundred thousand times
    digits = ssn if plain else "".join(c for c in ssn if c.isascii() and c.isdigit())
    return digits[-4:] if len(digits) == 9 else ""


def masked(value: str | None, phi: Phi) -> str:
    """``value`` as it may be shown on a screen, by the PHI class of its column.

    None is empty; direct identifiers vanish; indirect ones keep two characters
    of six or more, so that a short code is not given away whole.
    """
    if value is None or value == "":
        return ""
    if phi is Phi.NONE:
        return value
    if phi is Phi.INDIRECT:
        return value[:2] + HIDDEN if len(value) >= 6 else HIDDEN
    return HIDDEN + last_four(value) if phi is Phi.SECRET else HIDDEN
