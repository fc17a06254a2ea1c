"""``concord_replay``: refused rows, read again under today's contract.

**When**: a partner sent something the contract did not know, the rows went to quarantine, the
contract was mended and deployed. Fill in the form and trigger; *dry run* first shows what would
happen and writes nothing. The same from a shell: `concord replay FEED [--dry-run]`.

**What it does**: opens a delivery of kind *replay* for each delivery that has such rows, and its
run in the feed's own DAG: planned, guarded, held for a person where it is not ordinary, applied.

**What is safe**: a replay never overwrites what a newer delivery said; rows refused again stay in
quarantine with their present reasons; pressing twice takes no row up twice.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param, get_current_context, task

from concord.contract import Feed
from concord.errors import ContractError
from concord.orchestrate.contracts import readable
from concord.orchestrate.operations import care
from concord.orchestrate.runs import open_all
from concord.orchestrate.tasks import Counts, opened, person

if TYPE_CHECKING:
    from concord.quarantine import Selection

log = logging.getLogger(__name__)

REPLAY = "concord_replay"


def form(feeds: list[str]) -> dict[str, Param]:
    """Which rows; what is left empty does not choose."""
    return {
        "feed": Param(
            type="string", enum=feeds, title="Feed", description="Whose refused rows: `concord quarantine` lists them."
        ),
        "delivery_id": Param(
            None, type=["null", "string"], pattern="^[0-9a-z]{8}$", title="Delivery",
            description="Only rows of this delivery, by its short id.",
        ),
        "reason": Param(
            None, type=["null", "string"], title="Reason", description="Only rows with this code: coverage_tier.code."
        ),
        "since": Param(
            None, type=["null", "string"], format="date", title="Since", description="Only rows refused since this day."
        ),
        "poison": Param(
            False, type="boolean", title="Poison rows too", description="Take up rows that were set apart as well."
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Show what it would do, and write nothing."
        ),
    }  # fmt: skip


def replay_dag() -> DAG:
    """Builds the replay DAG."""

    @task(multiple_outputs=False)
    def replay() -> Counts:
        """Opens a replay for each delivery with such rows, and the run that may start now; a dry run only says."""
        params = get_current_context()["params"]
        feed, selection = named(str(params["feed"])), selected(params)
        with opened() as site:
            from concord import steps

            if params["dry_run"]:
                return {"dry_run": said(steps.rehearse(feed, selection, site))}
            outcome: Counts = steps.replay(feed, selection, by=person(), site=site)
            due = steps.open_runs(feed, site)
        told(outcome)
        return outcome | {"opened": open_all(feed, due)}

    with DAG(
        dag_id=REPLAY,
        description="Reads refused rows again under today's contract.",
        doc_md=__doc__,
        schedule=None,
        catchup=False,
        params=form([feed.name for feed in readable().sound]),
        default_args=care(),
        tags=["operations"],
    ) as dag:
        replay()
    return dag


def named(name: str) -> Feed:
    """The feed called ``name``; raises :class:`ContractError` where its contract is missing or broken."""
    for feed in readable(only=name).sound:
        return feed
    raise ContractError(name, "name", "there is no sound contract of this name")


def selected(params: Any) -> Selection:
    """The rows the form means."""
    from concord.quarantine import Selection

    since = datetime.fromisoformat(params["since"]).replace(tzinfo=UTC) if params["since"] else None
    return Selection(
        str(params["feed"]), params["delivery_id"] or None, params["reason"] or None, since, bool(params["poison"])
    )


def said(rehearsed: list[Counts]) -> Counts:
    """What becomes of the rows of each original; the log has the plans' counts and guards as well."""
    for one in rehearsed:
        log.info("of delivery %s: %s, %s", one["original"], one["state"], ", ".join(one["breaches"]) or "ordinary")
        log.info("%s", one["counts"])
    return {one["original"]: one["fate"] for one in rehearsed}


def told(outcome: Counts) -> None:
    """What was taken up and what was left, for the log: ids and counts."""
    from concord.quarantine import OBSTACLES

    log.info("replays of %s rows: %s", outcome["rows"], ", ".join(outcome["replays"]) or "nothing to replay")
    for obstacle, count in outcome["left"].items():
        log.info("left: %s rows %s", count, OBSTACLES[obstacle])
