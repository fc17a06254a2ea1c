"""Control records: header and trailer lines of a file, and what they promise."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pandas import DataFrame

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
    record could be read: a value that is not known may be what is missing.
    """

    empty_is_legal = False
    """Whether a file without a record may say that there is nothing to say."""

    def __init__(self, layout: Delimited, *, file_date: date | None = None, sequence: int | None = None) -> None:
        self._layout = layout
        self._control = layout.control
        self._file_date, self._sequence = file_date, sequence
        self._declared: int | None = None
        self._declared_total: int | None = None
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
        count = _number(_field(values, self._control.count_field))
        if count is None:
            raise DeliveryRejected("control.trailer", "the trailer's count is not a number")
        if self._declared is not None or not is_last:
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self._declared = count
        if self._control.total_field is not None:
            self._declared_total = _number(_field(values, self._control.total_field))
            if self._declared_total is None:
                raise DeliveryRejected("control.trailer", "the trailer's hash total is not a number")

    def add(self, frame: DataFrame) -> None:
        """Adds the records of ``frame`` to the hash total."""
        if self._control is None or self._control.total_column is None:
            return
        digits = pc.replace_substring_regex(pa.array(frame[self._control.total_column].array), "[^0-9]", "")
        self.total += sum(int(value) for value in digits.to_pylist() if value)

    def count(self, sure: int, unsure: int, *, unread: int = 0) -> None:
        """Adds records, ``unread`` of them without values; raises ``control.trailer`` where they follow the trailer."""
        if self._declared is not None and (sure or unsure):
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self.sure += sure
        self.unsure += unsure
        self.unread += unread

    def check(self) -> None:
        """Raises ``control.*`` where trailer and records disagree, ``structure.no_rows`` where there is no record."""
        if not self.records and not self.empty_is_legal:
            raise DeliveryRejected("structure.no_rows", "the file has a header and no row")
        if self._control is None or self._control.trailer is None:
            return
        if self._declared is None:
            raise DeliveryRejected("control.trailer", "the promised trailer is missing")
        declared = self._declared - _control_records(self._control)
        if not self.sure <= declared <= self.records:
            promised = declared if declared < MOST_BELIEVABLE else "unbelievably many"
            message = f"the trailer promises {promised} records, the file has {self.records}"
            raise DeliveryRejected("control.record_count", message)
        if self._declared_total is not None and not self.unread and self._declared_total != self.total:
            raise DeliveryRejected("control.hash_total", "the values do not add up to the trailer's hash total")


def _control_records(control: Control) -> int:
    """How many control records the trailer's count includes."""
    return sum(name is not None for name in (control.header, control.trailer)) if control.count_includes_control else 0


def _prefixes(mark: str | None, layout: Delimited) -> tuple[bytes, ...]:
    """How a record of kind ``mark`` may begin, quoted or not; none where the kind was not promised."""
    if mark is None:
        return ()
    forms = (mark, f"{layout.quote}{mark}{layout.quote}")
    return tuple(f"{form}{layout.delimiter}".encode() for form in forms)


def _field(values: list[str], position: int) -> str:
    return values[position] if position < len(values) else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 30 else None


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None
