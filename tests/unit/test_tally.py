"""The tally of the longer tests can say no."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests import tally

WELL = {
    "faults": {"injected": 3, "fired": 3, "recovered": 3},
    **{subject: {"tried": 6, "accepted": 1, "quarantined": 2, "rejected": 3} for subject in tally.MUTANTS},
    "canaries": {"planted": 2, "places": 4, "searched": 8},
    "negative controls": {"tried": 2, "red": 2},
}


def counted(monkeypatch: pytest.MonkeyPatch, path: Path, **more: dict[str, int]) -> Path:
    monkeypatch.setenv("CONCORD_TALLY", str(path))
    for subject, counts in (*WELL.items(), *((name.replace("_", " "), counts) for name, counts in more.items())):
        tally.count(subject, **counts)
    return path


def test_sums_add_up_and_nothing_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = counted(monkeypatch, tmp_path / "tally", faults={"injected": 1, "fired": 1, "recovered": 1})
    assert tally.sums(path)["faults"] == Counter(injected=4, fired=4, recovered=4)
    assert tally.main(str(path)) == 0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"faults": {"injected": 1}}, "a fault did not fire"),
        ({"faults": {"injected": 1, "fired": 1}}, "a fault was not recovered from"),
        ({"faults": {"violations": 1}}, "an invariant was violated"),
        ({"mutants": {"tried": 1}}, "a mutant came to no outcome"),
        ({"mutants": {"unaccounted": 1}}, "a line was not accounted for"),
        ({"mutants_of_834": {"tried": 1}}, "a mutant came to no outcome"),
        ({"canaries": {"hits": 1}}, "a canary was found"),
        ({"negative_controls": {"tried": 1}}, "a negative control stayed green"),
    ],
)
def test_a_broken_promise_is_named_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, dict[str, int]], sentence: str
) -> None:
    path = counted(monkeypatch, tmp_path / "tally", **more)
    assert tally.broken(tally.sums(path)) == [sentence]
    assert tally.main(str(path)) == 1


def test_a_subject_that_nobody_counted_fails(tmp_path: Path) -> None:
    (tmp_path / "tally").touch()
    assert tally.main(str(tmp_path / "tally")) == 1


def test_what_is_not_in_the_list_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="is not counted"):
        tally.count("faults", survived=1)
