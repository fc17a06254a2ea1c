"""All parts or nothing: whatever lies in a folder, a delivery is every part of it once, with every companion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from concord.acquire import Incomplete, RemoteFile
from concord.acquire.grouping import UNREADABLE, Entry, Found, Group, groups
from concord.acquire.naming import matcher
from concord.contract import SftpDrop

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DROP = SftpDrop("acme_sftp", "/outbound", "ELIG_{date:%Y%m%d}_{part}of{parts}.csv", checksum=".md5")


def entry(name: str, size: int = 10, minutes: int = 0) -> Entry:
    return Entry(name, size, NOON + timedelta(minutes=minutes))


def sorted_in(drop: SftpDrop, *entries: Entry) -> list[Group]:
    names = matcher(drop)
    read = [(each, names.read(each.name)) for each in entries]
    return list(groups(drop, [Found(each, said) for each, said in read if said is not None]))


parts = st.tuples(st.integers(0, 5), st.integers(1, 4), st.booleans())


@given(st.sets(parts, min_size=1, max_size=8))
def test_what_is_ready_is_every_part_once_with_its_companion(lying: set[tuple[int, int, bool]]) -> None:
    named = {f"ELIG_20261120_{number}of{total}.csv": (number, total, has) for number, total, has in sorted(lying)}
    companions = {f"{name}.md5": entry(f"{name}.md5", 32) for name, (_, _, has) in named.items() if has}
    (group,) = sorted_in(DROP, *map(entry, named))
    found = group.delivery({name: entry(name) for name in named} | companions, None)
    totals = {total for _, total, _ in named.values()}
    is_all = len(totals) == 1 and sorted(number for number, _, _ in named.values()) == [*range(1, max(totals) + 1)]
    assert isinstance(found, Incomplete) is not is_all
    if is_all and all(has for _, _, has in named.values()):
        assert isinstance(found, RemoteFile)
        data = [(file.part, file.name) for file in found.files if file.kind == "data"]
        assert data == [(number, name) for name, (number, _, _) in sorted(named.items())]
        assert found.size == 10 * len(named) + 32 * len(named)
    elif is_all:
        assert found is None


def test_deliveries_of_two_days_and_of_two_sequences_are_told_apart() -> None:
    drop = replace(DROP, pattern="E_{date:%Y%m%d}_{sequence}_{part}.csv", parts=2, checksum=None)
    names = ["E_20261120_1_1.csv", "E_20261120_1_2.csv", "E_20261120_2_1.csv", "E_20261121_1_2.csv"]
    found = [group.delivery({}, None) for group in sorted_in(drop, *map(entry, names))]
    assert [isinstance(each, RemoteFile) for each in found] == [True, False, False]


def test_a_delivery_is_as_old_as_its_last_change_and_known_by_all_its_bytes() -> None:
    """So a part, or a companion, that is put right makes it another delivery."""
    name = "ELIG_20261120_1of1.csv"
    before, after = (
        group.delivery({f"{name}.md5": entry(f"{name}.md5", 32, minutes)}, None)
        for minutes in (1, 2)
        for group in sorted_in(DROP, entry(name))
    )
    assert isinstance(before, RemoteFile)
    assert isinstance(after, RemoteFile)
    assert (before.size, before.modified_at) == (42, NOON + timedelta(minutes=1))
    assert before != after


def test_what_a_control_file_says_counts_where_nothing_else_does() -> None:
    drop = replace(DROP, pattern="E_{part}.csv", checksum=None)
    (group,) = sorted_in(drop, entry("E_1.csv"), entry("E_2.csv"))
    assert isinstance(group.delivery({}, 2), RemoteFile)
    assert group.delivery({}, 3) == Incomplete(2, 3, "", NOON)
    assert group.delivery({}, None) == Incomplete(2, None, "", NOON)
    assert group.delivery({}, 1) == Incomplete(2, 1, "number", NOON)
    assert group.delivery({}, UNREADABLE) == Incomplete(2, None, "companion", NOON)


def test_parts_that_are_too_large_together_are_no_delivery() -> None:
    drop = replace(DROP, checksum=None, max_bytes=19)
    (group,) = sorted_in(drop, entry("ELIG_20261120_1of2.csv"), entry("ELIG_20261120_2of2.csv"))
    assert group.delivery({}, None) == Incomplete(2, 2, "size", NOON)
    (group,) = sorted_in(replace(drop, max_bytes=20), *(file.entry for file in group.files))
    assert isinstance(group.delivery({}, None), RemoteFile)
