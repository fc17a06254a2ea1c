"""Mail and Slack through Airflow's providers, on real servers of this machine: what is sent, and what stays secret."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from concord.incidents import Severity
from concord.orchestrate.channels import channels
from concord.publish.notify import Channel, Message, NotTold
from concord.settings import SettingMissing, Settings

MESSAGE = Message(
    "acme: 7k2m9xab is held\nBcc: eve@evil.example", "Safe: nothing of it is in the tables.\n\nPress: <Approve>",
    Severity.ACTION,
)  # fmt: skip


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail, or refuses recipients while told to; RFC 5321 as far as one message needs it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.recipients: list[str] = []
        self.refuses = False
        super().__init__(("127.0.0.1", 0), MailSession)


class MailSession(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                self.server.recipients.append(line)
                self.say("550 s3cret.example knows nobody" if self.server.refuses else "250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                self.server.mails.append("".join(lines))
                self.say("250 taken")
            else:
                self.say("221 bye" if verb == "QUIT" else "250 ok")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Slack(HTTPServer):
    """Slack's incoming webhooks: answers with ``status``."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), SlackSession)


class SlackSession(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        self.server.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"ok" if self.server.status == 200 else b"no_such_hook s3cret")

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        extra = {"from_email": "concord@acme.example", "to_email": "oncall@acme.example,lead@acme.example"}
        connect(monkeypatch, "CONCORD_SMTP", "smtp", server, extra | {"disable_tls": True, "disable_ssl": True})
        yield server


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with serving(Slack()) as server:
        host = f"http://127.0.0.1:{server.server_address[1]}"
        value = {"conn_type": "slackwebhook", "host": host, "password": "T0/B0/s3cret"}
        monkeypatch.setenv("AIRFLOW_CONN_ON_CALL", json.dumps(value))
        yield server


def connect(patch: pytest.MonkeyPatch, name: str, kind: str, server: Any, extra: dict[str, Any]) -> None:
    host, port = server.server_address
    value = {"conn_type": kind, "host": host, "port": port, "extra": extra}
    patch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(value))


def channel(entry: str, **settings: Any) -> Channel:
    (found,) = channels(Settings(loader_url="", notify=entry, **settings))
    return found


def test_a_mail_goes_to_all_recipients_with_one_line_of_subject(mail: MailServer) -> None:
    channel("smtp:concord_smtp").send(MESSAGE)
    (text,) = mail.mails
    received = message_from_string(text, policy=default)
    assert received["Subject"] == "acme: 7k2m9xab is held Bcc: eve@evil.example"
    assert received["Bcc"] is None, "a subject cannot add a header"
    body = received.get_body()
    assert body is not None
    assert "Press: &lt;Approve&gt;" in body.get_content()
    assert len(mail.recipients) == 2


def test_slack_gets_subject_and_text(slack: Slack) -> None:
    channel("slack:on_call").send(MESSAGE)
    assert slack.posts == [
        {"text": f"*acme: 7k2m9xab is held Bcc: eve@evil.example*\n{MESSAGE.text}"},
    ]


@pytest.mark.parametrize("entry", ["smtp:concord_smtp", "slack:on_call", "webhook"])
def test_a_refusal_is_told_by_class_and_no_address_reaches_a_log(
    entry: str, mail: MailServer, slack: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    mail.refuses, slack.status = True, 500
    url = f"http://127.0.0.1:{slack.server_address[1]}/T0/B0/s3cret"
    with caplog.at_level(logging.INFO), pytest.raises(NotTold) as refused:
        channel(entry, notify_webhook_url=url).send(MESSAGE)
    said = caplog.text + "".join(traceback.format_exception(refused.value))
    assert [word for word in ("s3cret", "oncall@", "127.0.0.1:") if word in said] == []


def test_the_providers_own_error_would_quote_the_answer(slack: Slack) -> None:
    """Negative control: why only the class is told."""
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    slack.status = 500
    with pytest.raises(Exception, match="s3cret"):
        SlackWebhookHook(slack_webhook_conn_id="on_call", retry_handlers=[]).send(text="x")


def test_a_connection_that_is_not_there_is_a_refusal_of_that_channel_only() -> None:
    with pytest.raises(NotTold, match=r"\AAirflow\w*Exception\Z"):
        channel("slack:nowhere").send(MESSAGE)


def test_the_default_is_the_log_and_the_webhook_where_there_is_one() -> None:
    both = channels(Settings(loader_url="", notify_webhook_url="http://127.0.0.1:1/x"))
    assert [found.name for found in both] == ["log", "webhook"]
    assert [found.name for found in channels(Settings(loader_url=""))] == ["log"]


def test_a_way_there_is_not_is_refused() -> None:
    with pytest.raises(SettingMissing, match="knows no pigeon; there are log, webhook, smtp, slack"):
        channels(Settings(loader_url="", notify="log,pigeon:loft"))
