"""Every text that people are told, of an invented delivery of a real contract: the runbook, and what tests read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from concord import connections
from concord.acquire import Incomplete
from concord.catalogue import feed
from concord.check import Finding
from concord.errors import DeliveryRejected, SourceUnavailable
from concord.identity import LinkPlan
from concord.incidents import Text
from concord.ledger import Delivery
from concord.steps import linking, linting, login_texts, retaining, texts

FEED = feed("acme_eligibility")
DELIVERY = Delivery(
    delivery_id="7k2m9xab", feed=FEED.name, partner=FEED.partner, kind="delivery", mode="full", is_pilot=False,
    state="landed", state_reason=None, attempt=1, arrival=1, file_date=date(2026, 11, 20), file_sequence=8,
    is_resubmission=False, as_of_date=None, sha256=None, byte_count=None, line_count=None, manifest=None,
    contract_hash=None, drift={"extra_columns": 2, "missing_columns": ["middle_name"]}, applied_seq=None,
    replay_of=None,
)  # fmt: skip
APPLIED = replace(DELIVERY, state="applied")
EVENING = datetime(2026, 11, 20, 18, 5, tzinfo=UTC)
THURSDAY, FRIDAY = date(2026, 11, 19), date(2026, 11, 20)
PLAN = {"digest": "0f" * 32, "counts": {"eligibility": {"incoming": 1_204, "end": 402}}}
GUARDS = [{"guard": "ends", "scope": "", "text": "402 of 1,606 spans ended", "tripped": True}]
UNPINNED = connections.Finding(FEED.source.conn_id, "sftp.host_key", "no host key is pinned: enter extra.host_key")
MOVED = Finding("lease.fence", (FEED.name,), "feeds with more applies than fences taken")
LINKS = LinkPlan(7, "a1" * 32, "b2" * 32, "hold_losses", {"changed": 2, "linked": 1_480}, ("losses",))
ANSWERED = "SourceUnavailable: the partner's server did not answer"


@dataclass(frozen=True)
class Example:
    """A text of an incident's kind: the function that words it, and what it is given."""

    kind: str
    words: Callable[..., Text]
    given: tuple[Any, ...]


EXAMPLES = (
    Example("held", texts.waits, (FEED, DELIVERY, PLAN, GUARDS, "Refused rows by reason: none.")),
    Example("rejected", texts.rejected, (FEED, DELIVERY, DeliveryRejected("control.record_count", "99 are not 100"))),
    Example("rejected", texts.rejected, (FEED, DELIVERY, DeliveryRejected("acquire.checksum", "it has another hash"))),
    Example(
        "rejected",
        texts.rejected,
        (FEED, DELIVERY, DeliveryRejected("envelope.wrong_key", "none of our 2 keys opens it")),
    ),
    Example("failed", texts.failed, (FEED, DELIVERY, "apply", "DatabaseUnavailable: SQLSTATE 57P01")),
    Example("failed", texts.not_settled, (FEED, APPLIED, "settle", "DatabaseUnavailable: SQLSTATE 57P01")),
    Example("login", login_texts.login_refused, (FEED, "the partner refused user and key")),
    Example("blocked", login_texts.logins_blocked, (FEED, 2)),
    Example("security", login_texts.host_not_trusted, (FEED, "the server's key is none of those pinned")),
    Example("watch", texts.watch_failed, (FEED, "discover", ANSWERED)),
    Example("gone", texts.gone, (FEED, DELIVERY)),
    Example("late", texts.late, (FEED, [FRIDAY], [])),
    Example("late", texts.late, (FEED, [FRIDAY], [DELIVERY.delivery_id])),
    Example("missing", texts.missing, (FEED, [THURSDAY, FRIDAY], [])),
    Example("stale", texts.stale, (FEED, [THURSDAY, FRIDAY], [(DELIVERY.delivery_id, "held")])),
    Example("slow", texts.slow, (FEED, FEED.name, 360, DELIVERY)),
    Example("slow", texts.slow, (FEED, f"{FEED.name}_watch", 90, None)),
    Example("gap", texts.sequence_gap, (FEED, DELIVERY, 7)),
    Example("drift", texts.drifted, (FEED, DELIVERY, DELIVERY.drift)),
    Example("incomplete", texts.incomplete, (FEED, [Incomplete(2, 3, "", EVENING)])),
    Example("incomplete", texts.incomplete, (FEED, [Incomplete(3, 2, "number", EVENING)])),
    Example("answer", texts.unanswered, (FEED, 3, SourceUnavailable(ANSWERED))),
    Example("listing", texts.refused_names, (FEED, 3)),
    Example("connection", linting.unfit, (FEED.source.conn_id, [UNPINNED])),
    Example("links", linking.waits, (LINKS,)),
    Example("retention", retaining.unusual, (FEED, 90, 100, 90)),
    Example("operation", texts.operation_failed, ("concord_reconciler", "tell_people", ANSWERED)),
    Example("check", texts.unsound, ("lease.fence", [MOVED])),
)


def examples(kind: str) -> list[Text]:
    """What incidents of this kind say."""
    return [example.words(*example.given) for example in EXAMPLES if example.kind == kind]
