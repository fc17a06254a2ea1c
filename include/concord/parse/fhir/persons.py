"""Names, addresses and ways to reach somebody (FHIR R4, datatypes: HumanName, Address, ContactPoint)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from concord.parse.fhir.code_sets import GENDERS
from concord.parse.fhir.json_lines import Tree
from concord.parse.fhir.reading import Reading

NAME_USES = ("official", "usual", None, "temp", "nickname", "anonymous")
"""Which name counts, best first; an old or a maiden name counts last."""
HOME_FIRST = ("home", None, "temp", "work", "billing")
WORK_FIRST = ("work", None, "billing", "home", "temp")
PHONES = ("phone", "sms")
_EXTENSION = re.compile(r"[\s;,]*(?:x|ext|extension|#)[.=:\s]*[0-9]+\s*\Z", re.IGNORECASE)


def _in_use(tree: Tree) -> bool:
    """Whether its period has not been closed; when exactly it was is of no interest."""
    period = tree.get("period")
    return not (type(period) is dict and type(period.get("end")) is str)


def best(items: Iterable[Tree], uses: Sequence[str | None]) -> Tree:
    """The one in use whose ``use`` stands first in ``uses``; among equals the first."""
    order = {use: place for place, use in enumerate(uses)}

    def rank(tree: Tree) -> tuple[bool, int]:
        use = tree.get("use")
        return not _in_use(tree), order.get(use if type(use) is str else None, len(order))

    return min(items, key=rank, default={})


def read_name(reading: Reading, value: object) -> None:
    """``last_name``, ``first_name``, ``middle_name``, ``name_suffix`` of the best HumanName."""
    name = best(reading.objects("last_name", value), NAME_USES)
    for family in reading.strings("last_name", name.get("family")):  # DSTU2 has a list
        reading.row.setdefault("last_name", family)
    first, *more = reading.strings("first_name", name.get("given")) or [""]
    _write(reading, "first_name", first)
    _write(reading, "middle_name", " ".join(each for each in more if each))
    _write(reading, "name_suffix", " ".join(reading.strings("name_suffix", name.get("suffix"))))


def _write(reading: Reading, column: str, text: str | None) -> None:
    if text:
        reading.row[column] = text


def read_gender(reading: Reading, value: object) -> None:
    """``gender_code``: F, M, U."""
    gender = reading.string("gender_code", value)
    if gender is None:
        return
    if gender not in GENDERS:
        reading.problem("gender_code", "code")
        return
    reading.row["gender_code"] = GENDERS[gender]


def read_address(reading: Reading, value: object, uses: Sequence[str | None]) -> None:
    """The address columns of the best Address."""
    address = best(reading.objects("address_line_1", value), uses)
    first, *more = reading.strings("address_line_1", address.get("line")) or [""]
    _write(reading, "address_line_1", first)
    _write(reading, "address_line_2", ", ".join(each for each in more if each))
    reading.text("city", address.get("city"))
    reading.text("state_code", address.get("state"))
    reading.text("postal_code", address.get("postalCode"))


def read_contact(reading: Reading, value: object) -> None:
    """``email`` and ``phone`` (its digits): in use before old, then by rank."""
    points = list(reading.objects("phone", value))
    _write(reading, "email", _best_point(reading, "email", points, ("email",)))
    phone = _best_point(reading, "phone", points, PHONES)
    _write(reading, "phone", _digits(phone or ""))


def _digits(phone: str) -> str:
    """The digits of a number without its extension; of a North American one (+1) the ten that count."""
    digits = re.sub(r"[^0-9]", "", _EXTENSION.sub("", phone))
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits


def _best_point(reading: Reading, column: str, points: list[Tree], systems: tuple[str, ...]) -> str | None:
    found = sorted((point for point in points if point.get("system") in systems), key=_contact_rank)
    values = (reading.string(column, point.get("value")) for point in found)
    return next((value for value in values if value is not None), None)


def _contact_rank(point: Tree) -> tuple[bool, bool, int]:
    """ContactPoint.rank: 1 is the best; without one it comes last."""
    rank = point.get("rank")
    place = int(rank) if isinstance(rank, str) and re.fullmatch(r"[1-9][0-9]{0,8}", rank) else 10**9
    return not _in_use(point), point.get("use") == "old", place
