"""Which canonical column a partner's column is, by its name and its values; and what partners' codes usually mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from concord.onboarding.profile import Profile

SYNONYMS: dict[str, tuple[str, ...]] = {
    "subscriber_id": (
        "EMPID",
        "EMPLOYEEID",
        "EMPLOYEENUMBER",
        "EMPNO",
        "WORKER",
        "WORKERNO",
        "WORKERID",
        "SUBSCRIBERID",
        "SUBID",
        "MEMBERID",
        "BADGE",
        "ASSOCIATEID",
        "EEID",
        "ALTID",
    ),
    "person_code": ("PERSON", "PERSONCODE", "SUFFIX", "MEMBERSUFFIX", "DEP", "DEPNO", "DEPENDENTNO", "SEQ", "PERSONNO"),
    "relationship_code": ("RELATION", "RELATIONSHIP", "REL", "RELCODE", "RELATIONSHIPCODE", "MEMBERTYPE"),
    "last_name": ("LASTNAME", "SURNAME", "LNAME", "LAST", "FAMILYNAME"),
    "first_name": ("FIRSTNAME", "GIVEN", "FNAME", "FIRST", "GIVENNAME"),
    "middle_name": ("MIDDLE", "MIDDLENAME", "MI", "MIDDLEINITIAL", "MNAME"),
    "name_suffix": ("NAMESUFFIX", "GENERATION"),
    "birth_date": ("DOB", "BIRTHDATE", "DATEOFBIRTH", "BORN", "BIRTH", "BDATE", "BIRTHDT"),
    "gender_code": ("SEX", "GENDER", "GENDERCODE"),
    "birth_sequence": ("BIRTHSEQ", "TWIN", "TWINNO", "MULTIPLEBIRTH", "BIRTHSEQUENCE"),
    "ssn": ("SSN", "TAXID", "SOCIALSECURITY", "SOCIALSECURITYNUMBER", "SOCSEC", "NATIONALID"),
    "address_line_1": ("STREET", "ADDRESS", "ADDRESS1", "ADDR1", "ADDRESSLINE1", "STREET1"),
    "address_line_2": ("ADDRESS2", "ADDR2", "ADDRESSLINE2", "STREET2", "APT"),
    "city": ("CITY", "TOWN"),
    "state_code": ("STATE", "ST", "STATECODE", "PROVINCE"),
    "postal_code": ("ZIP", "POSTAL", "ZIPCODE", "POSTALCODE", "POSTCODE"),
    "email": ("EMAIL", "MAIL", "EMAILADDRESS"),
    "phone": ("PHONE", "TEL", "TELEPHONE", "HOMEPHONE", "PHONENUMBER", "MOBILE"),
    "hire_date": ("HIRED", "HIREDATE", "JOINED", "DATEOFHIRE", "STARTOFEMPLOYMENT", "HIREDT"),
    "group_id": ("GROUP", "GROUPID", "GROUPNUMBER", "GROUPNO", "CONTRACT", "COMPANY", "EMPLOYERID", "POLICY", "CLIENT"),
    "division_code": ("DIVISION", "DEPOT", "PLANT", "LOCATION", "DEPARTMENT", "SITE", "DIV"),
    "coverage_line": ("COVERAGE", "BENEFIT", "BENEFITTYPE", "LINE", "COVERAGETYPE", "PLANTYPE", "PRODUCT"),
    "plan_code": ("PLAN", "PLANCODE", "OPTION", "PLANID", "BENEFITPLAN"),
    "coverage_tier": ("TIER", "LEVEL", "COVERS", "COVERAGETIER", "COVERAGELEVEL", "TIERCODE"),
    "effective_from": (
        "COVEFF",
        "EFFECTIVE",
        "EFFDATE",
        "EFFDT",
        "STARTDATE",
        "STARTDT",
        "COVERAGESTART",
        "EFFECTIVEDATE",
        "BENEFITSTART",
        "ELIGSTART",
    ),
    "effective_to": (
        "COVEND",
        "TERM",
        "TERMDATE",
        "TERMDT",
        "ENDDATE",
        "ENDDT",
        "STOPDT",
        "COVERAGEEND",
        "TERMINATIONDATE",
        "BENEFITEND",
        "ELIGEND",
    ),
    "maintenance_action": ("ACT", "ACTION", "ACTIONCODE", "TRANSACTION", "MAINTTYPE", "CHANGETYPE"),
    "death_date": ("DEATHDATE", "DATEOFDEATH", "DECEASED"),
}
"""Canonical column → how partners call it, letters and digits only."""
WANTED = {
    "birth_date": "date",
    "effective_from": "date",
    "effective_to": "date",
    "hire_date": "date",
    "death_date": "date",
    "ssn": "ssn",
    "relationship_code": "codes",
    "gender_code": "codes",
    "coverage_line": "codes",
    "coverage_tier": "codes",
    "maintenance_action": "codes",
}
"""What the values of a canonical column have to be like."""
MEANT: dict[str, dict[str, str]] = {
    "relationship_code": {
        "EE": "18",
        "E": "18",
        "SELF": "18",
        "EMPLOYEE": "18",
        "SUBSCRIBER": "18",
        "18": "18",
        "SP": "01",
        "SPOUSE": "01",
        "HUSBAND": "01",
        "WIFE": "01",
        "01": "01",
        "CH": "19",
        "CHILD": "19",
        "SON": "19",
        "DAUGHTER": "19",
        "19": "19",
        "DP": "53",
        "PARTNER": "53",
        "DOMESTIC PARTNER": "53",
        "53": "53",
        "WARD": "15",
        "STEPCHILD": "17",
    },
    "gender_code": {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M", "U": "U", "UNKNOWN": "U", "X": "U"},
    "coverage_line": {
        "MEDICAL": "HLT",
        "MED": "HLT",
        "HEALTH": "HLT",
        "HLT": "HLT",
        "M": "HLT",
        "DENTAL": "DEN",
        "DEN": "DEN",
        "DNT": "DEN",
        "D": "DEN",
        "VISION": "VIS",
        "VIS": "VIS",
        "VSN": "VIS",
        "V": "VIS",
        "RX": "PDG",
        "DRUG": "PDG",
        "PDG": "PDG",
    },
    "coverage_tier": {
        "EE": "EMP",
        "EMP": "EMP",
        "SINGLE": "EMP",
        "EMPLOYEE": "EMP",
        "EMPLOYEE ONLY": "EMP",
        "EE+SP": "ESP",
        "ESP": "ESP",
        "EMPLOYEE + SPOUSE": "ESP",
        "EE+CH": "ECH",
        "ECH": "ECH",
        "EMPLOYEE + CHILD(REN)": "ECH",
        "FAM": "FAM",
        "FAMILY": "FAM",
    },
    "maintenance_action": {
        "A": "add",
        "ADD": "add",
        "C": "change",
        "CHANGE": "change",
        "T": "end",
        "TERM": "end",
        "TERMINATE": "end",
        "E": "end",
        "R": "reinstate",
        "REINSTATE": "reinstate",
        "X": "cancel",
        "CANCEL": "cancel",
        "V": "cancel",
    },
}
"""Canonical column → partners' codes → canonical codes."""
CERTAIN, LIKELY, WEAK = 0.95, 0.7, 0.4


@dataclass(frozen=True)
class Guess:
    """A partner's column that is likely a canonical one; ``confidence`` from 0 to 1."""

    canonical: str
    profile: Profile
    confidence: float


def plain(name: str) -> str:
    """A name without what is written differently everywhere."""
    return re.sub(r"[^A-Z0-9]", "", name.upper())


def is_known(name: str) -> bool:
    """Whether partners call a column like that."""
    return any(plain(name) in synonyms for synonyms in SYNONYMS.values())


def guesses(profiles: Sequence[Profile]) -> list[Guess]:
    """Each partner's column for at most one canonical one, the surest first."""
    found = [guess for each in profiles for guess in _of(each)]
    chosen: list[Guess] = []
    for guess in sorted(found, key=lambda each: -each.confidence):
        taken = {each.canonical for each in chosen} | {f"from {each.profile.name}" for each in chosen}
        if guess.canonical not in taken and f"from {guess.profile.name}" not in taken:
            chosen.append(guess)
    return sorted(chosen, key=lambda each: list(SYNONYMS).index(each.canonical))


def _of(each: Profile) -> Iterable[Guess]:
    name = plain(each.name)
    for canonical, synonyms in SYNONYMS.items():
        by_name = (
            CERTAIN
            if name in (*synonyms, plain(canonical))
            else LIKELY
            if any(len(s) > 3 and s in name for s in synonyms)
            else 0.0
        )
        fits = WANTED.get(canonical) in (None, each.kind) or each.filled == 0
        if by_name:
            yield Guess(canonical, each, by_name if fits else WEAK)


def meaning(canonical: str, codes: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """A partner's codes with what they likely mean, and those that nobody can tell."""
    table = MEANT.get(canonical, {})
    known = {code: table[code] for code in codes if code in table}
    return known, [code for code in codes if code not in table]
