"""Header and trailer records of fixed width: the promises of :mod:`concord.parse.control`, cut out by position."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pandas import DataFrame

from concord.contract import Control, Delimited, FixedControl, FixedWidth, Place
from concord.parse.control import ControlTotals
from concord.parse.fixed_width.values import UNREADABLE

COUNT, SENDER, DATE, SEQUENCE, TOTAL = range(1, 6)


class FixedTotals(ControlTotals):
    """Counts the records of a delivery of ``form`` and compares them with its trailer.

    What control records say is cut out by position and then judged as fields of a delimited one are.
    """

    def __init__(self, form: FixedWidth, *, file_date: date | None = None, sequence: int | None = None) -> None:
        control = form.control
        as_fields = _as_fields(control) if control is not None else None
        super().__init__(Delimited(control=as_fields), file_date=file_date, sequence=sequence)
        self._form = form
        numbers = [column.name for column in form.columns if column.is_number]
        self._summed = control.total_column if control is not None and control.total_column in numbers else None
        self.empty_is_legal = control is not None and control.empty_is_legal

    def add(self, frame: DataFrame, marks: Sequence[str] = ()) -> None:
        """A number that is none is not known: what the partner added for it nobody can tell."""
        if self._summed is not None:
            self.count(0, 0, unread=int(frame[self._summed].str.startswith(UNREADABLE).sum()))
        super().add(frame, marks)

    def _values(self, line: bytes) -> list[str]:
        control = self._form.control or FixedControl()
        units: bytes | str = line.decode(self._form.encoding, "replace") if self._form.by_characters else line
        mark = Place(control.mark_at, len(control.header or ""))
        places = (mark, control.count_at, control.sender_at, control.date_at, control.sequence_at, control.total_at)
        return [self._cut(units, place) for place in places]

    def _cut(self, units: bytes | str, place: Place | None) -> str:
        if place is None:
            return ""
        part = units[place.first : place.stop]
        return (part if isinstance(part, str) else part.decode(self._form.encoding, "replace")).strip()


def _as_fields(control: FixedControl) -> Control:
    """The same promises, of a record whose fields are those of :meth:`FixedTotals._values`."""
    return Control(
        header=control.header,
        trailer=control.trailer,
        detail=control.detail,
        count_field=COUNT,
        count_includes_control=control.count_includes_control,
        sender=control.sender,
        sender_field=SENDER if control.sender_at else None,
        date_field=DATE if control.date_at else None,
        date_format=control.date_format,
        sequence_field=SEQUENCE if control.sequence_at else None,
        total_field=TOTAL if control.total_at else None,
        total_column=control.total_column,
    )
