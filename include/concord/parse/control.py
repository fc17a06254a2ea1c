"""Control records: header and trailer lines of a file, and the count they promise."""

from __future__ import annotations

from concord.contract import Control, Delimited
from concord.errors import DeliveryRejected
from concord.parse.header import fields


class ControlTotals:
    """Counts the records of a delivery and compares them with its trailer.

    A line cut off from a record of broken quoting may be a record or a piece of
    one. Such a run of refused lines counts as anything from one record to all its
    lines: the trailer is believed when it fits.
    """

    def __init__(self, layout: Delimited) -> None:
        self._layout = layout
        self._control = layout.control
        self._declared: int | None = None
        self.sure = self.unsure = 0

    @property
    def records(self) -> int:
        """How many records were seen at most, control records and header left out."""
        return self.sure + self.unsure

    @property
    def trailer_prefixes(self) -> tuple[bytes, ...]:
        """How a trailer line may begin, up to and with what ends its first field."""
        if self._control is None or self._control.trailer is None:
            return ()
        name, quote, delimiter = self._control.trailer, self._layout.quote, self._layout.delimiter
        return tuple(f"{form}{delimiter}".encode() for form in (name, f"{quote}{name}{quote}"))

    def check_header(self, line: bytes) -> bool:
        """Whether ``line`` is the control header; raises ``control.header`` where one was promised and is not there."""
        if self._control is None or self._control.header is None:
            return False
        if fields(line, self._layout)[:1] != [self._control.header]:
            raise DeliveryRejected("control.header", "the first line is not the promised control header")
        return True

    def read_trailer(self, line: bytes, *, is_last: bool = True) -> None:
        """Reads the promised count; raises ``control.trailer`` where it is no number, or records follow."""
        assert self._control is not None
        values = fields(line, self._layout)
        position = self._control.count_field
        count = values[position] if position < len(values) else ""
        if not (count.isascii() and count.isdigit()):
            raise DeliveryRejected("control.trailer", "the trailer's count is not a number")
        if self._declared is not None or not is_last:
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self._declared = int(count)

    def count(self, sure: int, unsure: int) -> None:
        """Adds records; raises ``control.trailer`` where they follow the trailer."""
        if self._declared is not None and (sure or unsure):
            raise DeliveryRejected("control.trailer", "records follow the trailer")
        self.sure += sure
        self.unsure += unsure

    def check(self) -> None:
        """Raises ``control.*`` where trailer and records disagree, ``structure.no_rows`` where there is no record."""
        if not self.records:
            raise DeliveryRejected("structure.no_rows", "the file has a header and no row")
        if self._control is None or self._control.trailer is None:
            return
        if self._declared is None:
            raise DeliveryRejected("control.trailer", "the promised trailer is missing")
        declared = self._declared - _control_records(self._control)
        if not self.sure <= declared <= self.records:
            message = f"the trailer promises {declared} records, the file has {self.records}"
            raise DeliveryRejected("control.record_count", message)


def _control_records(control: Control) -> int:
    """How many control records the trailer's count includes."""
    return sum(name is not None for name in (control.header, control.trailer)) if control.count_includes_control else 0
