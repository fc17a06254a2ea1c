"""One function per task: references in, references out, never a row.

``site.py`` the opened installation · ``connecting.py`` the login · ``arriving.py`` discover, fetch, open_runs ·
``exporting/`` ask, await_export, fetch_export · ``reading.py`` stage (``rows.py`` and ``record_reading.py``
by format) · ``planning.py`` plan · ``deciding.py`` decide, hold_text, standing · ``applying.py`` apply ·
``settling.py`` settle, fail, revive, skip, overdue · ``repairing.py`` reconcile_ledger · ``checking.py`` check
· ``expecting.py`` expect · ``anchoring.py`` anchor_audit · ``rotating.py`` rewrap, retoken · ``retaining.py``
retain · ``linting.py`` report_connections · ``telling.py`` tell · ``replaying.py`` choose, rehearse, replay ·
``waiving.py`` match, change, waive · ``rereading.py`` the text of a delivery · ``texts.py`` what people read.
"""

from concord.steps.anchoring import anchor_audit
from concord.steps.answering import answer, answer_all
from concord.steps.applying import apply
from concord.steps.arriving import discover, fetch, open_runs
from concord.steps.checking import check
from concord.steps.connecting import unblock
from concord.steps.deciding import decide, hold_text, standing
from concord.steps.expecting import expect
from concord.steps.exporting.asking import ask
from concord.steps.exporting.landing import fetch_export
from concord.steps.exporting.waiting import await_export
from concord.steps.linking import decide_links, decide_review, link, plan_links
from concord.steps.linting import report_connections, server_findings, settings_findings
from concord.steps.planning import plan
from concord.steps.reading import stage
from concord.steps.repairing import acknowledge, in_trouble, out_of_trouble, reconcile_ledger
from concord.steps.replaying import choose, rehearse, replay
from concord.steps.retaining import retain
from concord.steps.rotating import key_census, retoken, rewrap
from concord.steps.settling import fail, overdue, revive, settle, skip, unattended
from concord.steps.site import Site, open_site
from concord.steps.telling import Told, tell
from concord.steps.waiving import waive

__all__ = [
    "Site",
    "Told",
    "acknowledge",
    "anchor_audit",
    "answer",
    "answer_all",
    "apply",
    "ask",
    "await_export",
    "check",
    "choose",
    "decide",
    "decide_links",
    "decide_review",
    "discover",
    "expect",
    "fail",
    "fetch",
    "fetch_export",
    "hold_text",
    "in_trouble",
    "key_census",
    "link",
    "open_runs",
    "open_site",
    "out_of_trouble",
    "overdue",
    "plan",
    "plan_links",
    "reconcile_ledger",
    "rehearse",
    "replay",
    "report_connections",
    "retain",
    "retoken",
    "revive",
    "rewrap",
    "server_findings",
    "settings_findings",
    "settle",
    "skip",
    "stage",
    "standing",
    "tell",
    "unattended",
    "unblock",
    "waive",
]
