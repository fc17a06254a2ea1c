"""A row in the making: values, and the columns that the sender wants emptied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from concord.parse.hl7v2.message import Composite, Encoding
from concord.parse.hl7v2.moments import Moment, read_moment
from concord.parse.hl7v2.refusal import MessageRefused
from concord.parse.hl7v2.separators import NULL

Value = str | bool
INDICATORS = {"Y": True, "N": False}
"""HL7 table 0136."""


@dataclass
class Row:
    """One row of ``entity``. ``values`` are text and bool, dates and timestamps in ISO.

    A column that is neither in ``values`` nor ``cleared`` was not spoken of: what is held
    stays (HL7 §2.5.3). May hold PHI, so its values are not in the ``repr``.
    """

    entity: str
    zone: tzinfo = field(repr=False)
    values: dict[str, Value] = field(default_factory=dict, repr=False)
    cleared: set[str] = field(default_factory=set)
    deleted: bool = False

    def put(self, column: str, raw: str, encoding: Encoding, read: Callable[[str], str | None] | None = None) -> None:
        """The value ``raw`` as it was written; ``read`` makes what is kept of it, None for nothing."""
        raw = raw.strip()
        if raw == NULL:
            self.clear(column)
            return
        text = encoding.text(raw) if raw else ""
        value = read(text) if read is not None and text else text
        if value:
            self.set(column, value)

    def set(self, column: str, value: Value) -> None:
        """A value."""
        self.values[column] = value
        self.cleared.discard(column)

    def clear(self, *columns: str) -> None:
        """The sender says that there is none."""
        for column in columns:
            self.values.pop(column, None)
            self.cleared.add(column)

    def replace(self, columns: tuple[str, ...]) -> None:
        """A composite was given as a whole (a name, an address): parts it does not have are over."""
        self.clear(*(column for column in columns if column not in self.values))

    def indicator(self, column: str, composite: Composite) -> None:
        """Y or N."""
        raw = composite.part(1).strip()
        if raw == NULL:
            self.clear(column)
        elif (value := INDICATORS.get(raw.upper())) is not None:
            self.set(column, value)

    def moment(self, column: str, precision: str, composite: Composite) -> None:
        """A timestamp; raises :class:`MessageRefused` (``<column>.format``)."""
        self._dated(column, precision, composite, lambda moment: moment.at.isoformat())

    def date(self, column: str, precision: str, composite: Composite) -> None:
        """The day as it was written, whatever the zone; raises :class:`MessageRefused` (``<column>.format``)."""
        self._dated(column, precision, composite, lambda moment: moment.day.isoformat())
        if self.values.get(precision) == "time":
            self.set(precision, "day")

    def _dated(self, column: str, precision: str, composite: Composite, told: Callable[[Moment], str]) -> None:
        raw = composite.part(1).strip()
        if raw == NULL:
            self.clear(column, precision)
        elif raw:
            moment = read_moment(raw, self.zone)
            if moment is None:
                raise MessageRefused(f"{column}.format")
            self.set(column, told(moment))
            self.set(precision, moment.precision)
