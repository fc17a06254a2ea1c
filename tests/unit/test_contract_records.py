"""Contracts of records: searches at a FHIR server, and rows under a mapping; each contradiction has its sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from concord.catalogue import feed, feeds
from concord.contract import (
    Codes,
    Delimited,
    Feed,
    FhirSearch,
    From,
    Hl7v2,
    Mode,
    Moment,
    NotAfter,
    NotInFuture,
    Number,
    OrderBy,
    Reference,
    Text,
    YesNo,
)
from concord.entities import CLINICAL, ELIGIBILITY, ENTITIES, MEMBER
from concord.errors import ContractError
from tests.reports import DEMOGRAPHICS, ENCOUNTERS

NORTHGATE = feed("northgate_ehr")
SEARCH = FhirSearch("northgate_fhir", ("Patient", "Observation"), "group", ("everyone",))
SEARCHED = replace(NORTHGATE, source=SEARCH)


def refused(contract: Feed, field: str, **changed: Any) -> None:
    with pytest.raises(ContractError, match=re.escape(field)):
        replace(contract, **changed)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"roster": "everybody"}, "source.roster"),
        ({"groups": ()}, "source.groups"),
        ({"roster": "held"}, "source.groups"),
        ({"groups": ("a/b",)}, "source.groups"),
        ({"groups": ("everyone", "everyone")}, "source.groups"),
        ({"seeded_by": ("northgate_adt",)}, "source.seeded_by"),
        ({"roster": "held", "groups": (), "seeded_by": ("northgate_ehr",)}, "source.seeded_by"),
        ({"types": ()}, "source.types"),
        ({"types": ("Patient", "Patient")}, "source.types"),
        ({"types": ("Spaceship",)}, "source.types"),
        ({"page_size": 0}, "source.page_size"),
        ({"page_size": 1_001}, "source.page_size"),
        ({"at_a_time": 0}, "source.at_a_time"),
        ({"at_a_time": 17}, "source.at_a_time"),
        ({"patience": timedelta(0)}, "source.patience"),
    ],
)
def test_a_search_that_contradicts_itself_cannot_be_built(changed: dict[str, Any], field: str) -> None:
    refused(NORTHGATE, field, source=replace(SEARCH, **changed))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"format": Hl7v2()}, "format"),
        ({"format": Delimited()}, "format"),
        ({"order": OrderBy(sequence=True)}, "order"),
        ({"entities": CLINICAL[:1]}, "entities"),
        ({"mode": Mode.FULL}, "mode"),
    ],
)
def test_what_a_search_brings_has_one_shape(changed: dict[str, Any], field: str) -> None:
    refused(SEARCHED, field, **changed)


def test_a_search_is_one_of_three_sources() -> None:
    assert SEARCHED.search is SEARCHED.asked is SEARCH
    assert NORTHGATE.asked is NORTHGATE.bulk
    for wrong in ("bulk", "drop"):
        with pytest.raises(TypeError):
            getattr(SEARCHED, wrong)
    with pytest.raises(TypeError):
        _ = NORTHGATE.search
    with pytest.raises(TypeError):
        _ = feed("acme_eligibility").asked
    assert "Patient, Observation, of members of everyone" in SEARCH.phrase


def columns(of: Feed = DEMOGRAPHICS, **changed: From | None) -> dict[str, From]:
    merged: dict[str, From | None] = {**of.columns, **changed}
    return {name: mapping for name, mapping in merged.items() if mapping is not None}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"columns": columns(resource_id=None)}, "columns[resource_id]"),
        ({"columns": columns(resource_id=From("PAT_ID"))}, "columns[resource_id]"),
        ({"columns": columns(plan_code=From("PLAN"))}, "columns[plan_code]"),
        ({"columns": columns(maintenance_action=From("ACT", Codes({"A": "add"})))}, "columns[maintenance_action]"),
        ({"columns": columns(deceased=From("DEAD"))}, "columns[deceased].read"),
        ({"columns": columns(last_name=From("LAST", YesNo()))}, "columns[last_name].read"),
        ({"columns": columns(deceased_at=From("DIED"))}, "columns[deceased_at].read"),
        ({"columns": columns(birth_date=From("DOB", Moment()))}, "columns[birth_date].read"),
        ({"columns": columns(multiple_birth=From("TWIN", Number()))}, "columns[multiple_birth].read"),
        ({"columns": columns(mrn=From("MRN", Reference("Patient")))}, "columns[mrn].read"),
        (
            {"columns": columns(managing_organization_reference=From("ORG", Reference("Hospital")))},
            "columns[managing_organization_reference].read",
        ),
        ({"columns": columns(deceased_at=From("DIED", Moment(tz="Chicago")))}, "columns[deceased_at].read"),
        ({"columns": columns(deceased_at=From("DIED", Moment(("%m/%d/%y",))))}, "columns[deceased_at].read"),
        ({"columns": columns(deceased_at=From("DIED", Moment(("%c",))))}, "columns[deceased_at].read"),
        (
            {"columns": columns(deceased_at=From("DIED", Moment(("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"))))},
            "columns[deceased_at].read",
        ),
        ({"columns": columns(deceased=From("DEAD", YesNo(("Y",), ("y",))))}, "columns[deceased].read"),
        ({"columns": columns(deceased=From("DEAD", YesNo(("Y", " "), ("N",))))}, "columns[deceased].read"),
        ({"mode": Mode.FULL}, "mode"),
        ({"entities": (ENTITIES["patient"], ENTITIES["encounter"])}, "entities"),
        ({"entities": (ENTITIES["patient"], MEMBER)}, "entities"),
        ({"entities": (ENTITIES["patient"], MEMBER, ELIGIBILITY)}, "entities"),
        ({"rules": (NotInFuture("last_name"),)}, "rules[NotInFuture]"),
        ({"rules": (NotAfter("birth_date", "phone", "born.late"),)}, "rules[NotAfter]"),
    ],
)
def test_a_mapping_of_records_that_contradicts_itself_cannot_be_built(changed: dict[str, Any], field: str) -> None:
    refused(DEMOGRAPHICS, field, **changed)


def test_a_decimal_column_is_read_as_one() -> None:
    own = {
        "resource_id": From("ID", Text(pattern="[0-9]+"), required=True),
        "value_number": From("VALUE", Number(low=0, high=1_000)),
    }
    labs = replace(
        DEMOGRAPHICS, entities=(ENTITIES["observation"],), columns=own, constants={"component": ""}, rules=()
    )
    assert labs.is_of_records
    for wrong in (Text(), Number(low=2, high=1)):
        refused(labs, "columns[value_number].read", columns={**own, "value_number": From("VALUE", wrong)})


def test_what_feeds_are_of_and_whether_they_have_columns() -> None:
    told = {name: (each.is_of_records, each.has_columns) for name, each in feeds().items()}
    assert told["acme_eligibility"] == (False, True)
    assert told["northgate_ehr"] == told["riverbend_adt"] == (True, False)
    for contract in (DEMOGRAPHICS, ENCOUNTERS):
        assert (contract.is_of_records, contract.has_columns) == (True, True)
