"""Tables and texts in the terminal, with rich. Whatever is data is escaped: it is never markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

RIGHT = (int, float, Decimal)
WIDE = 200
SIDE_BY_SIDE = 4
UNBOUNDED = 100_000


def console() -> Console:
    """The terminal as it is now; output that goes elsewhere is not folded to a terminal's width."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=WIDE)


def say(text: str) -> None:
    """One line of markup; escape data with :func:`plain`."""
    console().print(text)


def warn(text: str) -> None:
    """One line on standard error."""
    Console(stderr=True, highlight=False).print(f"[yellow]{escape(text)}[/yellow]")


def plain(value: object) -> str:
    """``value`` as a person reads it, never as markup; None is empty."""
    render = next((render for kind, render in RENDERED if isinstance(value, kind)), _text)
    return render(value)


def _text(value: object) -> str:
    """Unprintable characters are replaced: a value must not steer the terminal."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)))


RENDERED: tuple[tuple[type | UnionType, Callable[[Any], str]], ...] = (
    (NoneType, lambda _: ""),
    (bool, lambda value: "yes" if value else "no"),
    (int, "{:,}".format),
    (datetime, "{:%Y-%m-%d %H:%M:%SZ}".format),
    (timedelta, lambda value: str(timedelta(seconds=round(value.total_seconds())))),
    (list | tuple, lambda value: ", ".join(map(plain, value))),
)
"""How values are shown; the first kind that fits."""


def percent(share: object) -> str:
    """A share (0 to 1) as percent; None is empty."""
    return "" if share is None else f"{float(str(share)):.2%}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; a column whose values are all numbers is set to the right."""
    console().print(_made(title, columns, list(rows)))


def answer(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints the rows of a query; turned on its side, a few at a time, where it is too wide to read."""
    out = console()
    made = _made("", columns, rows)
    if out.measure(made, options=out.options.update(width=UNBOUNDED)).maximum <= out.width:
        out.print(made)
        return
    for first in range(0, len(rows), SIDE_BY_SIDE):
        some = rows[first : first + SIDE_BY_SIDE]
        heads = ("", *(f"row {first + number}" for number in range(1, len(some) + 1)))
        out.print(_made("", heads, [(name, *values) for name, *values in zip(columns, *some, strict=True)]))


def _made(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    made = Table(title=escape(title) or None, title_justify="left", header_style="bold", min_width=len(title))
    for position, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if _numbers(rows, position) else "left"
        made.add_column(plain(column), justify=justify, overflow="fold", no_wrap=position == 0)
    for row in rows:
        made.add_row(*map(plain, row))
    return made


def records(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Prints dict rows; ``columns`` defaults to those of the first row."""
    names = list(columns if columns is not None else rows[0] if rows else ())
    table(title, names, ([row[name] for name in names] for row in rows))


def _numbers(rows: Sequence[Sequence[object]], position: int) -> bool:
    values = [row[position] for row in rows if row[position] is not None]
    return bool(values) and all(isinstance(value, RIGHT) and not isinstance(value, bool) for value in values)
