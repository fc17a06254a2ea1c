"""A person code for senders who have none: stable over files, and too short to be turned back.

The subscriber is 01. A dependent's is ``D`` and four hexadecimal digits of a digest over subscriber id, birth date, the
first letters of the first name and the birth sequence (INS17), so that twins differ. Sixteen bits fit hundreds of
thousands of birth dates and names: nobody can be found by it. Two of one family clash once in some ten thousand
families; then both rows disagree on who the member is, and are quarantined (``member.conflict``), not lost.
"""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

import pyarrow as pa

SUBSCRIBER = "01"
LETTERS = 6


def made_codes(
    is_subscriber: pa.Array, subscriber_id: pa.Array, birth_date: pa.Array, first_name: pa.Array, sequence: pa.Array
) -> pa.Array:
    """One code for each row; blank for a dependent without a birth date and a name."""
    rows = zip(
        is_subscriber.to_pylist(), subscriber_id.to_pylist(), birth_date.to_pylist(), first_name.to_pylist(),
        sequence.to_pylist(), strict=True,
    )  # fmt: skip
    return pa.array([SUBSCRIBER if own else _digest(*told) for own, *told in rows], pa.large_string())


def _digest(subscriber_id: str, birth_date: str, first_name: str, sequence: str) -> str:
    if not birth_date.strip() or not first_name.strip():
        return ""
    plain = unicodedata.normalize("NFKD", first_name.upper())
    letters = "".join(each for each in plain if each.isalnum())[:LETTERS]
    told = "|".join((subscriber_id.strip(), birth_date.strip(), letters, sequence.strip().lstrip("0")))
    return "D" + blake2b(told.encode(), digest_size=2, person=b"person code").hexdigest().upper()
