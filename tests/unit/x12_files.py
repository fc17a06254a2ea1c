"""Small 834s for tests, segment by segment; all persons are invented."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from concord.contract import X12834, Daily, Feed, From, Mode, SftpDrop, columns_834
from concord.parse import Chunk
from concord.parse.x12_834 import X12834File

FEED = Feed(
    name="sample_834",
    partner="sample",
    about="An invented health plan.",
    owner="eligibility",
    source=SftpDrop("sample_sftp", "/out", "834_{date:%Y%m%d}*"),
    schedule=Daily(at="01:00", tz="UTC", expected_by="02:00"),
    format=X12834(person_code="REF*23"),
    mode=Mode.FULL,
    columns=columns_834(),
)
ISA = "ISA*00*{b:10}*00*{b:10}*ZZ*PLAN{b:11}*ZZ*CONCORD{b:8}*261118*0900*^*00501*{number:>09}*1*{usage}*:"


def feed(columns: dict[str, From] | None = None, **form: Any) -> Feed:
    """The contract with other terms; ``columns`` instead of the usual ones."""
    agreed = replace(FEED.format, **form)  # type: ignore[type-var]
    return replace(FEED, format=agreed, **({"columns": {**FEED.columns, **columns}} if columns else {}))


def member(
    number: int = 1, *, code: str = "01", ins: str = "", more: Sequence[str] = (), hd: Sequence[str] = ()
) -> list[str]:
    """A 2000 loop: INS, references, 2100A, ``more`` of it, and ``hd`` (nothing: medical since January)."""
    relation, own = ("Y*18", code == "01") if code == "01" else ("N*19", False)
    coverage = hd or ("HD*030**HLT*PPO1*FAM", "DTP*348*D8*20260101")
    born = 10 + number if own else 20 + int(code[-1])
    return [
        ins or f"INS*{relation}*030*XN*A***FT", f"REF*0F*M{number:06d}", "REF*1L*GRP1", f"REF*23*{code}",
        f"NM1*IL*1*SAMPLE{chr(64 + number % 26)}*KIM{code}****34*400550{number:03d}", "N3*1 ELM ST",
        "N4*SALEM*MA*01970",
        f"DMG*D8*198003{born}*F", *more, *([] if hd == ("-",) else coverage),
    ]  # fmt: skip


def transaction(
    *members: Sequence[str], action: str = "RX", number: str = "0001", header: Sequence[str] = ()
) -> list[str]:
    """ST to SE around member loops, with counts that are right."""
    body = [
        f"ST*834*{number}*005010X220A1", f"BGN*00*R{number}*20261118*0900****{action}", *header,
        "N1*P5*SPONSOR*FI*123456789",
        "N1*IN*PLAN*FI*987654321", *(segment for each in members for segment in each),
    ]  # fmt: skip
    return [*body, f"SE*{len(body) + 1}*{number}"]


def interchange(*sets: Sequence[str], number: int = 1, usage: str = "P") -> list[str]:
    """ISA to IEA around transaction sets, in one group."""
    inside = [segment for each in sets for segment in each]
    isa = ISA.format(b="", number=number, usage=usage)
    return [isa, f"GS*BE*PLAN*CONCORD*20261118*0900*{number}*X*005010X220A1", *inside, f"GE*{len(sets)}*{number}",
            f"IEA*1*{number:09d}"]  # fmt: skip


def text(*segments: str, end: str = "~\n") -> bytes:
    """Segments as bytes."""
    return "".join(segment + end for segment in segments).encode()


def full(*members: Sequence[str], **said: Any) -> bytes:
    """A whole file of one set."""
    return text(*interchange(transaction(*members, **said)))


def opened(data: bytes, contract: Feed = FEED, **options: Any) -> X12834File:
    """The reader of ``data``."""
    return X12834File(io.BytesIO(data), contract, **options)


def chunks(data: bytes, contract: Feed = FEED, **options: Any) -> list[Chunk]:
    """All it gives."""
    return list(opened(data, contract, **options))


def rows(data: bytes, contract: Feed = FEED, **options: Any) -> pd.DataFrame:
    """All rows, with ``at`` (first segment) and ``owns`` (how many)."""
    found = [c.frame.assign(at=c.line, owns=c.lines) for c in chunks(data, contract, **options)]
    return pd.concat(found, ignore_index=True)


def refusals(data: bytes, contract: Feed = FEED) -> list[tuple[str, ...]]:
    """The reasons of all refused members and rows, in order."""
    return [refused.reasons for chunk in chunks(data, contract) for refused in chunk.refused]


def accounted(found: Sequence[Chunk]) -> list[int]:
    """Every segment that became something, once for each time."""
    lines: list[int] = []
    for chunk in found:
        lines += [
            at
            for first, n in zip(chunk.line.tolist(), chunk.lines.tolist(), strict=True)
            for at in range(first, first + n)
        ]
        lines += [at for row in chunk.refused for at in range(row.line, row.line + row.lines)]
        lines += [*chunk.control, *(at for row in chunk.ignored for at in range(row.line, row.line + row.lines))]
    return sorted(lines)
