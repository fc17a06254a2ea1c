"""``concord approve`` and ``concord decline``: the answer of a person to a held plan.

The row in ``ops.decision`` is the authority. Airflow is answered afterwards, so that
the waiting run goes on; where that fails, the reconciler of the ledger does it later.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from concord.airflow_api import AirflowApi, AirflowRefused, AirflowUnavailable
from concord.catalogue import feed
from concord.cli import environment, show
from concord.cli.deliveries import Id, newest_plan, show_plan
from concord.errors import NeedsDecision
from concord.ledger import find

if TYPE_CHECKING:
    from concord.steps import Site

Verdict = Literal["approve", "decline"]
ANSWERS: dict[str, str] = {"approve": "Approve", "decline": "Reject"}
"""What Airflow's approval calls our verdicts."""
ALREADY_ANSWERED = 409

By = Annotated[str, typer.Option(help="Who decides.", default_factory=getpass.getuser, show_default="you")]
Ticket = Annotated[str, typer.Option(help="A ticket number, kept with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
Digest = Annotated[str, typer.Option(help="Refuse unless the plan has this digest (or begins with it).")]


def approve(
    delivery_id: Id,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; no member data.")] = "",
    ticket: Ticket = "",
    digest: Digest = "",
    yes: Yes = False,
) -> None:
    """Approves the plan of a held delivery, by its digest, and lets its run go on."""
    decide(delivery_id, "approve", by=by, reason=reason, ticket=ticket, digest=digest, yes=yes)


def decline(
    delivery_id: Id,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; no member data.")],
    ticket: Ticket = "",
    digest: Digest = "",
    yes: Yes = False,
) -> None:
    """Declines the plan of a held delivery: nothing of it is written."""
    decide(delivery_id, "decline", by=by, reason=reason, ticket=ticket, digest=digest, yes=yes)


def skip(
    delivery_id: Id,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; no member data.")],
) -> None:
    """Says that a failed or rejected delivery need not get in: what waits behind it goes on."""
    from concord import steps

    site = environment.site()
    with environment.ledger(site.settings) as connection:
        name = find(connection, delivery_id).feed
    steps.skip(feed(name), delivery_id, by=by, reason=reason, site=site)
    show.say(f"delivery {show.plain(delivery_id)} is skipped; the next watch run goes on")


def decide(delivery_id: str, verdict: Verdict, *, by: str, reason: str, ticket: str, digest: str, yes: bool) -> None:
    """Shows the plan, asks, records the decision, answers Airflow."""
    from concord import steps

    site = environment.site()
    found = reviewed(site, delivery_id, digest)
    if feed(found["feed"]).policy.approvers > 1 and by != getpass.getuser():
        raise NeedsDecision("the contract asks for two persons: each approves from a login of their own, without --by")
    show.say(f"digest  [bold]{show.plain(found['digest'])}[/bold]")
    if not yes:
        typer.confirm(f"{verdict} this plan?", abort=True)
    answer = steps.decide(
        feed(found["feed"]), delivery_id, digest=found["digest"], verdict=verdict, by=by, via="shell",
        reason=reason, ticket=ticket, site=site,
    )  # fmt: skip
    told = tell(answer, verdict)
    if told is not None:
        answer_airflow(site, found, told)


def reviewed(site: Site, delivery_id: str, digest: str) -> dict[str, Any]:
    """The held plan, shown; raises :class:`NeedsDecision` where there is nothing (or something else) to decide."""
    with environment.ledger(site.settings) as connection:
        found = newest_plan(connection, delivery_id)
        if found["state"] != "held":
            raise NeedsDecision(f"delivery {delivery_id} is {found['state']}, not held: there is nothing to decide")
        if digest and not str(found["digest"]).startswith(digest):
            raise NeedsDecision(f"the plan of delivery {delivery_id} has another digest: look at it again")
        show_plan(connection, found)
    return found


def tell(answer: dict[str, Any], verdict: Verdict) -> str | None:
    """Says what became of the decision; returns the standing verdict, or None while a second person must approve."""
    if not answer["standing"]:
        show.say("recorded; the contract asks for a second person")
        return None
    standing = str(answer["verdict"])
    if standing != verdict:
        show.warn(f"{answer['by']} had decided before: {standing} stands")
    else:
        show.say(f"[green]{standing} recorded for {show.plain(answer['by'])}[/green]")
    return standing


def answer_airflow(site: Site, found: dict[str, Any], verdict: str) -> None:
    """Answers the approval that waits in Airflow; a failure is a warning, since the decision stands."""
    settings = site.settings
    if not (settings.airflow_url and settings.airflow_user and settings.airflow_password):
        show.warn("no CONCORD_AIRFLOW_URL: the waiting run goes on when the ledger is next reconciled")
        return
    try:
        with AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password) as airflow:
            answered = answer_waiting(airflow, found["feed"], found["delivery_id"], ANSWERS[verdict])
    except (AirflowUnavailable, AirflowRefused) as error:
        show.warn(f"{error}: the waiting run goes on when the ledger is next reconciled")
        return
    show.say("Airflow goes on" if answered else "no run waits for an answer in Airflow")


def answer_waiting(airflow: AirflowApi, dag: str, delivery_id: str, option: str) -> bool:
    """Answers the approval of the delivery's run; False where none waits. Being second (409) is no error."""
    waiting = [action for action in airflow.required_actions(dag) if f"_{delivery_id}_" in action.run_id]
    for action in waiting:
        try:
            airflow.answer(action.dag, action.run_id, action.task, option)
        except AirflowRefused as error:
            if error.status != ALREADY_ANSWERED:
                raise
    return bool(waiting)
