"""SSNs on their way into the stage table: token, ciphertext and last four digits, never the number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.protect import KeyRing, last_four

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame


def sealed(frame: DataFrame, contexts: Sequence[str], keys: KeyRing, tokens_under: str | None) -> DataFrame:
    """``frame`` with ``ssn`` replaced by its three forms (ciphertext in hex, for COPY).

    ``contexts`` says for each row that has a number what it is sealed to; ``tokens_under`` is the token key
    that counts, without it the ring's own.
    """
    import pandas as pd

    ssn = frame.pop("ssn")
    given = ssn.notna()
    numbers = [str(number) for number in ssn[given]]
    ciphertexts = keys.seal_many([number.encode() for number in numbers], list(contexts))
    for name, values in (
        ("ssn_token", keys.tokens(numbers, "ssn", key_id=tokens_under)),
        ("ssn_sealed", ["\\x" + value.hex() for value in ciphertexts]),
        ("ssn_last_four", [last_four(number) for number in numbers]),
    ):
        frame[name] = pd.Series(list(values), index=frame.index[given], dtype="str").reindex(frame.index)
    return frame
