"""Seeded damage to envelopes: each mutant is opened to what was in it, or refused; nothing else happens."""

from __future__ import annotations

import gzip
import io
from random import Random

import pytest

from concord.contract.envelope import Gzip, Wrapping, Zip
from concord.errors import DeliveryRejected
from concord.unwrap import PgpAccess, unwrap
from tests.unit.envelopes import PGP, Kept, access, message, sealed, signed, zipped

MUTANTS = 300
CONTENT = b"".join(b"E%05d,Smithqzbcdfgh\r\n" % number for number in range(300))
MOST = 1 << 20
WRAPPED: dict[str, tuple[bytes, tuple[Wrapping, ...], PgpAccess]] = {
    "pgp": (message(CONTENT), (PGP,), access()),
    "armored pgp": (message(CONTENT, armor=True), (PGP,), access()),
    "old pgp": (sealed(signed(CONTENT), "rsa"), (PGP,), access("rsa")),
    "zip": (zipped({"x.txt": b"x", "a.csv": CONTENT, "b/": b""}), (Zip("*.csv"),), access()),
    "gzip": (gzip.compress(CONTENT[:3_000]) + gzip.compress(CONTENT[3_000:]), (Gzip(),), access()),
    "zip in pgp": (message(zipped({"a.csv": CONTENT})), (PGP, Zip("*.csv")), access()),
}


class Bounded(io.BytesIO):
    """A target that must not get much."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        assert self.tell() + len(data) <= MOST
        return super().write(data)


def mutant(data: bytes, random: Random) -> bytes:
    """``data`` after one to four of: a bit turned, bytes overwritten, cut out, doubled, moved, or the end cut off."""
    out = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.choice((random.randrange(len(out) + 1), random.randrange(min(len(out), 64) + 1)))
        at = len(out) - at if random.random() < 0.3 else at
        length = random.choice((1, 2, 4, 16, 200))
        match random.randrange(6):
            case 0 if at < len(out):
                out[at] ^= 1 << random.randrange(8)
            case 1:
                out[at : at + length] = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = out[at : at + length]
            case 4:
                piece = out[at : at + length]
                del out[at : at + length]
                other = random.randrange(len(out) + 1)
                out[other:other] = piece
            case _:
                del out[max(at, 1) :]
        out = out or bytearray(b"x")
    return bytes(out)


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_damaged_envelope_is_opened_to_what_was_in_it_or_refused(kind: str) -> None:
    data, envelope, keys = WRAPPED[kind]
    codes: dict[str, int] = {}
    for seed in range(MUTANTS):
        code = outcome(mutant(data, Random(f"{kind} {seed}")), envelope, keys)
        codes[code] = codes.get(code, 0) + 1
    assert sum(codes.values()) == MUTANTS
    assert sum(count for code, count in codes.items() if code.startswith("envelope.")) > MUTANTS // 2
    assert len(codes) > 2
    assert "quoted" not in codes
    assert kind == "gzip" or "part" not in codes, (
        "a gzip file without one of its members is a gzip file; nothing else is"
    )


def outcome(data: bytes, envelope: tuple[Wrapping, ...], keys: PgpAccess) -> str:
    """The code of the refusal, ``whole``, or ``part`` of what was in it; any other exception is an error."""
    target = Bounded()
    try:
        unwrap(io.BytesIO(data), envelope, keys, target, Kept)
    except DeliveryRejected as error:
        return "quoted" if "Smithq" in str(error) else error.code
    return "whole" if target.getvalue() == CONTENT else "part"


def test_an_envelope_that_is_not_damaged_is_whole() -> None:
    assert {outcome(*wrapped) for wrapped in WRAPPED.values()} == {"whole"}
