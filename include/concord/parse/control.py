"""Control records: header and trailer lines of a file, and what they promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pandas import DataFrame, Series

from concord.contract import Control, Delimited
from concord.errors import DeliveryRejected
from concord.parse.header import fields

MOST_BELIEVABLE = 10_000_000
"""A greater count is not one: it may be a date or a number of a person that slipped into the trailer."""


class ControlTotals:
    """Counts the records of a delivery and compares them with its trailer.

    A line cut off from a record of broken quoting may be a record or a piece of
    one. Such a run of refused lines counts as anything from one record to all its
    lines: the trailer is believed when it fits. A hash total is judged only where every
    record could be read: a value that is not known may be what is missing. A blank is known:
    it adds nothing. A record whose type cannot be told may be of any.
    """

    empty_is_legal = False
    """Whether a file without a record may say that there is nothing to say."""

    def __init__(self, layout: Delimited, *, file_date: date | None = None, sequence: int | None = None) -> None:
        self._layout = layout
        self._control = layout.control
        self._file_date, self._sequence = file_date, sequence
        self._declared: int | None = None
        self._declared_total: int | None = None
        self._trailer_seen = False
        self._of_type = {totals.mark: OfType() for totals in self._control.by_type} if self._control else {}
        self._untold = 0
        self.total = 0
        self.sure = self.unsure = self.unread = 0

    @property
    def records(self) -> int:
        """How many records were seen at most, control records and header left out."""
        return self.sure + self.unsure

    @property
    def header_prefixes(self) -> tuple[bytes, ...]:
        """How a control header may begin, up to and with what ends its first field."""
        return _prefixes(self._control.header if self._control else None, self._layout)

    @property
    def trailer_prefixes(self) -> tuple[bytes, ...]:
        """How a trailer line may begin."""
        return _prefixes(self._control.trailer if self._control else None, self._layout)

    @property
    def detail_prefixes(self) -> tuple[bytes, ...]:
        """How a detail record must begin, where that was promised."""
        return _prefixes(self._control.detail if self._control else None, self._layout)

    def check_header(self, line: bytes) -> bool:
        """Whether ``line`` is the control header.

        Raises ``control.header`` where one was promised and is not there, ``control.sender``
        where it is another employer's, ``control.date`` and ``control.sequence`` where it
        says something else than the file's name.
        """
        if self._control is None or self._control.header is None:
            return False
        values = self._values(line)
        if values[:1] != [self._control.header]:
            raise DeliveryRejected("control.header", "the first line is not the promised control header")
        self._check_origin(self._control, values)
        return True

    def _values(self, line: bytes) -> list[str]:
        """The fields of a control record."""
        return fields(line, self._layout)

    def _check_origin(self, control: Control, values: list[str]) -> None:
        """No message quotes the header: it may be anybody's line."""
        if control.sender_field is not None and _field(values, control.sender_field) != control.sender:
            raise DeliveryRejected("control.sender", "the control header names another sender than this feed's")
        if control.date_field is not None:
            said = _day(_field(values, control.date_field), control.date_format)
            if said is None:
                raise DeliveryRejected("control.date", "the control header's date is no date")
            if self._file_date not in (None, said):
                raise DeliveryRejected("control.date", "the control header and the file's name have different dates")
        if control.sequence_field is not None:
            number = _number(_field(values, control.sequence_field))
            if number is None:
                raise DeliveryRejected("control.sequence", "the control header's sequence is not a number")
            if self._sequence not in (None, number):
                raise DeliveryRejected(
                    "control.sequence", "the control header and the file's name have different sequence numbers"
                )

    def refuse_second_header(self) -> None:
        """Raises ``control.header``: what follows is another file."""
        raise DeliveryRejected("control.header", "a second control header stands among the records")

    def read_trailer(self, line: bytes, *, is_last: bool = True) -> None:
        """Reads what it promises; raises ``control.trailer`` where it is no number, or records follow."""
        assert self._control is not None
        values = self._values(line)
        if self._trailer_seen or not is_last:
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self._trailer_seen = True
        self._declared = _promise(values, self._control.count_field, "count")
        self._declared_total = _promise(values, self._control.total_field, "hash total")
        for totals in self._control.by_type:
            of_type = self._of_type[totals.mark]
            of_type.declared = _promise(values, totals.count_field, "count")
            of_type.declared_total = _promise(values, totals.total_field, "hash total")

    def add(self, frame: DataFrame, marks: Sequence[str] = ()) -> None:
        """Adds the records of ``frame`` to the hash totals; ``marks`` say which type each has."""
        if self._control is None:
            return
        if self._control.total_column is not None:
            self.total += _sum(frame[self._control.total_column])
        for totals in self._control.by_type:
            if totals.total_column is not None:
                own = [mark == totals.mark for mark in marks]
                self._of_type[totals.mark].total += _sum(frame.loc[own, totals.total_column])

    def count(self, sure: int, unsure: int, *, unread: int = 0) -> None:
        """Adds records, and ``unread`` values; raises ``control.trailer`` where records follow the trailer."""
        if self._trailer_seen and (sure or unsure):
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self.sure += sure
        self.unsure += unsure
        self.unread += unread

    def count_types(self, marks: Iterable[str], *, untold: int) -> None:
        """Adds records by type; ``untold`` ones may be of any."""
        for mark, number in Counter(marks).items():
            if mark in self._of_type:
                self._of_type[mark].sure += number
        self._untold += untold

    def check(self) -> None:
        """Raises ``control.*`` where trailer and records disagree, ``structure.no_rows`` where there is no record."""
        if not self.records and not self.empty_is_legal:
            raise DeliveryRejected("structure.no_rows", "the file has a header and no row")
        if self._control is None or self._control.trailer is None:
            return
        if not self._trailer_seen:
            raise DeliveryRejected("control.trailer", "the promised trailer is missing")
        if self._declared is not None:
            _compare(self._declared - _control_records(self._control), self.sure, self.records, "records")
        for of_type in self._of_type.values():
            if of_type.declared is not None:
                _compare(of_type.declared, of_type.sure, of_type.sure + self._untold, "records of one type")
        promised = [(self._declared_total, self.total)]
        promised += [(of_type.declared_total, of_type.total) for of_type in self._of_type.values()]
        if not self.unread and any(said not in (None, found) for said, found in promised):
            raise DeliveryRejected("control.hash_total", "the values do not add up to the trailer's hash total")


@dataclass
class OfType:
    """What was counted of one record type, and what the trailer says of it."""

    sure: int = 0
    total: int = 0
    declared: int | None = None
    declared_total: int | None = None


def _compare(declared: int, least: int, most: int, what: str) -> None:
    if not least <= declared <= most:
        promised = declared if declared < MOST_BELIEVABLE else "unbelievably many"
        message = f"the trailer promises {promised} {what}, the file has {most}"
        raise DeliveryRejected("control.record_count", message)


def _promise(values: list[str], position: int | None, what: str) -> int | None:
    """The number that the trailer has at ``position``; raises ``control.trailer`` where it is none."""
    number = None if position is None else _number(_field(values, position))
    if position is not None and number is None:
        raise DeliveryRejected("control.trailer", f"the trailer's {what} is not a number")
    return number


def _sum(values: Series) -> int:
    digits = pc.replace_substring_regex(pa.array(values.array), "[^0-9]", "")
    return sum(int(value) for value in digits.to_pylist() if value)


def _control_records(control: Control) -> int:
    """How many control records the trailer's count includes."""
    return sum(name is not None for name in (control.header, control.trailer)) if control.count_includes_control else 0


def _prefixes(mark: str | None, layout: Delimited) -> tuple[bytes, ...]:
    """How a record of kind ``mark`` may begin, quoted or not; none where the kind was not promised."""
    if mark is None:
        return ()
    return tuple(form + layout.delimiter.encode() for form in forms(mark, layout))


def forms(mark: str, layout: Delimited) -> tuple[bytes, ...]:
    """How a field of text ``mark`` may be written: quoted or not."""
    return tuple(f"{quote}{mark}{quote}".encode() for quote in dict.fromkeys(("", layout.quote or "")))


def _field(values: list[str], position: int) -> str:
    return values[position] if position < len(values) else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 30 else None


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None
