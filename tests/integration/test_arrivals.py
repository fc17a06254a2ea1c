"""Deliveries that are more than a plain file: companions, parts, envelopes, from the partner's server to the tables."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concord import check, steps
from concord.acquire import SftpAccess, companions, grouping, sftp
from concord.acquire.sftp import StabilityProbe
from concord.arrivals import Arrival
from concord.contract import ControlFile, Pgp
from concord.custody import legal_holds
from concord.errors import DeliveryRejected, LandingShredded, SourceUnavailable
from concord.landing import Manifest
from concord.quarantine import Selection
from concord.sandbox.sftp_server import SftpPartner
from concord.steps import gathering, open_site
from tests import unwrapping
from tests.rosters import BASE, FRI, THU, Driver, Row, employee, mended, quick
from tests.tally import negative_control
from tests.unit.acme_rows import file
from tests.unwrapping import no_key, wrapped

PASSWORD = "open sesame"
AT_ONCE = StabilityProbe(pause=timedelta(0), sleep=lambda seconds: None)
ENVELOPE = (Pgp("acme_pgp"),)
SECRET = "Zebulon"


@dataclass
class Post:
    """Acme's driver, and the partner's folder."""

    driver: Driver
    server: SftpPartner

    def agreed(self, **values: Any) -> Post:
        """The drop as the partner's next contract has it."""
        source = replace(self.driver.feed.drop, **values)
        self.driver.feed = replace(self.driver.feed, source=source)
        return self

    @property
    def access(self) -> SftpAccess:
        return SftpAccess("127.0.0.1", self.server.port, "concord", self.server.host_key_line, password=PASSWORD)

    def put(self, name: str, content: bytes, age_s: float = 7_200) -> Path:
        path = self.server.root / "outbound" / name
        path.write_bytes(content)
        then = time.time() - age_s
        os.utime(path, (then, then))
        return path

    def discover(self) -> list[str]:
        return steps.discover(self.driver.feed, self.access, self.driver.site)

    def fetch(self, delivery_id: str) -> dict[str, Any]:
        return steps.fetch(self.driver.feed, delivery_id, self.access, self.driver.site)

    def landed(self) -> str:
        (delivery_id,) = self.discover()
        assert self.fetch(delivery_id)["state"] == "landed"
        return delivery_id

    def arrivals(self, delivery_id: str) -> list[dict[str, Any]]:
        return self.driver.all("SELECT * FROM ops.arrival WHERE delivery_id = %s ORDER BY file", delivery_id)

    def objects(self) -> set[str]:
        return set(self.driver.site.landing.sealed_objects())

    def content(self, manifest: Any) -> bytes:
        with self.driver.site.landing.open(Manifest.from_json(dict(manifest))) as stream:
            return stream.read()

    def findings(self) -> list[check.Finding]:
        left = [check.Finding("part", (path,), "left") for path in self.driver.site.landing.parts()]
        known = {r["url"] for r in self.driver.all("SELECT manifest ->> 'object_url' AS url FROM ops.landed_object")}
        strays = [check.Finding("stray", (path,), "unknown") for path in self.objects() - known]
        return [*check.run(self.driver.site, deep=True), *left, *strays]

    def incident(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.driver.incidents() if row["kind"] == kind]


@pytest.fixture
def post(acme: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Acme after its first day, with an archive of its own and a partner who has sent nothing more."""
    old = Path(acme.site.settings.landing_url.removeprefix("file://"))
    for row in acme.all("SELECT manifest ->> 'object_url' AS path FROM ops.delivery"):
        target = tmp_path / "landing" / row["path"]
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        shutil.copy(old / row["path"], target)
        shutil.copy(old / row["path"].replace(row["path"][-33:], ".manifest"), target.parent)
    monkeypatch.setattr(sftp, "StabilityProbe", lambda: AT_ONCE)
    monkeypatch.setitem(sys.modules, "concord.unwrap", unwrapping)
    (tmp_path / "partner" / "outbound").mkdir(parents=True)
    site = quick(open_site(replace(acme.site.settings, landing_url=(tmp_path / "landing").as_uri())))
    with SftpPartner(tmp_path / "partner") as server:
        server.add_user("concord", password=PASSWORD)
        yield Post(Driver(acme.feed, site), server)
    site.close()


def csv(*rows: Row) -> bytes:
    return file(*rows, header=tuple(rows[0]))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


WHOLE = [*BASE, employee(11), employee(12)]
NAME = f"ELIG_{THU:%Y%m%d}.csv"


# ── as before ──


def test_a_plain_file_is_one_object_and_has_no_row_of_its_own(post: Post) -> None:
    post.put(NAME, csv(*WHOLE))
    delivery_id = post.landed()
    assert post.arrivals(delivery_id) == []
    assert post.driver.facts(delivery_id)["sha256"] == sha256(csv(*WHOLE))


@pytest.mark.parametrize("form", [".done", "{stem}.done", "ELIG_{date}.done"])
def test_a_companion_that_only_has_to_be_there_leaves_a_plain_file_plain(post: Post, form: str) -> None:
    post.agreed(done_suffix=form, pattern="ELIG_{date:%Y%m%d}*")  # which the companion fits as well
    post.put(NAME, csv(*WHOLE))
    assert post.discover() == []
    names = {".done": f"{NAME}.done", "{stem}.done": f"ELIG_{THU:%Y%m%d}.done"}
    post.put(names.get(form, f"ELIG_{THU:%Y%m%d}.done"), b"x" * 70_000)  # whatever is in it
    assert post.arrivals(post.landed()) == []


# ── checksums and control files ──


def test_a_file_that_has_its_hash_is_landed_with_its_companion(post: Post) -> None:
    post.agreed(checksum=".sha256")
    post.put(NAME, csv(*WHOLE))
    assert post.discover() == []  # a companion that is missing means: not ready
    post.put(f"{NAME}.sha256", f"{sha256(csv(*WHOLE)).upper()} *{NAME}\n".encode())
    delivery_id = post.landed()
    companion, data = post.arrivals(delivery_id)
    assert (companion["kind"], data["kind"], data["part"]) == ("checksum", "data", 1)
    facts = post.driver.facts(delivery_id)
    assert data["manifest"] == facts["manifest"]
    assert post.content(companion["manifest"]).endswith(f"*{NAME}\n".encode())
    assert post.driver.run(delivery_id).state == "published"
    assert post.findings() == []


@pytest.mark.parametrize(("age_s", "error"), [(60.5, SourceUnavailable), (7_200, DeliveryRejected)])
def test_a_file_that_has_another_hash_is_not_sealed(post: Post, age_s: float, error: type[Exception]) -> None:
    """What changed a moment ago may be put right yet."""
    post.agreed(checksum="{stem}.md5")
    post.put(NAME, csv(*WHOLE), age_s)
    post.put(f"ELIG_{THU:%Y%m%d}.md5", b"0" * 32, age_s)
    (delivery_id,) = post.discover()
    with pytest.raises(error, match=r"acquire\.checksum"):
        post.fetch(delivery_id)
    facts = post.driver.facts(delivery_id)
    assert facts["state"] == ("rejected" if error is DeliveryRejected else "discovered")
    assert [row["manifest"] is None for row in post.arrivals(delivery_id)] == [False, True]
    assert not any(sha256(csv(*WHOLE)) in path for path in post.objects())
    assert bool(post.incident("rejected")) is (error is DeliveryRejected)
    assert post.findings() == []


def test_a_hash_that_was_put_right_is_a_new_delivery(post: Post) -> None:
    post.agreed(checksum=".md5")
    post.put(NAME, csv(*WHOLE))
    post.put(f"{NAME}.md5", b"0" * 32)
    (wrong,) = post.discover()
    with pytest.raises(DeliveryRejected):
        post.fetch(wrong)
    assert post.discover() == []
    post.put(f"{NAME}.md5", hashlib.md5(csv(*WHOLE), usedforsecurity=False).hexdigest().encode(), 3_600)
    right = post.landed()
    assert right != wrong
    assert post.driver.run(right).state == "published"


CONTROL = ControlFile("{stem}.ctl", ("{file}|{bytes}|{records}",))


def test_a_control_file_is_held_against_bytes_before_and_records_after_landing(post: Post) -> None:
    post.agreed(control=CONTROL)
    content = csv(*WHOLE)
    post.put(NAME, content)
    post.put(f"ELIG_{THU:%Y%m%d}.ctl", f"{NAME}|{len(content)}|{len(WHOLE)}\r\n".encode())
    assert post.driver.run(post.landed()).state == "published"
    content = csv(*WHOLE, employee(13))
    for place, (size, records, code) in enumerate(
        [(len(content) + 1, len(WHOLE) + 1, "acquire.size"), (len(content), len(WHOLE), "control.record_count")]
    ):
        name = f"ELIG_{FRI:%Y%m%d}_{place}"
        post.put(f"{name}.csv", content)
        post.put(f"{name}.ctl", f"{name}.csv|{size}|{records}".encode())
        (delivery_id,) = post.discover()
        if code == "acquire.size":
            with pytest.raises(DeliveryRejected, match=code):
                post.fetch(delivery_id)
        else:
            assert post.fetch(delivery_id)["state"] == "landed"
            rejection = post.driver.planned(delivery_id).rejection
            assert rejection is not None
            assert rejection.code == code
    assert post.findings() == []


def test_a_control_file_of_another_form_is_refused_without_quoting_it(post: Post) -> None:
    post.agreed(control=CONTROL)
    post.put(NAME, csv(*WHOLE))
    post.put(f"ELIG_{THU:%Y%m%d}.ctl", f"{SECRET} sent this".encode())
    (delivery_id,) = post.discover()
    with pytest.raises(DeliveryRejected, match=r"acquire\.control_file") as caught:
        post.fetch(delivery_id)
    told = str(caught.value) + "".join(row["text"] for row in post.driver.incidents())
    assert SECRET not in told


def test_a_companion_that_is_no_small_file_keeps_a_delivery_from_being_ready(post: Post) -> None:
    post.agreed(checksum=".md5")
    post.put(NAME, csv(*WHOLE))
    post.put(f"{NAME}.md5", b"0" * 70_000)
    assert post.discover() == []


def test_a_companion_that_is_a_link_is_not_there(post: Post) -> None:
    post.agreed(checksum=".md5")
    post.put(NAME, csv(*WHOLE))
    post.put("elsewhere", b"0" * 32)
    (post.server.root / "outbound" / f"{NAME}.md5").symlink_to(post.server.root / "outbound" / "elsewhere")
    assert post.discover() == []


@negative_control
def test_without_looking_at_hashes_a_torn_file_would_be_landed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.agreed(checksum=".md5")
    post.put(NAME, csv(*WHOLE)[:-100])
    post.put(f"{NAME}.md5", hashlib.md5(csv(*WHOLE), usedforsecurity=False).hexdigest().encode())
    monkeypatch.setattr(companions, "promised", lambda names, *_: ([companions.Promise()] * len(names), WHOLE_OF_IT))
    assert post.landed()


WHOLE_OF_IT = companions.Promise()


# ── parts ──

PARTS = {"pattern": "ELIG_{date:%Y%m%d}_{part}of{parts}.csv"}


def part_name(number: int, of: int = 3) -> str:
    return f"ELIG_{THU:%Y%m%d}_{number}of{of}.csv"


def in_parts(post: Post, *slices: list[Row], **ages: float) -> list[bytes]:
    contents = [csv(*rows) for rows in slices]
    for number, content in enumerate(contents, start=1):
        post.put(part_name(number, len(slices)), content, **ages)
    return contents


def test_all_parts_are_one_delivery_whose_lines_run_on(post: Post) -> None:
    post.agreed(**PARTS)
    broken = employee(13, COVEFF="02/30/2026")
    contents = in_parts(post, WHOLE[:5], [*WHOLE[5:9], broken], WHOLE[9:])
    delivery_id = post.landed()
    rows = post.arrivals(delivery_id)
    assert [post.content(row["manifest"]) for row in rows] == contents
    assert [(row["part"], row["first_byte"], row["content_bytes"]) for row in rows] == [
        (1, 0, len(contents[0])),
        (2, len(contents[0]), len(contents[1])),
        (3, len(contents[0]) + len(contents[1]), len(contents[2])),
    ]
    assert post.driver.run(delivery_id).state == "published"
    assert post.driver.reasons(delivery_id) == {6 + 1 + 4 + 1: ("effective_from.date",)}
    assert post.driver.lines(delivery_id)["control"] == 3  # each part has a header
    assert sum(post.driver.lines(delivery_id).values()) == len(WHOLE) + 1 + 3
    assert post.driver.facts(delivery_id)["line_count"] == len(WHOLE) + 1 + 3
    assert len(post.driver.spans()) == len(WHOLE)
    assert post.findings() == []


def test_parts_say_the_same_as_one_file(post: Post) -> None:
    """And two whole days in a row: a delivery in parts is no change of what it says."""
    post.put(NAME, csv(*WHOLE))
    assert post.driver.run(post.landed()).state == "published"
    believed = post.driver.spans()
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:])
    (delivery_id,) = post.discover()
    post.fetch(delivery_id)
    run = post.driver.planned(delivery_id)
    assert set(run.counts) == {"incoming", "held", "unchanged"}
    assert post.driver.finished(run).state == "published"
    assert post.driver.spans() == believed


@pytest.mark.parametrize("age_s", [60.5, 7_200])
def test_nothing_is_fetched_until_all_parts_are_there(post: Post, age_s: float) -> None:
    """A part that does not come is told after a while, by numbers."""
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:9], WHOLE[9:], age_s=age_s)
    third = post.server.root / "outbound" / part_name(3)
    content = third.read_bytes()
    third.unlink()
    assert post.discover() == []
    told = [row["text"] for row in post.incident("incomplete")]
    assert [("2 of 3 parts are there" in text) for text in told] == ([True] if age_s > 3_600 else [])
    assert not any("ELIG_" in text for text in told)
    post.put(part_name(3), content, age_s)
    assert post.driver.run(post.landed()).state == "published"
    post.discover()
    assert post.incident("incomplete") == []


@negative_control
def test_without_counting_parts_two_of_three_would_be_a_delivery(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.agreed(**PARTS)
    for number, rows in ((1, WHOLE[:5]), (2, WHOLE[5:9])):
        post.put(part_name(number), csv(*rows))
    assert post.discover() == []
    monkeypatch.setattr(grouping.Group, "_total", lambda self, _: len(self.files))
    monkeypatch.setattr(grouping.Group, "_flaw", lambda *_: "")
    assert post.landed()


@pytest.mark.parametrize(
    ("more", "flaw"),
    [
        ("ELIG_20261119_02of3.csv", "one part is there under two names"),
        ("ELIG_20261119_3of4.csv", "different numbers of parts"),
        ("ELIG_20261119_4of3.csv", "different numbers of parts"),
        ("ELIG_20261119_0of3.csv", "different numbers of parts"),
    ],
)
def test_parts_that_contradict_each_other_are_no_delivery(post: Post, more: str, flaw: str) -> None:
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:9], WHOLE[9:])
    extra = post.put(more, csv(*WHOLE[:2]))
    assert post.discover() == []
    (told,) = post.incident("incomplete")
    assert flaw in told["text"]
    extra.unlink()  # the negative control: without it all is well
    assert post.landed()


def test_parts_of_two_days_are_not_mixed(post: Post) -> None:
    """Under names without a date, today's first part lies beside yesterday's second for a while."""
    post.agreed(pattern="ELIG_{date:%Y%m%d}_{part}.csv", parts=2)
    post.put(f"ELIG_{THU:%Y%m%d}_1.csv", csv(*WHOLE[:5]), 7_200)
    post.put(f"ELIG_{THU:%Y%m%d}_2.csv", csv(*WHOLE[5:]), 90_000)
    assert post.discover() == []
    (told,) = post.incident("incomplete")
    assert "too long after each other" in told["text"]
    post.agreed(parts_within=timedelta(days=2))
    assert post.landed()


def test_a_part_that_is_sent_again_makes_the_delivery_anew(post: Post) -> None:
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:])
    first = post.landed()
    post.put(part_name(2, 2), csv(*WHOLE[5:], employee(14)), 3_600)
    second = post.landed()
    assert post.driver.facts(first)["sha256"] != post.driver.facts(second)["sha256"]
    assert post.arrivals(first)[0]["sha256"] == post.arrivals(second)[0]["sha256"]
    assert post.findings() == []


def test_a_control_file_lists_the_parts(post: Post) -> None:
    control = ControlFile("ELIG_{date}.ctl", ("{file},{bytes},{records}", "TOTAL {records}"))
    post.agreed(pattern="ELIG_{date:%Y%m%d}_{part}.csv", control=control)
    slices = [WHOLE[:5], WHOLE[5:]]
    names = [f"ELIG_{THU:%Y%m%d}_{number}.csv" for number in (1, 2)]
    post.put(names[0], csv(*slices[0]))
    lines = [f"{name},{len(csv(*rows))},{len(rows)}" for name, rows in zip(names, slices, strict=True)]
    post.put(f"ELIG_{THU:%Y%m%d}.ctl", "\n".join([*lines, f"TOTAL {len(WHOLE)}"]).encode())
    assert post.discover() == []
    assert "1 of 2 parts are there" in post.incident("incomplete")[0]["text"]
    post.put(names[1], csv(*slices[1]))
    delivery_id = post.landed()
    assert [(row["kind"], row["record_count"]) for row in post.arrivals(delivery_id)] == [
        ("control", len(WHOLE)), ("data", 5), ("data", len(WHOLE) - 5),
    ]  # fmt: skip
    assert post.driver.run(delivery_id).state == "published"


def test_a_part_with_other_columns_than_the_first_is_refused(post: Post) -> None:
    post.agreed(**PARTS)
    header = tuple(WHOLE[0])
    post.put(part_name(1, 2), file(*WHOLE[:5], header=header))
    post.put(part_name(2, 2), file(*WHOLE[5:], header=tuple(reversed(header))))
    rejection = post.driver.planned(post.landed()).rejection
    assert rejection is not None
    assert rejection.code == "parts.columns"


def test_a_refused_row_of_a_later_part_is_read_again_under_its_own_columns(post: Post) -> None:
    """A replay has the columns of the first part, which all parts have."""
    post.agreed(**PARTS)
    odd = employee(13, TIER="EE+1")
    in_parts(post, WHOLE[:5], [*WHOLE[5:], odd])
    delivery_id = post.landed()
    assert post.driver.run(delivery_id).state == "published"
    assert list(post.driver.reasons(delivery_id).values()) == [("coverage_tier.code",)]
    post.driver.feed = mended(post.driver.feed)
    steps.replay(post.driver.feed, Selection(post.driver.feed.name), by="ann", site=post.driver.site)
    (replay,) = post.driver.open()
    assert post.driver.run(replay).state == "published"
    assert ("E0000013", "01", "HLT") in post.driver.spans()
    assert post.findings() == []


# ── envelopes ──


def test_an_original_is_kept_as_it_arrived_and_read_unwrapped(post: Post) -> None:
    post.agreed(envelope=ENVELOPE, checksum=".sha256")
    sealed = wrapped(csv(*WHOLE))
    post.put(NAME, sealed)
    post.put(f"{NAME}.sha256", sha256(sealed).encode())  # of the file as it lies there
    delivery_id = post.landed()
    _, original = post.arrivals(delivery_id)
    facts = post.driver.facts(delivery_id)
    assert post.content(original["manifest"]) == sealed
    assert post.content(facts["manifest"]) == csv(*WHOLE)
    assert (original["sha256"], facts["sha256"]) == (sha256(sealed), sha256(csv(*WHOLE)))
    assert post.driver.run(delivery_id).state == "published"
    assert post.findings() == []


def test_no_plaintext_is_on_disk(post: Post, tmp_path: Path) -> None:
    post.agreed(envelope=ENVELOPE)
    post.put(NAME, wrapped(csv(*WHOLE)))
    post.landed()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "landing").rglob("*") if path.is_file())
    assert b"E0000001" in csv(*WHOLE)
    assert b"E0000001" not in kept


def test_the_same_content_encrypted_anew_is_a_duplicate(post: Post) -> None:
    post.agreed(envelope=ENVELOPE)
    post.put(NAME, wrapped(csv(*WHOLE), b"a"))
    first = post.landed()
    post.put(f"ELIG_{THU:%Y%m%d}_again.csv", wrapped(csv(*WHOLE), b"b"))
    (second,) = post.discover()
    assert post.fetch(second)["state"] == "duplicate"
    assert post.driver.facts(second)["duplicate_of"] == first
    assert post.findings() == []


def test_a_refused_envelope_ends_rejected_and_its_original_stays(post: Post) -> None:
    post.agreed(envelope=ENVELOPE)
    post.put(NAME, csv(*WHOLE))  # plaintext where ciphertext is expected
    (delivery_id,) = post.discover()
    with pytest.raises(DeliveryRejected, match=r"envelope\.format"):
        post.fetch(delivery_id)
    facts = post.driver.facts(delivery_id)
    assert (facts["state"], facts["manifest"]) == ("rejected", None)
    (original,) = post.arrivals(delivery_id)
    assert post.content(original["manifest"]) == csv(*WHOLE)
    assert post.fetch(delivery_id)["state"] == "rejected"
    assert post.findings() == []


def test_parts_in_envelopes_are_unwrapped_in_order(post: Post) -> None:
    post.agreed(**PARTS, envelope=ENVELOPE)
    for number, rows in enumerate((WHOLE[:5], WHOLE[5:9], WHOLE[9:]), start=1):
        post.put(part_name(number), wrapped(csv(*rows), b"%d" % number))
    delivery_id = post.landed()
    assert post.content(post.driver.facts(delivery_id)["manifest"]) == csv(*WHOLE[:5]) + csv(*WHOLE[5:9]) + csv(
        *WHOLE[9:]
    )
    assert post.driver.run(delivery_id).state == "published"
    assert post.findings() == []


def test_an_envelope_that_could_not_be_opened_is_opened_again_from_what_was_kept(post: Post) -> None:
    """The partner need not send it again: a key was missing, or the contract was wrong."""
    post.agreed(envelope=ENVELOPE)
    path = post.put(NAME, wrapped(csv(*WHOLE)))
    (delivery_id,) = post.discover()
    with no_key():
        with pytest.raises(DeliveryRejected, match="envelope"):
            post.fetch(delivery_id)
        path.unlink()
        with pytest.raises(DeliveryRejected, match="envelope"):
            steps.stage(post.driver.feed, delivery_id, 2, post.driver.site)
    assert post.driver.facts(delivery_id)["state"] == "rejected"
    run = post.driver.planned_as(delivery_id, 2)
    assert post.driver.finished(run).state == "published"
    assert post.content(post.driver.facts(delivery_id)["manifest"]) == csv(*WHOLE)
    assert post.findings() == []


# ── what is here does not depend on the partner any more ──


def test_what_has_all_its_files_here_is_put_together_although_the_partner_removed_them(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.agreed(envelope=ENVELOPE)
    path = post.put(NAME, wrapped(csv(*WHOLE)))
    (delivery_id,) = post.discover()
    with monkeypatch.context() as broken:
        broken.setattr(unwrapping, "unwrap", None)
        with pytest.raises(TypeError):
            post.fetch(delivery_id)
    path.unlink()
    assert post.discover() == [delivery_id]
    assert post.fetch(delivery_id)["state"] == "landed"
    assert post.incident("gone") == []
    assert post.findings() == []


def test_what_has_not_all_its_files_here_is_gone_with_the_partners(post: Post) -> None:
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:])
    (delivery_id,) = post.discover()
    for path in (post.server.root / "outbound").iterdir():
        path.unlink()
    assert post.discover() == []
    assert post.driver.facts(delivery_id)["state"] == "failed"
    assert post.incident("gone")


def test_what_was_landed_before_a_break_is_not_fetched_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.agreed(**PARTS)
    in_parts(post, WHOLE[:5], WHOLE[5:9], WHOLE[9:])
    (delivery_id,) = post.discover()
    asked: list[int] = []
    fetch = sftp.PartnerSftp.fetch

    def breaking(self: Any, drop: Any, remote: Any, *rest: Any) -> Any:
        asked.append(remote.part)
        if len(asked) == 2:
            raise SourceUnavailable("the line broke")
        return fetch(self, drop, remote, *rest)

    monkeypatch.setattr(sftp.PartnerSftp, "fetch", breaking)
    with pytest.raises(SourceUnavailable):
        post.fetch(delivery_id)
    assert post.fetch(delivery_id)["state"] == "landed"
    assert asked == [1, 2, 2, 3]


def test_of_two_fetches_at_once_one_lands_and_nothing_is_there_twice(post: Post) -> None:
    post.agreed(**PARTS, envelope=ENVELOPE)
    for number, rows in enumerate((WHOLE[:5], WHOLE[5:]), start=1):
        post.put(part_name(number, 2), wrapped(csv(*rows)))
    (delivery_id,) = post.discover()
    before = post.objects()
    with ThreadPoolExecutor(2) as pool:
        states = [outcome["state"] for outcome in pool.map(post.fetch, [delivery_id] * 2)]
    assert states == ["landed", "landed"]
    entered = "SELECT count(*) AS n FROM ops.delivery_event WHERE delivery_id = %s AND to_state = 'landed'"
    assert post.driver.all(entered, delivery_id)[0]["n"] == 1
    assert len(post.objects() - before) == 3
    assert post.findings() == []


# ── custody ──

LATER = datetime.now(UTC) + timedelta(days=2_191)


@pytest.fixture
def kept(post: Post) -> tuple[Post, str]:
    """A delivery in enveloped parts with hashes beside them, in the tables; a newer one after it."""
    post.agreed(**PARTS, envelope=ENVELOPE, checksum=".sha256")
    for number, rows in enumerate((WHOLE[:5], WHOLE[5:]), start=1):
        sealed = wrapped(csv(*rows))
        post.put(part_name(number, 2), sealed)
        post.put(f"{part_name(number, 2)}.sha256", sha256(sealed).encode())
    delivery_id = post.landed()
    assert post.driver.run(delivery_id).state == "published"
    assert post.driver.day([*WHOLE, employee(15)], FRI).state == "published"
    return post, delivery_id


def retain(post: Post) -> dict[str, Any]:
    return steps.retain([post.driver.feed], post.driver.site, now=LATER)


def test_originals_go_with_what_was_read_of_them(kept: tuple[Post, str]) -> None:
    post, delivery_id = kept
    before = post.arrivals(delivery_id)
    mine = {row["manifest"]["object_url"] for row in before} | {
        post.driver.facts(delivery_id)["manifest"]["object_url"]
    }
    assert len(mine & post.objects()) == 5
    retain(post)
    assert mine & post.objects() == set()
    rows = post.arrivals(delivery_id)
    assert all(row["shredded_at"] and row["erased_at"] and row["file_name_sealed"] is None for row in rows)
    assert [row["sha256"] for row in rows] == [row["sha256"] for row in before]
    with pytest.raises(LandingShredded):
        post.content(rows[0]["manifest"])
    assert post.findings() == []


def test_a_legal_hold_covers_originals(kept: tuple[Post, str]) -> None:
    post, delivery_id = kept
    with post.driver.site.database("test") as connection:
        number = legal_holds.add(connection, by="ann", matter="Smith v. Acme", delivery_id=delivery_id)
        assert legal_holds.covered(connection, number) == 1
    retain(post)
    assert all(row["shredded_at"] is None for row in post.arrivals(delivery_id))
    with post.driver.site.database("test") as connection:
        legal_holds.release(connection, number, by="ann", reason="settled")
    retain(post)
    assert all(row["shredded_at"] for row in post.arrivals(delivery_id))
    assert post.findings() == []


def test_a_refused_delivery_keeps_its_files_as_long_as_any_other_and_its_name_no_longer(post: Post) -> None:
    post.agreed(envelope=ENVELOPE)
    post.put(NAME, csv(*WHOLE))
    (delivery_id,) = post.discover()
    with pytest.raises(DeliveryRejected):
        post.fetch(delivery_id)
    steps.retain([post.driver.feed], post.driver.site, now=datetime.now(UTC) + timedelta(days=30))
    assert post.arrivals(delivery_id)[0]["shredded_at"] is None
    retain(post)
    assert post.arrivals(delivery_id)[0]["shredded_at"]
    assert post.driver.facts(delivery_id)["file_name_sealed"] is None
    assert post.findings() == []


def test_equal_files_of_two_deliveries_go_when_the_last_of_them_goes(kept: tuple[Post, str]) -> None:
    post, first = kept
    sealed = wrapped(csv(*WHOLE[5:], employee(16)))
    post.put(part_name(2, 2), sealed, 3_600)
    post.put(f"{part_name(2, 2)}.sha256", sha256(sealed).encode(), 3_600)
    second = post.landed()
    assert post.arrivals(first)[2]["sha256"] == post.arrivals(second)[2]["sha256"]
    post.driver.do("UPDATE ops.delivery SET landed_at = landed_at + interval '10 days' WHERE delivery_id = %s", second)
    retain(post)
    gone = [row["shredded_at"] is not None for row in post.arrivals(first)]
    assert gone == [False, True, False, True]
    assert post.driver.facts(first)["shredded_at"]
    assert post.findings() == []


def test_keys_of_originals_are_wrapped_anew_and_names_sealed_anew(kept: tuple[Post, str]) -> None:
    post, delivery_id = kept
    settings = post.driver.site.settings
    both = replace(settings, seal_keys={"next": b"n" * 32, **settings.seal_keys})
    only = replace(settings, seal_keys={"next": b"n" * 32})
    steps.rewrap(open_site(both))
    census = steps.key_census(open_site(both))
    assert census.removable("seal") == list(settings.seal_keys)
    post.driver = Driver(post.driver.feed, quick(open_site(only)))
    for row in post.arrivals(delivery_id):
        assert post.content(row["manifest"])
        assert gathering._name(Arrival.from_row(row), post.driver.site).startswith("ELIG_")
    assert post.findings() == []
    post.driver.site.close()


@negative_control
def test_an_original_that_is_damaged_or_forgotten_is_found(kept: tuple[Post, str], tmp_path: Path) -> None:
    post, delivery_id = kept
    original = post.arrivals(delivery_id)[-1]
    path = tmp_path / "landing" / original["manifest"]["object_url"]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert [(found.code, found.ids) for found in check.run(post.driver.site, deep=True)] == [
        ("landing.damaged", (delivery_id,))
    ]
    post.driver.do("UPDATE ops.arrival SET manifest = NULL, sha256 = NULL, byte_count = NULL, landed_at = NULL")
    for each in (tmp_path / "landing").rglob("*"):
        os.utime(each, (0, 0))
    found = {finding.code for finding in check.run(post.driver.site)}
    assert found == {"landing.unproved", "landing.unknown"}
