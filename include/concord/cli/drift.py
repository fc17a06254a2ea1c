"""``concord drift``: what of a file is not as its contract says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from concord.catalogue import feed as feed_of
from concord.cli import show
from concord.cli.trying import NothingToTry


def drift(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="The contract.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of it, out of its envelope.")],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The day it speaks of, where its name does not say it."),
    ] = None,
) -> None:
    """Says what changed from the contract: columns, codes, dates, rules that refuse more, bytes; and what to edit.

    Exit code 1 where something did. Values are shown of columns of codes only.
    """
    from concord.onboarding.drift import changes
    from concord.onboarding.trial import said_by_name

    if not file.is_file():
        raise NothingToTry(f"no such file: {file.name}")
    contract = feed_of(feed)
    said, sequence = said_by_name(contract, file.name)
    found = changes(contract, file, day.date() if day else said, sequence)
    if not found:
        show.say("[green]as agreed[/green]")
        return
    show.table("Not as agreed", ("about", "what happened", "edit"), [(c.about, c.happened, c.edit) for c in found])
    raise typer.Exit(1)
