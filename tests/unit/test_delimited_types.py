"""Several types of records in one file: each has its columns, a dependent takes its employee's, and nobody else's."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest

from concord.contract import Control, Delimited, Feed, RecordType, TypeTotals
from concord.errors import ContractError, DeliveryRejected
from concord.parse import Chunk
from concord.parse import families as module
from concord.parse.delimited import DelimitedFile
from concord.parse.families import Families
from concord.parse.opening import reread_rows
from concord.validate import validate
from tests.unit.acme_rows import ACME, ROW, acme, row
from tests.unit.test_delimited_dialects import account

EMPLOYEE = RecordType("E", ("REC", *ROW))
OWN = ("PERSON", "RELATION", "LASTNAME", "FIRSTNAME", "DOB", "SEX", "COVERAGE", "PLAN", "TIER", "COVEFF")
DEPENDENT = RecordType("D", ("REC", *OWN), parent="E", carries=("EMPID", "GROUP"))
FORM = Delimited(delimiter="|", types=(EMPLOYEE, DEPENDENT))
COLUMNS = {name: replace(mapping, optional_column=False) for name, mapping in ACME.columns.items()}


def feed(**changes: Any) -> Feed:
    return acme(columns=COLUMNS, format=replace(FORM, **changes))


def employee(number: int, **values: str) -> str:
    told = row(EMPID=f"E{number:07d}", GROUP=f"G{number}") | values
    return "|".join(["E", *(told[name] for name in ROW)])


def dependent(name: str, **values: str) -> str:
    told = row(FIRSTNAME=name, RELATION="CH") | values
    return "|".join(["D", *(told[name] for name in OWN)])


def parse(lines: list[str], contract: Feed | None = None, **options: int) -> tuple[DelimitedFile, list[Chunk]]:
    data = "".join(line + "\n" for line in lines).encode()
    delivery = DelimitedFile(io.BytesIO(data), contract or feed(), **options)
    return delivery, list(delivery)


def rows(chunks: list[Chunk]) -> list[tuple[str, str, str]]:
    """First name, and whose: what was taken from the employee."""
    found = [(line, *chunk.frame.loc[at, ["FIRSTNAME", "EMPID", "GROUP"]])
             for chunk in chunks for at, line in enumerate(chunk.line.tolist())]  # fmt: skip
    return [(first, who, group) for _, first, who, group in sorted(found)]


FAMILIES = [
    employee(1), dependent("Ann"), dependent("Bob"), employee(2), dependent("Cid"), employee(3), employee(4),
    dependent("Dee"),
]  # fmt: skip


@pytest.mark.parametrize(("chunk_rows", "block_bytes"), [(100, 1 << 20), (1, 1 << 20), (2, 1 << 20), (100, 100)])
def test_a_dependent_takes_its_employees_columns_wherever_chunks_end(chunk_rows: int, block_bytes: int) -> None:
    delivery, chunks = parse(FAMILIES, chunk_rows=chunk_rows, block_bytes=block_bytes)
    assert [(first, who[-1] + group) for first, who, group in rows(chunks)] == [
        ("Tessa", "1G1"), ("Ann", "1G1"), ("Bob", "1G1"), ("Tessa", "2G2"), ("Cid", "2G2"), ("Tessa", "3G3"),
        ("Tessa", "4G4"), ("Dee", "4G4"),
    ]  # fmt: skip
    assert account(chunks) == dict.fromkeys(range(1, 9), "row")
    assert delivery.columns == ("REC", *ROW)


def test_columns_that_a_type_lacks_are_blank() -> None:
    _, (chunk,) = parse(FAMILIES[:2])
    assert chunk.frame["STREET"].tolist() == ["1 Sample Way", ""]
    assert not chunk.frame.isna().any(axis=None)


def test_a_dependent_with_nobody_before_it_is_an_orphan() -> None:
    _, (chunk,) = parse([dependent("Ann"), *FAMILIES])
    (orphan,) = chunk.refused
    assert (orphan.line, orphan.lines, orphan.reasons) == (1, 1, ("record.orphan",))
    assert orphan.raw == dependent("Ann").encode()


BROKEN = {
    "an employee with a field too few": employee(2).rsplit("|", 1)[0],
    "an employee with a stray quote": employee(2, LASTNAME='Te"st'),
    "a record of no type": "X|1|2",
    "a dependent onto which an employee was glued": dependent("Ann") + employee(2),
    "two lines with a carriage return between": dependent("Ann") + "\r" + dependent("Bob"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_whoever_may_have_been_the_parent_ends_the_family(broken: str, chunk_rows: int) -> None:
    _, chunks = parse([employee(1), broken, dependent("Cid"), employee(3), dependent("Dee")], chunk_rows=chunk_rows)
    assert [first for first, _, _ in rows(chunks)] == ["Tessa", "Tessa", "Dee"]
    assert account(chunks)[3] == "record.orphan"


def test_without_that_a_dependent_would_go_to_another_employee(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(Families, "_may_hide", lambda _self, found, _flaws, _of: found.fields < 0)
    _, chunks = parse([employee(1), BROKEN["a record of no type"], dependent("Cid")])
    assert rows(chunks)[-1][:2] == ("Cid", "E0000001")


def test_a_broken_dependent_costs_its_own_line_and_no_sibling() -> None:
    short = dependent("Ann").rsplit("|", 1)[0]
    _, (chunk,) = parse([employee(1), short, dependent("Bob"), short + "|a|b", dependent("Cid")])
    assert [first for first, _, _ in rows([chunk])] == ["Tessa", "Bob", "Cid"]
    assert [each.reasons for each in chunk.refused] == [("record.field_count",)] * 2


def test_a_type_has_exactly_its_fields_and_ends_in_a_delimiter_where_it_says_so() -> None:
    """A blank field too many may be a value that was cut in two."""
    lines = [employee(1), dependent("Ann") + "|", dependent("Bob"), employee(2) + "|", dependent("Cid")]
    usual, (chunk,) = parse(lines)
    assert [first for first, _, _ in rows([chunk])] == ["Tessa", "Bob"]
    assert [each.reasons[0] for each in chunk.refused] == ["record.field_count"] * 2 + ["record.orphan"]
    ends_so = feed(types=(EMPLOYEE, replace(DEPENDENT, names=(*DEPENDENT.names, ""))))
    delivery, (chunk,) = parse(lines, ends_so)
    assert [first for first, _, _ in rows([chunk])] == ["Tessa", "Ann"]
    assert (delivery.columns, delivery.drift) == (usual.columns, usual.drift)


def test_the_type_may_stand_in_another_field_and_in_quotes() -> None:
    types = tuple(replace(kind, names=(kind.names[1], "REC", *kind.names[2:])) for kind in FORM.types)
    lines = []
    for line in FAMILIES:
        mark, first, *rest = line.split("|")
        lines.append("|".join([first, f'"{mark}"', *rest]))
    _, (chunk,) = parse(lines, feed(types=types, type_field=1))
    assert rows([chunk]) == rows(parse(FAMILIES)[1])


def judged(line: str, contract: Feed) -> list[tuple[str, ...]]:
    """What rules say of an employee of ``line`` and a dependent: why each is refused; nothing: it is accepted."""
    _, (chunk,) = parse([line, dependent("Ann")], contract)
    assert not chunk.refused
    rejected = validate(contract, chunk.frame, as_of=date(2026, 11, 20)).rejected
    why = dict(zip(rejected.position.tolist(), map(tuple, rejected.reasons), strict=True))
    return [why.get(position, ()) for position in range(2)]


def test_a_parent_that_a_rule_refused_was_read_and_has_its_dependents() -> None:
    assert judged(employee(1, GROUP="ACME01", DOB="13/15/1980"), feed()) == [("birth_date.date",), ()]


def test_what_a_rule_refuses_in_a_parent_it_refuses_in_those_who_carry_it() -> None:
    assert judged(employee(1, GROUP="ACME01", EMPID="1"), feed()) == [("subscriber_id.pattern",)] * 2


@pytest.mark.parametrize("position", [0, 1])
def test_a_quoted_value_over_lines_belongs_to_its_type(position: int) -> None:
    """Joined lines must have the fields of their own type, not those of another."""
    lines = [employee(1, STREET='"1 Way\nfloor 2"'), dependent("Ann", PLAN='"P\nQ"')]
    _, (chunk,) = parse(lines)
    assert chunk.lines.tolist() == [2, 2]
    _, (chunk,) = parse(['E|"a', *lines, 'x"|b'])
    assert len(chunk.frame) == 2, position


# ── what a trailer promises ────────────────────────────────────────────────────

CONTROL = Control(
    trailer="T",
    by_type=(TypeTotals("E", 2, total_field=4, total_column="EMPID"), TypeTotals("D", 3)),
)


def trailer(count: int = 8, employees: int = 4, dependents: int = 4, total: int = 10) -> str:
    return f"T|{count}|{employees}|{dependents}|{total}"


@pytest.mark.parametrize("chunk_rows", [3, 100])
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, None),
        ({"count": 9}, "control.record_count"),
        ({"employees": 3}, "control.record_count"),
        ({"dependents": 5}, "control.record_count"),
        ({"total": 19}, "control.hash_total"),
    ],
)
def test_the_trailer_counts_each_type(told: dict[str, int], code: str | None, chunk_rows: int) -> None:
    """A carried id is not the dependent's own: the total is of the employees."""
    lines = [*FAMILIES, trailer(**told)]
    if code is None:
        parse(lines, feed(control=CONTROL), chunk_rows=chunk_rows)
        return
    with pytest.raises(DeliveryRejected) as caught:
        parse(lines, feed(control=CONTROL), chunk_rows=chunk_rows)
    assert caught.value.code == code


def test_without_counts_by_type_a_lost_dependent_could_hide_behind_a_doubled_employee() -> None:
    """Negative control: eight records, and not the eight that were sent."""
    lines = [*FAMILIES[:-1], employee(5), trailer()]
    parse(lines, feed(control=Control(trailer="T")))
    with pytest.raises(DeliveryRejected, match=r"control\.record_count"):
        parse(lines, feed(control=replace(CONTROL, count_field=None)))


def test_a_refused_record_counts_for_its_type_and_one_of_no_type_for_any() -> None:
    short = dependent("Dee").rsplit("|", 1)[0]
    parse([*FAMILIES[:-1], short, trailer()], feed(control=CONTROL))
    parse([*FAMILIES[:-1], "X|1", trailer()], feed(control=CONTROL))
    with pytest.raises(DeliveryRejected, match=r"control\.record_count"):
        parse([*FAMILIES[:-1], short, trailer(employees=5, dependents=3)], feed(control=CONTROL))


# ── read again by themselves ───────────────────────────────────────────────────


def kept(chunks: list[Chunk]) -> list[tuple[int, bytes, int]]:
    """Line, bytes and own lines of every record, refused or not."""
    found = [(each.line, each.raw, each.lines) for chunk in chunks for each in chunk.refused]
    for chunk in chunks:
        found += [(int(chunk.line[at]), chunk.raw(at), int(chunk.lines[at])) for at in range(len(chunk.frame))]
    return sorted(found)


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_every_record_says_by_itself_what_it_said_in_its_file(chunk_rows: int) -> None:
    short = dependent("Ann").rsplit("|", 1)[0]
    lines = [*FAMILIES, BROKEN["an employee with a field too few"], dependent("Eve"), short, "X|1", dependent("Fay")]
    _, chunks = parse(lines, chunk_rows=chunk_rows)
    records = kept(chunks)
    assert [own for _, _, own in records] == [1] * len(lines)
    again = reread_rows(("REC", *ROW), [raw for _, raw, _ in records], [own for _, _, own in records], feed())
    reread = list(again)
    assert rows(reread) == rows(chunks)
    assert account(reread) == {1: "control"} | {line + 1: what for line, what in account(chunks).items()}
    assert again.line_count == len(lines) + 1
    assert [raw for _, raw, _ in kept(reread)] == [raw for _, raw, _ in records]


def test_a_family_that_was_refused_is_read_once_its_employee_can_be() -> None:
    """The contract's encoding was wrong, and is put right."""
    lines = [employee(1, LASTNAME="Peña"), dependent("Ann"), dependent("Bob")]
    data = "".join(line + "\n" for line in lines).encode("cp1252")
    chunks = list(DelimitedFile(io.BytesIO(data), feed()))
    assert account(chunks) == {1: "record.encoding", 2: "record.orphan", 3: "record.orphan"}
    records = kept(chunks)
    right = feed(encoding="cp1252")
    again = reread_rows(("REC", *ROW), [raw for _, raw, _ in records], [own for _, _, own in records], right)
    assert [(first, who) for first, who, _ in rows(list(again))] == [
        ("Tessa", "E0000001"), ("Ann", "E0000001"), ("Bob", "E0000001"),
    ]  # fmt: skip


def test_a_child_alone_is_read_again_without_its_parent_becoming_a_row() -> None:
    _, chunks = parse(FAMILIES[:3])
    raw, own = chunks[0].raw(2), 1
    assert raw.splitlines() == [employee(1).encode(), dependent("Bob").encode()]
    (chunk,) = reread_rows(("REC", *ROW), [raw], [own], feed())
    assert rows([chunk]) == [("Bob", "E0000001", "G1")]
    assert (chunk.line.tolist(), chunk.lines.tolist()) == ([2], [1])


def test_parent_and_child_never_become_one_record() -> None:
    """Each has a quote too many; between their lines stood others, that the copy does not have."""
    parent, child = 'E|"a', 'b"|' + "|".join("x" for _ in range(len(EMPLOYEE.names) - 2))
    (chunk,) = reread_rows(("REC", *ROW), [f"{parent}\n{child}".encode()], [1], feed())
    assert (len(chunk.frame), [(each.line, each.lines) for each in chunk.refused]) == (0, [(2, 1)])


def test_what_is_kept_of_a_parent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PARENT", 10)
    _, (chunk,) = parse(FAMILIES)
    assert rows([chunk]) == rows(parse(FAMILIES)[1])
    assert chunk.raw(1) == FAMILIES[1].encode()


def test_three_hundred_mutants_are_accounted_for_and_nobody_gets_another_family() -> None:
    good = "".join(line + "\n" for line in FAMILIES).encode()
    owner = {"Ann": "E0000001", "Bob": "E0000001", "Cid": "E0000002", "Dee": "E0000004"}
    read = 0
    for seed in range(300):
        random = Random(seed)
        lines = good.splitlines(keepends=True)
        at = random.randrange(len(lines))
        where = random.randrange(len(lines[at]))
        cut = lines[at]
        sign = random.choice([b"", b'"', b"|", b"\n", b"\r", b"\xff", b"\0"])
        lines[at] = cut[:where] + sign + cut[where + (random.random() < 0.5) :]
        data = b"".join(lines)
        try:
            chunks = list(DelimitedFile(io.BytesIO(data), feed(), chunk_rows=random.choice([1, 3, 100])))
        except DeliveryRejected:
            continue
        assert sorted(account(chunks)) == list(range(1, data.count(b"\n") + 1)), seed
        for first, who, _ in rows(chunks):
            assert who in (owner.get(first, who), "") or at in (0, 3, 6), seed
        read += 1
    assert read > 250


# ── contradictions ─────────────────────────────────────────────────────────────

RELATION_FIRST = ("RELATION", *(name for name in ROW if name != "RELATION"))
CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "names of all beside names of each": {"names": ("REC", *ROW)},
    "two types of one mark": {"types": (EMPLOYEE, replace(EMPLOYEE, names=("REC", "X")))},
    "a mark with a delimiter": {"types": (replace(EMPLOYEE, mark="E|"),)},
    "a type of one column": {"types": (EMPLOYEE, RecordType("N", ("REC",)))},
    "a parent that is no type": {"types": (EMPLOYEE, replace(DEPENDENT, parent="P"))},
    "a parent and nothing to carry": {"types": (EMPLOYEE, replace(DEPENDENT, carries=()))},
    "what the parent does not have": {"types": (EMPLOYEE, replace(DEPENDENT, carries=("SHOE",)))},
    "what the child has itself": {"types": (EMPLOYEE, replace(DEPENDENT, carries=("DOB",)))},
    "a grandparent": {"types": (EMPLOYEE, DEPENDENT, RecordType("F", ("REC", "Y"), parent="D", carries=("DOB",)))},
    "a field that some have not": {"type_field": 11},
    "marks said twice": {"control": Control(detail="E")},
    "a trailer that looks like a row": {"types": (), "names": RELATION_FIRST, "control": Control(trailer="EE")},
    "a header that looks like a row": {
        "types": (RecordType("E", ("RELATION", "REC", *RELATION_FIRST[1:])),),
        "type_field": 1,
        "control": Control(header="ee"),
    },
    "a trailer that looks like a record": {"control": Control(trailer="D")},
    "a count of no type": {"control": Control(trailer="T", by_type=(TypeTotals("F", 2),))},
    "a type counted twice": {"control": Control(trailer="T", by_type=(TypeTotals("D", 2), TypeTotals("D", 3)))},
    "a total of a carried column": {"control": Control(trailer="T", by_type=(TypeTotals("D", 2, 3, "EMPID"),))},
    "counts in no trailer": {"control": Control(by_type=(TypeTotals("D", 2),))},
    "comments like records": {"comment": "E"},
    "folded names that are not there": {"header_case": "folded"},
}


@pytest.mark.parametrize("changes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contract_that_contradicts_itself_about_types_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="format"):
        feed(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"delimiter": ""}, {"delimiter": "¦"}, {"delimiter": "|\n"}, {"delimiter": "x" * 9}, {"delimiter": '|"'},
        {"quote": '""'}, {"quote": ","}, {"quote": "\r"}, {"escape": '"'}, {"escape": "\0"}, {"escape": "\\\\"},
        {"quote": None, "inner_quotes": "literal"}, {"escape": "\\", "inner_quotes": "literal"},
        {"preamble_lines": -1}, {"comment": ""}, {"comment": ",x"}, {"comment": "\t"}, {"type_field": 1},
        {"comment": "T", "control": Control(trailer="TRL")},
    ],
    ids=str,
)  # fmt: skip
def test_a_dialect_that_contradicts_itself_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="format"):
        acme(format=Delimited(**changes))
