"""One server's bulk export: started, waited for, ended, and its files fetched.

Only imported inside tasks (httpx is slow to load).

Nothing is kept here between calls but connections and the token: the status URL that
:meth:`Bulk.kick_off` returns is the whole of the job, and the caller writes it down before
anything else. A token that ran out meanwhile is minted anew, once per call.

**A download that breaks begins again** from the first byte, as with SFTP: what was written
is sealed in chunks that cannot be continued, and half a gzip says nothing of its other half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event

import httpx

from concord.acquire.fhir_bulk.access import FhirAccess, Limits
from concord.acquire.fhir_bulk.asking import FhirServer
from concord.acquire.fhir_bulk.manifest import ExportFile, Manifest, Page, page, whole
from concord.acquire.fhir_bulk.ndjson import Downloaded, copied, judged
from concord.acquire.fhir_bulk.outcome import is_transient, issue_codes
from concord.acquire.fhir_bulk.progress import InProgress, shown
from concord.acquire.fhir_bulk.refusals import (
    ExportBusy,
    ExportFailed,
    ExportGone,
    LinkExpired,
    ManifestRejected,
)
from concord.acquire.fhir_bulk.request import ExportRequest
from concord.acquire.fhir_bulk.sinks import Sink
from concord.acquire.http import client as wire
from concord.acquire.http.addresses import Resolve, resolved
from concord.acquire.http.answers import Answer, http_date
from concord.acquire.http.client import Call
from concord.acquire.http.urls import UrlRefused, same_origin
from concord.errors import ConcordError
from concord.token_cache import Clock, TokenCache, utc_now

GONE = frozenset({404, 410})
EXPIRED = frozenset({400, 401, 403})
"""What a store answers to a presigned link after its end (S3: 403, or 400 where its credentials ended first)."""
BUSY = frozenset({"throttled", "business-rule"})
"""Issue codes of a server that has an export of ours (Oracle Health; Epic: "requested this Group too recently")."""
MOST_OF_AN_ANSWER = 1 << 20


class Bulk(FhirServer):
    """The bulk export of one FHIR server; a context manager that closes its connections. Threads may share it.

    ``tokens`` are shared by whoever gets the same cache. Each call raises
    :class:`SourceUnavailable` (with the pause that was asked for), SourceRefused and those
    below it (LoginRefused, HostNotTrusted, TokenRefused, AccessDenied), UrlRefused for a
    place out of reach, and what it says itself. ``transport`` and ``resolve`` are for tests.
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
    ) -> None:
        super().__init__(access, tokens, clock=clock, transport=transport, resolve=resolve)
        self.limits = limits or Limits()

    # ── the job ────────────────────────────────────────────────────────────────

    def kick_off(self, request: ExportRequest) -> str:
        """Starts an export; returns its status URL.

        Raises :class:`ExportBusy` while another one runs, :class:`RequestRejected`. After
        SourceUnavailable the server may have started one all the same: it then says that
        it is busy.
        """
        call = request.call(self._base)
        answer = self._ask(call, limit=MOST_OF_AN_ANSWER)
        if answer.status == 202:
            return self._status_url(call, answer)
        codes = issue_codes(answer.body)
        if answer.status == 429 or BUSY & set(codes):
            raise ExportBusy("kick-off: the server takes no second export now", retry_after=self._pause(answer))
        raise self._broken(answer, call.what, codes)

    def _status_url(self, call: Call, answer: Answer) -> str:
        url = self._http.reach.joined(answer.url, answer.headers.get("content-location", ""), "status URL")
        if url in {call.url, answer.url}:
            raise UrlRefused("status URL", "is that of the kick-off: each poll would start another export")
        return url

    def poll(self, status_url: str) -> InProgress | Manifest:
        """How far the export is: its whole manifest, all pages of it, when it is complete.

        Raises :class:`ExportGone`, :class:`ExportFailed`, :class:`ManifestRejected`,
        :class:`RequestRejected`, DeliveryRejected ``acquire.too_large``.
        """
        pages: list[Page] = []
        expires_at, url, seen = None, status_url, set[str]()
        while True:
            self._check_paging(url, seen)
            answer = self._polled(url)
            if answer.status == 202:
                return InProgress(shown(answer.headers.get("x-progress")), self._pause(answer))
            expires_at = expires_at or http_date(answer.headers.get("expires"))
            pages.append(self._page(answer, pages))
            following = pages[-1].next_url
            if following is None:
                return whole(pages, expires_at)
            url = self._http.reach.joined(answer.url, following, "next page of the manifest")

    def cancel(self, status_url: str) -> None:
        """Tells the server that the job may go, finished or not; one that is gone already is fine."""
        answer = self._ask(Call("DELETE", status_url, "cancel"), limit=MOST_OF_AN_ANSWER)
        if not (200 <= answer.status < 300 or answer.status in GONE):
            raise self._broken(answer, "cancel", issue_codes(answer.body))

    # ── files ──────────────────────────────────────────────────────────────────

    def download(self, file: ExportFile, make_sink: Callable[[], Sink], *, stop: Event | None = None) -> Downloaded:
        """Writes the plaintext of ``file`` into a sink, made when the answer looks as it should.

        What was written is worthless after an error: a next try gets a new sink. Raises
        :class:`ExportGone`, :class:`LinkExpired`, :class:`NotNdjson`, RequestRejected,
        DeliveryRejected ``acquire.too_large``; SourceUnavailable for half a file, and as
        soon as ``stop`` is set.
        """
        call = Call("GET", file.url, file.what, {"Accept": "application/fhir+ndjson"})
        with self._opened(call, with_token=file.needs_token) as response:
            if response.status_code != 200:
                raise self._lost(response, file)
            plaintext = wire.pieces(response, file.what, limit=self.limits.file_bytes)
            lines = judged(plaintext, file, response.headers.get("content-type", ""))
            return copied(lines, make_sink(), file.what, stop or Event())

    def _lost(self, response: httpx.Response, file: ExportFile) -> ConcordError:
        status = response.status_code
        if status in GONE:
            return ExportGone(file.what, status)
        if status in EXPIRED and not same_origin(str(response.url), self._base):
            return LinkExpired(f"{file.what}: the store answered {status}: its link is over")
        answer = wire.whole(response, file.what, limit=MOST_OF_AN_ANSWER)
        return self._broken(answer, file.what, issue_codes(answer.body))

    # ── judging ────────────────────────────────────────────────────────────────

    def _polled(self, url: str) -> Answer:
        """A page, or 202. "Transient" means that the job lives on (IG, "Response - Error Status")."""
        call = Call("GET", url, "poll", {"Accept": "application/json"})
        answer = self._ask(call, limit=self.limits.manifest_bytes)
        if answer.status in {200, 202}:
            return answer
        codes = issue_codes(answer.body)
        if answer.status in GONE and not is_transient(codes):
            raise ExportGone("poll", answer.status)
        if answer.status == 500 and codes and not is_transient(codes):
            raise ExportFailed(f"poll: the server says that the export failed ({', '.join(codes)})")
        raise self._broken(answer, "poll", codes)

    def _check_paging(self, url: str, seen: set[str]) -> None:
        if url in seen:
            raise ManifestRejected("its pages go round in a circle")
        if len(seen) == self.limits.manifest_pages:
            raise ManifestRejected(f"has more than {self.limits.manifest_pages} pages")
        seen.add(url)

    def _page(self, answer: Answer, before: list[Page]) -> Page:
        """The page that was answered, its URLs checked."""
        first = 1 + sum(len(one.files) for one in before)
        found = page(answer.body, answer.headers.get("content-type", ""), first=first)
        if first - 1 + len(found.files) > self.limits.files:
            raise ManifestRejected(f"names more than {self.limits.files} files")
        join = self._http.reach.joined
        return replace(
            found, files=tuple(replace(file, url=join(answer.url, file.url, file.what)) for file in found.files)
        )
