"""What a number format shows of a number that may be an id: its leading zeros, and the text around its digits.

Formats are read as far as ids need it (ECMA-376 part 1, 18.8.31): a section of ``0`` and literals alone is shown as a
spreadsheet shows it. Of all else the value is what counts (``#,##0``), as long as no leading zero is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from operator import eq, ge, gt, le, lt, ne
from typing import NamedTuple

LONGEST_FORMAT = 255
"""Characters (Excel specifications and limits): one that is longer is no spreadsheet's."""
SEPARATOR = re.compile(r'("[^"]*"|\[[^\]]*\]|[\\_*].)|;', re.DOTALL)
PIECE = re.compile(
    r'(?P<digit>0)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<bare>[-+$():^&\'~{}<>= ])|(?P<blank>_.)'
    r"|\[(?P<colour>Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color ?[0-9]{1,2})\]"
    r"|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<compare><=|>=|<>|[<>=])(?P<bound>-?[0-9]+(?:\.[0-9]+)?)\]"
    r"|(?P<text>@)|(?P<point>\.)|(?P<other>\*.|\[[^\]]*\]|.)",
    re.DOTALL | re.IGNORECASE,
)
COMPARE: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, "=": eq, "<>": ne, ">=": ge, ">": gt}


class Section(NamedTuple):
    """A section of a format: how many digits before the point it shows at least, its ``pieces`` and its condition.

    A piece is a literal, or None for a digit; ``pieces`` is None where something else, or no digit, is among them.
    """

    digits: int
    pieces: tuple[str | None, ...] | None
    compare: str = ""
    bound: float = 0
    is_text: bool = False

    def filled(self, digits: str) -> str:
        """``digits`` in their places; those that are too many stand in the first."""
        digits = digits.zfill(self.digits)
        beyond = len(digits) - self.digits
        places = iter((digits[: beyond + 1], *digits[beyond + 1 :]))
        return "".join(next(places) if piece is None else piece for piece in self.pieces or ()).strip()


def shown(value: float, plain: str, number_format: str) -> str | None:
    """``plain`` (the decimal digits of ``value``) as shown; None where zeros stand in front in a way not understood."""
    if len(number_format) > LONGEST_FORMAT:
        return None
    found = sections(number_format)
    section = _chosen(value, found)
    if section is not None and plain.isdigit():
        return section.filled(plain)
    digits = len(plain.removeprefix("-").partition(".")[0])
    return plain if digits >= max(each.digits for each in found) else None


def _chosen(value: float, found: tuple[Section, ...]) -> Section | None:
    """The section that a spreadsheet takes for ``value``, at least zero; None where it is not understood."""
    if len(found) == 2 and found[0].compare and not found[1].compare:  # [<=99999]00000;00000-0000
        section = found[not COMPARE[found[0].compare](value, found[0].bound)]
    elif any(each.compare for each in found):
        return None
    else:
        section = found[2 if value == 0 and len(found) > 2 else 0]
    return section if section.pieces is not None else None


@lru_cache(maxsize=1_000)
def sections(number_format: str) -> tuple[Section, ...]:
    """The sections for numbers: for all, or for those above zero, below, and zero."""
    parts = SEPARATOR.sub(lambda found: found[1] or "\0", number_format).split("\0")
    return tuple(each for each in map(_section, parts) if not each.is_text) or (Section(0, None),)


def _section(part: str) -> Section:
    found = list(PIECE.finditer(part))
    kinds = {each.lastgroup for each in found}
    whole = takewhile(lambda each: each.lastgroup != "point", found)
    compare, bound = next(((each["compare"], each["bound"]) for each in found if each["compare"]), ("", "0"))
    return Section(
        digits=sum(each.lastgroup == "digit" for each in whole),
        pieces=None if "digit" not in kinds or kinds & {"other", "point"} else tuple(map(_piece, found)),
        compare=compare,
        bound=float(bound),
        is_text="text" in kinds,
    )


def _piece(found: re.Match[str]) -> str | None:
    """The literal that a piece stands for; None for a digit."""
    if found["digit"] or found["blank"]:
        return " " if found["blank"] else None
    return found["quoted"] or found["escaped"] or found["bare"] or found["currency"] or ""
