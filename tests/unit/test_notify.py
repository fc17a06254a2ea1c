"""People are told in the log and by webhook; what refuses says so without its address, and is not asked twice."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from concord.incidents import Severity
from concord.publish import notify
from concord.publish.notify import Message, NotTold, to_log, to_webhook, wanted
from concord.settings import SettingMissing


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


HELD = Message("acme: 7k2m9xab is held", "ends 33.1 %", Severity.ACTION)


def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    to_log(HELD)
    assert "acme: 7k2m9xab is held — ends 33.1 %" in caplog.text


def test_the_webhook_gets_subject_and_text(webhook: Webhook) -> None:
    to_webhook(webhook.url)(HELD)
    assert webhook.messages == ["*acme: 7k2m9xab is held*\nends 33.1 %"]


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_a_webhook_that_refuses_is_asked_once_and_its_answer_told(webhook: Webhook, status: int) -> None:
    """The notice stays in Postgres: trying again is not the channel's business."""
    webhook.statuses = [status]
    with pytest.raises(NotTold, match=f"status {status}"):
        to_webhook(webhook.url)(HELD)
    assert len(webhook.messages) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook/s3cret", "nonsense/s3cret", "ftp://127.0.0.1/s3cret"])
def test_an_address_that_nobody_answers_is_told_by_class_only(url: str) -> None:
    with pytest.raises(NotTold) as refused:
        to_webhook(url)(HELD)
    told = "".join(traceback.format_exception(refused.value))
    assert str(refused.value) in ("ConnectError", "UnsupportedProtocol")
    assert "s3cret" not in told


def test_the_address_of_the_webhook_is_in_no_log(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.statuses = [404]
    with caplog.at_level(logging.INFO), pytest.raises(NotTold):
        to_webhook(webhook.url)(HELD)
    assert "s3cret" not in caplog.text


def test_httpx_would_log_the_address_if_it_were_let(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    """Negative control: why it is quietened."""
    send = to_webhook(webhook.url)
    with caplog.at_level(logging.INFO, logger="httpx"):
        send(HELD)
    assert "s3cret" in caplog.text


def test_a_subject_stays_one_line_and_a_long_text_is_cut(webhook: Webhook) -> None:
    to_webhook(webhook.url)(Message("held\nfake: all is well", "x" * 10_000, Severity.NOTE))
    assert webhook.messages[0].startswith("*held fake: all is well*\n")
    assert len(webhook.messages[0]) == notify.LONGEST


def test_the_setting_names_ways_connections_and_how_severe_it_must_be() -> None:
    entries = wanted("log, webhook@action,smtp:concord_smtp,slack:on-call@urgent")
    assert [(entry.name, entry.least) for entry in entries] == [
        ("log", "note"), ("webhook", "action"), ("smtp:concord_smtp", "note"), ("slack:on-call", "urgent"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["log@loud", "smtp:", "slack: x", "https://hooks.example/s3cret"])
def test_a_setting_that_cannot_be_read_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(SettingMissing, match="CONCORD_NOTIFY is not") as refused:
        wanted(text)
    assert text not in str(refused.value)


def test_severities_are_ordered() -> None:
    assert [[each.reaches(least) for least in Severity] for each in Severity] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip
