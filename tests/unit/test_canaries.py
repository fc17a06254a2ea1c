"""The search for canaries finds them in every clothing, and leaves ordinary text alone."""

from __future__ import annotations

import base64
from datetime import date
from random import Random
from urllib.parse import quote
from uuid import UUID

import pytest

from concord.sandbox.people import families
from tests.canaries import Canaries, leaks

CANARIES = Canaries.of(
    words=["Smithqzbcdfgh", "qxklmnpq@example.com"], numbers=["801-22-3344"], ids=["E0001234"], born=[date(1977, 7, 23)]
)
PLAIN = {
    "word": "a Smithqzbcdfgh left", "number": "ssn 801-22-3344.", "id": "member E0001234 ended",
    "born": "born 1977-07-23",
}  # fmt: skip


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize(
    ("how", "dressed"),
    [
        ("plain", lambda text: text),
        ("reversed", lambda text: text[::-1]),
        ("unquoted", lambda text: quote(text, safe="").replace("-", "%2D")),
        ("base64", lambda text: f"x {base64.b64encode(text.encode()).decode()} y"),
        ("base64", lambda text: f"token=ab{base64.urlsafe_b64encode(b'..' + text.encode()).decode()}"),
        ("hexadecimal", lambda text: f"\\x{text.encode().hex()}"),
    ],
)
def test_a_canary_is_found_in_any_clothes(kind: str, how: str, dressed: object) -> None:
    text = dressed(PLAIN[kind])  # type: ignore[operator]
    assert any(found.startswith(kind) for found in CANARIES.found(text)), (how, text)


@pytest.mark.parametrize(
    "text",
    [
        "qzbcdfg", "zbcdfgh", "xxZBCDFGHxx", "8 0 1 2 2 3 3 4 4", "(801) 22.3344", "801223344", "id=801223344;",
        "07/23/1977", "23.07.1977", "19770723", "datetime.date(1977, 7, 23)", "QXKLMNPQ",
    ],
)  # fmt: skip
def test_slices_and_other_spellings_are_found(text: str) -> None:
    assert CANARIES.found(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "delivery k3j4h5g6 is held: 412 of 20,000 members (2.1 %)", "2026-11-22T03:04:05.123456Z", "E0009999",
        "5f1d7a84db00d2ef9a28dc4c0d8a49d1bb3fb6b2f3f4a3b1", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "1977-07-24",
        "1763779445.123456", "sha256 ab801223344e5f60718293a4b5c6d7e8f9", "01998012-2334-7e5f-8071-829319770723",
        "qZbCdFgH", "qzxxxxxx",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert CANARIES.found(text) == set()


def test_chance_finds_nobody_in_megabytes_of_what_looks_random() -> None:
    """What a night of Airflow leaves: wrapped keys, sealed names, digests. Seeded, so that it is the same each time."""
    rng = Random(20261123)
    people = [person for family in families(20, 1_500, date(2026, 11, 20)).values() for person in family]
    known = Canaries.of(
        words=[text for person in people for text in (person.last, person.first, person.street, person.email)],
        numbers=[text for person in people for text in (person.ssn, person.phone)],
        ids=[person.employee_id for person in people],
        born=[person.born for person in people],
    )
    for _ in range(60):
        noise = rng.randbytes(6_000)
        text = f"{base64.b64encode(noise).decode()}\n\\x{rng.randbytes(2_000).hex()}\n{UUID(bytes=rng.randbytes(16))}"
        assert known.found(text) == set()
        assert known.found(f"{text} {rng.choice(people).first} {text}") == {"word (plain)"}


def test_the_name_of_a_place_is_looked_at_too() -> None:
    assert leaks(CANARIES, {"landing/ELIG_qzbcdfgh.csv": "", "log": "fine"}) == {
        "landing/ELIG_qzbcdfgh.csv": {"word (plain)"}
    }
