"""The way to a partner breaks, and its files change under our eyes: what is landed is a file as it was, whole.

A fetch that breaks begins again (see ``concord.acquire.sftp``); nothing of a broken one
stays, and the ledger knows only what is sealed.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from concord import check
from concord.acquire import sftp
from concord.errors import DeliveryRejected, LoginRefused, SourceRefused, SourceUnavailable
from concord.orchestrate.retry import AGAIN
from concord.sandbox import sftp_server
from tests import tally
from tests.faults.hashes import beliefs
from tests.faults.partner import PASSWORD, Partnership, aged
from tests.faults.proxy import Do, Fault, Way, Weather
from tests.playground import Playground
from tests.rosters import BASE, THU, WED
from tests.unit.acme_rows import acme, file

DATA = file(*BASE)
MANY = random.Random(7).randbytes(3 << 20)
"""More than is asked for in one request, so that a change can come in the middle."""


def assert_nothing_of_it(partnership: Partnership, delivery_id: str) -> None:
    assert partnership.driver.facts(delivery_id)["state"] == "discovered"
    assert list(partnership.driver.site.landing.parts()) == []


def assert_landed(partnership: Partnership, delivery_id: str, data: bytes, *, fired: bool = True) -> None:
    """The next try lands exactly ``data``, and nobody can tell that there was another."""
    assert fired
    assert partnership.fetch(delivery_id)["state"] == "landed"
    facts = partnership.driver.facts(delivery_id)
    assert (facts["sha256"], facts["byte_count"]) == (hashlib.sha256(data).hexdigest(), len(data))
    findings = partnership.findings()
    assert findings == []
    tally.count("faults", injected=1, fired=1, recovered=1, violations=len(findings))


# ── the way there ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", [*(pytest.param(n, marks=pytest.mark.full) for n in (0, 1_000)), len(DATA) - 1])
def test_a_file_that_is_cut_anywhere_is_fetched_again_from_its_beginning(partnership: Partnership, cut: int) -> None:
    partnership.server.faults.shortest_answer = 1_000
    delivery_id = partnership.discovered(DATA)
    partnership.server.faults.cut_after_bytes = cut
    with pytest.raises(SourceUnavailable) as caught:
        partnership.fetch(delivery_id)
    assert isinstance(caught.value, tuple(AGAIN))
    assert_nothing_of_it(partnership, delivery_id)
    fired = partnership.server.bytes_sent >= cut
    partnership.server.faults.cut_after_bytes = None
    assert_landed(partnership, delivery_id, DATA, fired=fired)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(16))
def test_the_connection_may_break_at_any_byte_of_a_watch_run(partnership: Partnership, seed: int) -> None:
    chance = random.Random(seed)
    do = chance.choice([Do.CLOSE, Do.RESET, Do.STALL])
    delivery_id = partnership.discovered(DATA)
    said = {"up": partnership.proxy.passed["up"], "down": partnership.proxy.passed["down"]}
    step = chance.choice([partnership.discover, lambda **access: partnership.fetch(delivery_id, **access)])
    way = chance.choice([*said])
    partnership.proxy.clear()
    # What a discover says is less than what a fetch says: the byte comes by in both.
    setattr(partnership.proxy, way, Way(fault=Fault(do, after_bytes=chance.randrange(said[way] * 9 // 10))))
    with pytest.raises((SourceUnavailable, LoginRefused)):
        step(timeout_s=1)
    fired = bool(partnership.proxy.fired[do.value])
    partnership.proxy.clear()
    assert_nothing_of_it(partnership, delivery_id)
    assert_landed(partnership, delivery_id, DATA, fired=fired)


@pytest.mark.parametrize("bytes_later", [190, *(pytest.param(n, marks=pytest.mark.full) for n in (0, 40, 90, 140))])
def test_a_server_that_falls_silent_after_letting_us_in_is_given_up(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch, bytes_later: int
) -> None:
    """Wherever: before it says so, before the channel, before the subsystem, before its version."""
    delivery_id = partnership.discovered(DATA)
    let_in = sftp_server._Door.validate_password

    def and_then(*given: Any) -> bool:
        partnership.proxy.down = Way(fault=Fault(Do.STALL, after_bytes=bytes_later))
        return let_in(*given)

    with monkeypatch.context() as patched:
        patched.setattr(sftp_server._Door, "validate_password", and_then)
        with pytest.raises(SourceUnavailable):
            partnership.fetch(delivery_id, timeout_s=0.5)
    fired = bool(partnership.proxy.fired["stall"])
    partnership.proxy.clear()
    assert_landed(partnership, delivery_id, DATA, fired=fired)


@pytest.mark.full
@pytest.mark.parametrize(
    "weather",
    [Weather(latency_s=0.01, jitter_s=0.02), Weather(bytes_per_s=100_000), Weather(slice_bytes=17)],
    ids=["latency", "bandwidth", "slices"],
)
def test_bad_weather_is_only_slow(partnership: Partnership, weather: Weather) -> None:
    delivery_id = partnership.discovered(DATA)
    partnership.proxy.clear()
    partnership.proxy.up = partnership.proxy.down = Way(weather)
    assert_landed(partnership, delivery_id, DATA)
    assert partnership.proxy.fired["weather"] or weather.slice_bytes == 17


@pytest.mark.full
def test_a_black_hole_is_given_up(partnership: Partnership) -> None:
    delivery_id = partnership.discovered(DATA)
    partnership.proxy.is_black_hole = True
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id, timeout_s=0.5)
    fired = bool(partnership.proxy.fired["black hole"])
    partnership.proxy.clear()
    assert_landed(partnership, delivery_id, DATA, fired=fired)


@pytest.mark.full
def test_after_a_cut_the_tables_are_those_of_a_clean_night(partnership: Partnership, blank: Playground) -> None:
    partnership.driver.run(partnership.driver.deliver(DATA, WED), "approve")
    clean = beliefs(partnership.driver)
    blank.empty()
    delivery_id = partnership.discovered(DATA)
    partnership.server.faults.cut_after_bytes = 0
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id)
    partnership.server.faults.cut_after_bytes = None
    assert_landed(partnership, delivery_id, DATA)
    assert partnership.driver.run(delivery_id, "approve").state == "published"
    assert beliefs(partnership.driver) == clean
    assert partnership.findings() == []


# ── the file ───────────────────────────────────────────────────────────────────


def grow(path: Path) -> None:
    with path.open("ab") as growing:
        growing.write(b"more,rows\n")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    """In place, same size."""
    with path.open("r+b") as written:
        written.write(b"Z" * path.stat().st_size)


def replace_by_another_size(path: Path) -> None:
    path.write_bytes(b"Z" * (path.stat().st_size + 5))


def swap(path: Path) -> None:
    """Renamed over, same size: the open file stays the old one."""
    other = path.with_suffix(".new")
    other.write_bytes(b"Z" * path.stat().st_size)
    other.replace(path)


CHANGES: list[Callable[[Path], None]] = [grow, shrink, overwrite, replace_by_another_size, swap]


def changing(partnership: Partnership, path: Path, change: Callable[[Path], None]) -> list[int]:
    """Lets ``change`` happen once when half of the file was read; when it did."""
    done: list[int] = []

    def meanwhile(sent: int) -> None:
        if not done and sent >= len(MANY) // 2:
            done.append(sent)
            change(path)

    partnership.server.faults.before_read = meanwhile
    return done


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, marks=() if change is overwrite else pytest.mark.full) for change in CHANGES],
    ids=lambda change: change.__name__,
)
def test_a_file_that_changes_while_it_is_read_is_not_landed_and_its_new_form_is(
    partnership: Partnership, change: Callable[[Path], None]
) -> None:
    delivery_id = partnership.discovered(MANY)
    path = partnership.server.root / "outbound" / f"ELIG_{WED:%Y%m%d}.csv"
    done = changing(partnership, path, change)
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id)
    assert_nothing_of_it(partnership, delivery_id)
    aged(path, 1800)
    (renewed,) = partnership.discover()
    assert partnership.driver.facts(delivery_id)["state"] == "superseded"
    assert_landed(partnership, renewed, path.read_bytes(), fired=bool(done))


@pytest.mark.full
def test_a_file_that_is_deleted_while_it_is_read_is_told_and_its_return_is_a_delivery(
    partnership: Partnership,
) -> None:
    delivery_id = partnership.discovered(MANY)
    done = changing(partnership, partnership.server.root / "outbound" / f"ELIG_{WED:%Y%m%d}.csv", Path.unlink)
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id)
    assert partnership.discover() == []
    assert partnership.driver.facts(delivery_id)["state"] == "failed"
    assert [incident["kind"] for incident in partnership.driver.incidents()] == ["gone"]
    partnership.server.faults.before_read = None
    partnership.drop(MANY, name=f"ELIG_{WED:%Y%m%d}_again.csv")
    (again,) = partnership.discover()
    assert_landed(partnership, again, MANY, fired=bool(done))


@pytest.mark.full
def test_a_cut_and_then_a_change(partnership: Partnership) -> None:
    """Recovery is where the second fault bites."""
    delivery_id = partnership.discovered(MANY)
    path = partnership.server.root / "outbound" / f"ELIG_{WED:%Y%m%d}.csv"
    partnership.server.faults.cut_after_bytes = len(MANY) // 3
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id)
    partnership.server.faults.cut_after_bytes = None
    overwrite(path)
    with pytest.raises(SourceUnavailable):
        partnership.fetch(delivery_id)
    aged(path, 1800)
    (renewed,) = partnership.discover()
    assert_landed(partnership, renewed, path.read_bytes())


@pytest.mark.full
def test_without_the_second_look_half_of_each_would_be_landed(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery_id = partnership.discovered(MANY)
    path = partnership.server.root / "outbound" / f"ELIG_{WED:%Y%m%d}.csv"
    assert not changing(partnership, path, overwrite)
    monkeypatch.setattr(sftp, "_same", lambda *_: None)
    assert partnership.fetch(delivery_id)["state"] == "landed"
    sound = {hashlib.sha256(data).hexdigest() for data in (MANY, path.read_bytes())}
    assert partnership.driver.facts(delivery_id)["sha256"] not in sound
    tally.count("negative controls", tried=1, red=1)


@pytest.mark.full
def test_a_file_that_we_may_not_read_is_refused_and_fetched_once_we_may(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery_id = partnership.discovered(DATA)
    asked: list[int] = []

    def closed(*_: object) -> None:
        asked.append(1)
        raise asyncssh.SFTPPermissionDenied("no")

    with monkeypatch.context() as patched:
        patched.setattr(asyncssh.SFTPServer, "open", closed)
        with pytest.raises(SourceRefused):
            partnership.fetch(delivery_id)
    assert_landed(partnership, delivery_id, DATA, fired=bool(asked))


# ── names ──────────────────────────────────────────────────────────────────────

HOSTILE = (
    b"../../ELIG_20261118.csv", b"/etc/ELIG_20261118", b"..", b"a/ELIG_20261118.csv", b"ELIG_20261118\0.csv",
    b"ELIG_20261118\n.csv", b"ELIG_20261118\x1b[2J.csv", "ELIG_20261118\u202evsc.".encode(), b"-rf",
    b"-ELIG_20261118.csv", b"ELIG_20261118\\..\\x.csv", b"ELIG_20261118\xff.csv", b"ELIG_20261118" + b"A" * 4096,
)  # fmt: skip
LONGEST = "ELIG_20261118_" + "L" * (255 - len("ELIG_20261118_.csv")) + ".csv"


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_no_name_of_a_partner_becomes_a_path_of_ours(partnership: Partnership, tmp_path: Path) -> None:
    partnership.driver = replace(
        partnership.driver, feed=acme(source=replace(partnership.driver.feed.source, pattern="*{date:%Y%m%d}*"))
    )
    partnership.server.faults.extra_names = HOSTILE
    names = [LONGEST, "ELIG_20261118.csv", "elig_20261118.CSV", "$(touch x)_20261118.csv", "{}%s_20261118.csv"]
    for number, name in enumerate(names):
        partnership.drop(DATA + b"#" * number, name=name)
    landing = Path(partnership.driver.site.settings.landing_url.removeprefix("file://"))
    before, archived = everything(tmp_path), everything(landing)
    found = partnership.discover()
    assert len(found) == len(names)
    for delivery_id in found:
        assert partnership.fetch(delivery_id)["state"] == "landed"
    assert everything(tmp_path) == before
    new = [Path(path).name for path in everything(landing) - archived if "." in path]
    assert all(set(name) <= set("0123456789abcdef.manifest") for name in new)
    assert [incident["kind"] for incident in partnership.driver.incidents()] == ["listing"]
    assert f"{len(HOSTILE) - 1} entries" in partnership.driver.incidents()[0]["subject"]
    assert partnership.findings() == []
    tally.count("faults", injected=1, fired=1, recovered=1)


def test_nothing_is_said_of_names_or_of_the_password(
    partnership: Partnership, caplog: pytest.LogCaptureFixture
) -> None:
    partnership.drop(DATA, name=f"ELIG_{THU:%Y%m%d}_Zebulon.csv")
    (delivery_id,) = partnership.discover()
    partnership.server.faults.cut_after_bytes = 0
    with pytest.raises(SourceUnavailable) as caught:
        partnership.fetch(delivery_id)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("concord")]
    assert not [text for text in [*said, str(caught.value)] if "Zebulon" in text or PASSWORD in text]


@pytest.mark.full
def test_a_file_that_is_too_large_is_rejected_once(partnership: Partnership) -> None:
    delivery_id = partnership.discovered(DATA)
    source = replace(partnership.driver.feed.source, max_bytes=10)
    partnership.driver = replace(partnership.driver, feed=acme(source=source))
    with pytest.raises(DeliveryRejected):
        partnership.fetch(delivery_id)
    assert partnership.driver.facts(delivery_id)["state"] == "rejected"
    assert check.run(partnership.driver.site) == []
