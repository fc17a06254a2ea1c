"""Key pairs of the sandbox's client: made here, so that no test or demo needs one from elsewhere."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ClientKey:
    """One key pair. ``private_pem`` is PKCS#8 without a password; ``jwk`` is the public half."""

    kid: str
    algorithm: str
    private_pem: str = field(repr=False)
    jwk: dict[str, Any] = field(repr=False)


def new_key(algorithm: str) -> ClientKey:
    """A new pair for ``RS384`` (2048 bits) or ``ES384`` (P-384); raises ValueError for another."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "RS384":
        private = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    elif algorithm == "ES384":
        private = ec.generate_private_key(ec.SECP384R1())
    else:
        raise ValueError(f"SMART Backend Services knows RS384 and ES384, not {algorithm}")
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    kid = f"sandbox-{secrets.token_hex(6)}"
    return ClientKey(kid, algorithm, pem, public_jwk(pem, kid, algorithm))


def public_jwk(pem: str, kid: str, algorithm: str) -> dict[str, Any]:
    """The public half of a private key, as RFC 7517 has it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    public: Any = load_pem_private_key(pem.encode("ascii"), None).public_key()
    kind = RSAAlgorithm if algorithm == "RS384" else ECAlgorithm
    written: Any = kind.to_jwk(public)
    jwk: dict[str, Any] = json.loads(written)
    return jwk | {"kid": kid, "alg": algorithm, "use": "sig", "key_ops": ["verify"]}
