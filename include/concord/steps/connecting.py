"""A login at a partner: counted, told when it goes wrong, and never tried too often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from concord import audit, circuit, incidents
from concord.acquire import SftpAccess
from concord.contract import Feed
from concord.errors import HostNotTrusted, LoginRefused, LoginsBlocked, NeedsDecision
from concord.incidents import Text
from concord.steps import login_texts as texts
from concord.steps.site import Site

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.acquire.sftp import PartnerSftp
    from concord.token_cache import Mint, Token, TokenCache


@contextmanager
def connected(feed: Feed, access: SftpAccess, site: Site) -> Iterator[PartnerSftp]:
    """The partner's server, logged in at; raises as :class:`PartnerSftp` does, and LoginsBlocked.

    What is refused is told here: one incident per connection, however many feeds and tasks use it.
    """
    with ExitStack() as stack:
        with told(feed, site):
            partner = _logged_in(stack, feed, access, site)
        yield partner


@contextmanager
def told(feed: Feed, site: Site) -> Iterator[None]:
    """Writes the incident of a login that goes wrong inside; the error passes."""
    try:
        yield
    except HostNotTrusted as error:
        _report(feed, site, "security", "host", texts.host_not_trusted(feed, error))
        raise
    except (LoginRefused, LoginsBlocked) as error:
        _report_refusal(feed, site, error)
        raise


class CountedTokens:
    """Tokens of a partner's token server: asking for one is a login, counted like any other."""

    def __init__(self, feed: Feed, tokens: TokenCache, site: Site) -> None:
        self._conn_id, self._tokens, self._site = feed.source.conn_id, tokens, site

    def get(self, mint: Mint) -> Token:
        """As the cache's own; raises LoginsBlocked where too many were refused in a row."""
        return self._tokens.get(lambda: self._minted(mint))

    def forget(self, token: Token) -> None:
        """As the cache's own."""
        self._tokens.forget(token)

    def _minted(self, mint: Mint) -> Token:
        with self._site.database("login") as connection:
            with circuit.one_login(connection, self._conn_id):
                token = mint()
            incidents.resolve_cause(connection, f"host:{self._conn_id}")
            incidents.resolve_cause(connection, f"login:{self._conn_id}")
        return token


def tokens_of(feed: Feed, access: FhirAccess, site: Site) -> TokenCache:
    """The tokens of a FHIR server, shared by all workers.

    A token is for one server and client: behind a changed connection there is none yet.
    """
    from concord.token_cache import TokensInPostgres

    name = f"{feed.source.conn_id}:{access.fingerprint}"
    return CountedTokens(feed, TokensInPostgres(site.settings.loader_url, site.keys, name), site)


def _logged_in(stack: ExitStack, feed: Feed, access: SftpAccess, site: Site) -> PartnerSftp:
    from concord.acquire.sftp import PartnerSftp

    conn_id = feed.source.conn_id
    with site.database("login") as connection:
        with circuit.one_login(connection, conn_id):
            partner = stack.enter_context(PartnerSftp(access))
        incidents.resolve_cause(connection, f"host:{conn_id}")
        incidents.resolve_cause(connection, f"login:{conn_id}")
    return partner


def _report_refusal(feed: Feed, site: Site, error: LoginRefused | LoginsBlocked) -> None:
    """The first refusal, and as another kind the one after which nobody tries any more: people hear of both."""
    with site.database("login") as connection:
        refused = circuit.refused(connection, feed.source.conn_id)
    if refused >= circuit.MOST_REFUSED:
        _report(feed, site, "blocked", "login", texts.logins_blocked(feed, refused))
    else:
        _report(feed, site, "login", "login", texts.login_refused(feed, error))


def _report(feed: Feed, site: Site, kind: str, cause: str, text: Text) -> None:
    with site.database("login") as connection:
        incidents.report(connection, kind, text, feed=feed.name, cause=f"{cause}:{feed.source.conn_id}")


def unblock(conn_id: str, *, by: str, reason: str, site: Site) -> int:
    """A person says that the connection was mended: the next login is tried. Returns how many had been refused.

    Raises NeedsDecision where none was refused: most likely another connection was meant.
    """
    with site.database(by) as connection:
        refused = circuit.forget(connection, conn_id)
        if not refused:
            raise NeedsDecision(f"no login of a connection {conn_id!r} was refused: there is nothing to unblock")
        audit.record(connection, actor=by, action="unblock", object_id=conn_id, count=refused, purpose=reason)
    return refused
