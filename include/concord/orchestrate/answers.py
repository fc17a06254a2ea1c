"""Answers to partners, as tasks send them: a partner who is down fails and delays nothing."""

from __future__ import annotations

import logging

from concord.contract import Feed
from concord.orchestrate.tasks import described, opened

log = logging.getLogger(__name__)


def answer_partner(feed: Feed) -> None:
    """Sends what is due to the partner of ``feed``, where it wants answers. Never raises: it stays due."""
    if feed.answers is None:
        return
    try:
        with opened() as site:
            from concord import steps
            from concord.orchestrate.access import sftp_access

            steps.answer(feed, sftp_access(feed.source.conn_id), site)
    except Exception as trouble:  # noqa: BLE001 — the delivery is not the answer's fault
        log.warning("answers to %s wait: %s", feed.partner, described(trouble))
