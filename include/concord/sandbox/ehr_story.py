"""The story of two hospitals: charts come by bulk export, are reconciled, and their patients linked to members."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
from rich.table import Table

from concord.airflow_api import AirflowApi
from concord.catalogue import feed
from concord.postgres import connect
from concord.sandbox.story import Chapter, Say, StoryBroken, look, settle_all

if TYPE_CHECKING:
    from rich.console import Console

    from concord.sandbox.installation import Installation
    from concord.settings import Settings

FEEDS = ("northgate_ehr", "lakeview_ehr")
LINKS = "concord_links"
SECOND_DAY = 2

EXPORTS = """
SELECT feed, delivery_id, kind, resource_type, declared AS manifest, landed, consumed, duplicate, quarantined, ignored,
       control, balanced
FROM mart.export_reconciliation WHERE files > 0 ORDER BY feed, landed_at, delivery_id, kind DESC, resource_type
"""
LINKED = """
SELECT c.partner, count(*) AS patients, count(*) FILTER (WHERE m.rule IS NOT NULL) AS linked,
       count(*) FILTER (WHERE c.rule = 'identifier') AS by_identifier, count(*) FILTER (WHERE c.rule = 'ssn') AS by_ssn,
       count(*) FILTER (WHERE c.rule = 'name') AS by_name, count(*) FILTER (WHERE c.rule = 'merged') AS merged
FROM core.crosswalk c LEFT JOIN LATERAL (
    SELECT rule FROM core.crosswalk o WHERE o.person_id = c.person_id AND o.entity = 'member' LIMIT 1) m ON true
WHERE c.entity = 'patient' GROUP BY c.partner ORDER BY c.partner
"""
UNLINKED = """
SELECT partner, coalesce(review_reason, 'no member fits') AS why, count(*) AS patients
FROM mart.unlinked_patient GROUP BY partner, why ORDER BY partner, patients DESC, why
"""


def tell(installation: Installation, say: Say, console: Console, _chapters: Sequence[Chapter]) -> None:
    """Two exports, the next day's changes of one hospital, and the links; prints the accounting by type."""
    with installation.airflow.api() as api:
        for name in FEEDS:
            say(f"{feed(name).partner}: an export of all charts is asked for")
            _export(installation, api, name, say)
        _turn_the_page(installation, say)
        _export(installation, api, "lakeview_ehr", say)
        say("patients are linked to members")
        state = api.wait(LINKS, api.trigger(LINKS), timeout_s=300, every_s=1)
        if state != "success":
            raise StoryBroken(f"{LINKS} ended as {state}")
    show(console, installation.settings)


def _export(installation: Installation, api: AirflowApi, name: str, say: Say) -> None:
    """One watch run, and every delivery of it until it rests; a person approves what is held."""
    look(api, name, within=600)
    settle_all(installation, api, name, say)


def _turn_the_page(installation: Installation, say: Say) -> None:
    lakeview = feed("lakeview_ehr")
    origin = installation.hospitals.client(lakeview)["token_url"].removesuffix("/oauth2/token")
    httpx.post(f"{origin}/_sandbox/day", json={"day": SECOND_DAY}, timeout=10).raise_for_status()
    say(f"{lakeview.partner}: a day goes by; what changed since the last export is asked for")


def show(console: Console, settings: Settings) -> None:
    """The server's manifest against what landed and what became of it, and who is linked."""
    with connect(settings.loader_url, application="demo") as connection:
        for title, text in (
            ("Exports: the server's manifest, landing, and what became of it", EXPORTS),
            ("Patients linked to members, by the rule that found them", LINKED),
            ("Patients who are nobody's member", UNLINKED),
        ):
            rows = connection.execute(text.encode()).fetchall()
            told = [name for name in (rows[0] if rows else ()) if any(row[name] not in (0, None) for row in rows)]
            table = Table(*told, title=title, title_justify="left")
            for row in rows:
                table.add_row(*(_cell(row[name]) for name in told))
            console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "" if value is None else f"{value:,}" if isinstance(value, int | Decimal) else str(value)
