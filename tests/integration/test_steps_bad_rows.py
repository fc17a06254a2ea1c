"""A bad row of a known member never ends that member; what was refused is kept, sealed, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from concord import quarantine
from concord.contract import Limit
from concord.protect import ProtectError
from tests.rosters import BASE, DECEMBER, JANUARY, THU, Driver, Row, child, employee, guarded, key, without
from tests.unit.acme_rows import file

THREE = employee(3)
SOUND = file(THREE).split(b"\n")[1]


def written(values: Row) -> bytes:
    """One record of a file, without its line end."""
    return file(values).split(b"\n", 1)[1].removesuffix(b"\n")


def fields(count: int) -> bytes:
    """The first ``count`` fields of employee 3's record."""
    return b",".join(SOUND.split(b",")[:count])


BAD: dict[str, tuple[bytes, set[str]]] = {
    "a date that is none": (written(THREE | {"COVEFF": "02/30/2026"}), {"effective_from.date"}),
    "an end before its start": (written(THREE | {"COVEND": "06/01/2025"}), {"dates.reversed"}),
    "a birth date that is none": (written(THREE | {"DOB": "1980-03-04"}), {"birth_date.date"}),
    "a short row": (fields(12), {"record.field_count"}),
    "a row of one field": (fields(1), {"record.field_count"}),
    "a long row": (SOUND + b",one,more", {"record.field_count"}),
    "a broken quote": (SOUND.replace(b"1 Sample Way", b'12" Pipe Road'), {"record.quote"}),
    "an id in scientific notation": (written(THREE | {"EMPID": "3.0E+00"}), {"subscriber_id.pattern"}),
    "an unreadable id with a readable birth date": (written(THREE | {"EMPID": "###"}), {"subscriber_id.pattern"}),
    "an unreadable id and birth date, the id glued to a letter": (
        written(THREE | {"EMPID": "E0000003 (old)", "DOB": "?"}), {"subscriber_id.pattern", "birth_date.date"},
    ),
    "a blank id": (written(THREE | {"EMPID": ""}), {"subscriber_id.required"}),
    "an unreadable person code": (written(THREE | {"PERSON": "1"}), {"person_code.pattern"}),
    "an unreadable coverage line": (written(THREE | {"COVERAGE": "MEDCAL"}), {"coverage_line.code"}),
    "a NUL byte": (SOUND.replace(b"Sampled", b"Samp\0led"), {"record.nul"}),
    "bytes that are not UTF-8": (SOUND.replace(b"Sampled", "Sampléd".encode("cp1252")), {"record.encoding"}),
    "a formula": (written(THREE | {"LASTNAME": "=cmd()"}), {"last_name.formula"}),
    "Arabic digits in the id": (written(THREE | {"EMPID": "E٠٠٠٠٠٠٣"}), {"subscriber_id.pattern"}),
}  # fmt: skip
SURROUNDED = file(*without(3))


def with_record(raw: bytes) -> bytes:
    """The first day's file with ``raw`` in the place of employee 3's record, not the last."""
    header, first, rest = SURROUNDED.split(b"\n", 2)
    return b"\n".join([header, first, raw, rest])


@pytest.mark.parametrize("badness", BAD)
def test_a_bad_row_of_a_known_member_never_ends_that_member(acme: Driver, badness: str) -> None:
    raw, reasons = BAD[badness]
    before = acme.spans()
    run = acme.day(with_record(raw), THU)
    assert (run.state, run.counts.get("end"), run.counts["keep"]) == ("published", None, 1)
    assert acme.spans() == before
    assert {line: set(codes) for line, codes in acme.reasons(run.delivery_id).items()} == {3: reasons}
    assert opened(acme, run.delivery_id, 3) == raw


def test_without_the_bad_row_the_member_would_have_ended(acme: Driver) -> None:
    """Negative control: it is the bad row that keeps the member."""
    acme.day(without(3), THU)
    assert acme.spans()[key(3)] == [(JANUARY, DECEMBER)]


def test_a_bad_row_keeps_no_more_than_those_it_might_be(acme: Driver) -> None:
    run = acme.day(
        with_record(BAD["an unreadable id with a readable birth date"][0]).replace(written(employee(4)) + b"\n", b""),
        THU,
    )
    assert run.counts["end"] == 1
    assert acme.spans()[key(3)] == [(JANUARY, None)]
    assert acme.spans()[key(4)] == [(JANUARY, DECEMBER)]


def test_a_bad_row_of_a_member_changes_nothing_of_the_member_either(acme: Driver) -> None:
    before = acme.tables()
    acme.day(with_record(written(THREE | {"PLAN": "HMO-2", "CITY": "Elsewhere", "COVEFF": "02/30/2026"})), THU)
    assert acme.tables() == before


def test_many_unreadable_keys_hold_every_loss(acme: Driver) -> None:
    acme.feed = guarded(unreadable_keys=Limit(share=0.001, floor=2))
    bad = [employee(3, EMPID="#3"), employee(4, EMPID="#4")]
    run = acme.planned(acme.deliver([*without(3, 4), *bad], THU))
    assert (run.state, run.plan["breaches"]) == ("held", ["unreadable_keys"])


@pytest.mark.parametrize("raw", [written(THREE | {"EMPID": "#", "DOB": "?"}), b"#,01,EE"], ids=["whole", "short"])
def test_a_bad_row_that_could_be_anybody_holds_the_losses(acme: Driver, raw: bytes) -> None:
    """Neither id nor birth date can be read: below every limit, and still a person has to look."""
    run = acme.planned(acme.deliver(with_record(raw), THU))
    assert (run.state, run.plan["breaches"]) == ("held", ["nameless_rows"])
    assert acme.spans()[key(3)] == [(JANUARY, None)]


def test_a_bad_row_that_could_be_anybody_holds_nothing_where_nobody_is_missing(acme: Driver) -> None:
    nobody_missing = file(*BASE) + b"#,01,EE\n"
    assert acme.planned(acme.deliver(nobody_missing, THU)).state == "planned"


def test_a_birth_date_in_a_broken_record_keeps_whom_it_fits(acme: Driver) -> None:
    acme.day(with_record(b"#,01,EE," + THREE["DOB"].encode()), THU)
    assert acme.spans()[key(3)] == [(JANUARY, None)]


def test_a_bad_child_leaves_its_family_as_it_is(acme: Driver) -> None:
    before = acme.spans()
    run = acme.day([*BASE[:-2], child(2, "02", DOB="05/02/2115"), child(2, "03")], THU)
    assert (acme.spans(), acme.reasons(run.delivery_id)) == (before, {13: ("birth_date.in_future",)})


def test_a_row_keeps_all_its_reasons(acme: Driver) -> None:
    run = acme.day([*BASE, employee(11, STATE="Ohio", ZIP="1", COVEFF="")], THU)
    assert set(acme.reasons(run.delivery_id)[15]) == {
        "state_code.pattern", "postal_code.pattern", "effective_from.required",
    }  # fmt: skip


# ── kept, sealed ──


def opened(acme: Driver, delivery_id: str, line: int) -> bytes:
    """The raw bytes of a quarantined row."""
    statement = "SELECT raw_sealed FROM ops.quarantine WHERE delivery_id = %s AND line = %s"
    sealed = acme.all(statement, delivery_id, line)[0]["raw_sealed"]
    return acme.site.keys.open(sealed, context=quarantine.context(delivery_id, line))


FOUND_WHERE: dict[str, Callable[[], tuple[bytes, bytes]]] = {
    "while parsing": lambda: (with_record(fields(12)), fields(12)),
    "while validating": lambda: _same(BAD["a date that is none"][0]),
    "while validating, on two lines": lambda: _same(
        written(THREE | {"STREET": "1 Sample Way\nsecond floor", "STATE": "?"})
    ),
    "while reconciling": lambda: (file(*BASE[:2], THREE, *BASE[3:], THREE | {"PLAN": "HMO-2"}), written(THREE)),
    "while reconciling, on two lines": lambda: (
        file(*BASE[:2], _two(""), *BASE[3:], _two("HMO-2")), written(_two("")),
    ),
    "with Windows line ends": lambda: (with_record(fields(12)).replace(b"\n", b"\r\n"), fields(12)),
}  # fmt: skip


def _same(raw: bytes) -> tuple[bytes, bytes]:
    return with_record(raw), raw


def _two(plan: str) -> Row:
    return THREE | {"STREET": "1 Sample Way\nsecond floor"} | ({"PLAN": plan} if plan else {})


@pytest.mark.parametrize("where", FOUND_WHERE)
def test_a_refused_row_is_sealed_and_opens_to_the_files_bytes_in_its_own_place_only(acme: Driver, where: str) -> None:
    data, raw = FOUND_WHERE[where]()
    run = acme.day(data, THU)
    statement = "SELECT line, raw_sealed FROM ops.quarantine WHERE delivery_id = %s ORDER BY line LIMIT 1"
    row = acme.all(statement, run.delivery_id)[0]
    line, sealed = row["line"], row["raw_sealed"]
    assert acme.site.keys.open(sealed, context=quarantine.context(run.delivery_id, line)) == raw
    assert not any(word in sealed for word in (b"Sample", b"E0000003", b"400-55"))
    for other in (quarantine.context(run.delivery_id, line + 1), quarantine.context("zzzzzzzz", line), ""):
        with pytest.raises(ProtectError):
            acme.site.keys.open(sealed, context=other)


def test_planning_again_finds_the_same_rows_once(acme: Driver) -> None:
    run = acme.planned(acme.deliver([*without(3), THREE, THREE | {"PLAN": "HMO-2"}, employee(11, STATE="?")], THU))
    before = acme.reasons(run.delivery_id)
    assert acme.planned_as(run.delivery_id, run.attempt + 1).plan["digest"] == run.plan["digest"]
    assert acme.reasons(run.delivery_id) == before
    assert len(before) == 3
