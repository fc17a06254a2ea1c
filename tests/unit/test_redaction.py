"""Rules of the log filter: identifiers vanish, what on-call needs stays readable."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator

import pytest

from concord.redaction import RedactionFilter, guard_logs, redacted


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger with a filtered handler, and what it wrote."""
    out, logger = io.StringIO(), logging.getLogger("concord.test.redaction")
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(RedactionFilter())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger, out
    logger.removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    "text",
    [
        "900-01-0001",
        "900 01 0001",
        "900.01.0001",
        "900010001",
        "ssn=900010001,",
        "SSN900010001",
        "'900-01-0001'",
        "x_900010001",
    ],
)
def test_a_social_security_number_is_blanked(text: str) -> None:
    assert "[ssn]" in redacted(text)
    assert "0001" not in redacted(text)


@pytest.mark.parametrize(
    "text", ["anna@example.org", "a.b+c@mail.example.co.uk", "<anna@example.org>", "o'neil@example.org"]
)
def test_an_email_address_is_blanked(text: str) -> None:
    assert "[email]" in redacted(text)
    assert "example" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "555-234-5678",
        "(555) 234-5678",
        "5552345678",
        "+1 555 234 5678",
        "+15552345678",
        "555.234.5678",
        "1-555-234-5678",
    ],
)
def test_a_phone_number_is_blanked(text: str) -> None:
    assert "[phone]" in redacted(text)
    assert "5678" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T05:30:00.123456+00:00",
        "2026-11-20_7k2m9xab_1",
        "k1:0123456789abcdef900010001a123456",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "epoch 1795234567.25",
        "line 20000 of 12345678, 3.25 %",
        "127.0.0.1:54321",
        "objects/ab/manifest",
    ],
)
def test_dates_ids_hashes_and_counts_stay_readable(text: str) -> None:
    assert redacted(text) == text


def test_message_and_arguments_are_blanked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.warning("row of anna@example.org has %s and %d", "900-01-0001", 900010002)
    assert out.getvalue() == "row of [email] has [ssn] and [ssn]\n"


def test_a_number_split_between_message_and_argument_is_blanked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.warning("900-01-%s", "0001")
    assert out.getvalue() == "[ssn]\n"


def test_a_traceback_is_blanked_and_kept(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    try:
        raise ValueError("DETAIL: Key (ssn)=(900010001) already exists.")
    except ValueError:
        logger.exception("failed")
    assert "ValueError: DETAIL: Key (ssn)=([ssn]) already exists." in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert "900010001" not in out.getvalue()


def test_arguments_that_do_not_fit_lose_the_record_no_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.warning("%d rows", "900010001")
    assert out.getvalue() == "%d rows [arguments left out: they do not fit the message]\n"


def test_without_the_filter_the_number_would_be_in_the_log(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.handlers[0].filters.clear()
    logger.warning("row has %s", "900-01-0001")
    assert "900-01-0001" in out.getvalue()


def test_a_long_line_takes_linear_time() -> None:
    started = time.perf_counter()
    redacted("a" * 1_000_000 + "1" * 1_000_000)
    assert time.perf_counter() - started < 2


def test_a_task_guards_the_handlers_of_the_root_logger_once() -> None:
    root, out = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(out)
    root.addHandler(handler)
    try:
        logging.getLogger("somebody.else").warning("before 900-01-0001")
        guard_logs()
        guard_logs()
        logging.getLogger("somebody.else").warning("after 900-01-0001")
        assert len(handler.filters) == 1
    finally:
        root.removeHandler(handler)
    assert out.getvalue() == "before 900-01-0001\nafter [ssn]\n"
