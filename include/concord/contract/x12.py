"""X12 834 benefit enrollment and maintenance: how a partner writes it, and what is agreed on.

Rows are member × coverage. Source columns in capitals are elements as the file has them: ``INS03``, ``REF*0F`` and
``DTP*336`` of the 2000 loop, ``NM103``, ``PER*TE`` or ``DMG02`` of 2100A, ``NM1*31/N301`` of another 2100 loop,
``HD03``, ``HD/DTP*348`` or ``HD/AMT*P3`` of 2300, ``COB01`` of 2320, ``BGN02``, ``HEADER/REF*38`` or ``N1*P5/N104`` of
the header. Lower-case ones are made by the reader: see :data:`MADE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concord.contract.columnar import Columnar
from concord.contract.policy import Action, Mode
from concord.contract.reading import Codes, DateText, From, Ssn, Text, Whole

if TYPE_CHECKING:
    from concord.contract.feed import Feed

MADE = {
    "action": "what is meant, by HD01 and INS03 (a file that replaces says it for ends only)",
    "person": "tells the persons of a family apart: the contract's person_code, or made",
    "ssn": "NM109 where NM108 is 34, else REF*SY",
    "group": "REF*1L of the member, else of the coverage, else REF*38 of the header",
    "line": "HD03",
    "effective": "HD/DTP*348, else DTP*356",
    "end": "HD/DTP*349; of an end without it DTP*357",
}
"""Source columns that no segment has as they are."""
CONTROL_NUMBERS = ("unique", "increasing", "gapless", "ignored")
COMPARE_ONLY, TREAT_AS_REPLACE = "compare_only", "treat_as_replace"

DAY = DateText(("%Y%m%d",))
RELATIONSHIPS = (
    "01", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "23",
    "24", "25", "26", "31", "33", "38", "48", "49", "53", "60", "D2", "G8", "G9",
)  # fmt: skip
"""INS02, X12 data element 1069 as the TR3 has it."""
TIERS = (
    "CHD", "DEP", "E1D", "E2D", "E3D", "E5D", "E6D", "E7D", "E8D", "E9D", "ECH", "EMP", "ESP", "FAM", "IND", "SPC",
    "SPO", "TWO",
)  # fmt: skip
"""HD05, data element 1207."""
LINE = Text(r"\A[A-Z0-9]{2,3}\Z", upper=True)
"""HD03, data element 1205."""


@dataclass(frozen=True)
class X12834(Columnar):
    """ASC X12N 834 (005010X220A1, and older or home-made dialects).

    ``verify_file_policy`` says what BGN08=4 means: by the standard an audit (``compare_only``); many send it and expect
    it to replace (``treat_as_replace``). ``mode_when_unsaid`` counts where BGN08 is missing; None is the feed's mode.
    ``person_code`` is the source column that tells a family's persons apart (``REF*23``); without one it is made, and
    changes when a first name or birth date is corrected: the partner's own is better.
    ``senders``, ``receivers`` (ISA06, ISA08) and ``versions`` (GS08) name all that are expected; empty means any.
    ``control_numbers`` is what is promised of ISA13: ``unique`` (one that comes again is rejected), ``increasing`` (one
    that goes back holds), ``gapless`` (a missing one holds as well), ``ignored`` (some senders never count).
    """

    encoding: str = "utf-8"
    verify_file_policy: str = COMPARE_ONLY
    mode_when_unsaid: Mode | None = None
    person_code: str | None = None
    senders: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    control_numbers: str = "unique"
    max_segment_bytes: int = 65_536
    max_member_bytes: int = 1_048_576

    @property
    def charset(self) -> str:
        """The encoding in which the bytes of a refused row can be looked at."""
        return self.encoding

    @property
    def marks(self) -> str:
        """Characters that may stand between two values of a row: most partners', whatever this one's are."""
        return "*|^~:>\n\r"

    @property
    def brings_members_alone(self) -> bool:
        """A member without HD: what the segments say is about the person, and no coverage is named."""
        return True

    @property
    def says_its_mode(self) -> bool:
        """BGN08: 2 change, 4 verify, RX replace."""
        return True

    @property
    def phrase(self) -> str:
        """What is agreed on, in a few words."""
        verify = "is compared" if self.verify_file_policy == COMPARE_ONLY else "replaces"
        parts = [
            f"X12 834 {', '.join(self.versions)}".rstrip(),
            f"a verify file {verify}",
            f"control numbers {self.control_numbers}",
            f"persons by `{self.person_code}`" if self.person_code else "person codes are made",
            f"from {', '.join(self.senders)}" if self.senders else "",
        ]
        return "; ".join(filter(None, parts))


def columns_834(**overrides: From) -> dict[str, From]:
    """The usual mapping of an 834 to canonical columns of ``member`` and ``eligibility``; ``overrides`` by name.

    Group and line are scopes and need bounded readers: give ``group_id`` the partner's own pattern.
    """
    return {
        "maintenance_action": From("action", Codes({action.value: action.value for action in Action})),
        "subscriber_id": From("REF*0F", Text(r"\A[A-Za-z0-9-]{2,30}\Z"), required=True),
        "person_code": From("person", Text(r"\A[A-Za-z0-9-]{1,12}\Z", upper=True), required=True),
        "relationship_code": From("INS02", Codes({code: code for code in RELATIONSHIPS}), required=True),
        "last_name": From("NM103", Text(max_length=60), required=True),
        "first_name": From("NM104", Text(max_length=35), required=True),
        "middle_name": From("NM105", Text(max_length=25)),
        "name_suffix": From("NM107", Text(max_length=10)),
        "birth_date": From("DMG02", DAY, required=True),
        "gender_code": From("DMG03", Codes({code: code for code in "FMU"})),
        "birth_sequence": From("INS17", Whole(1, 9)),
        "ssn": From("ssn", Ssn()),
        "address_line_1": From("N301", Text(max_length=55)),
        "address_line_2": From("N302", Text(max_length=55)),
        "city": From("N401", Text(max_length=30)),
        "state_code": From("N402", Text(r"\A[A-Z]{2}\Z", upper=True)),
        "postal_code": From("N403", Text(r"\A[A-Z0-9 -]{3,15}\Z", upper=True)),
        "email": From("PER*EM", Text(r"\A[^@ ]+@[^@ ]+[.][^@ ]+\Z")),
        "phone": From("PER*TE", Text(r"\A[0-9]{7,15}\Z", digits_only=True)),
        "hire_date": From("DTP*336", DAY),
        "confidentiality_code": From("INS13", Codes({"R": "R", "U": "U"})),
        "employment_status_code": From("INS08", Text(r"\A[A-Z0-9]{2}\Z", upper=True)),
        "prior_subscriber_id": From("REF*Q4", Text(max_length=50)),
        "death_date": From("INS12", DAY),
        "group_id": From("group", Text(r"\A[A-Za-z0-9-]{1,30}\Z"), required=True),
        "coverage_line": From("line", LINE, required=True),
        "plan_code": From("HD04", Text(max_length=50)),
        "coverage_tier": From("HD05", Codes({code: code for code in TIERS})),
        "benefit_status": From("INS05", Codes({code: code for code in "ACST"})),
        "effective_from": From("effective", DAY, required=True),
        "effective_to": From("end", DAY),
        "maintenance_type_code": From("HD01", Text(r"\A[0-9]{3}\Z")),
        "maintenance_reason_code": From("INS04", Text(r"\A[A-Z0-9]{2}\Z", upper=True)),
        **overrides,
    }


def contradictions(feed: Feed, form: X12834) -> Iterator[tuple[str, str]]:
    """Where the layout contradicts itself or the mapping, as (field, message)."""
    if form.verify_file_policy not in (COMPARE_ONLY, TREAT_AS_REPLACE):
        yield "format.verify_file_policy", f"is {COMPARE_ONLY} or {TREAT_AS_REPLACE}"
    if form.control_numbers not in CONTROL_NUMBERS:
        yield "format.control_numbers", f"is one of {', '.join(CONTROL_NUMBERS)}"
    if form.person_code in MADE:
        yield "format.person_code", "is an element of the file: what the reader makes is made of it"
    if not 200 <= form.max_segment_bytes <= form.max_member_bytes:
        yield "format.max_segment_bytes", "is at least 200, and no more than a member may have"
    sources = {mapping.source for mapping in feed.columns.values()}
    for source in sorted((sources | {form.person_code or "person"}) - MADE.keys()):
        if not is_element(source):
            yield "columns", f"{source!r} is no element of an 834: see contract/x12.py"


def is_element(source: str) -> bool:
    """Whether ``source`` names an element, by the rules of this module."""
    from re import fullmatch

    segment, qualified = r"[A-Z][A-Z0-9]{1,2}[0-9]{2}", r"[A-Z][A-Z0-9]{1,2}\*[A-Z0-9]{1,3}"
    loop = r"(?:HEADER|HD|COB|(?:N1|NM1)\*[A-Z0-9]{2,3})/"
    return fullmatch(rf"(?:{loop})?(?:{segment}|{qualified})", source) is not None
