"""OpenPGP as the sandbox's partners use it: keys of both sides, made once, and messages as a partner sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pysequoia

from concord.sandbox.private import write_private


@dataclass(frozen=True)
class PgpPair:
    """Our private key and the partner's, armored."""

    ours: str = field(repr=False)
    partner: str = field(repr=False)

    @classmethod
    def kept_in(cls, folder: Path) -> PgpPair:
        """The keys in ``folder``, made at the first call."""
        return cls(_kept(folder / "concord.pgp"), _kept(folder / "partner.pgp"))

    @property
    def connection(self) -> str:
        """The Airflow connection that opens what the partner sends, as JSON."""
        certificate = str(pysequoia.Tsk.from_bytes(self.partner.encode()).extract_certificate())
        extra = {"private_key": self.ours, "certificate": certificate}
        return json.dumps({"conn_type": "pgp", "extra": extra})

    def sealed(self, data: bytes) -> bytes:
        """``data`` encrypted to us and signed by the partner, binary."""
        to = pysequoia.Tsk.from_bytes(self.ours.encode()).extract_certificate()
        signer = pysequoia.Tsk.from_bytes(self.partner.encode()).signer()
        return pysequoia.encrypt(data, recipients=[to], signer=signer, armor=False)


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, str(pysequoia.Tsk.generate(f"{path.stem} sandbox")))
    return path.read_text(encoding="ascii")
