"""Errors, named by who has to act.

No message of these classes may carry a value of a row: a message names the
delivery, the line, the column and the rule. :func:`concord.postgres.without_values`
and the validators strip third-party errors before they become one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concord.interchange import Interchange


class ConcordError(Exception):
    """Base of everything Concord raises on purpose."""


class SourceUnavailable(ConcordError):
    """The partner's system did not answer as it should; trying again helps.

    ``retry_after`` is in seconds, where the partner asked for a pause.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceRefused(ConcordError):
    """The partner's system answered and said no (host key, credentials): trying again makes it worse."""


class HostNotTrusted(SourceRefused):
    """Whoever answers is not the pinned server, or speaks only weak algorithms: nothing was said to it."""


class LoginRefused(SourceRefused):
    """The pinned server did not let us in: each further try may lock the account."""


class LoginsBlocked(SourceRefused):
    """Too many logins in a row were refused: none is tried until a person says so, or a pause has passed."""


TOLD = (HostNotTrusted, LoginRefused, LoginsBlocked)
"""Their incident is written where they happen, one per connection: whoever sees them later need not tell."""


class DeliveryRejected(ConcordError):
    """The same bytes break the same promise again: never retried.

    ``code`` is stable (``structure.missing_column``, ``control.line_count``).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.interchanges: tuple[Interchange, ...] = ()
        """What the envelopes of an 834 said before it was rejected: they are acknowledged all the same."""


class NeedsDecision(ConcordError):
    """A person must look before anything goes on."""


class ContractError(ConcordError):
    """A contract contradicts itself: the feed's file has to be mended."""

    def __init__(self, feed: str, field: str, message: str) -> None:
        super().__init__(f"feed {feed!r}, {field}: {message}")
        self.feed, self.field = feed, field


class Fenced(ConcordError):
    """A newer attempt writes for this feed: this one may no longer publish."""


class BaseMoved(ConcordError):
    """The tables changed since the plan was computed: it has to be computed again."""


class StageLost(ConcordError):
    """The stage table is not what was staged (a cache was emptied): stage again from landing."""


class IllegalTransition(ConcordError):
    """The ledger refused a change of state that the specification does not have."""


class Unbalanced(ConcordError):
    """The accounting of a delivery does not add up: nothing was written."""


class DatabaseUnavailable(ConcordError):
    """Postgres refused, timed out or went away; the transaction did nothing and may be repeated."""


class RevealRefused(ConcordError):
    """Somebody asked to see values, and did not say for what, or asked and read in one transaction."""


class LandingUnavailable(ConcordError):
    """The archive did not take or give what it should (a full disk, a store that does not answer): it may, later."""


class LandingDamaged(ConcordError):
    """An archived object does not authenticate: truncated, reordered or altered."""


class LandingShredded(ConcordError):
    """An archived object's data key was destroyed when its retention was over: nobody can read it again."""


class LandingMoved(ConcordError):
    """The equal object that a fetch found was shredded before the delivery was entered: fetch again."""
