"""A FHIR server that lets us in by a token: asked, and its refusals named by remedy.

Bulk exports (``client.py``) and searches (``acquire/fhir_search``) stand on it.
Only imported inside tasks (httpx is slow to load).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import httpx

from concord.acquire.fhir_bulk.access import FhirAccess
from concord.acquire.fhir_bulk.outcome import is_transient
from concord.acquire.fhir_bulk.refusals import RequestRejected
from concord.acquire.fhir_bulk.smart import Smart
from concord.acquire.http import client as wire
from concord.acquire.http.addresses import Resolve, resolved
from concord.acquire.http.answers import Answer, failure, retry_after_s
from concord.acquire.http.client import Call, Http
from concord.acquire.http.urls import origin_of, same_origin
from concord.errors import ConcordError, SourceRefused, SourceUnavailable
from concord.token_cache import Clock, Token, TokenCache, TokensInProcess, utc_now


class FhirServer:
    """One FHIR server; a context manager that closes its connections. Threads may share it.

    A token that ran out meanwhile is minted anew, once per call. ``tokens`` are shared by
    whoever gets the same cache; ``transport`` and ``resolve`` are for tests.
    """

    def __init__(
        self,
        access: FhirAccess,
        tokens: TokenCache | None = None,
        *,
        clock: Clock = utc_now,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = resolved,
    ) -> None:
        self._clock = clock
        self._http = Http(
            access.base_url,
            allowed_hosts=_hosts(access),
            timeout_s=access.timeout_s,
            ca_file=access.ca_file,
            transport=transport,
            resolve=resolve,
        )
        self._base = self._http.reach.base
        self._smart = None if access.no_auth else Smart(access, self._http, clock=clock)
        self._tokens = tokens or TokensInProcess(clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _ask(self, call: Call, *, limit: int) -> Answer:
        with self._opened(call, with_token=True) as response:
            return wire.whole(response, call.what, limit=limit)

    @contextmanager
    def _opened(self, call: Call, *, with_token: bool) -> Iterator[httpx.Response]:
        """The answer, after a second try with a new token where the first was refused (401)."""
        token = self._token() if with_token and same_origin(call.url, self._base) else None
        with self._http.sent(call, token.text if token else None) as response:
            if token is None or not self._is_refused(response):
                yield response
                return
        self._tokens.forget(token)
        token = self._token()
        with self._http.sent(call, token.text if token else None) as response:
            yield response

    def _token(self) -> Token | None:
        """A token; None for a server that asks nobody who they are."""
        return self._tokens.get(self._smart.mint) if self._smart else None

    def _is_refused(self, response: httpx.Response) -> bool:
        """By the server the token is for; a store's 401 is about its link."""
        return response.status_code == 401 and same_origin(str(response.url), self._base)

    def _broken(self, answer: Answer, what: str, codes: tuple[str, ...]) -> ConcordError:
        if is_transient(codes):
            return SourceUnavailable(f"{what}: answered {answer.status}, transient", retry_after=self._pause(answer))
        known = failure(answer.status, answer.headers, what, self._clock())
        return known or RequestRejected(what, answer.status, codes)

    def _pause(self, answer: Answer) -> float | None:
        return retry_after_s(answer.headers.get("retry-after"), self._clock())


def _hosts(access: FhirAccess) -> tuple[str, ...]:
    """A token server that the operator named is in reach by that."""
    if access.token_url is None:
        return access.allowed_hosts
    try:
        origin = origin_of(access.token_url)
    except ValueError:
        raise SourceRefused("the token_url of the connection is no absolute https URL") from None
    return (*access.allowed_hosts, f"{origin.host}:{origin.port}")
