"""What a partner hears of a delivery: acknowledgements with its syntax, a report with its outcome, each once.

Acknowledgements are entered with the state they belong to, in one transaction. Reports are level-triggered: whoever
asks enters those of all deliveries that came to a state they are told of. Nothing here fails or delays a delivery: what
cannot be sent stays due, and is sent by the next who asks (``plan``, ``settle``, the reconciler every five minutes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from concord import incidents, ledger, outgoing
from concord.acquire import SftpAccess
from concord.contract import Feed
from concord.errors import ConcordError, SourceRefused
from concord.failpoint import failpoint
from concord.interchange import Interchange
from concord.ledger import Delivery
from concord.outgoing import Answer
from concord.postgres import Connection, one, run
from concord.publish import x12_acks
from concord.publish.partner_report import RefusedLine, Report, as_csv, as_html
from concord.quarantine import Kept
from concord.steps import texts
from concord.steps.connecting import connected
from concord.steps.rereading import SHOWN, shown
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.sftp import PartnerSftp

TOLD = ("held", "published", "rejected", "declined", "compared")
"""States that a report tells of."""
EFFECTS = {
    "unchanged": "unchanged", "add": "added", "change": "changed", "correct_start": "start corrected",
    "correct_end": "end corrected", "end": "ended", "void": "voided", "reinstate": "reinstated", "keep": "kept",
    "pending_end": "missing, not ended yet", "ignored": "ignored",
}  # fmt: skip
WRITERS = {"csv": as_csv, "html": as_html}
OVERDUE = timedelta(hours=1)


def enter_acknowledgements(
    connection: Connection, feed: Feed, delivery: Delivery, interchanges: Sequence[Interchange], site: Site
) -> None:
    """TA1 and 999 for what was read, due in the caller's transaction."""
    if feed.answers is None or not feed.answers.acknowledge:
        return
    now = datetime.now(UTC)
    for place, interchange in enumerate(interchanges, start=1):
        wanted = [("ta1", x12_acks.ta1)] if x12_acks.is_ta1_wanted(interchange) else []
        if interchange.groups and not interchange.is_rejected:
            wanted.append(("999", x12_acks.implementation_acknowledgement))
        for kind, write in wanted:
            content = write(interchange, outgoing.next_number(connection), now)
            name = f"{kind}_{_digits(interchange.control_number)}_{delivery.delivery_id}_{place}.edi"
            about = f"{place}"
            answer = Answer(delivery.delivery_id, feed.name, kind, about, name, content)
            outgoing.enter(connection, site.keys, answer)
            failpoint("answer.acknowledged")


def _digits(number: str) -> str:
    """A control number for a file name; a partner's text is none."""
    return number if number.isascii() and number.isdigit() and len(number) <= 9 else "unnumbered"


def answer(feed: Feed, access: SftpAccess, site: Site) -> dict[str, int]:
    """Enters the reports that are owed and sends everything that is due; returns counts. Raises as the partner does."""
    if feed.answers is None:
        return {"entered": 0, "sent": 0}
    try:
        entered = enter_reports(feed, site)
    finally:  # what is due already does not wait for a report that cannot be written
        sent = send(feed, access, site)
    return {"entered": entered, "sent": sent}


# ── reports ──


def enter_reports(feed: Feed, site: Site) -> int:
    """Enters the report of every delivery that came to a state of which it was not told; returns how many files."""
    kinds = feed.answers.report if feed.answers is not None else ()
    with site.database("answer") as connection:
        untold = outgoing.untold(connection, feed.name, kinds, TOLD) if kinds else []
    entered = 0
    failures: list[ConcordError] = []
    for row in untold:
        try:
            entered += _enter_report(feed, row["delivery_id"], row["state"], kinds, site)
        except ConcordError as error:  # the reports of other deliveries do not wait for it
            failures.append(error)
    if failures:
        raise failures[0]
    return entered


def _enter_report(feed: Feed, delivery_id: str, state: str, kinds: Sequence[str], site: Site) -> int:
    with site.database("answer") as connection:
        delivery = ledger.find(connection, delivery_id)
        rows = quarantined(connection, delivery_id)
    if delivery.state != state:
        return 0
    report = _report(feed, delivery, rows, site)
    entered = 0
    with site.database("answer") as connection:
        for kind in kinds:
            name = f"report_{delivery_id}_{state}.{kind}"
            content = WRITERS[kind](report)
            entered += outgoing.enter(connection, site.keys, Answer(delivery_id, feed.name, kind, state, name, content))
            failpoint("answer.reported")
    return entered


def quarantined(connection: Connection, delivery_id: str) -> list[Kept]:
    """All refused rows of a delivery that are still kept, by line."""
    rows = run(connection, "outgoing/list_refused", {"delivery_id": delivery_id})
    return [Kept(**{**row, "reasons": tuple(row["reasons"])}) for row in rows]


def _report(feed: Feed, delivery: Delivery, rows: Sequence[Kept], site: Site) -> Report:
    with site.database("answer") as connection:
        lines = run(connection, "cli/select_delivery_lines", {"delivery_id": delivery.delivery_id})
        plan = one(connection, "plan/get_plan", {"delivery_id": delivery.delivery_id})
    counts = (plan or {}).get("counts", {}).get("eligibility", {}) if delivery.state != "rejected" else {}
    totals: dict[str, int] = {}
    for row in lines if delivery.state != "rejected" else ():
        totals[row["disposition"]] = totals.get(row["disposition"], 0) + int(row["lines"])
    return Report(
        delivery_id=delivery.delivery_id, feed=feed.name, file_date=str(delivery.file_date or ""), state=delivery.state,
        reason=(delivery.state_reason or "") if delivery.state == "rejected" else "",
        line_count=delivery.line_count or 0, lines=totals,
        effects={words: int(counts[name]) for name, words in EFFECTS.items() if counts.get(name)},
        refused=tuple(_refused(feed, delivery, rows, site)),
    )  # fmt: skip


def _refused(feed: Feed, delivery: Delivery, rows: Sequence[Kept], site: Site) -> Iterator[RefusedLine]:
    who: dict[int, tuple[str | None, ...]] = {}
    if rows:
        try:
            who = shown(feed, delivery, rows, site)
        except ConcordError:  # today's contract refuses the header: then nobody is named
            who = {}
    for row in rows:
        row_id = _row_id(feed, who.get(row.quarantine_id, ()))
        for reason in row.reasons:
            yield RefusedLine(row.line, *_column(feed, reason), row_id)


def _row_id(feed: Feed, told: Sequence[str | None]) -> str:
    """The partner's own id of the row; of an id in several parts, those behind the first mean nothing alone."""
    wanted = feed.answers.row_id if feed.answers is not None else ()
    values = dict(zip(SHOWN, told, strict=False))
    found = [values.get(name) for name in wanted]
    return " ".join(filter(None, found)) if found and found[0] else ""


def _column(feed: Feed, reason: str) -> tuple[str, str]:
    """The partner's name of the column that ``reason`` is about, and the rule."""
    name, _, rule = reason.partition(".")
    mapping = feed.columns.get(name)
    return (mapping.source, rule) if mapping is not None and rule else ("", reason)


# ── sending ──


def send(feed: Feed, access: SftpAccess, site: Site) -> int:
    """Puts what is due into the partner's folder; what was put there is marked at once. Raises as the partner does."""
    with site.database("answer") as connection:
        if not outgoing.is_any_due(connection, feed.name):
            incidents.resolve_cause(connection, f"answer:{feed.name}")
            return 0
    failure: ConcordError | None = None
    sent = 0
    try:
        sent = _send(feed, access, site)
    except ConcordError as error:
        failure = error
    with site.database("answer") as connection:
        if failure is None:
            if not outgoing.is_any_due(connection, feed.name):
                incidents.resolve_cause(connection, f"answer:{feed.name}")
            return sent
        _note_failure(connection, feed, failure)
    raise failure


def _send(feed: Feed, access: SftpAccess, site: Site) -> int:
    """One refused file holds no other back: the first refusal is raised when all others are sent."""
    sent, after = 0, 0
    refusals: list[SourceRefused] = []
    with connected(feed, access, site) as partner:
        while each := _send_next(feed, partner, after, refusals, site):
            sent, after = sent + 1, each
    failpoint("answer.sent")
    if refusals:
        raise refusals[0]
    return sent - len(refusals)


def _send_next(feed: Feed, partner: PartnerSftp, after: int, refusals: list[SourceRefused], site: Site) -> int | None:
    """The next one behind ``after``, marked in a commit of its own: once it lies there the partner may take it."""
    assert feed.answers is not None
    with site.database("answer") as connection:
        each = outgoing.next_due(connection, feed.name, after)
        if each is None:
            return None
        content = outgoing.content(site.keys, each)
        try:
            partner.put(feed.answers.directory, each.file_name, content, temporary=feed.answers.temporary)
        except SourceRefused as error:
            refusals.append(error)
            return each.outgoing_id
        failpoint("answer.put")
        outgoing.sent(connection, each.outgoing_id)
        failpoint("answer.before_commit")
    return each.outgoing_id


def _note_failure(connection: Connection, feed: Feed, failure: ConcordError) -> None:
    outgoing.failed(connection, feed.name, type(failure).__name__)
    waiting = outgoing.due(connection, feed.name)
    overdue = [each for each in waiting if datetime.now(UTC) - each.entered_at > OVERDUE]
    if overdue:
        incidents.report(connection, "answer", texts.unanswered(feed, len(overdue), failure), feed=feed.name)


def answer_all(feeds: Sequence[Feed], access: Any, site: Site) -> dict[str, str]:
    """The same for all feeds that answer; returns what failed, by feed. ``access`` gives the login of a feed."""
    failures = {}
    for feed in (feed for feed in feeds if feed.answers is not None):
        try:
            answer(feed, access(feed), site)
        except ConcordError as error:
            failures[feed.name] = type(error).__name__
    return failures
