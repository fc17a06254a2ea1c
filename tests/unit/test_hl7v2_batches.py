"""Batch headers and trailers: what they promise is held against what is there."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from concord.errors import DeliveryRejected
from concord.parse.hl7v2 import AdtFile, batches
from tests.unit.hl7v2_messages import OPTIONS, message, parse, pid

M = message("A08", pid("1001")).decode()
HEAD, BATCH = r"FHS|^~\&|APP|GHH" + "\r", r"BHS|^~\&|APP|GHH" + "\r"


def rejection(text: str, **options: bool) -> str:
    with pytest.raises(DeliveryRejected) as caught:
        list(AdtFile(BytesIO(text.encode()), OPTIONS, **options))
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}{BATCH}{M}{M}BTS|2\rFTS|1\r",
        f"{HEAD}{BATCH}{M}BTS|1\r{BATCH}{M}{M}BTS|2|all is well\rFTS|2",
        f"{BATCH}{M}BTS|1\r",
        f"{HEAD}{M}{M}FTS|1\r",
        f"{HEAD}{M}{M}FTS|2\r",
        f"{HEAD}{BATCH}{M}BTS\rFTS\r",
        f"{HEAD}{BATCH}{M}BTS||\rFTS|\r",
        f"{M}BTS|1\rFTS|1\r",
        f"{M}BTS|1\r{M}BTS|1\rFTS|2\r",
        f"{HEAD}{M}FTS|1\r{HEAD}{M}FTS|1\r",
        f"{HEAD}{BATCH}BTS|0\rFTS|1\r",
        f"{BATCH}{M}BTS^1\r".replace("BTS^", "BTS|"),
        f"{BATCH}{M.replace('|', '*')}BTS*1\r",
    ],
)
def test_batches_that_are_what_they_say_are_read(text: str) -> None:
    chunk = parse(text.encode())
    lines = text.removesuffix("\r").split("\r")
    assert list(chunk.control) == [n for n, line in enumerate(lines, 1) if line[:3] in ("FHS", "BHS", "BTS", "FTS")]
    assert sum(chunk.accounting().values()) == len(lines)


@pytest.mark.parametrize(
    "text",
    [
        f"{BATCH}{M}BTS|2\r", f"{BATCH}{M}{M}BTS|1\r", f"{BATCH}{M}BTS|one\r", f"{BATCH}{M}BTS|-1\r",
        f"{BATCH}BTS|1\r", f"{HEAD}{BATCH}{M}BTS|1\rFTS|2\r", f"{HEAD}{M}{M}{M}FTS|2\r", f"{BATCH}{M}BTS|１\r",
        f"{BATCH}{M}BTS|1\r{BATCH}{M}BTS|2\r",
    ],
)  # fmt: skip
def test_a_count_that_is_not_kept_rejects_the_delivery(text: str) -> None:
    assert rejection(text) == "batch.count"


def test_refused_and_repeated_messages_count_too() -> None:
    broken = message("A08", pid(n7="x")).decode()
    named = message("A08", control_id="1").decode()
    chunk = parse(f"{BATCH}{broken}{named}{named}BTS|3\r".encode())
    assert (len(chunk.refused), len(chunk.repeated)) == (1, 1)


@pytest.mark.parametrize(("declared", "fits"), [(1, True), (2, True), (3, False), (0, False)])
def test_lines_without_a_message_may_be_one_whose_header_was_damaged(declared: int, *, fits: bool) -> None:
    text = f"{BATCH}{M.removeprefix('M')}{M}BTS|{declared}\r"
    if fits:
        assert [refused.reasons for refused in parse(text.encode()).refused] == [("message.no_msh",)]
    else:
        assert rejection(text) == "batch.count"


@pytest.mark.parametrize(
    "text", [f"{HEAD}{M}", f"{BATCH}{M}", f"{HEAD}{BATCH}{M}BTS|1\r", f"{BATCH}{M}{BATCH}{M}BTS|1\r"]
)
def test_a_header_whose_trailer_never_comes_is_a_file_that_was_cut_off(text: str) -> None:
    assert rejection(text) == "batch.trailer"
    list(AdtFile(BytesIO(text.encode()), OPTIONS, trailers_required=False))


def test_nothing_may_follow_the_files_trailer_but_another_file() -> None:
    assert rejection(f"{HEAD}{M}FTS|1\r{M}") == "batch.order"
    assert rejection(f"{HEAD}{M}FTS|1\r{BATCH}{M}BTS|1\r") == "batch.order"
    parse(f"{HEAD}{M}FTS|1\r\n\n".encode())


def test_a_file_without_a_message_is_rejected_unless_it_says_so() -> None:
    assert rejection("") == "structure.empty"
    assert rejection("\r\n") == "structure.no_rows"
    assert rejection("<html><body>Service unavailable</body></html>\n") == "structure.no_rows"
    assert rejection(f"{HEAD}FTS|1\r") == "batch.count"
    parse(f"{HEAD}FTS|0\r".encode())


def test_a_feed_may_want_every_line_to_end() -> None:
    assert rejection(M.removesuffix("\r"), final_terminator=True) == "structure.no_final_terminator"
    parse(M.encode(), final_terminator=True)


def test_no_rejection_tells_a_value() -> None:
    with pytest.raises(DeliveryRejected) as caught:
        parse(f"{BATCH}{M}BTS|Testman\r".encode(), replace(OPTIONS))
    assert "Testman" not in str(caught.value)


def test_without_the_count_a_short_batch_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_count", lambda text: None)
    parse(f"{BATCH}{M}BTS|2\r".encode())
