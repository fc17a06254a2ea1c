"""Every failpoint, the nights it is tried in, and what happens there.

``kill`` for all; what else can happen at a place besides: the partner or Postgres goes
away (``raise``), the disk is full (``enospc``), the task is told to end (``exit``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "include"
NO_DATABASE = "raise:DatabaseUnavailable"
NO_PARTNER = "raise:SourceUnavailable"

MATRIX: dict[str, dict[str, tuple[str, ...]]] = {
    "discover.listed": {"arriving": ("kill", NO_PARTNER)},
    "discover.entered": {"arriving": ("kill", NO_DATABASE), "gathering": ("kill",)},
    "discover.gone": {"vanished": ("kill", "raise")},
    "discover.before_commit": {"arriving": ("kill",)},
    "discover.committed": {"arriving": ("kill",)},
    "fetch.begun": {"arriving": ("kill", NO_PARTNER), "exporting": ("kill", NO_PARTNER)},
    "landing.draft_written": {"arriving": ("kill", "kill@2", "enospc", "enospc@2"), "exporting": ("kill",)},
    "landing.draft_linked": {"arriving": ("kill", "kill@2"), "exporting": ("kill",)},
    "landing.key_persisted": {"arriving": ("kill", "enospc"), "exporting": ("kill", "enospc@2")},
    "landing.chunk_written": {
        "arriving": ("kill", "kill@3", "enospc@2", "exit@3"),
        "exporting": ("kill", "kill@30", "enospc@20", "exit@25"),
        "gathering": ("kill", "kill@5", "enospc@8", "exit@7"),
    },
    "arrival.file_sealed": {"gathering": ("kill", "kill@3", "exit@2", NO_DATABASE)},
    "arrival.file_landed": {"gathering": ("kill", "kill@2", "kill@3", "raise:SourceUnavailable@2")},
    "arrival.unwrapped": {"gathering": ("kill", "kill@2", "enospc", "exit@2")},
    "arrival.opened_again": {"opening again": ("kill", NO_DATABASE)},
    "fetch.copied": {"arriving": ("kill", NO_PARTNER), "gathering": ("kill", "kill@2")},
    "landing.part_complete": {"arriving": ("kill", "enospc"), "exporting": ("kill@3", "kill", "enospc")},
    "landing.object_moved": {
        "arriving": ("kill", "enospc", "exit"),
        "exporting": ("kill", "kill@5"),
        "gathering": ("kill", "kill@4"),
    },
    "landing.manifest_written": {
        "arriving": ("kill", "raise"),
        "exporting": ("kill", "raise@2"),
        "gathering": ("kill", "kill@4"),
    },
    "fetch.sealed": {
        "arriving": ("kill", "exit"),
        "exporting": ("kill", "exit", NO_DATABASE),
        "gathering": ("kill", NO_DATABASE),
    },
    "fetch.before_commit": {
        "arriving": ("kill", NO_DATABASE),
        "exporting": ("kill", NO_DATABASE),
        "gathering": ("kill", NO_DATABASE),
    },
    "fetch.committed": {"arriving": ("kill", "exit"), "exporting": ("kill",), "gathering": ("kill",)},
    "open_runs.before_commit": {"landed": ("kill",), "exporting": ("kill",)},
    "open_runs.committed": {"landed": ("kill",), "exporting": ("kill",)},
    "export.before_commit": {"exporting": ("kill", NO_DATABASE)},
    "export.wanted": {"exporting": ("kill", NO_PARTNER)},
    "export.kicked_off": {"exporting": ("kill", "exit", NO_DATABASE)},
    "export.started": {"exporting": ("kill",)},
    "export.polled": {"exporting": ("kill", NO_PARTNER)},
    "export.ready": {"exporting": ("kill", NO_DATABASE)},
    "export.file_sealed": {"exporting": ("kill", "kill@3", "exit", NO_DATABASE)},
    "export.file_landed": {"exporting": ("kill", "kill@5", "enospc@2")},
    "export.cancelled": {"exporting": ("kill", NO_DATABASE), "refusing": ("kill", NO_DATABASE)},
    "export.part_dropped": {
        "exporting": ("kill", "kill@3", NO_DATABASE),
        "refusing": ("kill",),
        "crawling": ("kill",),
    },
    "cancel.before_commit": {"cancelling": ("kill", NO_DATABASE)},
    "cancel.committed": {"cancelling": ("kill",)},
    "search.roster": {"crawling": ("kill", NO_PARTNER)},
    "search.started": {"crawling": ("kill", NO_DATABASE)},
    "search.unit_sealed": {"crawling": ("kill", "kill@3", "exit", NO_DATABASE)},
    "search.unit_landed": {"crawling": ("kill", "kill@5", "enospc@2")},
    "search.before_commit": {"crawling": ("kill", NO_DATABASE)},
    "search.ready": {"crawling": ("kill",)},
    "stage.opened": {"landed": ("kill",), "exporting": ("kill",)},
    "stage.begun": {"landed": ("kill", "exit"), "exporting": ("kill",)},
    "stage.chunk_copied": {"landed": ("kill", "kill@2", "enospc", "exit@2"), "exporting": ("kill", "enospc")},
    "stage.quarantined": {"landed": ("kill", NO_DATABASE), "exporting": ("kill",)},
    "stage.accounted": {"landed": ("kill",), "exporting": ("kill",)},
    "stage.finished": {"landed": ("kill", "raise:StageLost"), "exporting": ("kill",)},
    "stage.before_commit": {"landed": ("kill", NO_DATABASE), "replaying": ("kill",), "exporting": ("kill",)},
    "stage.committed": {"landed": ("kill",), "exporting": ("kill",)},
    "plan.staged": {"staged": ("kill", "raise:StageLost"), "exporting": ("kill",)},
    "plan.created": {"staged": ("kill",), "exporting": ("kill",)},
    "plan.decided": {"staged": ("kill", "exit"), "exporting": ("kill",)},
    "plan.guarded": {"staged": ("kill",), "exporting": ("kill",)},
    "plan.finished": {"staged": ("kill", NO_DATABASE), "exporting": ("kill",)},
    "plan.quarantined": {"staged": ("kill",), "exporting": ("kill",)},
    "plan.before_commit": {
        "staged": ("kill", NO_DATABASE),
        "held": ("kill",),
        "replaying": ("kill",),
        "exporting": ("kill",),
    },
    "plan.committed": {"staged": ("kill",), "held": ("kill",), "exporting": ("kill",)},
    "decide.before_commit": {"held": ("kill", NO_DATABASE)},
    "decide.committed": {"held": ("kill",)},
    "apply.fence_taken": {"planned": ("kill", NO_DATABASE), "exporting": ("kill",)},
    "apply.lease_held": {"planned": ("kill", "raise:BaseMoved"), "exporting": ("kill",)},
    "apply.checked": {"planned": ("kill", "raise:StageLost"), "exporting": ("kill",)},
    "apply.versions_closed": {"planned": ("kill", "kill@2"), "exporting": ("kill", "kill@3")},
    "apply.versions_opened": {"planned": ("kill", "kill@2", "enospc@2"), "exporting": ("kill", "kill@3")},
    "apply.events_written": {"planned": ("kill", "kill@2", NO_DATABASE), "exporting": ("kill", "kill@3")},
    "apply.remembered": {"planned": ("kill",), "exporting": ("kill",)},
    "apply.rows_closed": {"replaying": ("kill", NO_DATABASE)},
    "apply.lease_advanced": {"planned": ("kill", "raise:Fenced"), "exporting": ("kill",)},
    "apply.before_commit": {
        "planned": ("kill", "exit", NO_DATABASE),
        "held": ("kill",),
        "replaying": ("kill",),
        "exporting": ("kill",),
    },
    "apply.committed": {
        "planned": ("kill", "exit", NO_DATABASE),
        "held": ("kill",),
        "replaying": ("kill",),
        "exporting": ("kill",),
    },
    "apply.declined": {"declined": ("kill", NO_DATABASE)},
    "settle.published": {"applied": ("kill", NO_DATABASE), "exporting": ("kill",)},
    "stage.table_dropped": {"applied": ("kill", NO_DATABASE), "exporting": ("kill",)},
    "settle.before_commit": {"applied": ("kill",), "exporting": ("kill",)},
    "settle.committed": {"applied": ("kill",), "exporting": ("kill",)},
    "settle.reopened": {"unanswered": ("kill", NO_DATABASE)},
    "reject.before_commit": {"rejected": ("kill", NO_DATABASE), "refusing": ("kill",)},
    "reject.committed": {"rejected": ("kill",), "refusing": ("kill",)},
    "skip.before_commit": {"rejected": ("kill",)},
    "give_up.before_commit": {"dead end": ("kill",)},
    "give_up.committed": {"dead end": ("kill", NO_DATABASE)},
    "fail.before_commit": {"dead end": ("kill",)},
    "fail.committed": {"dead end": ("kill",)},
    "revive.before_commit": {"lost": ("kill", NO_DATABASE)},
    "repair.published": {"unsettled": ("kill", NO_DATABASE)},
    "repair.orphan_removed": {"stray": ("kill", "raise")},
    "repair.part_removed": {"unsettled": ("kill",)},
    "repair.before_commit": {"unsettled": ("kill",)},
    "repair.escalated": {"long held": ("kill",)},
    "keys.object_rewrapped": {"rotating": ("kill", "enospc")},
    "keys.before_manifest": {"rotating": ("kill", "enospc")},
    "keys.manifest_replaced": {"rotating": ("kill",)},
    "keys.batch_resealed": {"rotating": ("kill", NO_DATABASE)},
    "keys.partner_retokened": {"rotating": ("kill", NO_DATABASE)},
    "keys.tokens_replaced": {"rotating": ("kill",)},
    "retention.key_destroyed": {"retaining": ("kill", NO_DATABASE)},
    "retention.erased": {"retaining": ("kill", "kill@2", "enospc")},
    "retention.rows_destroyed": {"retaining": ("kill", NO_DATABASE)},
    "replay.before_commit": {"replaying": ("kill", NO_DATABASE)},
    "replay.committed": {"replaying": ("kill", "exit")},
    "waive.before_commit": {"waiving": ("kill", NO_DATABASE)},
    "waive.committed": {"waiving": ("kill",)},
    "answer.acknowledged": {"answering": ("kill", "exit", NO_DATABASE)},
    "answer.reported": {"answering": ("kill", "kill@2", NO_DATABASE)},
    "answer.written_aside": {"answering": ("kill", "kill@3", NO_PARTNER)},
    "answer.put": {"answering": ("kill", "kill@2", "exit@3", NO_DATABASE)},
    "answer.before_commit": {"answering": ("kill", NO_DATABASE)},
    "answer.sent": {"answering": ("kill", NO_DATABASE)},
    "tell.sent": {"held": ("kill", NO_DATABASE)},
}

EVERY_DAY = (
    ("arriving", "landing.object_moved=kill"),
    ("exporting", "export.file_landed=kill"),
    ("gathering", "arrival.unwrapped=kill@2"),
    ("held", "plan.committed=kill"),
    ("answering", "answer.put=kill@2"),
    ("planned", "apply.before_commit=kill"),
    ("planned", "apply.committed=kill"),
)
"""The few that the default suite tries."""


def tries() -> Iterator[tuple[str, str]]:
    """Every night with every fault of it."""
    for name, nights in MATRIX.items():
        for night, actions in nights.items():
            for action in actions:
                yield night, f"{name}={action}"


def names_in_source(folder: Path = SOURCE) -> dict[str, list[str]]:
    """Failpoints by name, with the places that call them; raises where a name is not a literal."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "failpoint":
                place = f"{path.name}:{node.lineno}"
                if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant):
                    raise ValueError(f"{place}: the name of a failpoint is a literal")
                found.setdefault(str(node.args[0].value), []).append(place)
    return found
