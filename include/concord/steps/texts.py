"""What people read at 3 a.m.: partner, delivery, state, what is safe, what to press. No values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from concord.acquire import Incomplete
from concord.check import Finding
from concord.contract import Feed
from concord.errors import ConcordError, DeliveryRejected, NeedsDecision
from concord.incidents import Text
from concord.ledger import Delivery
from concord.postgres import Connection, one, run

UNTOUCHED = "Nothing of it is in the tables; coverage stands as it did before."
ROWS_KEPT = "Its rows stay in quarantine, encrypted, until one counts them or somebody waives them."
KEPT = "The file is kept in landing, encrypted, and every line of it is accounted for."


COUNTS = (
    "incoming", "held", "unchanged", "add", "change", "correct_start", "correct_end", "reinstate", "end",
    "pending_end", "void", "keep", "ignored",
)  # fmt: skip
"""The counts of a plan in the order people read them."""


def _head(feed: Feed, delivery: Delivery, state: str) -> str:
    what = f"replay {delivery.delivery_id} of delivery {delivery.replay_of}" if delivery.is_replay else ""
    what = what or f"delivery {delivery.delivery_id}"
    return f"Partner {feed.partner}, feed {feed.name}, {what} of {delivery.file_date}: {state}."


def _kept(delivery: Delivery) -> str:
    return ROWS_KEPT if delivery.is_replay else KEPT


def rejected(feed: Feed, delivery: Delivery, error: DeliveryRejected) -> Text:
    """For a delivery refused whole, by rule."""
    return Text(
        f"{feed.name}: delivery {delivery.delivery_id} was rejected ({error.code})",
        _head(feed, delivery, f"rejected, {error}"),
        f"{UNTOUCHED} {_left_of(feed, delivery, error)}",
        _after_rejection(feed, delivery, error),
    )


NOT_TAKEN, WRAPPED = "acquire.", "envelope."
"""Codes of what was not landed at all, and of what was landed and not opened."""


def _left_of(feed: Feed, delivery: Delivery, error: DeliveryRejected) -> str:
    if delivery.sha256 is None and (feed.pulls or error.code.startswith(NOT_TAKEN)):
        return "Nothing was landed." if feed.pulls else "The file was not landed; it lies in the partner's folder."
    if error.code.startswith(WRAPPED):
        return "The file is kept in landing as it arrived, encrypted once more; nothing of it was read."
    return _kept(delivery)


def _after_rejection(feed: Feed, delivery: Delivery, error: DeliveryRejected) -> str:
    if delivery.is_replay:
        return (
            "nothing here: its rows wait in quarantine as before. If the contract is wrong, mend it, then replay them "
            f"anew: `concord replay {feed.name} --delivery {delivery.replay_of}`."
        )
    if feed.pulls and delivery.sha256 is None:
        return (
            f"{feed.name}_watch, or wait for its next run: it asks anew, since the same time as this one. If the "
            "server said no to the request itself, mend the contract or what was agreed with the partner first."
        )
    if delivery.sha256 is None and error.code.startswith(NOT_TAKEN):
        return (
            "nothing here. Ask the partner to put right the file or what stands beside it (hash, control file); it is "
            "picked up by the next watch run, as a delivery of its own."
        )
    if error.code.startswith(WRAPPED):
        return (
            "look at the code: if a key of ours is missing or the contract is wrong, mend it, then trigger the feed's "
            f"DAG with delivery_id {delivery.delivery_id} and attempt {delivery.attempt + 1}: the kept file is opened "
            "again. Else ask the partner for a corrected file; it is picked up by the next watch run."
        )
    return (
        "nothing here, trying the same bytes again fails again. Ask the partner for a corrected file; it is "
        "picked up by the next watch run. If the contract is wrong, mend it, then trigger the feed's DAG with "
        f"delivery_id {delivery.delivery_id} and attempt {delivery.attempt + 1}."
    )


def drift_sentence(drift: Mapping[str, Any]) -> str:
    """How a header differs from the contract, in words; empty where it does not. Our column names, never theirs."""
    extra, missing = drift.get("extra_columns", 0), drift.get("missing_columns", [])
    parts = [
        f"with {extra} columns that the contract does not know" if extra else "",
        f"without {', '.join(missing)}, which keep what is held" if missing else "",
        "with its columns in another order" if drift.get("reordered") else "",
    ]
    return "; ".join(filter(None, parts))


def drifted(feed: Feed, delivery: Delivery, drift: Mapping[str, Any]) -> Text:
    """For a delivery that was accepted although its header differs from the contract."""
    return Text(
        f"{feed.name}: the columns of delivery {delivery.delivery_id} differ from the contract",
        _head(feed, delivery, f"accepted, {drift_sentence(drift)}"),
        "the delivery is read by column names and goes on; nothing of a member is changed by a missing column.",
        "nothing tonight. Ask the partner whether it is meant, then mend the contract (columns, ignored).",
    )


def failed(feed: Feed, delivery: Delivery, step: str, error: str) -> Text:
    """For a delivery whose retries are exhausted."""
    return Text(
        f"{feed.name}: delivery {delivery.delivery_id} failed at {step}",
        _head(feed, delivery, f"failed at {step}, {error}"),
        UNTOUCHED,
        f"once the cause is gone, trigger the feed's DAG with delivery_id {delivery.delivery_id} and attempt "
        f"{delivery.attempt + 1}. It begins again from landing; doing it twice changes nothing.",
    )


def watch_failed(feed: Feed, step: str, error: str) -> Text:
    """For a watch run that could not list or fetch."""
    return Text(
        f"{feed.name}: {step} failed",
        f"Partner {feed.partner}, feed {feed.name}, no delivery: {step} failed, {error}.",
        "no delivery was touched; nobody loses coverage because a file could not be fetched.",
        "nothing if the partner's server was away, the next watch run tries again. If it refused us a folder or "
        "a file, ask the partner to let us read it; the watch run after that takes what waits.",
    )


def gone(feed: Feed, delivery: Delivery) -> Text:
    """For a file that was seen and is not at the partner any more."""
    return Text(
        f"{feed.name}: delivery {delivery.delivery_id} is gone from the partner's folder",
        _head(feed, delivery, "removed before it was fetched"),
        UNTOUCHED,
        "ask the partner to put the file back; it is then a delivery of its own. If it need not come, "
        f"concord skip {delivery.delivery_id} lets what waits behind it go on.",
    )


def not_settled(feed: Feed, delivery: Delivery, step: str, error: str) -> Text:
    """For a step that failed after the changes were written."""
    return Text(
        f"{feed.name}: {step} of delivery {delivery.delivery_id} failed after it was applied",
        _head(feed, delivery, f"{delivery.state}, {step} failed, {error}"),
        "its changes are in the tables, once, and stay; only the publishing did not finish.",
        "nothing. concord_reconciler publishes it within half an hour and opens what comes next.",
    )


def unanswered(feed: Feed, count: int, failure: ConcordError) -> Text:
    """Answers that cannot be put into the partner's folder."""
    return Text(
        subject=f"{feed.name}: {count} answers to {feed.partner} wait to be sent",
        happened=f"Partner {feed.partner}, feed {feed.name}, no delivery: {count} acknowledgements or reports could "
        f"not be put into the partner's folder for over an hour ({type(failure).__name__}).",
        safe="the deliveries themselves: what they said is reconciled. Each answer is kept, and sent once.",
        press=f"ask {feed.partner} whether we may write to the agreed folder. It is tried again every five minutes; "
        "`concord answers` lists what waits.",
    )


def refused_names(feed: Feed, refused: int) -> Text:
    """For entries in the partner's folder that no name rule allows."""
    return Text(
        f"{feed.name}: {refused} entries in the partner's folder were refused",
        f"Partner {feed.partner}, feed {feed.name}, no delivery: {refused} entries match the pattern but are links, "
        "folders, too large, or have names with control characters or impossible dates. They were not fetched.",
        "everything else in the folder is processed as usual.",
        "look at the folder with the partner; the incident closes by itself when they are gone.",
    )


FLAWS = {
    "twice": "one part is there under two names",
    "number": "they say different numbers of parts, or a part beyond that number",
    "apart": "they were changed too long after each other to be of one delivery",
    "companion": "their control file cannot be read",
    "size": "they are too large together",
}


def incomplete(feed: Feed, found: Sequence[Incomplete]) -> Text:
    """For deliveries in parts of which not all are there, or which contradict each other."""
    listed = "; ".join(map(_parts, found[:3])) + (f"; and {len(found) - 3} more" if found[3:] else "")
    return Text(
        f"{feed.name}: {len(found)} deliveries in parts are not complete",
        f"Partner {feed.partner}, feed {feed.name}, no delivery: {listed}. Nothing of them was fetched.",
        "a delivery is taken with all of its parts or not at all; the tables are as of the last one.",
        "ask the partner for what is missing, or to send all parts of the delivery again. The next watch run takes a "
        "delivery that is complete; the incident closes by itself.",
    )


def _parts(found: Incomplete) -> str:
    there = f"{found.present} of {found.expected or 'an unknown number of'} parts are there"
    return f"{there}, but {FLAWS[found.flaw]}" if found.flaw else there


def sequence_gap(feed: Feed, delivery: Delivery, missing: int) -> Text:
    """For a change file whose predecessor has not arrived."""
    return Text(
        f"{feed.name}: sequence {missing} is missing",
        f"{_head(feed, delivery, 'waiting')} Its sequence is {delivery.file_sequence}; {missing} has not arrived.",
        "change files are applied in order only; the tables are as of the last one applied.",
        f"ask the partner for number {missing}. When it arrives, both are applied in order by themselves. If it "
        "came and was refused, and need not be sent again, concord skip with its id lets the next go on.",
    )


def late(feed: Feed, days: Sequence[date], refused: Sequence[str]) -> Text:
    """For a business day whose delivery has not come in time."""
    return Text(
        f"{feed.name}: the delivery of {days[-1]} is late",
        f"Partner {feed.partner}, feed {feed.name}, {_awaited(refused)}: late. Nothing was accepted for "
        f"{_listed(days)}, expected by {feed.schedule.expected_by} {feed.schedule.tz}.",
        STANDS,
        f"nothing yet; {_again(feed)}. If the partner says it is there, trigger {feed.name}_watch.{_mend(refused)}",
    )


def missing(feed: Feed, days: Sequence[date], refused: Sequence[str]) -> Text:
    """For a business day that ended without its delivery."""
    return Text(
        f"{feed.name}: the delivery of {days[0]} is missing",
        f"Partner {feed.partner}, feed {feed.name}, {_awaited(refused)}: missing. Nothing was accepted for "
        f"{_listed(days)}, and the next business day has begun.",
        STANDS,
        f"look whether {feed.name}_watch is paused or red. Else ask the partner; when it is there, trigger "
        f"{feed.name}_watch or wait for the next one. If there was nothing to send, enter the day in the contract's "
        f"holidays.{_mend(refused)} The incident closes by itself.",
    )


STANDS = "the tables are as of the last delivery; nobody gains or loses coverage because a file does not come."


def _awaited(refused: Sequence[str]) -> str:
    return f"delivery {', '.join(refused)} arrived and was rejected" if refused else "no delivery"


def _mend(refused: Sequence[str]) -> str:
    return f" Why it was rejected: the incident of delivery {refused[-1]}." if refused else ""


def _again(feed: Feed) -> str:
    return f"the folder is looked into every hour until {LOOKED_FOR_HOURS} hours after {feed.schedule.expected_by}"


LOOKED_FOR_HOURS = 6
"""So long after ``expected_by`` a folder is looked into again; then the partner has to be asked."""


def stale(feed: Feed, days: Sequence[date], stuck: Sequence[tuple[str, str]]) -> Text:
    """For tables that stay behind although deliveries come."""
    waiting = ", ".join(f"{delivery_id} {state}" for delivery_id, state in stuck)
    return Text(
        f"{feed.name}: the tables are {len(days)} business days behind",
        f"Partner {feed.partner}, feed {feed.name}, delivery {waiting}: stale. Deliveries come and do not get in; "
        f"nothing since {days[0]} is in the tables ({feed.schedule.stale_after} business days are allowed).",
        "every delivery is kept in landing; the tables are as of the last one that was applied.",
        "see to the deliveries named here, the oldest first: concord approve or decline what is held, open again what "
        "failed once its cause is gone. The incident closes by itself when one of them is applied.",
    )


def _listed(days: Sequence[date]) -> str:
    return ", ".join(map(str, days[:3])) + (f" and {len(days) - 3} more" if days[3:] else "")


def slow(feed: Feed, dag: str, minutes: int, delivery: Delivery | None) -> Text:
    """For a run that is not over when its deadline comes."""
    state = f"a run of {dag} is not over after {minutes} minutes"
    head = f"Partner {feed.partner}, feed {feed.name}, no delivery: {state}."
    return Text(
        f"{feed.name}: {state}",
        _head(feed, delivery, f"{delivery.state}, {state}") if delivery else head,
        "it was not stopped, and stopping it would lose nothing: whatever is written is written in one transaction.",
        "look at the run in Airflow: a task that tries again says why in its log, one that waits for a pool or a "
        "partner goes on by itself. The incident closes by itself when it is over.",
    )


def unsound(code: str, findings: Sequence[Finding]) -> Text:
    """For a rule that ``concord check`` finds broken: ids and counts only."""
    more = f" and {len(findings) - 1} more" if findings[1:] else ""
    ids = ", ".join(name for finding in findings for name in finding.ids)
    return Text(
        f"concord check: {code}, {findings[0].text}{more}",
        f"All partners: the tables, the ledger or the archive break the rule {code}: {findings[0].text}.\n\n"
        f"Ids: {ids or 'none'}.",
        "checking changed nothing, repaired nothing and stopped nothing; what was delivered is in landing, and "
        "every version of a row is kept. Deliveries go on.",
        "pause the DAGs of the feeds concerned before anything else is applied, and look with concord check. "
        "Mend no row by hand without keeping what it was. The incident closes by itself when a check finds nothing.",
    )


def operation_failed(dag: str, task: str, error: str) -> Text:
    """For a task of a DAG that looks after all feeds."""
    return Text(
        f"{dag}: {task} failed",
        f"All partners: {task} of {dag} failed, {error}.",
        "what it had not done is not half done; deliveries go on without it, and its next run does it.",
        "read the task's log in Airflow and mend what it names. The incident closes by itself when the task succeeds.",
    )


def held(connection: Connection, feed: Feed, delivery_id: str) -> Text:
    """For a delivery whose plan waits for a person, from its newest plan; raises NeedsDecision where it has none."""
    row = one(connection, "ledger/get_delivery", {"delivery_id": delivery_id})
    plan = one(connection, "plan/get_plan", {"delivery_id": delivery_id})
    if row is None or plan is None:
        raise NeedsDecision(f"delivery {delivery_id} has no plan yet")
    guards = run(connection, "plan/list_guards", {"plan_id": plan["plan_id"]})
    delivery = Delivery.from_row(row)
    return waits(feed, delivery, plan, guards, _rows_sentence(connection, delivery))


def waits(
    feed: Feed,
    delivery: Delivery,
    plan: Mapping[str, Any],
    guards: Sequence[Mapping[str, Any]],
    rows: str,
) -> Text:
    """For a plan that waits for a person: why it is held, what it would do, what to press.

    ``rows`` says what becomes of the rows that are in quarantine.
    """
    number = delivery.delivery_id
    why = [f"- **{g['guard']}**{' ' + g['scope'] if g['scope'] else ''}: {g['text']}" for g in guards if g["tripped"]]
    return Text(
        f"{feed.name}: delivery {number} of {delivery.file_date} is held",
        f"{_head(feed, delivery, 'held')}\n\n**Why**\n" + "\n".join(why),
        f"{UNTOUCHED} {_kept(delivery)} Waiting decides nothing.",
        f"*Approve* to apply exactly digest `{plan['digest'][:16]}`; *Reject* to refuse the delivery: it is kept, and "
        f"the next file is judged against today's tables. The same in the shell: `concord plan {number}`, then "
        f"`concord approve {number}` or `concord decline {number}`.",
        "\n\n".join(_effects(delivery, plan, rows)),
    )


def _effects(delivery: Delivery, plan: Mapping[str, Any], rows: str) -> list[str]:
    return [
        *([f"**Drift** — the file comes {told}."] if (told := drift_sentence(delivery.drift)) else []),
        "**What it would do**\n\n" + effects_table(plan["counts"]),
        rows,
    ]


def _rows_sentence(connection: Connection, delivery: Delivery) -> str:
    """What becomes of the rows that are in quarantine."""
    if delivery.is_replay:
        fate = one(connection, "replay/count_fates", {"delivery_id": delivery.delivery_id}) or {}
        return (
            f"Of the rows it takes up, {fate['replayed']:,} count, {fate['refused']:,} are refused again, "
            f"{fate['newer_truth']:,} are moot since a newer delivery says otherwise."
        )
    reasons = run(connection, "stage/count_reasons", {"delivery_id": delivery.delivery_id})
    refused = ", ".join(f"{row['reason']} {row['rows']}" for row in reasons) or "none"
    return f"Refused rows by reason: {refused}."


def effects_table(counts: dict[str, dict[str, int]]) -> str:
    """Counts per entity as a Markdown table."""
    given = {name for count in counts.values() for name in count}
    names = [name for name in COUNTS if name in given]
    head = "| | " + " | ".join(counts) + " |\n|---|" + "---:|" * len(counts)
    rows = [
        f"| {name} | " + " | ".join(f"{c[name]:,}" if name in c else "" for c in counts.values()) + " |"
        for name in names
    ]
    return "\n".join([head, *rows])
