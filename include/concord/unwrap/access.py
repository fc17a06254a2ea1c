"""Keys of one partner's messages, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PgpAccess:
    """Our private keys (armored), the newest first, and the certificates whose signatures count.

    ``passphrase`` opens all private keys that have one. Secrets are kept out of the ``repr``.
    """

    private_keys: tuple[str, ...] = field(repr=False)
    certificates: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)
