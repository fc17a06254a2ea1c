"""What an envelope's contract says must fit together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concord.catalogue import feed
from concord.contract import Gzip, Pgp, Wrapping, Zip
from concord.contract.envelope import envelope_flaws
from concord.errors import ContractError

FEED = feed("acme_eligibility")


@pytest.mark.parametrize(
    "envelope", [(), (Pgp("a"),), (Pgp("a"), Zip("*.csv")), (Zip(), Pgp("a"), Gzip()), (Pgp("a"), Pgp("a"))]
)
def test_envelopes_of_partners_contradict_nothing(envelope: tuple[Wrapping, ...]) -> None:
    assert list(envelope_flaws(envelope)) == []


@pytest.mark.parametrize(
    "envelope",
    [
        (Pgp(""),), (Pgp("a"), Pgp("b")), (Zip(""),), (Zip(max_members=0),), (Gzip(max_members=0),),
        (Gzip(max_ratio=1),), (Gzip(max_ratio=1_033),), (Zip(max_bytes=0),),
    ],
)  # fmt: skip
def test_envelopes_that_can_never_be_opened_are_no_contract(envelope: tuple[Wrapping, ...]) -> None:
    assert [field for field, _ in envelope_flaws(envelope)] == ["source.envelope"]
    with pytest.raises(ContractError, match=r"source\.envelope"):
        replace(FEED, source=replace(FEED.drop, envelope=envelope))
