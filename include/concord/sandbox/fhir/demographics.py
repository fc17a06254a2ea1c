"""The Patient and Coverage resources of a subject."""

from __future__ import annotations

from concord.sandbox.fhir.subjects import Case, Subject
from concord.sandbox.fhir.writing import TERMINOLOGY, Resource, Writer, concept
from concord.sandbox.people import canary

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
OMB = "urn:oid:2.16.840.1.113883.6.238"
IDENTIFIER_TYPE = f"{TERMINOLOGY}/v2-0203"
GENDER = {"F": "female", "M": "male", "X": "other"}
RACES = (
    ("2106-3", "White"),
    ("2054-5", "Black or African American"),
    ("2028-9", "Asian"),
    ("2106-3", "White"),
    ("1002-5", "American Indian or Alaska Native"),
)


def patient(writer: Writer, subject: Subject, day: int) -> Resource:
    """The Patient on ``day``, without meta."""
    person, number = subject.person, subject.number
    resource: Resource = {
        "resourceType": "Patient",
        "id": writer.id("Patient", str(number)),
        "extension": [_race(number), _ethnicity(number), _birth_sex(person.sex)],
        "identifier": identifiers(writer, subject),
        "active": not _replaced(subject, day),
        "name": names(writer, subject),
        "telecom": _telecom(subject),
        "gender": GENDER[person.sex],
        "birthDate": person.born.isoformat(),
        "address": [_address(subject)],
        "communication": [{"language": concept("urn:ietf:bcp:47", "es" if number % 8 == 5 else "en")}],
        "managingOrganization": writer.to("Organization", "0"),
    }
    if person.relation != "CH":
        resource["maritalStatus"] = concept(f"{TERMINOLOGY}/v3-MaritalStatus", "M" if person.relation == "SP" else "S")
    if person.birth_sequence:
        resource["multipleBirthInteger"] = int(person.birth_sequence)
    return resource | _odd(subject) | _replacement(writer, subject, day)


def _odd(subject: Subject) -> Resource:
    """Strangers only: a date of death, a birth date without its day."""
    if subject.case is not Case.STRANGER:
        return {"deceasedBoolean": False} if subject.number % 6 == 0 else {}
    if subject.number % 2:
        return {"deceasedDateTime": "2025-11"}
    return {"birthDate": f"{subject.person.born:%Y-%m}"}


def _replaced(subject: Subject, day: int) -> bool:
    return subject.merged_into is not None and day >= subject.merge_day


def _replacement(writer: Writer, subject: Subject, day: int) -> Resource:
    if not _replaced(subject, day):
        return {}
    return {"link": [{"other": writer.to("Patient", str(subject.merged_into)), "type": "replaced-by"}]}


def identifiers(writer: Writer, subject: Subject) -> list[Resource]:
    """MRN, SSN where there is one (two ways of writing it), the insurer's number where a card was shown."""
    found = [_identifier("MR", writer.profile.mrn_system, mrn(subject))]
    if subject.person.ssn:
        found.append(_identifier("SS", writer.profile.ssn_system, subject.person.ssn))
    if subject.card:
        found.append(_identifier("MB", "https://members.payer.example/id", subject.card))
    return found


def mrn(subject: Subject) -> str:
    """The medical record number: not derived from anything about the person."""
    return f"{7_000_000 + subject.number * 37}"


def _identifier(kind: str, system: str, value: str) -> Resource:
    return {"use": "usual", "type": {"coding": [{"system": IDENTIFIER_TYPE, "code": kind}]}} | {
        "system": system,
        "value": value,
    }


def names(writer: Writer, subject: Subject) -> list[Resource]:
    """The official name; some women's maiden name beside it, some a nickname."""
    person = subject.person
    given = [person.first, *([person.middle] if person.middle else [])]
    found: list[Resource] = [{"use": "official", "family": person.last, "given": given}]
    if subject.number % 9 == 4 and person.relation == "SP":
        found.append({"use": "maiden", "family": f"Leeqz{canary(writer.seed, 7_000_000 + subject.number)}"})
    if subject.number % 9 == 5:
        found.insert(0, {"use": "nickname", "given": [person.first[:3]]})
    return found


def _telecom(subject: Subject) -> list[Resource]:
    phone, email = subject.person.phone, subject.person.email
    found = [{"system": "phone", "use": "home", "value": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}"}] if phone else []
    return found + ([{"system": "email", "value": email}] if email else [])


def _address(subject: Subject) -> Resource:
    city, state, postal_code = subject.person.city
    return {
        "use": "home",
        "line": subject.person.street.split("\n"),
        "city": city,
        "state": state,
        "postalCode": postal_code,
        "country": "US",
    }


def _omb(code: str, display: str) -> Resource:
    return {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code, "display": display}}


def _race(number: int) -> Resource:
    """US Core race: one category, two, or unknown (a null flavour)."""
    if number % 11 == 7:
        unknown = {"system": f"{TERMINOLOGY}/v3-NullFlavor", "code": "UNK", "display": "Unknown"}
        parts: list[Resource] = [{"url": "ombCategory", "valueCoding": unknown}, {"url": "text", "valueString": "U"}]
        return {"url": f"{US_CORE}/us-core-race", "extension": parts}
    chosen = {RACES[number % 5], *((RACES[2],) if number % 13 == 6 else ())}
    parts = [_omb(*race) for race in sorted(chosen)]
    text = {"url": "text", "valueString": ", ".join(display for _, display in sorted(chosen))}
    return {"url": f"{US_CORE}/us-core-race", "extension": [*parts, text]}


def _ethnicity(number: int) -> Resource:
    code, display = ("2135-2", "Hispanic or Latino") if number % 5 == 1 else ("2186-5", "Not Hispanic or Latino")
    parts = [_omb(code, display), {"url": "text", "valueString": display}]
    return {"url": f"{US_CORE}/us-core-ethnicity", "extension": parts}


def _birth_sex(sex: str) -> Resource:
    return {"url": f"{US_CORE}/us-core-birthsex", "valueCode": sex if sex in "FM" else "UNK"}


def coverage(writer: Writer, subject: Subject) -> Resource:
    """What the registration desk typed: the employer's plan for members with a card, else somebody else's or none."""
    person = subject.person
    insured = subject.member is not None and bool(subject.card)
    resource: Resource = {
        "resourceType": "Coverage",
        "id": writer.id("Coverage", str(subject.number)),
        "status": "active",
        "type": concept(f"{TERMINOLOGY}/v3-ActCode", "EHCPOL" if insured else "PUBLICPOL"),
        "beneficiary": writer.to("Patient", str(subject.number)),
        "relationship": concept(f"{TERMINOLOGY}/subscriber-relationship", _relation(person.relation)),
        "period": {"start": f"{person.hired:%Y-%m}"},
        "payor": [{"display": "Payer of the employer" if insured else "Somebody else"}],
    }
    if insured:
        resource |= {"subscriberId": person.employee_id, "dependent": person.code}
        resource["class"] = [{"type": concept(f"{TERMINOLOGY}/coverage-class", "group"), "value": person.group}]
        resource["identifier"] = [_identifier("MB", "https://members.payer.example/id", subject.card)]
    return resource


def _relation(relation: str) -> str:
    return {"EE": "self", "SP": "spouse"}.get(relation, "child")
