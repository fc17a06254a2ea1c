"""Names, addresses and ways to reach a person (XPN, XAD, XTN): which repetition counts, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from concord.parse.hl7v2.message import Composite
from concord.parse.hl7v2.rows import Row

NAME = ("last_name", "first_name", "middle_name", "name_suffix")
ADDRESS = ("address_line_1", "address_line_2", "city", "state_code", "postal_code")
NAME_TYPES = ("L", "", "D", "R", "C", "B")
"""HL7 table 0200: legal, not said, display, registered, adopted, at birth; aliases only where nothing else is."""
ADDRESS_TYPES = ("H", "L", "P", "C", "", "M")
"""HL7 table 0190: home, legal, permanent, current, not said, mailing."""
BAD_ADDRESS = "BA"
NOT_A_PHONE = frozenset({"FX", "BP", "MD", "TDD", "TTY", "INTERNET", "X.400"})
"""HL7 table 0202: fax, beeper, modem, devices for the deaf, mail."""
PHONE_USES = ("PRN", "PRS", "ORN", "", "WPN")
"""HL7 table 0201: home, mobile, other, not said, work."""
EXTENSION = re.compile(r"(?:[xX]|ext).*", re.DOTALL | re.IGNORECASE)


def preferred(
    choice: Sequence[Composite], kind: Callable[[Composite], str], order: tuple[str, ...]
) -> Composite | None:
    """The first repetition of the best kind; kinds that are not in ``order`` come last."""
    ranks = {name: rank for rank, name in enumerate(order)}
    return min(choice, key=lambda each: ranks.get(kind(each), len(order)), default=None)


def put_name(row: Row, choice: Sequence[Composite]) -> None:
    """XPN: 1 family name (FN.1), 2 given, 3 further given, 4 suffix, 7 type."""
    name = preferred(choice, lambda each: each.text(7).upper(), NAME_TYPES)
    if name is None:
        return
    for part, column in enumerate(NAME, start=1):
        row.put(column, name.part(part), name.encoding)
    row.replace(NAME)


def put_address(row: Row, choice: Sequence[Composite]) -> None:
    """XAD: 1 street (SAD), 2 further line, 3 city, 4 state, 5 postal code, 7 type; bad addresses do not count."""
    good = [each for each in choice if each.text(7).upper() != BAD_ADDRESS]
    address = preferred(good, lambda each: each.text(7).upper(), ADDRESS_TYPES)
    if address is None:
        return
    for part, column in enumerate(ADDRESS, start=1):
        row.put(column, address.part(part), address.encoding)
    if street := _street(address):
        row.set("address_line_1", street)
    row.replace(ADDRESS)


def _street(address: Composite) -> str:
    """SAD.1 is the whole line; some put only the number there, and the street's name in SAD.2."""
    line, street = address.text(1, 1), address.text(1, 2)
    return line if street.casefold() in line.casefold() else f"{line} {street}".strip()


def put_telecom(row: Row, choice: Sequence[Composite]) -> None:
    """XTN: 1 number, 2 use, 3 equipment, 4 mail, 6 area, 7 local number, 12 unformatted."""
    if any(each.is_null for each in choice):
        row.clear("phone", "email")
    _put(row, "email", choice, _email)
    voice = [each for each in choice if each.text(3).upper() not in NOT_A_PHONE and each.text(2).upper() != "NET"]
    ranked = sorted(voice, key=lambda each: _rank(each.text(2).upper()))
    _put(row, "phone", ranked, _digits)


def _put(row: Row, column: str, choice: Iterable[Composite], read: Callable[[Composite], str]) -> None:
    value = next(filter(None, map(read, choice)), "")
    if value:
        row.set(column, value)


def _rank(use: str) -> int:
    return PHONE_USES.index(use) if use in PHONE_USES else len(PHONE_USES)


def _email(telecom: Composite) -> str:
    return next((text for text in (telecom.text(4), telecom.text(1)) if "@" in text), "")


def _digits(telecom: Composite) -> str:
    """Digits without extension; of a North American number without the 1 before it."""
    area, local = _only_digits(telecom.text(6)), _only_digits(telecom.text(7))
    written = (telecom.text(1), telecom.text(12))
    found = area + local if area and local else next(filter(None, map(_only_digits, written)), local)
    return found[1:] if len(found) == 11 and found.startswith("1") else found


def _only_digits(text: str) -> str:
    if "@" in text:
        return ""
    return "".join(each for each in EXTENSION.sub("", text) if each in "0123456789")


def full_name(person: Composite) -> str:
    """XCN: 2 family name (FN.1), 3 given, 4 further given, as it is said."""
    return " ".join(filter(None, (person.text(3), person.text(4), person.text(2))))
