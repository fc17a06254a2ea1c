"""The channels of ``CONCORD_NOTIFY``: log, webhook, and mail and Slack through Airflow's providers.

An entry is ``way[:connection][@severity]``, as in ``log,webhook@action,smtp:concord_smtp,
slack:concord_oncall@urgent``: what escalates is urgent, so that is where a second level
is told. Addresses and passwords are in Airflow Connections (a mail's recipients in
``extra.to_email``) and in no log: a refusal is told by class or status only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from concord.orchestrate.tasks import described
from concord.publish.notify import Channel, Message, NotTold, Wanted, markdown, one_line, to_log, to_webhook, wanted
from concord.settings import SettingMissing, Settings

if TYPE_CHECKING:
    from concord.steps import Site

log = logging.getLogger(__name__)

Send = Callable[[Message], None]
TIMEOUT_S = 20
"""A notice is locked while it is told; Postgres ends a transaction that idles for a minute."""


def channels(settings: Settings) -> list[Channel]:
    """The channels of this installation; raises :class:`SettingMissing` naming a way there is not."""
    entries = wanted(settings.notify)
    unknown = {entry.way for entry in entries} - WAYS.keys()
    if unknown:
        raise SettingMissing(f"CONCORD_NOTIFY knows no {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    built = ((entry, WAYS[entry.way](entry, settings)) for entry in entries)
    return [Channel(entry.name, entry.least, send) for entry, send in built if send is not None]


def _log(_: Wanted, __: Settings) -> Send:
    return to_log


def _webhook(_: Wanted, settings: Settings) -> Send | None:
    """None without an address: the entry is part of the default."""
    return to_webhook(settings.notify_webhook_url) if settings.notify_webhook_url else None


def _smtp(entry: Wanted, _: Settings) -> Send:
    def send(message: Message) -> None:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        class OneTry(SmtpHook):
            """The notice stays until it was taken: five tries of half a minute each would hold up a task."""

            smtp_retry_limit = 0
            timeout = TIMEOUT_S

        with _refusing(), OneTry(smtp_conn_id=entry.connection) as hook:
            hook.send_email_smtp(
                to=hook.conn.extra_dejson["to_email"],
                subject=one_line(message.subject),
                html_content=f"<pre>{escape(message.text)}</pre>",
            )

    return send


def _slack(entry: Wanted, _: Settings) -> Send:
    def send(message: Message) -> None:
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        with _refusing():
            hook = SlackWebhookHook(slack_webhook_conn_id=entry.connection, timeout=TIMEOUT_S, retry_handlers=[])
            hook.send(text=markdown(message))

    return send


WAYS: dict[str, Callable[[Wanted, Settings], Send | None]] = {
    "log": _log,
    "webhook": _webhook,
    "smtp": _smtp,
    "slack": _slack,
}


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns whatever a provider raises into :class:`NotTold` by class only: its text may name an address."""
    failure = ""
    try:
        yield
    except Exception as error:  # noqa: BLE001 — providers raise what their libraries raise
        failure = type(error).__name__
    if failure:
        # A context manager raises while its caller handles the first error: only `from None` keeps that one unlogged.
        raise NotTold(failure) from None


def tell_now(site: Site) -> None:
    """Tells what a task has just reported. Never raises: ``concord_reconciler`` tells what is left."""
    try:
        from concord import steps

        refusals = steps.tell(site, channels(site.settings)).refusals
        for name, reason in refusals.items():
            log.error("%s did not take a message: %s", name, reason)
    except Exception as trouble:  # noqa: BLE001 — telling must not break what it tells of
        log.error("nobody could be told now: %s", described(trouble))  # noqa: TRY400 — no traceback: it may quote values


def tell_directly(subject: str, text: str) -> None:
    """Tells by every channel what could not be recorded, because Postgres is away. Never raises."""
    from concord.incidents import Severity
    from concord.orchestrate.access import settings

    log.error("%s: %s", subject, text)
    try:
        for channel in channels(settings()):
            try:
                channel.send(Message(subject, text, Severity.URGENT))
            except NotTold as error:
                log.error("%s did not take a message: %s", channel.name, error)  # noqa: TRY400 — names an address
    except Exception as trouble:  # noqa: BLE001 — a callback that fails must not hide what it reports
        log.error("nobody could be told: %s", described(trouble))  # noqa: TRY400 — no traceback: it may quote values
