"""``concord fhir exports``, ``files`` and ``cancel``: the jobs at FHIR servers, as the ledger knows them."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from concord.catalogue import feed as feed_of
from concord.cli import environment, show
from concord.cli.deliveries import Id
from concord.cli.fhir_access import (
    AllowedHost,
    Base,
    CaFile,
    ClientId,
    KeyFile,
    Kid,
    NoAuth,
    Scope,
    TokenUrl,
    Typed,
    access_of,
)
from concord.cli.fhir_report import DISPOSITIONS, NOT_READ, disagreement, files_of
from concord.errors import NeedsDecision
from concord.ledger import find

By = Annotated[str, typer.Option(help="Who says so.", default_factory=getpass.getuser, show_default="you")]
JOBS = (
    "delivery", "feed", "group", "job", "delivery is", "since", "server's time", "polls", "progress", "age", "files",
    "why",
)  # fmt: skip


def exports(
    feed: Annotated[str | None, typer.Option(help="Only this feed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """Lists export jobs, newest first: where each stands at the server and here, and since when it asks."""
    from concord.postgres import run

    with environment.ledger(environment.settings()) as connection:
        rows = run(connection, "cli/select_exports", {"feed": feed, "limit": limit})
    show.table("Exports", JOBS, (tuple(row.values()) for row in rows))


def files(delivery_id: Id) -> None:
    """Shows each file of an export: the manifest's count, what has landed, what it became; exit code 1 on a doubt."""
    with environment.ledger(environment.settings()) as connection:
        state, found = find(connection, delivery_id).state, files_of(connection, delivery_id)
    is_read = state not in NOT_READ
    columns = ("part", "kind", "resource type", "manifest", "landed", "lines", *DISPOSITIONS, "bytes", "first line", "")
    doubts = [disagreement(file, is_read=is_read) for file in found]
    rows = [(*file.values(), doubt or "agrees") for file, doubt in zip(found, doubts, strict=True)]
    show.table(f"Delivery {delivery_id}, {state}", columns, rows)
    raise typer.Exit(1 if any(doubts) else 0)


def cancel(
    delivery_id: Id,
    by: By,
    reason: Annotated[str, typer.Option(help="Why; no member data.")],
    base: Base = None, client_id: ClientId = None, key_file: KeyFile = None, kid: Kid = None, scope: Scope = None,
    allowed_host: AllowedHost = None, token_url: TokenUrl = None, ca_file: CaFile = None, no_auth: NoAuth = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:  # fmt: skip
    """Gives a job up: the delivery is rejected by your word, and the server is told to forget it."""
    from concord.steps import by_hand

    site = environment.site()
    with environment.ledger(site.settings) as connection:
        contract = feed_of(find(connection, delivery_id).feed)
    if not reason.strip():
        raise NeedsDecision("say why: --reason")
    typed = Typed(
        base, client_id, key_file, kid, tuple(scope or ()), tuple(allowed_host or ()), token_url, ca_file, no_auth
    )
    access = access_of(contract, typed)
    if not yes:
        typer.confirm(f"give up the export of delivery {delivery_id}?", abort=True)
    untold = by_hand.cancel(contract, delivery_id, access, site, by=by, reason=reason)
    show.say(f"[green]delivery {show.plain(delivery_id)} is given up[/green], recorded for {show.plain(by)}")
    if untold is not None:
        show.warn(f"the server does not know yet ({untold}): whoever asks for the next export tells it")
        raise typer.Exit(1)
