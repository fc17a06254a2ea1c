"""``concord new-feed``: a contract proposed from sample files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concord.cli import show
from concord.cli.trying import NothingToTry

if TYPE_CHECKING:
    from concord.onboarding.proposal import Proposal

CODED = ("relationship_code", "gender_code", "coverage_line", "coverage_tier", "maintenance_action", "plan_code",
         "group_id", "division_code")  # fmt: skip
"""Columns whose values may be shown where they are codes: a town or a name that repeats is none."""
PROJECT = Path(__file__).parents[3]


def new_feed(
    samples: Annotated[list[Path], typer.Argument(metavar="SAMPLE...", help="Files of one feed, the newest first.")],
    layout: Annotated[
        Path | None,
        typer.Option(help="A list of names and positions, as partners send it with files of fixed width."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The feed's name; from the file's where left out.")] = None,
    partner: Annotated[str | None, typer.Option(help="The partner; the name's first word where left out.")] = None,
    project: Annotated[Path, typer.Option(help="Where include/feeds and tests/feeds are.")] = PROJECT,
) -> None:
    """Proposes a contract from sample files, and writes it as a pilot; says what has to be asked. No value is shown."""
    from concord.onboarding.layouts import read
    from concord.onboarding.proposal import default_name, propose
    from concord.onboarding.recognised import Kind
    from concord.onboarding.writing import named, write

    missing = [path.name for path in (*samples, *([layout] if layout else [])) if not path.is_file()]
    if missing:
        raise NothingToTry(f"no such file: {', '.join(missing)}")
    chosen = named(name or default_name(samples[0]), "a feed's name")
    whose = named(partner or chosen.partition("_")[0], "a partner's name")
    proposal = propose(samples, chosen, whose, read(layout) if layout else ())
    show_proposal(proposal)
    if proposal.sample.kind in (Kind.WRAPPED, Kind.UNKNOWN) or not (
        proposal.profiles or proposal.sample.kind is Kind.X12_834
    ):
        raise typer.Exit(1)
    written = write(proposal, project)
    show.say("\n[bold]written[/bold]  " + ", ".join(show.plain(path.relative_to(project)) for path in written))
    show.say(f"next: mend it, then `concord try {show.plain(chosen)} {show.plain(samples[0].name)}`")


def show_proposal(proposal: Proposal) -> None:
    """What was recognised, column by column, and the questions for the partner."""
    sample = proposal.sample
    show.say(f"[bold]{sample.kind}[/bold]: {show.plain('; '.join(sample.rests_on))}")
    guessed = {guess.profile.name: guess for guess in proposal.guesses}
    rows = []
    for each in proposal.profiles:
        guess = guessed.get(each.name)
        codes = ", ".join(each.codes) if guess is not None and guess.canonical in CODED and each.codes else each.shape
        rows.append((each.name, each.kind, codes, f"{each.filled:.0%}", each.distinct,
                     guess.canonical if guess else "", f"{guess.confidence:.0%}" if guess else ""))  # fmt: skip
    if rows:
        show.table("Columns", ("column", "kind", "looks like", "filled", "distinct", "likely", "sure"), rows)
    if proposal.keys:
        show.say(f"different in nearly every row: {show.plain(', '.join(proposal.keys))}")
    show.table("Ask the partner", ("question",), [(question,) for question in proposal.questions])
