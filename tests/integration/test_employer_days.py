"""Two days of the sandbox's employer, reconciled: the generator and the reconciler agree without sharing code."""

from __future__ import annotations

import os
import time
from datetime import date
from typing import Any

import pytest

from concord import steps
from concord.acquire import SftpAccess
from concord.sandbox.roster import Employer, Roster
from concord.sandbox.sftp_server import SftpPartner
from concord.steps import Site
from feeds.acme_eligibility import FEED

START = date(2026, 11, 18)


def access(partner: SftpPartner) -> SftpAccess:
    partner.add_user("concord", password="open sesame")
    return SftpAccess("127.0.0.1", partner.port, "concord", partner.host_key_line, password="open sesame")


def planned(roster: Roster, partner: SftpPartner, site: Site) -> tuple[str, dict[str, Any]]:
    """The delivery of ``roster``, fetched, staged and planned."""
    path = partner.root / "outbound" / roster.file_name
    roster.write(path)
    os.utime(path, (time.time() - 3600,) * 2)
    login = access(partner)
    (delivery_id,) = steps.discover(FEED, login, site)
    steps.fetch(FEED, delivery_id, login, site)
    (run,) = steps.open_runs(FEED, site)
    steps.stage(FEED, delivery_id, run["conf"]["attempt"], site)
    return delivery_id, steps.plan(FEED, delivery_id, run["conf"]["attempt"], site)


def applied(roster: Roster, partner: SftpPartner, site: Site) -> str:
    """The delivery of ``roster``, applied; approved where it was held."""
    delivery_id, plan = planned(roster, partner, site)
    if plan["held"]:
        steps.decide(FEED, delivery_id, digest=plan["digest"], verdict="approve", by="test", via="shell", site=site)
    steps.apply(FEED, delivery_id, 1, site)
    steps.settle(FEED, delivery_id, 1, site)
    return delivery_id


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


def test_refused_rows_have_the_reasons_they_must_get(sftp_partner: SftpPartner, site: Site) -> None:
    roster = Employer(20, 2_000, start=START).day(1)
    delivery_id, _ = planned(roster, sftp_partner, site)
    query = "SELECT r AS reason, count(*) AS n FROM ops.quarantine, unnest(reasons) r WHERE delivery_id = %s GROUP BY r"
    with site.database() as connection:
        found = {row["reason"]: row["n"] for row in connection.execute(query, [delivery_id])}
    assert found == roster.manifest.dirty


def test_a_truncated_day_is_held(sftp_partner: SftpPartner, site: Site) -> None:
    employer = Employer(20, 500, start=START)
    applied(employer.day(1), sftp_partner, site)
    delivery_id, plan = planned(employer.day(2).truncated_at_record_boundary(0.35), sftp_partner, site)
    assert plan["held"]
    assert any(told.startswith("tail_losses") for told in tripped(delivery_id, site))
