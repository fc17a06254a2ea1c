"""Rules of tokens, sealed values, data keys and display."""

from __future__ import annotations

import hashlib
import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.entities import Phi
from concord.protect import KeyRing, ProtectError, UnknownKey, last_four, masked
from concord.settings import Settings

OLD, NEW, OTHER = (bytes([n]) * 32 for n in (1, 2, 3))
PLACE = "core.member|ssn|acme|E0000001|01"


def ring(**keys: bytes) -> KeyRing:
    """A ring with the given keys for both purposes; the first is in use."""
    return KeyRing(keys, keys)


# ── tokens ─────────────────────────────────────────────────────────────────────


def test_a_token_is_the_same_every_time_and_names_its_key() -> None:
    first, second = (ring(k1=OLD).token("900010001", kind="ssn") for _ in range(2))
    assert first == second
    assert re.fullmatch(r"k1:[0-9a-f]{32}", first)


def test_equal_values_of_two_kinds_have_different_tokens() -> None:
    keys = ring(k1=OLD)
    assert keys.token("900010001", kind="ssn") != keys.token("900010001", kind="file_name")


def test_kind_and_value_cannot_be_shifted_into_each_other() -> None:
    keys = ring(k1=OLD)
    assert keys.token("nX", kind="ss") != keys.token("X", kind="ssn")
    with pytest.raises(ProtectError):
        keys.token("x", kind="ssn\0")


def test_a_token_needs_its_key_so_that_a_dictionary_of_all_numbers_does_not_help() -> None:
    token = ring(k1=OLD).token("900010001", kind="ssn")
    assert token.removeprefix("k1:") != ring(k1=NEW).token("900010001", kind="ssn").removeprefix("k1:")
    for unkeyed in (b"900010001", b"ssn\x00900010001"):
        assert hashlib.sha256(unkeyed).hexdigest()[:32] not in token


def test_tokens_in_bulk_are_the_single_ones_in_order() -> None:
    keys, values = ring(k1=OLD), [f"9000{n:05}" for n in range(50)]
    assert keys.tokens(values, "ssn") == [keys.token(value, kind="ssn") for value in values]


def test_while_token_keys_rotate_a_value_is_found_under_both() -> None:
    before = ring(k1=OLD).token("900010001", kind="ssn")
    after = ring(k2=NEW, k1=OLD)
    assert after.tokens_under_every_key("900010001", kind="ssn") == (after.token("900010001", kind="ssn"), before)


# ── sealed values ──────────────────────────────────────────────────────────────


@given(plaintext=st.binary(max_size=300), place=st.text(max_size=40))
def test_what_was_sealed_opens_in_its_place(plaintext: bytes, place: str) -> None:
    keys = ring(k1=OLD)
    assert keys.open(keys.seal(plaintext, context=place), context=place) == plaintext


def test_the_same_value_seals_differently_each_time() -> None:
    keys = ring(k1=OLD)
    assert len({keys.seal(b"900010001", context=PLACE) for _ in range(1000)}) == 1000


def test_a_cell_copied_to_another_row_does_not_open() -> None:
    keys = ring(k1=OLD)
    with pytest.raises(ProtectError):
        keys.open(keys.seal(b"900010001", context=PLACE), context=PLACE + "x")


def test_a_change_of_any_byte_is_seen() -> None:
    keys = ring(k1=OLD)
    sealed = keys.seal(b"900010001", context=PLACE)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(ProtectError):
            keys.open(bytes(changed), context=PLACE)


@given(noise=st.binary(max_size=80))
def test_noise_is_refused_as_a_protect_error(noise: bytes) -> None:
    with pytest.raises(ProtectError):
        ring(k1=OLD).open(noise, context=PLACE)


def test_a_truncated_value_is_refused() -> None:
    keys = ring(k1=OLD)
    sealed = keys.seal(b"900010001", context=PLACE)
    for length in range(len(sealed)):
        with pytest.raises(ProtectError):
            keys.open(sealed[:length], context=PLACE)


def test_after_rotation_old_values_open_and_new_ones_are_sealed_under_the_first_key() -> None:
    sealed = ring(k1=OLD).seal(b"900010001", context=PLACE)
    rotated = ring(k2=NEW, k1=OLD)
    assert rotated.open(sealed, context=PLACE) == b"900010001"
    assert rotated.key_id_of(sealed) == "k1"
    assert rotated.key_id_of(rotated.seal(b"", context=PLACE)) == "k2"


def test_a_retired_key_is_named_in_the_error() -> None:
    sealed = ring(k1=OLD).seal(b"900010001", context=PLACE)
    with pytest.raises(UnknownKey, match="'k1'"):
        ring(k2=NEW).open(sealed, context=PLACE)


def test_another_key_under_the_same_id_does_not_open() -> None:
    sealed = ring(k1=OLD).seal(b"900010001", context=PLACE)
    with pytest.raises(ProtectError, match="another key"):
        ring(k1=OTHER).open(sealed, context=PLACE)


def test_sealing_many_needs_one_context_each() -> None:
    keys = ring(k1=OLD)
    first, second = keys.seal_many([b"a", b"b"], ["x", "y"])
    assert (keys.open(first, context="x"), keys.open(second, context="y")) == (b"a", b"b")
    with pytest.raises(ValueError):
        keys.seal_many([b"a", b"b"], ["x"])


# ── data keys ──────────────────────────────────────────────────────────────────


def test_a_data_key_unwraps_in_its_context_only() -> None:
    keys = ring(k1=OLD)
    key, wrapped = keys.new_data_key(context="landing|1")
    assert len(key) == 32
    assert keys.unwrap(wrapped, context="landing|1") == key
    with pytest.raises(ProtectError):
        keys.unwrap(wrapped, context="landing|2")


def test_a_wrapped_data_key_does_not_open_as_a_value() -> None:
    keys = ring(k1=OLD)
    _, wrapped = keys.new_data_key(context=PLACE)
    with pytest.raises(ProtectError):
        keys.open(wrapped, context=PLACE)


def test_every_data_key_is_new() -> None:
    keys = ring(k1=OLD)
    assert len({keys.new_data_key()[0] for _ in range(100)}) == 100


# ── the ring ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "keys", [{}, {"k1": b"short"}, {"": OLD}, {"a:b": OLD}, {"k" * 33: OLD}, {"k1": OLD, "ü": OLD}]
)
def test_a_ring_with_missing_or_malformed_keys_cannot_be_built(keys: dict[str, bytes]) -> None:
    with pytest.raises(ProtectError):
        KeyRing(keys, {"k1": OLD})
    with pytest.raises(ProtectError):
        KeyRing({"k1": OLD}, keys)


def test_a_ring_comes_from_the_settings() -> None:
    keys = KeyRing.from_settings(Settings(loader_url="", seal_keys={"s": OLD}, token_keys={"t": NEW}))
    assert (keys.seal_key_id, keys.token_key_id) == ("s", "t")


def test_a_ring_shows_ids_and_no_key() -> None:
    secret = os.urandom(32)
    shown = repr(ring(k1=secret))
    assert "k1" in shown
    assert repr(secret)[2:-1] not in shown
    assert secret.hex() not in shown


def test_errors_carry_neither_value_nor_cause() -> None:
    keys = ring(k1=OLD)
    with pytest.raises(ProtectError) as caught:
        keys.open(keys.seal(b"900010001", context=PLACE), context="elsewhere")
    assert "900010001" not in str(caught.value)
    assert "E0000001" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_million_tokens_and_seals_take_seconds_not_minutes() -> None:
    """A loose ceiling of 30 µs each (about 3 µs measured), against losing the cached key schedules."""
    keys, values = ring(k1=OLD), [f"9{n:08}" for n in range(10_000)]
    started = time.perf_counter()
    keys.tokens(values, "ssn")
    keys.seal_many([value.encode() for value in values], values)
    assert time.perf_counter() - started < 2 * 10_000 * 30e-6


# ── display ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ssn", "shown"), [("900010001", "0001"), ("900-01-0001", "0001"), ("", ""), ("0001", ""), ("9000100011", "")]
)
def test_last_four_is_shown_of_a_nine_digit_number_only(ssn: str, shown: str) -> None:
    assert last_four(ssn) == shown


@pytest.mark.parametrize(
    ("value", "phi", "shown"),
    [
        ("HLT", Phi.NONE, "HLT"),
        ("E1234567", Phi.INDIRECT, "E1•••"),
        ("01", Phi.INDIRECT, "•••"),
        ("Anna", Phi.DIRECT, "•••"),
        ("900010001", Phi.SECRET, "•••0001"),
        ("unreadable", Phi.SECRET, "•••"),
        (None, Phi.DIRECT, ""),
        ("", Phi.SECRET, ""),
    ],
)
def test_a_value_is_shown_by_its_phi_class(value: str | None, phi: Phi, shown: str) -> None:
    assert masked(value, phi) == shown
