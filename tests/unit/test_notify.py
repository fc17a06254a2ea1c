"""People are told in the log and by webhook, and telling breaks nothing and gives nothing away."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from concord.publish import notify
from concord.publish.notify import TRIES, notifier


class Webhook:
    """A webhook on 127.0.0.1 that answers with ``statuses``, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.messages: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.messages.append(json.loads(body)["text"])
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("Location", outer.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/s3cret"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


def test_the_log_is_told_without_a_webhook(caplog: pytest.LogCaptureFixture) -> None:
    notifier(None)("acme: 7k2m9xab is held", "ends 33.1 %")
    assert "acme: 7k2m9xab is held — ends 33.1 %" in caplog.text


def test_the_webhook_gets_subject_and_text(webhook: Webhook) -> None:
    notifier(webhook.url)("acme: 7k2m9xab is held", "ends 33.1 %")
    assert webhook.messages == ["*acme: 7k2m9xab is held*\nends 33.1 %"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_webhook_in_trouble_is_tried_again(webhook: Webhook, status: int) -> None:
    webhook.statuses = [status, status]
    notifier(webhook.url, pause_s=0.01)("held", "text")
    assert len(webhook.messages) == 3


@pytest.mark.parametrize("status", [302, 400, 404])
def test_a_webhook_that_says_no_is_not_asked_again(
    webhook: Webhook, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.statuses = [status]
    notifier(webhook.url, pause_s=0.01)("held", "text")
    assert len(webhook.messages) == 1
    assert f"status {status}" in caplog.text


def test_telling_stops_after_three_tries_and_never_raises(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.statuses = [500] * 10
    notifier(webhook.url, pause_s=0.01)("held", "text")
    assert len(webhook.messages) == TRIES
    assert "the webhook was not told" in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook/s3cret", "nonsense/s3cret", "ftp://127.0.0.1/s3cret"])
def test_an_address_that_nobody_answers_breaks_nothing(url: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier(url, pause_s=0.01)("held", "text")
    assert "the webhook was not told" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_address_of_the_webhook_is_in_no_log(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        webhook.statuses = [500, 404]
        notifier(webhook.url, pause_s=0.01)("held", "text")
    assert "s3cret" not in caplog.text


def test_httpx_would_log_the_address_if_it_were_let(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    """Negative control: why the notifier quietens it."""
    tell = notifier(webhook.url)
    with caplog.at_level(logging.INFO, logger="httpx"):
        tell("held", "text")
    assert "s3cret" in caplog.text


def test_a_subject_stays_one_line_and_a_long_text_is_cut(webhook: Webhook) -> None:
    notifier(webhook.url)("held\nfake: all is well", "x" * 10_000)
    assert webhook.messages[0].startswith("*held fake: all is well*\n")
    assert len(webhook.messages[0]) == notify.LONGEST
