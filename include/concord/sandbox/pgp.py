"""Keys of the sandbox: ours and the partner's, the connection that holds them, and what a partner does with them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from pysequoia import Cert, Tsk, encrypt

from concord.sandbox.private import write_private


@dataclass(frozen=True)
class PgpKeys:
    """Two private keys, armored: each side has one, and the other's certificate."""

    ours: str = field(repr=False)
    partners: str = field(repr=False)

    @classmethod
    def generate(cls, partner: str) -> PgpKeys:
        """New keys for us and for ``partner`` (its name in the sandbox)."""
        return cls(str(Tsk.generate("Concord sandbox")), str(Tsk.generate(f"{partner} sandbox")))

    @classmethod
    def kept(cls, path: Path, partner: str) -> PgpKeys:
        """The keys in the file ``path``, made at the first call; mode 0600."""
        if not path.exists():
            made = cls.generate(partner)
            write_private(path, json.dumps({"ours": made.ours, "partners": made.partners}))
        return cls(**json.loads(path.read_text(encoding="ascii")))

    @property
    def connection(self) -> str:
        """The Airflow connection of these keys, as JSON for ``AIRFLOW_CONN_…``."""
        extra = {"private_key": self.ours, "certificate": certificate(self.partners)}
        return json.dumps({"conn_type": "pgp", "extra": extra})

    def encrypt_and_sign(self, data: bytes, *, armor: bool = False) -> bytes:
        """What the partner sends: ``data`` signed with its key, encrypted for ours."""
        recipient = Cert.from_bytes(certificate(self.ours).encode("ascii"))
        return encrypt(data, [recipient], Tsk.from_bytes(self.partners.encode("ascii")).signer(), armor=armor)


def certificate(private_key: str) -> str:
    """The public part of an armored private key, armored."""
    return str(Tsk.from_bytes(private_key.encode("ascii")).extract_certificate())
