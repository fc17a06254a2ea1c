"""Contracts for a format by itself, of no partner: to look at a file before anything is agreed on."""

from __future__ import annotations

from concord.contract import X12834, Daily, Feed, Mode, SftpDrop, Stage
from concord.contract.x12 import TREAT_AS_REPLACE, columns_834

X12_834 = Feed(
    name="generic_834",
    partner="anybody",
    about="Any 834, by the usual mapping; persons are told apart by what the reader makes of birth date and name.",
    owner="nobody",
    source=SftpDrop("none", "/", "{date:%Y%m%d}*"),
    schedule=Daily(at="01:00", tz="UTC", expected_by="02:00"),
    format=X12834(verify_file_policy=TREAT_AS_REPLACE, control_numbers="ignored"),
    mode=Mode.FULL,
    columns=columns_834(),
    stage=Stage.PILOT,
)
FORMATS = {"x12_834": X12_834}
"""By the name that ``concord try --format`` knows."""
