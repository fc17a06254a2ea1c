"""When trying again helps: a table from error class to action, with the reason on-call reads.

Airflow can only shorten ``retries``, so every task has the full number and the
table cuts it off. The pause grows exponentially (see ``defaults``), unless the
partner asked for one.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Context, ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule

from concord.airflow_api import AirflowUnavailable
from concord.errors import (
    BaseMoved,
    ConcordError,
    ContractError,
    DatabaseUnavailable,
    DeliveryRejected,
    Fenced,
    LandingDamaged,
    LandingMoved,
    LandingShredded,
    LandingUnavailable,
    NeedsDecision,
    SourceRefused,
    SourceUnavailable,
    StageLost,
    Unbalanced,
)

LONGEST_PAUSE = timedelta(hours=2)
"""A partner may ask for a pause of at most this."""


class AskAgain(NeedsDecision):
    """The contract asks for two persons, and one has approved: the question is put again."""


AGAIN: dict[type[ConcordError], str] = {
    AirflowUnavailable: "Airflow's own API did not answer: it may the next time",
    SourceUnavailable: "the partner's system did not answer as it should: it may the next time",
    DatabaseUnavailable: "the transaction did nothing and may be repeated",
    LandingUnavailable: "the archive did not answer, or has no room: it may the next time",
    StageLost: "the stage table is a cache: it is filled again from landing",
    LandingMoved: "an equal object was shredded meanwhile: the file is fetched anew",
    Fenced: "a newer attempt writes for this feed: look again at what it left",
    BaseMoved: "the tables changed since the plan: it is computed again",
    AskAgain: "a second person must approve: the question is put again",
}
AT_ONCE: dict[type[ConcordError], str] = {
    DeliveryRejected: "the same bytes break the same promise again: ask the partner for a new file",
    ContractError: "the feed's contract has to be mended",
    SourceRefused: "the partner said no: trying again locks the account",
    NeedsDecision: "a person must look",
    Unbalanced: "the accounting does not add up, and the same rows add up to the same",
    LandingDamaged: "the archived object does not authenticate: restore it",
    LandingShredded: "its retention is over: only the partner can send it again",
    ConcordError: "this is no passing trouble: the same happens again",
}
"""The base class comes last: an error of ours that nobody judged is not repeated."""


class ByRemedy(ExceptionRetryPolicy):
    """The table above; a pause the partner asked for goes before the usual one."""

    def __init__(self) -> None:
        again = [RetryRule(error, RetryAction.RETRY, reason=reason) for error, reason in AGAIN.items()]
        at_once = [RetryRule(error, RetryAction.FAIL, reason=reason) for error, reason in AT_ONCE.items()]
        super().__init__(rules=[*again, *at_once])

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Whether to try again after ``exception``, with the reason; third parties' errors follow ``retries``."""
        decision = super().evaluate(exception, try_number, max_tries, context)
        if isinstance(exception, AskAgain):
            return RetryDecision.retry(timedelta(seconds=1), decision.reason)
        asked = exception.retry_after if isinstance(exception, SourceUnavailable) else None
        if asked is None:
            return decision
        return RetryDecision.retry(
            min(timedelta(seconds=max(asked, 0)), LONGEST_PAUSE), "the partner asked for a pause"
        )


BY_REMEDY = ByRemedy()
