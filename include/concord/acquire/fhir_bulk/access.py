"""How to reach a FHIR server's bulk export, and how much of it is taken, as plain values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FhirAccess:
    """One partner's FHIR server, and the client it registered for us.

    ``base_url`` is the FHIR base (``https://…/api/FHIR/R4``). ``private_key`` is PEM: RSA
    signs RS384, EC P-384 signs ES384; ``kid`` names its public half in our JWKS. ``scopes``
    are v1 (``system/*.read``) or v2 (``system/*.rs``), whichever was granted. ``token_url``
    replaces discovery. ``allowed_hosts`` (``name`` or ``name:port``) are places beside the
    base's host that its URLs may lead to: a file store, a token server that discovery names.
    ``ca_file`` replaces the usual authorities; ``timeout_s`` bounds each wait, in seconds.
    With ``no_auth`` (an open test server) no token is asked for or sent, and there is no client or key.
    """

    base_url: str
    client_id: str
    private_key: str = field(repr=False)
    kid: str
    scopes: tuple[str, ...] = ("system/*.read",)
    token_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    ca_file: str | None = None
    timeout_s: float = 30.0
    no_auth: bool = False

    @property
    def fingerprint(self) -> str:
        """Tells servers and clients apart without naming them: what was given to one is not for another."""
        said = (self.base_url, self.token_url, self.client_id, self.kid, self.scopes)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    @classmethod
    def without_auth(
        cls, base_url: str, *, allowed_hosts: tuple[str, ...] = (), ca_file: str | None = None, timeout_s: float = 30.0
    ) -> FhirAccess:
        """A server that asks nobody who they are."""
        return cls(
            base_url, client_id="", private_key="", kid="", scopes=(), allowed_hosts=allowed_hosts, ca_file=ca_file,
            timeout_s=timeout_s, no_auth=True,
        )  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How much is taken: bytes are of plaintext; a manifest's pages count each by itself."""

    manifest_bytes: int = 50_000_000
    manifest_pages: int = 1_000
    files: int = 200_000
    file_bytes: int = 20_000_000_000
