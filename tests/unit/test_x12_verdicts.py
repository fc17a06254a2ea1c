"""Our verdicts on real 834s are pyx12's, or the difference is explained on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.x12_files import full, member
from tests.x12_verdicts import PAGE, compared, corpus, explanation, page, pyx12_verdict

pytestmark = pytest.mark.skipif(not corpus(), reason="CONCORD_CORPUS is not set")


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_every_difference_from_pyx12_is_explained(path: Path) -> None:
    found = compared(path)
    assert found.theirs in ("accepted", "rejected")
    if found.ours != found.theirs:
        assert found.said
        assert [said for said in found.said if explanation(said) is None] == []


def test_the_page_is_what_would_be_written() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_pyx12_would_refuse_what_it_should(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.834", tmp_path / "bad.834"
    good.write_bytes(full(member(1)))
    bad.write_bytes(full(member(1)).replace(b"INS*Y*18", b"INS*Q*18"))
    assert [pyx12_verdict(path)[0] for path in (good, bad)] == ["accepted", "rejected"]


def test_where_pyx12_crashes_we_do_not(tmp_path: Path) -> None:
    path = tmp_path / "no.834"
    path.write_bytes(b"not an 834 at all")
    assert compared(path).theirs in ("crashed", "rejected")
    assert compared(path).ours == "rejected"
