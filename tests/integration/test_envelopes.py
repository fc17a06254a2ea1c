"""Envelopes as partners make them, from their folder to the tables: nothing stands in for what opens them."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import pytest

from concord import steps, unwrap
from concord.contract import Gzip, Pgp, Zip
from concord.errors import DeliveryRejected
from tests.integration.test_arrivals import NAME, WHOLE, Post, csv, post
from tests.unit.envelopes import access, cert, message, zipped

__all__ = ["post"]

CASES: dict[str, Any] = {
    "pgp": (message(csv(*WHOLE)), (Pgp("acme_pgp"),)),
    "zip in pgp": (message(zipped({"roster.csv": csv(*WHOLE)})), (Pgp("acme_pgp"), Zip("*.csv"))),
    "gzip": (gzip.compress(csv(*WHOLE)), (Gzip(),)),
}


@pytest.fixture
def drop(post: Post, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Acme's folder, without the stand-in."""
    monkeypatch.setitem(sys.modules, "concord.unwrap", unwrap)
    return post


@pytest.mark.parametrize("case", CASES)
def test_what_is_in_an_envelope_gets_into_the_tables(case: str, drop: Post, tmp_path: Path) -> None:
    data, envelope = CASES[case]
    drop.agreed(envelope=envelope)
    drop.put(NAME, data)
    (delivery_id,) = drop.discover()
    assert steps.fetch(drop.driver.feed, delivery_id, drop.access, drop.driver.site, access())["state"] == "landed"
    assert drop.content(drop.driver.facts(delivery_id)["manifest"]) == csv(*WHOLE)
    assert drop.driver.run(delivery_id).state == "published"
    (file,) = drop.driver.all("SELECT opened_by, signed_by FROM ops.arrival")
    keys = ("us", "partner") if isinstance(envelope[0], Pgp) else ()
    assert [value for value in file.values() if value] == [str(cert(name).fingerprint) for name in keys]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "landing").rglob("*") if path.is_file())
    assert b"E0000001" not in kept
    assert drop.findings() == []


def test_an_envelope_for_a_key_that_is_missing_opens_once_it_is_there(drop: Post) -> None:
    drop.agreed(envelope=(Pgp("acme_pgp"),))
    drop.put(NAME, message(csv(*WHOLE), to="next"))
    (delivery_id,) = drop.discover()
    feed, site = drop.driver.feed, drop.driver.site
    with pytest.raises(DeliveryRejected, match=r"envelope\.wrong_key"):
        steps.fetch(feed, delivery_id, drop.access, site, access())
    assert drop.driver.facts(delivery_id)["state"] == "rejected"
    assert steps.stage(feed, delivery_id, 2, site, keys=access("us next"))["state"] == "staged"
    assert drop.findings() == []
