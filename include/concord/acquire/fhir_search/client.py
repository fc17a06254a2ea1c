"""One server's searches: each to its last page, counted; and the members of a group.

Only imported inside tasks (httpx is slow to load).

A page that is throttled or lost is asked for again, a few times; a search that does not
fit together has to begin anew, since nobody can say what fell between its pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from concord.acquire.fhir_bulk.access import FhirAccess
from concord.acquire.fhir_bulk.asking import FhirServer
from concord.acquire.fhir_bulk.outcome import is_transient, issue_codes
from concord.acquire.fhir_bulk.request import FHIR_ID, FHIR_JSON
from concord.acquire.fhir_search.query import Query
from concord.acquire.fhir_search.refusals import PageGone, SearchsetRejected, SearchShifted, TotalBroken
from concord.acquire.fhir_search.searchset import Page, page, patients
from concord.acquire.http.addresses import Resolve, resolved
from concord.acquire.http.answers import Answer, http_date
from concord.acquire.http.client import Call
from concord.errors import SourceUnavailable
from concord.token_cache import Clock, TokenCache, utc_now

FORGOTTEN = frozenset({400, 404, 410})
"""What servers answer to the address of a page whose search they keep no longer."""
TRIES = 5
FIRST_NAP_S = 1.0
LONGEST_NAP_S = 60.0
"""Who wants a longer pause gets it, but not while a worker waits."""
EARLIER = timedelta(minutes=5)
"""A search may be answered by a copy of the database that is a little behind: what is of this time comes twice."""

Take = Callable[[bytes], object]


@dataclass(frozen=True)
class Limits:
    """How much is taken: ``page_bytes`` of plaintext of each page or group, ``pages`` of one search."""

    page_bytes: int = 50_000_000
    pages: int = 10_000


@dataclass(frozen=True)
class Found:
    """What a search brought: resources, and the total where the server says one; errors that it named; pages."""

    matches: int
    total: int | None
    errors: int
    pages: int


class Search(FhirServer):
    """The searches of one FHIR server; a context manager that closes its connections. Threads may share it.

    Each call raises :class:`SourceUnavailable` (with the pause that was asked for),
    SourceRefused and those below it (LoginRefused, HostNotTrusted, TokenRefused,
    AccessDenied), UrlRefused for a place out of reach, and what it says itself. No error
    and no log names a patient. ``transport``, ``resolve`` and ``sleep`` are for tests.
    """

    def __init__(
        self,
        access: FhirAccess,
        tokens: TokenCache | None = None,
        *,
        limits: Limits | None = None,
        clock: Clock = utc_now,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = resolved,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(access, tokens, clock=clock, transport=transport, resolve=resolve)
        self.limits, self._sleep = limits or Limits(), sleep

    def server_time(self) -> datetime:
        """A moment before now by the server's clock (RFC 9110 6.6.1, ``Date``), or by ours where it tells none."""
        call = Call("GET", f"{self._base}/metadata", "metadata", {"Accept": FHIR_JSON})
        answer = self._patiently(call, Event())
        if answer.status != 200:
            raise self._broken(answer, call.what, issue_codes(answer.body))
        return (http_date(answer.headers.get("date")) or self._clock()) - EARLIER

    def members(self, group_id: str) -> tuple[str, ...]:
        """Logical ids of the patients of ``Group/[id]``; raises SearchsetRejected, RequestRejected, ``ValueError``."""
        if not FHIR_ID.fullmatch(group_id):
            raise ValueError("a group is not named by a logical id")
        call = Call("GET", f"{self._base}/Group/{group_id}", "group", {"Accept": FHIR_JSON})
        answer = self._patiently(call, Event())
        if answer.status != 200:
            raise self._broken(answer, call.what, issue_codes(answer.body))
        return patients(answer.body, call.what)

    def read(
        self, query: Query, take: Take, take_error: Take, *, totals: bool = True, stop: Event | None = None
    ) -> Found:
        """Gives each resource of the search to ``take``, as a line, and each error the server names to ``take_error``.

        What was given is worthless after an error. ``totals`` off believes no ``Bundle.total``.
        Raises :class:`SearchsetRejected`, :class:`TotalBroken`, RequestRejected,
        DeliveryRejected ``acquire.too_large``; :class:`SearchShifted`, :class:`PageGone`;
        SourceUnavailable as soon as ``stop`` is set.
        """
        account = _Account(query, totals=totals)
        call, seen = query.call(self._base), set[str]()
        while True:
            if call.method == "GET":
                self._check_paging(call, seen)
            answer = self._answered(call, stop or Event(), is_first=account.pages == 0)
            found = page(answer.body, answer.headers.get("content-type", ""), resource_type=query.type, what=query.what)
            account.add(found)
            for match in found.matches:
                take(match.line)
            for error in found.errors:
                take_error(error)
            if found.next_url is None:
                return account.closed()
            url = self._http.reach.joined(answer.url, found.next_url, f"next page of the {query.what}")
            call = Call("GET", url, query.what, {"Accept": FHIR_JSON})

    def _check_paging(self, call: Call, seen: set[str]) -> None:
        if call.url in seen:
            raise SearchsetRejected(call.what, "its pages go round in a circle")
        if len(seen) >= self.limits.pages:
            raise SearchsetRejected(call.what, f"has more than {self.limits.pages} pages")
        seen.add(call.url)

    def _answered(self, call: Call, stop: Event, *, is_first: bool) -> Answer:
        answer = self._patiently(call, stop)
        if answer.status == 200:
            return answer
        codes = issue_codes(answer.body)
        if not is_first and answer.status in FORGOTTEN and not is_transient(codes):
            raise PageGone(f"{call.what}: a later page was answered {answer.status}")
        raise self._broken(answer, call.what, codes)

    def _patiently(self, call: Call, stop: Event) -> Answer:
        """The answer, asked for again while the server says that it will pass."""
        patiently = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=_pause,
            sleep=self._sleep,
            retry=retry_if_exception(lambda error: _passes(error) and not stop.is_set()),
            reraise=True,
        )
        answer: Answer = patiently(self._unless_stopped, call, stop)
        return answer

    def _unless_stopped(self, call: Call, stop: Event) -> Answer:
        if stop.is_set():
            raise SourceUnavailable(f"{call.what}: given up, as another search failed", retry_after=None)
        return self._checked(call)

    def _checked(self, call: Call) -> Answer:
        """The answer; raises SourceUnavailable for one that only asks for patience."""
        answer = self._ask(call, limit=self.limits.page_bytes)
        if answer.status >= 400:
            broken = self._broken(answer, call.what, issue_codes(answer.body))
            if isinstance(broken, SourceUnavailable):
                raise broken
        return answer


class _Account:
    """What one search brought so far, and whether it fits together."""

    def __init__(self, query: Query, *, totals: bool) -> None:
        self._query, self._totals = query, totals
        self._keys, self._others = set[str](), set[str]()
        self.pages = self._matches = self._errors = 0
        self._total: int | None = None

    def add(self, found: Page) -> None:
        """Takes a page; raises where it does not fit to those before."""
        self.pages += 1
        self._matches += len(found.matches)
        self._errors += len(found.errors)
        keys = [match.key for match in found.matches if match.key is not None]
        if len(set(keys)) != len(keys) or not self._keys.isdisjoint(keys):
            raise SearchShifted(f"{self._query.what}: a resource stands on two pages, so another may on none")
        self._keys.update(keys)
        self._count(found.total)
        self._refuse_strangers(found)

    def _count(self, total: int | None) -> None:
        if not self._totals or total is None:
            return
        if self._total not in (None, total):
            raise SearchShifted(f"{self._query.what}: the total changed from page to page")
        self._total = total

    def _refuse_strangers(self, found: Page) -> None:
        """A server that heeds no ``patient`` answers with everybody's (R4 search.html: unknown parameters are ignored).

        One other patient is fine: who was merged is answered for by the record that stayed.
        """
        if self._query.patient is None:
            return
        self._others |= {match.owner for match in found.matches if match.owner is not None} - {self._query.patient}
        if len(self._others) > 1:
            raise SearchsetRejected(self._query.what, "answers with other patients than the one that was asked for")

    def closed(self) -> Found:
        """All of it; raises :class:`TotalBroken`."""
        if self._total not in (None, self._matches):
            raise TotalBroken(self._query.what, self._total or 0, self._matches)
        return Found(self._matches, self._total, self._errors, self.pages)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asked for, else a pause that grows."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None else FIRST_NAP_S * 2 ** (state.attempt_number - 1)


def _passes(error: BaseException) -> bool:
    """Whether it passes soon: who wants a long pause gets it, but not while a worker waits."""
    return isinstance(error, SourceUnavailable) and (error.retry_after or 0.0) <= LONGEST_NAP_S
