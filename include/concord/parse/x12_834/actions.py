"""What a row asks for, by HD01, INS03 and BGN08 (TR3 005010X220A1, 2000 INS and 2300 HD).

INS03 is about the member and HD01 about the coverage. A file that replaces says what is, not what to do: there only
ends and coverages that never were are actions. A member who leaves takes every coverage along.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from concord.contract import Mode

OF_COVERAGE = {
    "001": "change", "002": "cancel", "021": "add", "024": "end", "025": "reinstate", "026": "change", "030": "audit",
}  # fmt: skip
OF_MEMBER = {"001": "change", "021": "add", "024": "end", "025": "reinstate", "030": "audit"}
NO_COVERAGE = "032"
"""HD01: employee information not applicable; no coverage is meant."""
LEAVES = "024"
STATED = ("end", "cancel")
"""What a file that replaces can ask for."""


def actions(ins03: pa.Array, hd01: pa.Array, mode: Mode) -> pa.Array:
    """The canonical action of each row; blank for a code that is none (the row keeps what its columns say)."""
    alone = pc.equal(hd01, "")
    leaves = pc.equal(ins03, LEAVES)
    found = pc.if_else(alone, _mapped(ins03, OF_MEMBER), _mapped(hd01, OF_COVERAGE))
    found = pc.if_else(pc.and_(leaves, pc.not_equal(found, "cancel")), "end", found)
    if mode is Mode.DELTA:
        return found
    return pc.if_else(pc.is_in(found, pa.array(STATED, found.type)), found, "")


def contradicts(ins03: pa.Array, hd01: pa.Array, mode: Mode) -> pa.Array:
    """Rows of a change file whose member leaves while the coverage is added or reinstated."""
    if mode is not Mode.DELTA:
        return pa.array([False] * len(ins03), pa.bool_())
    return pc.and_(pc.equal(ins03, LEAVES), pc.is_in(hd01, pa.array(["021", "025"], hd01.type)))


def _mapped(codes: pa.Array, table: dict[str, str]) -> pa.Array:
    places = pc.index_in(codes, pa.array(list(table), codes.type))
    return pc.fill_null(pa.array(list(table.values()), pa.large_string()).take(places), "")
