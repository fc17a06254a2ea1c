"""From landing to the stage table: parse, validate, transform, protect, COPY."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from concord import envelopes, incidents, ledger, match_key, quarantine
from concord import stage as staging
from concord.contract import Feed, Stage
from concord.errors import DeliveryRejected, Fenced, NeedsDecision
from concord.failpoint import failpoint
from concord.interchange import Fault, Interchange
from concord.ledger import Delivery
from concord.parse import Said
from concord.protect import KeyRing
from concord.quarantine import RefusedRow
from concord.stage import Staging
from concord.steps import answering, texts
from concord.steps.arriving import open_envelopes, reject
from concord.steps.pieces import Piece, Reading
from concord.steps.record_reading import records_of
from concord.steps.rereading import text_of
from concord.steps.rows import RowReading
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.postgres import Connection
    from concord.unwrap import PgpAccess

NOTHING_TO_READ = ledger.ENDED - {"failed", "rejected"} | {"applied"}
STAGEABLE = frozenset({"landed", "waiting", "staged", "planned", "held"})
REOPENED = frozenset({"landed", "failed", "rejected", "held", "planned", "staged"})
FINDERS = ("parse", "validate", "reconcile")


@dataclass
class Account:
    """What reading found besides rows: flags, refused records, and the lines that are no rows."""

    flags: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    control: list[tuple[int, int]] = field(default_factory=list)
    ignored: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, piece: Piece) -> None:
        """Takes over what a piece found."""
        self.flags.update(piece.flags)
        self.refused += piece.refused
        self.control += piece.control
        for reason, line, lines in piece.ignored:
            self.ignored.setdefault(reason, []).append((line, lines))


def stage(
    feed: Feed, delivery_id: str, attempt: int, site: Site, *, dry_run: bool = False, keys: PgpAccess | None = None
) -> dict[str, Any]:
    """Reads, judges and stages every line of a delivery; returns counts.

    Raises :class:`DeliveryRejected` after the ledger says so, and Fenced for an attempt
    that is over. An attempt one higher than the ledger's opens the delivery again; where its
    envelope was refused, that is opened again with ``keys``.
    """
    if not feed.pulls and feed.drop.keeps_files and not dry_run:
        open_envelopes(feed, delivery_id, attempt, site, keys)
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


def _enter(feed: Feed, delivery: Delivery, staged: Staging, connection: Connection, said: Said, site: Site) -> None:
    ledger.move(
        connection, delivery.delivery_id, "staged", f"{staged.row_count} rows read",
        line_count=staged.line_count, contract_hash=feed.fingerprint,
    )  # fmt: skip
    answering.enter_acknowledgements(connection, feed, delivery, said.interchanges, site)
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
    with opened(feed, delivery, site) as reading:
        with site.database("stage") as connection:
            tokens_under = match_key.current(connection, feed.partner, site.keys.token_key_id)
            stage_no = staging.begin(connection, feed, delivery.delivery_id, delivery.attempt, tokens_under)
        failpoint("stage.begun")
        with site.database("stage") as connection:
            account = Account()
            with _acknowledged(reading):
                for piece in reading.pieces(tokens_under):
                    for frame in piece.frames:
                        staging.copy_rows(connection, feed, delivery.delivery_id, stage_no, frame)
                    failpoint("stage.chunk_copied")
                    account.add(piece)
            if writes_quarantine:
                _still_ours(connection, delivery, stage_no)
                _write_quarantine(connection, feed, delivery, account.refused, site.keys)
                failpoint("stage.quarantined")
            if writes_quarantine or delivery.line_count is None:  # a dry run of what was never read needs them too
                staging.note_drift(connection, delivery.delivery_id, reading.drift)
                _note_said(connection, feed, delivery, reading.said)
                _write_lines(connection, delivery, account)
                failpoint("stage.accounted")
            staged = staging.finish(connection, delivery.delivery_id, stage_no, reading.line_count, account.flags)
            failpoint("stage.finished")
            if enters:
                _enter(feed, delivery, staged, connection, reading.said, site)
            failpoint("stage.before_commit")
        failpoint("stage.committed")
    refused = len(account.refused)
    return staged, {"accepted": staged.row_count - refused, "quarantined": refused}


@contextmanager
def opened(feed: Feed, delivery: Delivery, site: Site) -> Iterator[Reading]:
    """The delivery, ready to be read by its format; raises :class:`DeliveryRejected` where its header says no."""
    if not feed.has_columns:
        with records_of(feed, delivery, site) as records:
            yield records
        return
    with text_of(feed, delivery, site) as file:
        yield RowReading(feed, delivery, file, site.keys)


@contextmanager
def _acknowledged(reading: Reading) -> Iterator[None]:
    """What is rejected while it is read is acknowledged all the same: the rejection takes the envelopes with it."""
    try:
        yield
    except DeliveryRejected as error:
        error.interchanges = reading.said.interchanges
        raise


def _note_said(connection: Connection, feed: Feed, delivery: Delivery, said: Said) -> None:
    """The ledger gets what the delivery says of itself; raises :class:`DeliveryRejected` for a number that came before.

    A replay says nothing: it takes up rows of a delivery that has said it.
    """
    if delivery.is_replay or not feed.says_its_mode:
        return
    sent = said.interchanges
    ledger.note_said(
        connection, delivery.delivery_id, mode=said.mode.value if said.mode is not None else None,
        is_pilot=said.is_test or feed.stage is Stage.PILOT, is_resubmission=envelopes.is_resubmission(sent),
        control_number=sent[0].control_number if sent else None,
    )  # fmt: skip
    envelopes.enter(connection, delivery.delivery_id, sent)
    if (again := envelopes.repeated(connection, feed, delivery.delivery_id)) is not None:
        raise _repeated(sent, *again)


def _repeated(sent: tuple[Interchange, ...], number: str, by: str) -> DeliveryRejected:
    """TA105 = 025: duplicate interchange control number."""
    error = DeliveryRejected("x12.repeated_control_number", f"interchange {number} came with delivery {by}")
    fault = Fault("x12.repeated_control_number", "025")
    error.interchanges = tuple(
        replace(part, is_rejected=True, faults=(*part.faults, fault)) if part.control_number == number else part
        for part in sent
    )
    return error


def _write_quarantine(
    connection: Connection, feed: Feed, delivery: Delivery, refused: list[RefusedRow], keys: KeyRing
) -> None:
    """Refused rows, in the transaction that finishes the staging; those of a replay are in quarantine already."""
    if delivery.is_replay:
        quarantine.refuse_again(connection, delivery.delivery_id, refused, found_by=FINDERS)
        return
    quarantine.forget(connection, delivery.delivery_id, found_by=FINDERS)
    quarantine.keep(connection, keys, feed.name, delivery.delivery_id, refused)


def _write_lines(connection: Connection, delivery: Delivery, account: Account) -> None:
    """The lines that are no rows; the plan adds the others."""
    staging.forget_lines(connection, delivery.delivery_id)
    staging.account_lines(connection, delivery.delivery_id, "control", "", account.control)
    for reason, lines in account.ignored.items():
        staging.account_lines(connection, delivery.delivery_id, "ignored", reason, lines)
