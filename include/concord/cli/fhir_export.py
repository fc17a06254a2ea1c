"""``concord fhir export``: an export from the request to the tables, by the steps that Airflow runs."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from concord.cli import environment, show
from concord.cli.fhir_access import (
    AllowedHost,
    Base,
    CaFile,
    ClientId,
    FeedName,
    KeyFile,
    Kid,
    NoAuth,
    Scope,
    TokenUrl,
    Typed,
    access_of,
    connection_of,
    find_feed,
    is_same_base,
)
from concord.cli.fhir_report import Verdict, report
from concord.errors import DeliveryRejected, SourceUnavailable
from concord.ledger import find

if TYPE_CHECKING:
    from concord.acquire.fhir_bulk.access import FhirAccess
    from concord.contract import Feed
    from concord.steps import Site

T = TypeVar("T")
MOST_FAILURES = 5
"""In a row: then the server is away, and the same command takes the job up later."""
PAUSE_S = 5.0
WRITTEN = frozenset({"published", "applied", "duplicate"})


class OutOfTimeError(Exception):
    """The server is not done; its job goes on."""


@dataclass
class Errand:
    """One call of the command: a feed, its server, and until when somebody waits (``time.monotonic``)."""

    feed: Feed
    access: FhirAccess
    site: Site
    until: float
    deliveries: list[str] = field(default_factory=list)
    is_whole: bool = True

    def run(self, *, applies: bool, yes: bool) -> None:
        """Asks, waits, lands, plans and, where it ``applies``, writes what is ordinary or approved."""
        from concord import steps
        from concord.steps import by_hand

        by_hand.note(self.feed, self.access, self.site, by=getpass.getuser())
        for delivery_id in by_hand.in_the_way(self.feed, self.site):
            show.say(f"delivery {show.plain(delivery_id)} has come to no end yet: its group is not asked for again")
        for delivery_id in self._patiently(lambda: steps.ask(self.feed, self.access, self.site)):
            self._take(delivery_id)
            self._bring(delivery_id)
        self._reconcile(applies=applies, yes=yes)

    # ── from the server ──

    def _bring(self, delivery_id: str) -> None:
        """Waits for one export and lands it; what goes wrong with it keeps no other group's from landing."""
        from concord import steps

        try:
            state = self._wait(delivery_id)
            if state == "over":
                return
            landed = self._patiently(lambda: steps.fetch_export(self.feed, delivery_id, self.access, self.site))
        except DeliveryRejected as error:
            self._fall_short(f"delivery {delivery_id} is rejected: {error}")
        except OutOfTimeError:
            self._fall_short(f"delivery {delivery_id}: the server is not done; the same command takes the job up again")
        else:
            show.say(f"delivery {show.plain(delivery_id)} is {show.plain(landed['state'])}")

    def _fall_short(self, text: str) -> None:
        self.is_whole = False
        show.warn(text)

    def _wait(self, delivery_id: str) -> str:
        """Asks the server until it is done, as often as it wants to be asked; raises OutOfTimeError."""
        from concord import steps

        told = ""
        while True:
            found = self._patiently(lambda: steps.await_export(self.feed, delivery_id, self.access, self.site))
            if found["state"] != "running":
                return str(found["state"])
            if (progress := str(found["progress"] or "no word of how far")) != told:
                show.say(f"delivery {show.plain(delivery_id)}: {show.plain(progress)}")
                told = progress
            self._sleep(found["wait_s"])

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What the server answers, after some tries where it is away: doing a step twice changes nothing."""
        for failures in range(1, MOST_FAILURES):
            try:
                return ask()
            except SourceUnavailable as error:
                show.warn(str(error))
                pause = error.retry_after or PAUSE_S * failures
            self._sleep(pause)
        return ask()

    def _sleep(self, seconds: float) -> None:
        if time.monotonic() + seconds > self.until:
            raise OutOfTimeError
        time.sleep(seconds)

    # ── into the tables ──

    def _reconcile(self, *, applies: bool, yes: bool) -> None:
        from concord.steps import by_hand

        for delivery_id, attempt in by_hand.left_over(self.feed, self.site):
            self._through(delivery_id, attempt, applies=applies, yes=yes)
        for delivery_id, attempt in self._startable():
            self._through(delivery_id, attempt, applies=applies, yes=yes)

    def _startable(self) -> Iterator[tuple[str, int]]:
        """What may start, one after the other: the next is known when the one before has come to an end."""
        from concord import steps

        begun: set[str] = set()
        while due := [run["conf"] for run in steps.open_runs(self.feed, self.site)]:
            for conf in due:
                if conf["delivery_id"] in begun:
                    return
                begun.add(conf["delivery_id"])
                yield conf["delivery_id"], conf["attempt"]

    def _through(self, delivery_id: str, attempt: int, *, applies: bool, yes: bool) -> None:
        from concord import steps

        self._take(delivery_id)
        state = self._state(delivery_id)
        try:
            if state in ("landed", "waiting"):
                steps.stage(self.feed, delivery_id, attempt, self.site)
            if state != "held":
                steps.plan(self.feed, delivery_id, attempt, self.site)
        except DeliveryRejected as error:
            self._fall_short(f"delivery {delivery_id} is rejected: {error}")
            return
        if applies and self._may_be_written(delivery_id, yes=yes):
            steps.apply(self.feed, delivery_id, attempt, self.site)
            steps.settle(self.feed, delivery_id, attempt, self.site)

    def _may_be_written(self, delivery_id: str, *, yes: bool) -> bool:
        """An ordinary plan, or a held one that a person has answered: a refusal is carried out as well."""
        from concord import steps

        state = self._state(delivery_id)
        if state == "planned" and not yes:
            self._show(delivery_id)
            typer.confirm("apply this plan?", abort=True)
        return state == "planned" or (state == "held" and steps.standing(self.feed, delivery_id, self.site) is not None)

    # ── telling ──

    def _take(self, delivery_id: str) -> None:
        if delivery_id not in self.deliveries:
            self.deliveries.append(delivery_id)

    def _state(self, delivery_id: str) -> str:
        with environment.ledger(self.site.settings) as connection:
            return find(connection, delivery_id).state

    def _show(self, delivery_id: str) -> Verdict:
        with environment.ledger(self.site.settings) as connection:
            return report(connection, delivery_id, find(connection, delivery_id).state)

    def verdicts(self) -> list[Verdict]:
        """Prints what each delivery came to."""
        return [self._show(delivery_id) for delivery_id in self.deliveries]


def export(
    feed: FeedName = None, base: Base = None, client_id: ClientId = None, key_file: KeyFile = None, kid: Kid = None,
    scope: Scope = None, allowed_host: AllowedHost = None, token_url: TokenUrl = None, ca_file: CaFile = None,
    no_auth: NoAuth = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write what is ordinary, or approved, to the tables.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts. Never approves what is held.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the server; its job goes on, and is taken up again.")
    ] = 3_600.0,
) -> None:  # fmt: skip
    """Runs a feed's export against its server: asks, waits, lands, plans, and compares all counts.

    Exit code 0 where manifest, landing and accounting agree (and, with --apply, all of it is in the tables), 1 where
    something does not or is not done, 2 where it did not work.
    """
    from concord.steps import by_hand

    contract = find_feed(feed, base)
    typed = Typed(
        base, client_id, key_file, kid, tuple(scope or ()), tuple(allowed_host or ()), token_url, ca_file, no_auth
    )
    access, site = access_of(contract, typed), environment.site()
    ask_about_another_server(contract, access, yes=yes)
    by_hand.refuse_other_server(contract, access, site)
    errand = Errand(contract, access, site, time.monotonic() + timeout)
    try:
        errand.run(applies=apply, yes=yes)
    except OutOfTimeError:
        errand.is_whole = False
        show.warn("the server is away; the same command goes on from here")
    raise typer.Exit(told(errand, applies=apply))


def ask_about_another_server(feed: Feed, access: FhirAccess, *, yes: bool) -> None:
    """What a server gives becomes a record of the feed's partner: a person says so where it is another server."""
    known = connection_of(feed)
    if known is None or is_same_base(known.base_url, access.base_url) or yes:
        return
    typer.confirm(f"the connection of {feed.name} has another base: is this one {feed.partner}'s as well?", abort=True)


def told(errand: Errand, *, applies: bool) -> int:
    """Prints what it came to; returns the exit code."""
    verdicts = errand.verdicts()
    for verdict in verdicts:
        if verdict.state == "held":
            name = show.plain(verdict.delivery_id)
            show.say(f"delivery {name} is held: concord plan {name}, then concord approve {name} or decline {name}")
    is_written = all(verdict.state in WRITTEN for verdict in verdicts)
    if errand.is_whole and all(verdict.agrees for verdict in verdicts) and (is_written or not applies):
        show.say("[green]manifest, landing and accounting agree[/green]" if verdicts else "nothing is on its way")
        return 0
    show.warn("not everything agrees, or is where it should be")
    return 1
