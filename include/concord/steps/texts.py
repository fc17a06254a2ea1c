"""What people read at 3 a.m.: partner, delivery, state, what is safe, what to press. No values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concord.check import Finding
from concord.contract import Feed
from concord.errors import DeliveryRejected
from concord.ledger import Delivery
from concord.postgres import Connection, one, run
from concord.steps.site import Site

UNTOUCHED = "Nothing of it is in the tables; coverage stands as it did before."
KEPT = "The file is kept in landing, encrypted, and every line of it is accounted for."


COUNTS = (
    "incoming", "held", "unchanged", "add", "change", "correct_start", "correct_end", "reinstate", "end",
    "pending_end", "void", "keep", "ignored",
)  # fmt: skip
"""The counts of a plan in the order people read them."""


def _head(feed: Feed, delivery: Delivery, state: str) -> str:
    return (
        f"Partner {feed.partner}, feed {feed.name}, delivery {delivery.delivery_id} of {delivery.file_date}: {state}."
    )


def rejected(feed: Feed, delivery: Delivery, error: DeliveryRejected) -> tuple[str, str]:
    """For a delivery refused whole, by rule."""
    subject = f"{feed.name}: delivery {delivery.delivery_id} was rejected ({error.code})"
    press = (
        "Press: nothing here, trying the same bytes again fails again. Ask the partner for a corrected file; it is "
        "picked up by the next watch run. If the contract is wrong, mend it, then trigger the feed's DAG with "
        f"delivery_id {delivery.delivery_id} and attempt {delivery.attempt + 1}."
    )
    return subject, "\n\n".join((_head(feed, delivery, f"rejected, {error}"), f"Safe: {UNTOUCHED} {KEPT}", press))


def drift_sentence(drift: Mapping[str, Any]) -> str:
    """How a header differs from the contract, in words; empty where it does not. Our column names, never theirs."""
    extra, missing = drift.get("extra_columns", 0), drift.get("missing_columns", [])
    parts = [
        f"{extra} columns that the contract does not know" if extra else "",
        f"without {', '.join(missing)}, which keep what is held" if missing else "",
        "in another order" if drift.get("reordered") else "",
    ]
    return "; ".join(filter(None, parts))


def drifted(feed: Feed, delivery: Delivery, drift: Mapping[str, Any]) -> tuple[str, str]:
    """For a delivery that was accepted although its header differs from the contract."""
    subject = f"{feed.name}: the columns of delivery {delivery.delivery_id} differ from the contract"
    safe = "Safe: the delivery is read by column names and goes on; nothing of a member is changed by a missing column."
    press = "Press: nothing tonight. Ask the partner whether it is meant, then mend the contract (columns, ignored)."
    return subject, "\n\n".join((_head(feed, delivery, f"accepted, {drift_sentence(drift)}"), safe, press))


def failed(feed: Feed, delivery: Delivery, step: str, error: str) -> tuple[str, str]:
    """For a delivery whose retries are exhausted."""
    subject = f"{feed.name}: delivery {delivery.delivery_id} failed at {step}"
    press = (
        f"Press: once the cause is gone, trigger the feed's DAG with delivery_id {delivery.delivery_id} and attempt "
        f"{delivery.attempt + 1}. It begins again from landing; doing it twice changes nothing."
    )
    return subject, "\n\n".join((_head(feed, delivery, f"failed at {step}, {error}"), f"Safe: {UNTOUCHED}", press))


def watch_failed(feed: Feed, step: str, error: str) -> tuple[str, str]:
    """For a watch run that could not list or fetch."""
    subject = f"{feed.name}: {step} failed"
    text = (
        f"Partner {feed.partner}, feed {feed.name}: {step} failed, {error}.\n\n"
        "Safe: no delivery was touched; nobody loses coverage because a file could not be fetched.\n\n"
        "Press: nothing if the partner's server was away, the next watch run tries again. If it refused us a folder or "
        "a file, ask the partner to let us read it; the watch run after that takes what waits."
    )
    return subject, text


def gone(feed: Feed, delivery: Delivery) -> tuple[str, str]:
    """For a file that was seen and is not at the partner any more."""
    subject = f"{feed.name}: delivery {delivery.delivery_id} is gone from the partner's folder"
    press = (
        "Press: ask the partner to put the file back; it is then a delivery of its own. If it need not come, "
        f"concord skip {delivery.delivery_id} lets what waits behind it go on."
    )
    return subject, "\n\n".join((_head(feed, delivery, "removed before it was fetched"), f"Safe: {UNTOUCHED}", press))


def not_settled(feed: Feed, delivery: Delivery, step: str, error: str) -> tuple[str, str]:
    """For a step that failed after the changes were written."""
    subject = f"{feed.name}: {step} of delivery {delivery.delivery_id} failed after it was applied"
    safe = "Safe: its changes are in the tables, once, and stay; only the publishing did not finish."
    press = "Press: nothing. concord_reconciler publishes it within a quarter of an hour and opens what comes next."
    return subject, "\n\n".join((_head(feed, delivery, f"{delivery.state}, {step} failed, {error}"), safe, press))


def refused_names(feed: Feed, refused: int) -> tuple[str, str]:
    """For entries in the partner's folder that no name rule allows."""
    subject = f"{feed.name}: {refused} entries in the partner's folder were refused"
    text = (
        f"Partner {feed.partner}, feed {feed.name}: {refused} entries match the pattern but are links, folders, too "
        "large, or have names with control characters or impossible dates. They were not fetched.\n\n"
        "Safe: everything else in the folder is processed as usual.\n\n"
        "Press: look at the folder with the partner; the incident closes by itself when they are gone."
    )
    return subject, text


def sequence_gap(feed: Feed, delivery: Delivery, missing: int) -> tuple[str, str]:
    """For a change file whose predecessor has not arrived."""
    subject = f"{feed.name}: sequence {missing} is missing"
    text = (
        f"{_head(feed, delivery, 'waiting')} Its sequence is {delivery.file_sequence}; {missing} has not arrived.\n\n"
        "Safe: change files are applied in order only; the tables are as of the last one applied.\n\n"
        f"Press: ask the partner for number {missing}. When it arrives, both are applied in order by themselves. If it "
        "came and was refused, and need not be sent again, concord skip with its id lets the next go on."
    )
    return subject, text


def unsound(code: str, findings: Sequence[Finding]) -> tuple[str, str]:
    """For a rule that ``concord check`` finds broken: ids and counts only."""
    subject = f"concord check: {code}, {findings[0].text}" + (f" and {len(findings) - 1} more" if findings[1:] else "")
    ids = ", ".join(name for finding in findings for name in finding.ids)
    text = (
        f"All partners: the tables, the ledger or the archive break the rule {code}: {findings[0].text}.\n\n"
        f"Ids: {ids or 'none'}.\n\n"
        "Safe: checking changed nothing, repaired nothing and stopped nothing; what was delivered is in landing, and "
        "every version of a row is kept. Deliveries go on.\n\n"
        "Press: pause the DAGs of the feeds concerned before anything else is applied, and look with concord check. "
        "Mend no row by hand without keeping what it was. The incident closes by itself when a check finds nothing."
    )
    return subject, text


def waiting_too_long(feed: Feed, delivery: Delivery, hours: float) -> tuple[str, str]:
    """For a hold that nobody decided."""
    subject = f"{feed.name}: delivery {delivery.delivery_id} is held since {hours:.0f} hours"
    text = (
        f"{_head(feed, delivery, 'held')}\n\nSafe: {UNTOUCHED} Waiting decides nothing.\n\n"
        f"Press: concord plan {delivery.delivery_id}, then concord approve or decline; or Required Actions in Airflow."
    )
    return subject, text


def hold_text(feed: Feed, delivery_id: str, site: Site) -> dict[str, str]:
    """Subject and body (Markdown) of the approval: why it is held, what it would do, what to press."""
    with site.database("hold") as connection:
        row = one(connection, "ledger/get_delivery", {"delivery_id": delivery_id})
        plan = one(connection, "plan/get_plan", {"delivery_id": delivery_id})
        guards = run(connection, "plan/list_guards", {"plan_id": plan["plan_id"]}) if plan else []
        quarantined = _reasons(connection, delivery_id)
    if row is None or plan is None:
        return {"subject": f"{feed.name}: delivery {delivery_id}", "body": "There is no plan yet."}
    delivery = Delivery.from_row(row)
    return {
        "subject": f"{feed.name}: delivery {delivery_id} of {delivery.file_date} is held",
        "body": "\n\n".join(_body(feed, delivery, plan, guards, quarantined)),
    }


def _body(feed: Feed, delivery: Delivery, plan: dict[str, Any], guards: list[Any], quarantined: list[Any]) -> list[str]:
    why = [f"- **{g['guard']}**{' ' + g['scope'] if g['scope'] else ''}: {g['text']}" for g in guards if g["tripped"]]
    refused = ", ".join(f"{row['reason']} {row['rows']}" for row in quarantined) or "none"
    return [
        _head(feed, delivery, "held"),
        "**Why**\n" + "\n".join(why),
        f"**Safe** — {UNTOUCHED} {KEPT} Waiting decides nothing.",
        _press(delivery, plan),
        *([f"**Drift** — the file comes with {told}."] if (told := drift_sentence(delivery.drift)) else []),
        "**What it would do**\n\n" + effects_table(plan["counts"]),
        f"Refused rows by reason: {refused}.",
    ]


def _press(delivery: Delivery, plan: dict[str, Any]) -> str:
    return (
        f"**Press** — *Approve* to apply exactly digest `{plan['digest'][:16]}`; *Reject* to refuse the delivery: it "
        f"is kept, and the next file is judged against today's tables. More: `concord plan {delivery.delivery_id}`."
    )


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


def _reasons(connection: Connection, delivery_id: str) -> list[Any]:
    return run(connection, "stage/count_reasons", {"delivery_id": delivery_id})
