"""``concord links``: who the patients are; what would be linked, what waits for a person, what a person is asked."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from concord.cli import environment, show
from concord.cli.guard import one_line

app = typer.Typer(no_args_is_help=True, help="Links of patients to members.")

LEAST_DIGITS = 8
MOST_SHOWN = 200
OPEN_REVIEWS = """
SELECT review_id, partner, resource_id, reason, candidates, opened_at
FROM mart.person_link_review WHERE state = 'open' ORDER BY opened_at, review_id
"""

By = Annotated[str, typer.Option(help="Who decides.", default_factory=getpass.getuser, show_default="you")]
Reason = Annotated[str, typer.Option(help="Why; no member data.")]


@app.callback()
def links() -> None:
    """Links of patients to members."""


def plan() -> None:
    """Plans everybody's links as of now and shows the counts, by record and action; nothing is linked."""
    from concord.steps import plan_links

    found = plan_links(environment.site())
    rows = [(entity, action, n) for entity in ("member", "patient") for action, n in found.counts[entity].items()]
    show.table(f"Plan {found.plan_id}: {found.verdict}", ("entity", "action", "rows"), rows)
    if found.tripped:
        show.warn(f"waits because of: {', '.join(found.tripped)}")
    show.say(f"asks about digest [bold]{show.plain(found.asks)}[/bold]" if found.asks else "nobody has to be asked")


def apply() -> None:
    """Plans and applies what may be applied, as the DAG concord_links does every hour."""
    from concord.steps import link

    outcome: dict[str, Any] = link(environment.site(), actor=getpass.getuser())
    show.say(f"{show.plain(outcome['state'])}: {show.plain(outcome['verdict'])}")


def approve(digest: str, by: By, reason: Reason = "", ticket: Annotated[str, typer.Option()] = "") -> None:
    """Approves what the newest plan asks about, by the beginning of its digest."""
    _decide(digest, "approve", by, reason, ticket)


def decline(digest: str, by: By, reason: Reason, ticket: Annotated[str, typer.Option()] = "") -> None:
    """Declines it: the links stand as they are, until something else is planned."""
    _decide(digest, "decline", by, reason, ticket)


def _decide(digest: str, verdict: str, by: str, reason: str, ticket: str) -> None:
    from concord.errors import NeedsDecision
    from concord.identity import newest_plan
    from concord.steps import decide_links

    site = environment.site()
    with environment.ledger(site.settings) as connection:
        newest = newest_plan(connection)
    asked = newest.asks if newest is not None else None
    if asked is None or len(digest) < LEAST_DIGITS or not asked.startswith(digest):
        raise NeedsDecision("the newest plan of links does not ask about this digest: look at it again")
    answer = decide_links(asked, verdict=verdict, by=by, via="shell", reason=reason, ticket=ticket, site=site)
    show.say(f"{show.plain(answer.verdict)} stands, by {show.plain(answer.by)}; the next run of concord_links does it")


def reviews() -> None:
    """Lists the open questions, which patient which member is: ids only."""
    from concord.cli.query import ask

    url = environment.required(environment.settings().analyst_url, "CONCORD_ANALYST_URL")
    columns, rows = ask(url, OPEN_REVIEWS, limit=MOST_SHOWN, timeout_s=60)
    show.answer(columns, rows[:MOST_SHOWN])
    show.say(f"{len(rows)} open")


def decide(
    review_id: int,
    by: By,
    reason: Reason,
    person: Annotated[str, typer.Option(help="The candidate it is; left out: none of them.")] = "",
) -> None:
    """Answers a review: the patient is PERSON, or none of the candidates. The next plan links accordingly."""
    from concord.steps import decide_review

    answer = decide_review(
        review_id, person_id=person or None, by=by, via="shell", reason=reason, site=environment.site()
    )
    show.say(f"{show.plain(answer.verdict)} stands, by {show.plain(answer.by)}")


for command in (plan, apply, approve, decline, reviews, decide):
    app.command()(one_line(command))
