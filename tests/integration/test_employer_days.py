"""Days of the sandbox's employers, reconciled: the generator and the reconciler agree without sharing code."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from concord import catalogue, steps
from concord.acquire import SftpAccess
from concord.contract import Feed
from concord.sandbox.borealis import Borealis
from concord.sandbox.cypress import Cypress
from concord.sandbox.granite import Granite
from concord.sandbox.meridian import Meridian
from concord.sandbox.roster import Employer, Roster
from concord.sandbox.sftp_server import SftpPartner
from concord.steps import Site
from tests.kinds import ROWS

START = date(2026, 11, 18)
ACME = catalogue.feed("acme_eligibility")
EMPLOYERS: dict[str, type[Employer]] = {
    "acme_eligibility": Employer, "borealis_changes": Borealis, "cypress_eligibility": Cypress,
    "granite_fixed": Granite, "meridian_834": Meridian,
}  # fmt: skip


def test_every_feed_with_columns_has_an_employer_in_the_sandbox() -> None:
    assert set(EMPLOYERS) == set(ROWS)


def access(partner: SftpPartner) -> SftpAccess:
    partner.add_user("concord", password="open sesame")
    return SftpAccess("127.0.0.1", partner.port, "concord", partner.host_key_line, password="open sesame")


def planned(roster: Roster, partner: SftpPartner, site: Site, feed: Feed = ACME) -> tuple[str, dict[str, Any]]:
    """The delivery of ``roster``, fetched, staged and planned."""
    path = partner.root / feed.source.directory.strip("/") / roster.file_name
    path.parent.mkdir(exist_ok=True)
    roster.write(path)
    os.utime(path, (time.time() - 3600,) * 2)
    login = access(partner)
    (delivery_id,) = steps.discover(feed, login, site)
    steps.fetch(feed, delivery_id, login, site)
    (run,) = steps.open_runs(feed, site)
    steps.stage(feed, delivery_id, run["conf"]["attempt"], site)
    return delivery_id, steps.plan(feed, delivery_id, run["conf"]["attempt"], site)


def unsealed(feed: Feed) -> Feed:
    """The contract as if its files came without an envelope."""
    source = feed.drop
    pattern = source.pattern.removesuffix(".pgp") if source.envelope else source.pattern
    return replace(feed, source=replace(source, envelope=(), pattern=pattern))


def applied(roster: Roster, partner: SftpPartner, site: Site, feed: Feed = ACME) -> str:
    """The delivery of ``roster``, applied; approved where it was held."""
    delivery_id, plan = planned(roster, partner, site, feed)
    finish(delivery_id, plan, site, feed)
    return delivery_id


def finish(delivery_id: str, plan: dict[str, Any], site: Site, feed: Feed) -> None:
    """Applies a planned delivery; approved where it was held."""
    if plan["held"]:
        steps.decide(feed, delivery_id, digest=plan["digest"], verdict="approve", by="test", via="shell", site=site)
    steps.apply(feed, delivery_id, 1, site)
    steps.settle(feed, delivery_id, 1, site)


def reconciliation(delivery_id: str, site: Site) -> dict[str, Any]:
    query = "SELECT * FROM mart.delivery_reconciliation WHERE delivery_id = %s"
    with site.database() as connection:
        row = connection.execute(query, [delivery_id]).fetchone()
    assert row is not None
    return row


TRIPPED = """
SELECT guard || ' ' || text AS told FROM ops.plan_guard JOIN ops.plan USING (plan_id)
WHERE tripped AND delivery_id = %s
"""


def tripped(delivery_id: str, site: Site) -> list[str]:
    with site.database() as connection:
        return [row["told"] for row in connection.execute(TRIPPED, [delivery_id])]


@pytest.mark.parametrize("members", [300, 500, 2_000])
def test_an_ordinary_day_applies_by_itself_and_finds_what_was_done(
    members: int, sftp_partner: SftpPartner, site: Site
) -> None:
    employer = Employer(20, members, start=START)
    applied(employer.day(1), sftp_partner, site)
    delivery_id, plan = planned(employer.day(2), sftp_partner, site)
    assert tripped(delivery_id, site) == []
    assert plan["state"] == "planned"
    found, expected = reconciliation(delivery_id, site), employer.day(2).manifest.expected
    assert {name: int(found[name]) for name in expected} == expected


@pytest.mark.parametrize("name", sorted(set(EMPLOYERS) - {"acme_eligibility"}))
def test_every_employers_days_find_what_was_done(name: str, sftp_partner: SftpPartner, site: Site) -> None:
    """Three days: Cypress' missing persons leave with the third."""
    employer, feed = EMPLOYERS[name](20, 1_000, start=START), unsealed(catalogue.feed(name))
    for number in (1, 2, 3):
        manifest = employer.day(number).manifest
        delivery_id, plan = planned(employer.day(number), sftp_partner, site, feed)
        assert plan["held"] == (number == 1), tripped(delivery_id, site)
        finish(delivery_id, plan, site, feed)
        found = reconciliation(delivery_id, site)
        assert {each: int(found[each]) for each in manifest.expected} == manifest.expected
        assert (found["lines_balance"], found["spans_balance"]) == ("balanced", "balanced")
        assert (refused(delivery_id, site), flags(delivery_id, site)) == (manifest.dirty, manifest.flags)
    assert {"ended", "changed", "corrected", "reinstated", "added"} <= set(manifest.expected)
    assert manifest.dirty
    assert len(manifest.flags) >= (9 if feed.columnar.is_spreadsheet else 0)


def test_refused_rows_have_the_reasons_they_must_get(sftp_partner: SftpPartner, site: Site) -> None:
    roster = Employer(20, 2_000, start=START).day(1)
    delivery_id, _ = planned(roster, sftp_partner, site)
    assert refused(delivery_id, site) == roster.manifest.dirty


def refused(delivery_id: str, site: Site) -> dict[str, int]:
    """Quarantined rows by reason."""
    query = "SELECT r AS reason, count(*) AS n FROM ops.quarantine, unnest(reasons) r WHERE delivery_id = %s GROUP BY r"
    with site.database() as connection:
        return {row["reason"]: row["n"] for row in connection.execute(query, [delivery_id])}


def flags(delivery_id: str, site: Site) -> dict[str, int]:
    """What was noticed in accepted rows."""
    with site.database() as connection:
        row = connection.execute("SELECT flags FROM ops.stage_attempt WHERE delivery_id = %s", [delivery_id]).fetchone()
    return dict(row["flags"]) if row else {}


def test_a_truncated_day_is_held(sftp_partner: SftpPartner, site: Site) -> None:
    employer = Employer(20, 500, start=START)
    applied(employer.day(1), sftp_partner, site)
    delivery_id, plan = planned(employer.day(2).truncated_at_record_boundary(0.35), sftp_partner, site)
    assert plan["held"]
    assert any(told.startswith("tail_losses") for told in tripped(delivery_id, site))
