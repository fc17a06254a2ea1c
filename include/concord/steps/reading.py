"""From landing to the stage table: parse, validate, transform, protect, COPY."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from concord import incidents, ledger, match_key, quarantine
from concord import stage as staging
from concord.contract import Feed
from concord.errors import DeliveryRejected, Fenced, NeedsDecision
from concord.failpoint import failpoint
from concord.ledger import Delivery
from concord.protect import KeyRing, last_four
from concord.quarantine import RefusedRow
from concord.stage import Staging
from concord.steps import texts
from concord.steps.arriving import reject
from concord.steps.hints import array_of, hints
from concord.steps.rereading import text_of
from concord.steps.site import Site

if TYPE_CHECKING:
    from pandas import DataFrame

    from concord.parse import Chunk
    from concord.parse.delimited import DelimitedFile
    from concord.postgres import Connection
    from concord.validate import Validated

NOTHING_TO_READ = ledger.ENDED - {"failed", "rejected"} | {"applied"}
STAGEABLE = frozenset({"landed", "waiting", "staged", "planned", "held"})
REOPENED = frozenset({"landed", "failed", "rejected", "held", "planned", "staged"})
FINDERS = ("parse", "validate", "reconcile")


@dataclass(frozen=True)
class Protection:
    """Keys, and which of them counts for the tokens of this partner."""

    keys: KeyRing
    tokens_under: str


@dataclass
class Account:
    """What reading found besides rows: flags, and the lines that are no rows."""

    flags: Counter[str] = field(default_factory=Counter)
    control: list[tuple[int, int]] = field(default_factory=list)
    ignored: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


def stage(feed: Feed, delivery_id: str, attempt: int, site: Site, *, dry_run: bool = False) -> dict[str, Any]:
    """Reads, judges and stages every line of a delivery; returns counts.

    Raises :class:`DeliveryRejected` after the ledger says so, and Fenced for an attempt
    that is over. An attempt one higher than the ledger's opens the delivery again.
    """
    with site.database("stage") as connection:
        delivery = _opened(connection, feed, delivery_id, attempt, dry_run=dry_run)
    failpoint("stage.opened")
    if delivery.state in NOTHING_TO_READ:
        return {"state": delivery.state}
    rejection: DeliveryRejected | None = None
    try:
        _refuse_repeated_number(feed, delivery, site)
        staged, accounted = build(feed, delivery, site, writes_quarantine=not dry_run, enters=not dry_run)
    except DeliveryRejected as error:
        rejection = error
    if rejection is not None:
        if not dry_run:
            reject(feed, delivery, rejection, site)
        raise rejection
    return {"state": "staged", "rows": staged.row_count, "lines": staged.line_count, **accounted}


def _opened(connection: Connection, feed: Feed, delivery_id: str, attempt: int, *, dry_run: bool) -> Delivery:
    delivery = ledger.find_of(connection, feed, delivery_id, lock=True)
    if delivery.is_replay and delivery.state == "rejected":
        raise NeedsDecision(f"replay {delivery_id} was rejected: its rows may be in another by now, open a new one")
    if attempt == delivery.attempt + 1 and delivery.state in REOPENED and not dry_run:
        return ledger.reopen(connection, delivery, "opened again")
    if not dry_run:
        ledger.require_attempt(delivery, attempt)
    return delivery


def _refuse_repeated_number(feed: Feed, delivery: Delivery, site: Site) -> None:
    with site.database("stage") as connection:
        owner = ledger.sequence_owner(connection, feed, delivery)
    if owner is not None:
        message = f"number {delivery.file_sequence} was delivery {owner}, of an earlier day"
        raise DeliveryRejected("order.sequence_repeated", message)


def _enter(feed: Feed, delivery: Delivery, staged: Staging, connection: Connection) -> None:
    ledger.move(
        connection, delivery.delivery_id, "staged", f"{staged.row_count} rows read",
        line_count=staged.line_count, contract_hash=feed.fingerprint,
    )  # fmt: skip
    if not delivery.is_replay:  # its header is that of an older file
        _report_drift(connection, feed, ledger.find(connection, delivery.delivery_id))


def _still_ours(connection: Connection, delivery: Delivery, stage_no: int) -> None:
    """Raises :class:`Fenced` where this staging is late: it would overwrite the account of a newer one.

    Two attempts of one task can run at once; the older may wake up long after its twin
    staged, planned or even applied the delivery.
    """
    held = ledger.find(connection, delivery.delivery_id, lock=True)
    ledger.require_attempt(held, delivery.attempt)
    newer = staging.current(connection, delivery.delivery_id)
    if held.state not in STAGEABLE or (newer is not None and newer.stage_no > stage_no):
        raise Fenced(f"delivery {delivery.delivery_id} is {held.state}: a newer staging counts")


def _report_drift(connection: Connection, feed: Feed, delivery: Delivery) -> None:
    """An incident while deliveries come with other columns than promised; another order alone is none."""
    if delivery.drift.get("extra_columns") or delivery.drift.get("missing_columns"):
        incidents.report(connection, "drift", texts.drifted(feed, delivery, delivery.drift), feed=feed.name)
    else:
        incidents.resolve_cause(connection, f"drift:{feed.name}")


def build(
    feed: Feed, delivery: Delivery, site: Site, *, writes_quarantine: bool, enters: bool = False
) -> tuple[Staging, dict[str, int]]:
    """Builds a staging from landing. Only where it ``enters`` the state moves: a lost cache is rebuilt with it too.

    Raises :class:`Fenced` where it comes too late (see ``_still_ours``); then it wrote nothing that counts.
    """
    with text_of(feed, delivery, site) as file:
        with site.database("stage") as connection:
            tokens_under = match_key.current(connection, feed.partner, site.keys.token_key_id)
            stage_no = staging.begin(connection, feed, delivery.delivery_id, delivery.attempt, tokens_under)
        failpoint("stage.begun")
        with site.database("stage") as connection:
            account, refused, protection = Account(), Refusals(), Protection(site.keys, tokens_under)
            for chunk in file:
                _stage_chunk(connection, feed, delivery, stage_no, chunk, file, protection, account, refused)
            if writes_quarantine:
                _still_ours(connection, delivery, stage_no)
                _write_quarantine(connection, feed, delivery, refused, site.keys)
                failpoint("stage.quarantined")
            if writes_quarantine or delivery.line_count is None:  # a dry run of what was never read needs them too
                _note_drift(connection, feed, delivery, file)
                _write_lines(connection, delivery, account)
                failpoint("stage.accounted")
            staged = staging.finish(connection, delivery.delivery_id, stage_no, file.line_count, account.flags)
            failpoint("stage.finished")
            if enters:
                _enter(feed, delivery, staged, connection)
            failpoint("stage.before_commit")
        failpoint("stage.committed")
    accepted = staged.row_count - len(refused.rows)
    return staged, {"accepted": accepted, "quarantined": len(refused.rows)}


@dataclass
class Refusals:
    """Refused rows of a delivery, until they are copied into quarantine."""

    rows: list[RefusedRow] = field(default_factory=list)


def _note_drift(connection: Connection, feed: Feed, delivery: Delivery, file: DelimitedFile) -> None:
    """Remembers how the header differs: an extra column by count, since its name is the partner's text."""
    missing = [name for name, column in feed.columns.items() if column.source in file.drift.missing_optional]
    drift = {
        "extra_columns": len(file.drift.extra),
        "missing_columns": missing,
        "reordered": file.drift.reordered,
    }
    staging.note_drift(connection, delivery.delivery_id, drift)


def _stage_chunk(
    connection: Connection,
    feed: Feed,
    delivery: Delivery,
    stage_no: int,
    chunk: Chunk,
    file: DelimitedFile,
    protection: Protection,
    account: Account,
    refused: Refusals,
) -> None:
    from concord.transform import transform
    from concord.validate import validate

    as_of = delivery.as_of_date or delivery.file_date
    if as_of is None:
        raise DeliveryRejected("order.no_date", "neither the file's name nor its time says what day it speaks of")
    judged = validate(feed, chunk.frame, as_of=as_of, missing=frozenset(file.drift.missing_optional))
    frame = protected(transform(feed, judged.accepted), protection.keys, feed.partner, protection.tokens_under)
    frame.insert(0, "line", chunk.line[judged.positions])
    frame.insert(1, "lines", chunk.lines[judged.positions])
    frame.insert(2, "refused", False)
    staging.copy_rows(connection, feed, delivery.delivery_id, stage_no, frame)
    found = [*_rejected(chunk, judged), *_broken(chunk)]
    if found:
        shadows = _shadows(feed, chunk, judged)
        staging.copy_rows(connection, feed, delivery.delivery_id, stage_no, shadows)
    failpoint("stage.chunk_copied")
    refused.rows += found
    account.flags.update(judged.flags)
    account.control += [(line, 1) for line in chunk.control]
    for ignored in chunk.ignored:
        account.ignored.setdefault(ignored.reason, []).append((ignored.line, ignored.lines))


def protected(frame: DataFrame, keys: KeyRing, partner: str, tokens_under: str | None = None) -> DataFrame:
    """``frame`` with ``ssn`` replaced by its token, ciphertext (hex, for COPY) and last four digits.

    ``tokens_under`` is the token key that counts for the partner; without it, the ring's own.
    """
    import pandas as pd

    ssn = frame.pop("ssn")
    given = ssn.notna()
    owners = frame.loc[given, ["subscriber_id", "person_code"]]
    numbers = [str(number) for number in ssn[given]]
    contexts = [staging.ssn_context(partner, s, p) for s, p in owners.itertuples(index=False, name=None)]
    sealed = keys.seal_many([number.encode() for number in numbers], contexts)
    for name, values in (
        ("ssn_token", keys.tokens(numbers, "ssn", key_id=tokens_under)),
        ("ssn_sealed", ["\\x" + value.hex() for value in sealed]),
        ("ssn_last_four", [last_four(number) for number in numbers]),
    ):
        frame[name] = pd.Series(list(values), index=frame.index[given], dtype="str").reindex(frame.index)
    return frame


def _rejected(chunk: Chunk, judged: Validated) -> Iterator[RefusedRow]:
    for position, reasons in zip(judged.rejected.position, judged.rejected.reasons, strict=True):
        at = int(position)
        yield RefusedRow(int(chunk.line[at]), int(chunk.lines[at]), "validate", reasons, chunk.raw(at))


def _broken(chunk: Chunk) -> Iterator[RefusedRow]:
    for row in chunk.refused:
        yield RefusedRow(row.line, row.lines, "parse", row.reasons, row.raw)


def _shadows(feed: Feed, chunk: Chunk, judged: Validated) -> DataFrame:
    """Stage rows for refused records: their lines, and whom they show as far as it can be read."""
    import pandas as pd

    rejected = judged.rejected
    keyed = rejected.keys.assign(
        line=chunk.line[rejected.position],
        lines=chunk.lines[rejected.position],
        hints=pd.Series([array_of(hints(feed, chunk.raw(int(at)))) for at in rejected.position], dtype=object),
    )
    broken = pd.DataFrame.from_records(
        [(row.line, row.lines, array_of(hints(feed, row.raw))) for row in chunk.refused],
        columns=["line", "lines", "hints"],
    )
    rows = pd.concat([keyed, broken], ignore_index=True).assign(refused=True)
    return rows.astype({"line": "int64", "lines": "int64"})


def _write_quarantine(connection: Connection, feed: Feed, delivery: Delivery, refused: Refusals, keys: KeyRing) -> None:
    """Refused rows, in the transaction that finishes the staging; those of a replay are in quarantine already."""
    if delivery.is_replay:
        quarantine.refuse_again(connection, delivery.delivery_id, refused.rows, found_by=FINDERS)
        return
    quarantine.forget(connection, delivery.delivery_id, found_by=FINDERS)
    quarantine.keep(connection, keys, feed.name, delivery.delivery_id, refused.rows)


def _write_lines(connection: Connection, delivery: Delivery, account: Account) -> None:
    """The lines that are no rows; the plan adds the others."""
    staging.forget_lines(connection, delivery.delivery_id)
    staging.account_lines(connection, delivery.delivery_id, "control", "", account.control)
    for reason, lines in account.ignored.items():
        staging.account_lines(connection, delivery.delivery_id, "ignored", reason, lines)
