"""One broken contract shows, and takes no other feed with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import feeds
from concord.errors import ContractError
from concord.orchestrate.contracts import readable
from concord.orchestrate.dags import feed_dags

ACME = "from dataclasses import replace\nfrom feeds.acme_eligibility import FEED as ACME\n"
CONTRADICTS = ACME + "FEED = replace(ACME, name={name!r}, partner='sound', owner='')\n"
SHARES_SCOPE = ACME + "FEED = replace(ACME, name={name!r})\n"
SOUND = ACME + "FEED = replace(ACME, name={name!r}, partner='sound')\n"


class Folder:
    """A second folder of contracts, for the length of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, text: str) -> None:
        (self.path / f"{name}.py").write_text(text.format(name=name), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    before = set(sys.modules)
    monkeypatch.setattr(feeds, "__path__", [*feeds.__path__, str(tmp_path)])
    yield Folder(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("feeds."):
            del sys.modules[name]
            vars(feeds).pop(name.removeprefix("feeds."), None)


def test_a_contract_that_contradicts_itself_is_reported_and_the_others_load(folder: Folder) -> None:
    folder.add("sound_feed", SOUND)
    folder.add("wrong_feed", CONTRADICTS)
    found = readable()
    assert {"acme_eligibility", "sound_feed"} <= {feed.name for feed in found.sound}
    assert list(found.broken) == ["wrong_feed"]
    assert "owner" in found.broken["wrong_feed"]


def test_a_contract_that_is_no_python_is_reported_by_class_only(folder: Folder) -> None:
    folder.add("wrong_feed", "FEED = = 1")
    assert readable().broken == {"wrong_feed": "the module cannot be imported: SyntaxError"}


def test_a_module_without_a_feed_or_with_another_name_is_reported(folder: Folder) -> None:
    folder.add("empty_feed", "")
    folder.add("misnamed_feed", ACME + "FEED = replace(ACME, name='another_name')\n")
    assert readable().broken.keys() == {"empty_feed", "misnamed_feed"}


def test_of_two_contracts_that_own_one_scope_the_later_is_reported(folder: Folder) -> None:
    folder.add("zz_shares", SHARES_SCOPE)
    found = readable()
    assert "belongs to feed 'acme_eligibility'" in found.broken["zz_shares"]
    assert "acme_eligibility" in {feed.name for feed in found.sound}


def test_a_broken_contract_has_a_dag_that_goes_red_and_says_why(folder: Folder) -> None:
    folder.add("wrong_feed", CONTRADICTS)
    by_id = {dag.dag_id: dag for dag in feed_dags()}
    assert "acme_eligibility" in by_id
    broken = by_id["wrong_feed_broken"]
    assert "owner" in (broken.doc_md or "")
    with pytest.raises(ContractError, match="wrong_feed"):
        broken.get_task("mend_the_contract").python_callable()  # type: ignore[attr-defined]


@pytest.mark.parametrize("dag_id", ["acme_eligibility", "acme_eligibility_watch"])
def test_a_task_process_builds_only_its_own_dag(dag_id: str) -> None:
    assert [dag.dag_id for dag in feed_dags(dag_id)] == [dag_id]


def test_a_task_process_reads_no_contract_but_its_own(folder: Folder) -> None:
    folder.add("trap_feed", "raise SystemExit('was read')")
    assert [dag.dag_id for dag in feed_dags("acme_eligibility")] == ["acme_eligibility"]
    with pytest.raises(SystemExit):  # negative control: reading all of them does read it
        feed_dags()


def test_the_dag_of_a_broken_contract_is_found_by_a_task_process_too(folder: Folder) -> None:
    folder.add("wrong_feed", CONTRADICTS)
    assert [dag.dag_id for dag in feed_dags("wrong_feed_broken")] == ["wrong_feed_broken"]


def test_an_unknown_dag_gets_all_there_are(folder: Folder) -> None:
    assert {"acme_eligibility", "acme_eligibility_watch"} <= {dag.dag_id for dag in feed_dags("no_such_dag")}
