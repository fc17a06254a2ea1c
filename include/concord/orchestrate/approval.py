"""Asks a person about a held plan, in Airflow's Required Actions.

The answer that counts is the row in ``ops.decision``: what is pressed here is
recorded there, and where a decision stands already, that one counts. So both answers
let ``apply`` go on, which reads the ledger; nothing is skipped behind a refusal.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NoReturn, TypedDict

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

from concord.contract import Feed
from concord.errors import NeedsDecision
from concord.orchestrate.retry import AskAgain
from concord.orchestrate.tasks import Counts, opened, this_delivery

ASKING_LIMIT = timedelta(minutes=10)
"""For putting the question and recording the answer, never for waiting."""
FIRST_PAUSE = timedelta(seconds=5)
"""Airflow 3.3.2 fails a try that is answered within about a second of asking (its scheduler takes the
parked process's late report for a crash, apache/airflow#72716): the next try finds the decision standing."""
FORBIDDEN = ("response_timeout", "defaults", "fail_on_reject", "execution_timeout")


class Answer(TypedDict):
    """An answer as Airflow hands it to the resumed task."""

    chosen_options: list[str]
    params_input: dict[str, Any] | None
    responded_at: datetime
    responded_by_user: dict[str, str] | None


class Approve(ApprovalOperator):
    """Holds a run while a person decides; skipped where the plan is ordinary."""

    def __init__(self, *, feed: Feed, task_id: str = "approve", **kwargs: Any) -> None:
        if any(name in kwargs for name in FORBIDDEN):
            raise ValueError(f"no time-out and no default decides: {', '.join(FORBIDDEN)} are not for an approval")
        # An execution_timeout (also one of default_args) is turned into a response_timeout by
        # HITLOperator, and would decide: it is held off here and set behind its back below.
        kwargs.pop("params", None)  # the run's form, which Airflow merges in at every level
        super().__init__(
            task_id=task_id,
            subject=f"{feed.name}: a delivery is held",
            body="",
            params={
                "ticket": Param("", type="string", maxLength=64, title="Ticket"),
                "reason": Param("", type="string", maxLength=500, title="Reason", description="No names, no ids."),
            },
            execution_timeout=None,
            response_timeout=None,
            retry_delay=FIRST_PAUSE,
            **kwargs,
        )
        self.execution_timeout = ASKING_LIMIT
        self.feed_name = feed.name
        self._feed = feed

    def execute(self, context: Context) -> Counts:
        """Asks and waits. Skipped for an ordinary plan and a dry run; asks nothing that is decided already."""
        planned: Counts = context["ti"].xcom_pull(task_ids="plan") or {}
        if this_delivery().dry_run or not planned.get("held"):
            raise AirflowSkipException("the plan is ordinary" if not planned.get("held") else "a dry run asks nobody")
        standing = self._standing()
        if standing is None:
            self._ask(context, str(planned["digest"]))
        return {"verdict": standing, "asked": False}

    def execute_complete(self, context: Context, event: Answer, digest: str) -> Counts:  # type: ignore[override]
        """Records the answer given in Airflow against the ``digest`` that was shown; returns what stands."""
        # Past ApprovalOperator, which would skip everything downstream of a refusal.
        super(ApprovalOperator, self).execute_complete(context=context, event=dict(event))
        verdict = "approve" if event["chosen_options"] == [self.APPROVE] else "decline"
        decision = self._record(event, verdict, digest)
        if decision is not None and not decision["standing"]:
            # A new try puts a new question: Airflow 3.3.2 answers 500 to a second one of the same try.
            raise AskAgain(f"delivery {this_delivery().delivery_id}: one of two persons has approved")
        return {"verdict": decision and decision["verdict"], "asked": True, "answered": verdict}

    def _record(self, event: Answer, verdict: str, digest: str) -> Counts | None:
        """What stands after the answer; None where there is nothing to decide any more.

        Then the delivery was superseded meanwhile, or its plan was computed again: ``apply``
        finds out which, and ``settle`` opens another attempt where somebody must be asked again.
        """
        form = event["params_input"] or {}
        try:
            with opened() as site:
                from concord import steps

                return steps.decide(
                    self._feed,
                    this_delivery().delivery_id,
                    digest=digest,
                    verdict=verdict,
                    by=responder(event),
                    via="airflow",
                    reason=str(form.get("reason") or ""),
                    ticket=str(form.get("ticket") or ""),
                    site=site,
                )
        except NeedsDecision:
            self.log.info("There is nothing to decide any more.")
            return None

    def _standing(self) -> str | None:
        with opened() as site:
            from concord import steps

            return steps.standing(self._feed, this_delivery().delivery_id, site)

    def _ask(self, context: Context, digest: str) -> NoReturn:
        """Puts the question and parks the task; what was shown comes back with the answer."""
        with opened() as site:
            from concord import steps

            text = steps.hold_text(self._feed, this_delivery().delivery_id, site)
        self.subject, self.body = text["subject"], text["body"]
        try:
            super().execute(context)
        except TaskAwaitingInput as waiting:
            waiting.kwargs = {"digest": digest}
            raise
        raise RuntimeError("an approval that does not wait")


def responder(event: Answer) -> str:
    """Who answered, as Airflow's auth manager names them."""
    user = event.get("responded_by_user") or {}
    return user.get("name") or user.get("id") or "unknown"
