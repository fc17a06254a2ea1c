"""Every deed that matters has exactly one entry in the trail, and ``concord check`` knows which have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from concord import audit, steps
from concord.check import trail
from concord.contract import Limit
from concord.migrations import migrate
from concord.postgres import connect
from concord.quarantine import Selection
from concord.reveal import Member, reveal
from concord.steps import waiving
from tests.playground import Playground, at
from tests.rosters import BASE, FRI, THU, Driver, employee, guarded, without
from tests.tally import count

HOLDS = guarded(ends=Limit(share=0.05, floor=1))


def apply(acme: Driver) -> str:
    return acme.day(without(3), THU).delivery_id


def answer(verdict: str) -> Callable[[Driver], str]:
    def answered(acme: Driver) -> str:
        acme.feed = HOLDS
        return acme.day(without(3, 4), FRI, verdict).delivery_id

    return answered


def skip(acme: Driver) -> str:
    rejected = acme.day(b"nothing of a header\n", THU)
    assert rejected.state == "rejected"
    steps.skip(acme.feed, rejected.delivery_id, by="ann", reason="sent by mistake", site=acme.site)
    return rejected.delivery_id


def refuse(acme: Driver) -> str:
    return acme.day([employee(3, TIER="EE+9"), *BASE[3:], *BASE[:2]], THU).delivery_id


def replay(acme: Driver) -> str:
    delivery_id = refuse(acme)
    assert steps.replay(acme.feed, Selection(acme.feed.name), by="ann", site=acme.site)["replays"]
    return delivery_id


def waive(acme: Driver) -> str:
    refuse(acme)
    chosen = Selection(acme.feed.name)
    assert waiving.change(acme.feed, "waive", chosen, by="ann", reason="left long ago", site=acme.site).ids
    return acme.feed.name


def look(acme: Driver) -> str:
    whom, site = Member("acme", "E0000003", "01"), acme.site
    reveal(str(site.settings.revealer_url), site.keys, whom, ["email"], actor="ann", purpose="a claim")
    return whom.token(site.keys)


DEEDS: dict[str, Callable[[Driver], str]] = {
    "apply": apply, "approve": answer("approve"), "decline": answer("decline"), "skip": skip, "replay": replay,
    "waive": waive, "reveal": look,
}  # fmt: skip
"""What is done, and how; each gives the object that the entry names."""
COUNTED = {"apply", "replay", "waive", "reveal"}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_has_one_entry_with_actor_object_count_and_purpose(deed: str, acme: Driver) -> None:
    named = DEEDS[deed](acme)
    with connect(str(acme.site.settings.auditor_url)) as connection:
        entries = connection.execute("SELECT * FROM ops.audit WHERE action = %s", [deed]).fetchall()
    (entry,) = [entry for entry in entries if entry["object"] == named]
    assert entry["actor"] == ("concord apply" if deed == "apply" else "ann")
    assert (entry["item_count"] or 0) > 0 or deed not in COUNTED
    assert entry["purpose"] or deed in ("approve", "decline"), "an answer may go without words"
    assert unaudited(acme) == ()


def unaudited(acme: Driver) -> tuple[str, ...]:
    """What ``concord check`` says of deeds without an entry."""
    with acme.site.database("check") as connection:
        findings = trail.check(connection, acme.site.anchors.newest())
        return next((finding.ids for finding in findings if finding.code == "audit.entry"), ())


@pytest.mark.full
@pytest.mark.parametrize("deed", [deed for deed in DEEDS if deed != "reveal"])
def test_a_deed_that_somebody_forgot_to_record_is_found(
    deed: str, acme: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the recording of this one action left out."""
    whole = audit.record

    def forgetful(connection: Any, *, action: str, **entry: Any) -> None:
        if action != deed:
            whole(connection, action=action, **entry)

    monkeypatch.setattr(audit, "record", forgetful)
    assert unaudited(acme) == ()
    named = DEEDS[deed](acme)
    found = unaudited(acme)
    count("negative controls", tried=1, red=int(found == (f"{deed}:{named}",)))
    assert found == (f"{deed}:{named}",)


@pytest.mark.parametrize("deed", ["apply", "reveal"])
def test_an_entry_that_was_taken_out_is_missed(deed: str, acme: Driver, first_day: Playground) -> None:
    named = DEEDS[deed](acme)
    first_day.connection.execute("DELETE FROM ops.audit WHERE (action, object) = (%s, %s)", [deed, named])
    (found,) = unaudited(acme)
    assert found.startswith(f"{deed}:")


@pytest.mark.parametrize("deed", ["apply", "decline", "skip", "replay"])
def test_an_entry_of_something_that_never_was_is_found(deed: str, acme: Driver) -> None:
    with acme.site.database("test") as connection:
        audit.record(connection, actor="ann", action=deed, object_id="zzzzzzzz")
    assert unaudited(acme) == (f"{deed}:zzzzzzzz",)


def test_legal_holds_and_shredding_without_an_entry_are_found(acme: Driver, first_day: Playground) -> None:
    named = apply(acme)
    first_day.connection.execute(
        "INSERT INTO ops.legal_hold (feed, matter, placed_by) VALUES (%s, 'm', 'ann')", [acme.feed.name]
    )
    (hold,) = unaudited(acme)
    assert hold.startswith("legal_hold:")
    with acme.site.database("test") as connection:
        audit.record(connection, actor="ann", action="legal_hold", object_id=hold.partition(":")[2])
    assert unaudited(acme) == ()
    first_day.connection.execute(
        "UPDATE ops.delivery SET shredded_at = now(), file_name_sealed = NULL,"
        " manifest = jsonb_set(manifest, '{wrapped_key}', '\"\"') WHERE delivery_id = %s", [named],
    )  # fmt: skip
    assert unaudited(acme) == (f"shred:{named}",)


# ── what was written before there was a chain ──────────────────────────────────


@pytest.fixture
def before_the_chain(template: Any) -> Iterator[str]:
    """The owner's URL of a database as it was before this migration."""
    name = "before_the_chain"
    with psycopg.connect(template.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER concord_owner TEMPLATE template0").format(sql.Identifier(name)))
        try:
            with psycopg.connect(at(template.admin_url, name), autocommit=True) as made:
                made.execute("CREATE EXTENSION pg_trgm")
            migrate(at(template.owner_url, name), "0005_replay")
            yield at(template.owner_url, name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_what_was_written_before_there_was_a_chain_is_chained_by_the_migration(before_the_chain: str) -> None:
    with connect(before_the_chain) as connection:
        connection.execute("INSERT INTO ops.lease (feed, partner) VALUES ('f', 'p')")
        connection.execute(
            "INSERT INTO ops.delivery (delivery_id, feed, partner, mode) VALUES ('aaaaaaaa', 'f', 'p', 'full')"
        )
        for named in ("aaaaaaaa", "elsewhere", "aaaaaaaa"):
            connection.execute("SELECT ops.append_audit('ann', 'look', %s)", [named])
    migrate(before_the_chain)
    with connect(before_the_chain) as connection:
        connection.execute("SELECT ops.append_audit('ann', 'look', 'aaaaaaaa')")
        connection.commit()
        chains = connection.execute("SELECT stream, seq FROM ops.audit ORDER BY stream, seq").fetchall()
        flaws = connection.execute("SELECT * FROM ops.find_audit_flaws()").fetchall()
    assert [(row["stream"], row["seq"]) for row in chains] == [("f", 1), ("f", 2), ("f", 3), ("site", 1)]
    assert flaws == []
