"""Tiny builders of ADT messages for tests; all persons are invented."""

from __future__ import annotations

from io import BytesIO
from zoneinfo import ZoneInfo

import pandas as pd

from concord.parse.hl7v2 import AdtChunk, AdtFile, Options

ZONE = ZoneInfo("America/New_York")
OPTIONS = Options(ZONE)
PID = "PID|1||1001^^^GHH^MR~400550101^^^USA^SS||Testman^Tessa^Q||19800314|F|||1 Sample Way^Apt 2^Exampleton^OH^01234"
PV1 = "PV1|1|I|WARD^12^B^GHH||||77^Doctor^Dora^^^^^^NPI|||MED|||||||||V1^^^GHH^VN"


def msh(trigger: str = "A01", *, control_id: str = "", **fields: str) -> str:
    """MSH of GHH in production; ``n18="8859/1"`` sets a field by its number."""
    values = [
        r"^~\&", "APP", "GHH", "CONCORD", "", "20240102030405", "", f"ADT^{trigger}", control_id, "P", "2.5",
        *[""] * 8,
    ]  # fmt: skip
    for name, value in fields.items():
        values[int(name[1:]) - 2] = value
    return "|".join(["MSH", *values]).rstrip("|")


def pv1(number: str = "V1", **fields: str) -> str:
    """PV1 of an inpatient with the fields of ``fields`` by number: ``n44="20240101"``."""
    values = ["1", "I", *[""] * 50]
    for name, value in {"n19": f"{number}^^^GHH^VN" if number else "", **fields}.items():
        values[int(name[1:]) - 1] = value
    return "|".join(["PV1", *values]).rstrip("|")


def pid(number: str = "1001", **fields: str) -> str:
    """PID with a medical record number of GHH and fields by number."""
    values = [""] * 41
    for name, value in {"n3": f"{number}^^^GHH^MR" if number else "", **fields}.items():
        values[int(name[1:]) - 1] = value
    return "|".join(["PID", *values]).rstrip("|")


def message(trigger: str = "A01", *segments: str, end: str = "\r", **header: str) -> bytes:
    """A message of MSH, EVN and ``segments`` (a patient and a visit where none are given)."""
    lines = [msh(trigger, **header), f"EVN|{trigger}|20240102030400", *(segments or (PID, PV1))]
    return "".join(line + end for line in lines).encode()


def parse(data: bytes, options: Options = OPTIONS, **more: int) -> AdtChunk:
    """The only chunk of ``data``."""
    (chunk,) = AdtFile(BytesIO(data), options, **more)
    return chunk


def reasons(data: bytes, options: Options = OPTIONS) -> list[str]:
    """Why messages of ``data`` were refused."""
    return [reason for refused in parse(data, options).refused for reason in refused.reasons]


def rows(chunk: AdtChunk, entity: str = "patient") -> list[dict[str, object]]:
    """The rows of ``entity`` without what is missing in them."""
    if entity not in chunk.frames:
        return []
    return [{k: v for k, v in row.items() if isinstance(v, tuple) or not pd.isna(v)} for row in _records(chunk, entity)]


def _records(chunk: AdtChunk, entity: str) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in chunk.frames[entity].to_dict("records")]


def patient(*fields: str, trigger: str = "A08", options: Options = OPTIONS, **numbered: str) -> dict[str, object]:
    """The row of a patient whose PID has ``numbered`` fields."""
    (row,) = rows(parse(message(trigger, pid(**numbered), *fields), options))
    return row


def encounter(trigger: str = "A01", *more: str, **numbered: str) -> dict[str, object]:
    """The row of a visit whose PV1 has ``numbered`` fields."""
    (row,) = rows(parse(message(trigger, PID, pv1(**numbered), *more)), "encounter")
    return row
