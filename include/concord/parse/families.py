"""Records that belong to one before them: a dependent's to its employee's.

Whose dependent a record is, is never guessed. A record that could not be read and may
have been, or may hide, a parent ends the family: what follows has no parent until the
next sound one. An unreadable parent is kept with its children, so that they can be read
again together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from concord.contract import RecordType
from concord.parse.flaws import NO_RECORD, Flaw
from concord.parse.marks import Positions
from concord.parse.records import Records

LONGEST_PARENT = 4_096
"""Bytes of a parent that are kept with each child; the children of a longer one cannot be read again alone."""
MAY_HIDE = Flaw.QUOTE | Flaw.LINE_END | Flaw.TOO_LONG | Flaw.TYPE
"""Flaws of a record that may hold more than one."""
NOBODY = -1


@dataclass(frozen=True)
class Parent:
    """The last record of a kind: its bytes, whether it was sound, and what its children take from it."""

    raw: bytes
    is_sound: bool
    values: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Parent(is_sound={self.is_sound})"


class Families:
    """Binds the records of a file to their parents, chunk by chunk, in order; remembers the last parents."""

    def __init__(self, types: Sequence[RecordType]) -> None:
        self._types = types
        self._number = {kind.mark: number for number, kind in enumerate(types)}
        self._last: dict[int, Parent | None] = {}
        self._before: dict[int, Parent | None] = {}
        self._bound: dict[int, tuple[Positions, Positions]] = {}

    def bind(self, found: Records, good: NDArray[np.bool_], trailers: NDArray[np.bool_]) -> dict[int, bytes]:
        """The bytes of parents by where their children begin; orphans get their flaw in ``found``."""
        self._before, self._bound = dict(self._last), {}
        flaws = found.flaws.copy()
        raws: dict[int, bytes] = {}
        refused = (flaws > 0) & ((flaws & NO_RECORD) == 0) & ~trailers
        for number, kind in enumerate(self._types):
            if kind.parent is None:
                continue
            of = self._number[kind.parent]
            events = np.flatnonzero((found.kind == of) | (refused & self._may_hide(found, flaws, of)))
            children = np.flatnonzero(found.kind == number)
            parents = np.append(events, NOBODY)[np.searchsorted(events, children) - 1]
            self._bound[number] = children, parents
            raws |= self._raws(found, of, children, parents)
            found.flaws[children[~self._are_sound(found, good, of, parents)]] |= np.uint16(Flaw.ORPHAN)
            if len(events):
                self._last[of] = self._parent(found, good, of, int(events[-1]))
        return raws

    def _may_hide(self, found: Records, flaws: NDArray[np.uint16], of: int) -> NDArray[np.bool_]:
        """Which refused records may be, or hold, a parent of kind ``of``: a line glued on has all its fields."""
        most = len(self._types[of].names)
        result: NDArray[np.bool_] = (found.kind < 0) | ((flaws & MAY_HIDE) > 0) | (found.fields > most)
        return result

    def _raws(self, found: Records, of: int, children: Positions, parents: Positions) -> dict[int, bytes]:
        raws: dict[int, bytes] = {}
        raw, last = b"", None
        for child, parent in zip(children.tolist(), parents.tolist(), strict=True):
            if parent != last:
                raw, last = self._raw(found, of, parent), parent
            if 0 < len(raw) <= LONGEST_PARENT:
                raws[int(found.start[child])] = raw
        return raws

    def _raw(self, found: Records, of: int, parent: int) -> bytes:
        if parent != NOBODY:
            return found.content(parent) if found.kind[parent] == of else b""
        before = self._before.get(of)
        return before.raw if before is not None else b""

    def _are_sound(self, found: Records, good: NDArray[np.bool_], of: int, parents: Positions) -> NDArray[np.bool_]:
        before = self._before.get(of)
        here = np.append(good & (found.kind == of), before is not None and before.is_sound)
        result: NDArray[np.bool_] = here[parents]
        return result

    def _parent(self, found: Records, good: NDArray[np.bool_], of: int, at: int) -> Parent | None:
        return Parent(found.content(at), bool(good[at])) if found.kind[at] == of else None

    def carry(self, frame: DataFrame, found: Records, good: NDArray[np.bool_]) -> DataFrame:
        """``frame``, of the ``good`` records, with what they take from their parents."""
        if not self._bound:
            return frame
        row = np.append(np.cumsum(good) - 1, len(frame))
        taken = {
            number: (row[children[good[children]]], row[parents[good[children]]])
            for number, (children, parents) in self._bound.items()
        }
        own = frame.copy()
        for number, (children, parents) in taken.items():
            kind = self._types[number]
            before = self._before.get(self._number[kind.parent or ""])
            for name in set(kind.carries) & set(frame.columns):
                said = [*frame[name], before.values.get(name, "") if before is not None else ""]
                values = own[name].to_numpy(dtype=object, copy=True)
                values[children] = np.array(said, dtype=object)[parents]
                own[name] = pd.Series(values, dtype="str")
        self._remember(frame, found, good)
        return own

    def _remember(self, frame: DataFrame, found: Records, good: NDArray[np.bool_]) -> None:
        for of, last in self._last.items():
            mine = np.flatnonzero(found.kind[good] == of)
            if last is not None and last.is_sound and len(mine):
                values = {str(name): str(value) for name, value in frame.iloc[int(mine[-1])].items()}
                self._last[of] = Parent(last.raw, last.is_sound, values)
