"""The story of a health plan and a mainframe employer: what comes in which envelope, and what goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from concord.catalogue import feed
from concord.postgres import connect
from concord.sandbox import report
from concord.sandbox.story import Chapter, Say, StoryBroken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from concord.sandbox.installation import Installation

PLAN, MAINFRAME = "meridian_834", "granite_fixed"
RECONCILER = "concord_reconciler"
SENT = """
SELECT feed, delivery_id, kind, about, file_name, byte_count AS bytes, state FROM ops.outgoing
ORDER BY feed, outgoing_id
"""
ENVELOPES = """
SELECT d.file_date, i.delivery_id, i.level, i.control_number, i.usage, i.action AS bgn08, i.members, i.coverages,
       CASE WHEN i.is_rejected THEN 'rejected' ELSE 'accepted' END AS verdict
FROM ops.interchange i JOIN ops.delivery d USING (delivery_id) ORDER BY d.arrival, i.place
"""


def tell(installation: Installation, say: Say, console: Console, chapters: Sequence[Chapter]) -> None:
    """Shows the mainframe's deliveries, the envelopes of the plan's, and what both partners found in their folders."""
    dates = [chapter.roster.manifest.file_date for chapter in chapters if chapter.feed == MAINFRAME]
    report.show(console, installation.settings, MAINFRAME, dates)
    _see_that_all_is_sent(installation, say)
    with connect(installation.settings.loader_url, application="demo") as connection:
        for title, text in (("Envelopes of the 834s", ENVELOPES), ("Answers to the partners", SENT)):
            _print(console, title, connection.execute(text.encode()).fetchall())
    for name in (PLAN, MAINFRAME):
        _show_folder(installation, console, name)


def _see_that_all_is_sent(installation: Installation, say: Say) -> None:
    """The reconciler sends what no task could; nothing may be left."""
    with installation.airflow.api() as api:
        state = api.wait(RECONCILER, api.trigger(RECONCILER), timeout_s=300, every_s=1)
    if state != "success":
        raise StoryBroken(f"{RECONCILER} ended as {state}")
    say("every acknowledgement and report lies in its partner's folder")


def _show_folder(installation: Installation, console: Console, name: str) -> None:
    contract = feed(name)
    assert contract.answers is not None
    folder = installation.state.employer(contract.partner) / contract.answers.directory.strip("/")
    files = sorted(folder.iterdir())
    console.print(f"\n{contract.partner} finds in {contract.answers.directory}: {len(files)} files", highlight=False)
    for file in [path for path in files if path.suffix == ".edi"][:2]:
        console.print(f"  {file.name}", highlight=False)
        console.print("    " + file.read_text().strip().replace("\n", "\n    "), highlight=False, markup=False)
    for file in [path for path in files if path.name.endswith("published.csv")][-1:]:
        lines = file.read_text().splitlines()
        console.print(f"  {file.name}", highlight=False)
        console.print("    " + "\n    ".join(lines[:14]), highlight=False, markup=False, soft_wrap=True)


def _print(console: Console, title: str, rows: Sequence[dict[str, object]]) -> None:
    table = Table(*(rows[0] if rows else ()), title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
