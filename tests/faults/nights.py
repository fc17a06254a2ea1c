"""The nights that faults are injected into: what lies there in the evening, and who does what.

A night is prepared once and put back before each time it is lived. Lived without a
fault it says what every other time has to come to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from concord import check, ledger, steps
from concord.acquire import SftpAccess
from concord.acquire.fhir_bulk.access import FhirAccess
from concord.check import Finding
from concord.contract import Answers, Feed, From, Limit, Pgp, SftpDrop, Text
from concord.errors import DeliveryRejected
from concord.ledger import Delivery
from concord.sandbox.sftp_server import SftpPartner
from concord.settings import Settings
from concord.steps import Site
from concord.steps.arriving import run_of
from tests.faults.clockwork import ROUNDS, Clockwork
from tests.faults.ehr import Ehr, crawling, exporting
from tests.faults.outcome import Result, result_of
from tests.playground import Playground
from tests.resources import ndjson, patient
from tests.rosters import BASE, FRI, THU, WED, Driver, child, employee, guarded, lax, mended, quick, without
from tests.unit.acme_rows import file
from tests.unit.x12_files import feed as plan_feed
from tests.unit.x12_files import interchange, member, text, transaction
from tests.unwrapping import no_key, wrapped

LATER = timedelta(hours=7)
"""Longer than anything a crash leaves may lie about."""
YESTERDAY = 1_763_600_000.0
"""When the partner's files were last touched."""
FOLDERS = ("outbound", "from_concord")
"""At the partner: what they send, and what they hear."""

ORDINARY = [
    employee(1, PLAN="HMO-2"), employee(1, COVERAGE="DENTAL", PLAN="DEN-1"), *without(1, 4, 7),
    employee(7, COVEND="11/15/2026"), employee(11), employee(12), child(12, "02"), employee(13), employee(13, PLAN="X"),
    employee(5, COVEFF="02/30/2026"), employee(12),
]  # fmt: skip
"""Thursday: adds, changes, ends told and inferred; refused while reading and while planning; a duplicate."""
FEW = without(*range(3, 9))
"""So many are missing that a guard holds the delivery."""
HOLDING = guarded(ends=Limit(share=0.05, floor=3))

Prepare = Callable[[Driver, Any], None]
"""Gets the partner's server as well: :class:`SftpPartner`, or the :class:`Ehr` of a feed that asks for exports."""


@dataclass(frozen=True)
class Night:
    """One evening's state and how people behave.

    ``watched`` nights begin with the watch DAG; in others a run is open that goes on with task ``begin_at``.
    In a night that ``rotates`` there are new keys, and what is under old ones is put under them; in one that
    ``retains`` all that lies there is past its retention.
    The ``deed`` is what somebody does when the runs are over: with the refused rows, with an export that the server
    works on, with the links of patients to members, or with what the partner has to hear. ``exports`` says how many
    the server makes.
    """

    prepare: Prepare = field(repr=False)
    feed: Feed = field(default_factory=lax, repr=False)
    watched: bool = False
    begin_at: str | None = None
    rotates: bool = False
    retains: bool = False
    deed: str = ""
    exports: int = 0
    habits: dict[str, Any] = field(default_factory=dict)


def _waiting(_: Driver, partner: SftpPartner) -> None:
    put(partner, file(*ORDINARY))


def put(partner: SftpPartner, data: bytes) -> None:
    """Thursday's file at the partner, finished long ago."""
    path = partner.root / "outbound" / f"ELIG_{THU:%Y%m%d}.csv"
    path.write_bytes(data)
    os.utime(path, (YESTERDAY, YESTERDAY))


def _vanished(driver: Driver, partner: SftpPartner) -> None:
    """Seen at the partner, and removed before it was fetched."""
    put(partner, file(*ORDINARY))
    steps.discover(driver.feed, access(partner), driver.site)
    (partner.root / "outbound" / f"ELIG_{THU:%Y%m%d}.csv").unlink()


def gathered() -> Feed:
    """Acme, as if its roster came in two envelopes, with a list of their hashes."""
    feed = lax()
    pattern = "ELIG_{date:%Y%m%d}_{part}of{parts}.csv"
    source = replace(feed.drop, pattern=pattern, checksum="ELIG_{date}.sha256", envelope=(Pgp("acme_pgp"),))
    return replace(feed, source=source)


def _in_parts(_: Driver, partner: SftpPartner) -> None:
    halves = (ORDINARY[:9], ORDINARY[9:])
    parts = {f"ELIG_{THU:%Y%m%d}_{n}of2.csv": wrapped(file(*rows)) for n, rows in enumerate(halves, start=1)}
    hashes = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in parts.items())
    for name, content in {**parts, f"ELIG_{THU:%Y%m%d}.sha256": hashes.encode()}.items():
        path = partner.root / "outbound" / name
        path.write_bytes(content)
        os.utime(path, (YESTERDAY, YESTERDAY))


def _refused_envelope(driver: Driver, partner: SftpPartner) -> None:
    """Nobody could open Thursday's; by now somebody can."""
    _in_parts(driver, partner)
    (delivery_id,) = steps.discover(driver.feed, access(partner), driver.site)
    with no_key(), suppress(DeliveryRejected):
        steps.fetch(driver.feed, delivery_id, access(partner), driver.site)
    with driver.site.database() as connection:
        assert ledger.find(connection, delivery_id).state == "rejected"


def _landed(driver: Driver, _: SftpPartner) -> None:
    driver.deliver(file(*ORDINARY), THU)


def _queued(driver: Driver, _: SftpPartner) -> None:
    driver.deliver(file(*ORDINARY), THU)
    driver.deliver([*ORDINARY, employee(14)], FRI)


def _few(driver: Driver, _: SftpPartner) -> None:
    driver.deliver(FEW, THU)


def _broken(driver: Driver, _: SftpPartner) -> None:
    driver.deliver(b"EMPID\r\nE0000001\r\n", THU)


def answered() -> Feed:
    """A health plan's 834s, acknowledged and reported on."""
    group = {"group_id": From("group", Text(r"\AGRP[0-9]\Z"), required=True)}
    answers = Answers("/from_concord", acknowledge=True)
    return replace(plan_feed(group), policy=lax().policy, answers=answers)


def _enrolled(driver: Driver, _: SftpPartner) -> None:
    """Thursday's has a member whose birth date cannot be read."""
    broken = [segment.replace("D8*19800313", "D8*19800399") for segment in member(3)]
    driver.deliver(text(*interchange(transaction(member(1), member(2), broken))), THU)


def _staged(driver: Driver, _: SftpPartner) -> None:
    steps.stage(driver.feed, driver.deliver(file(*ORDINARY), THU), 1, driver.site)


def _reworded(driver: Driver, _: SftpPartner) -> None:
    """Planned: nothing but changes, which no unique key keeps from being written twice."""
    rows = [employee(1, PLAN="HMO-2", LASTNAME="Other"), *without(1), employee(1, COVERAGE="DENTAL", PLAN="DEN-1")]
    rows[-1]["LASTNAME"] = "Other"
    assert driver.planned(driver.deliver(rows, THU)).state == "planned"


def _passed(driver: Driver, _: SftpPartner) -> None:
    """Thursday's is held; Friday's has passed it and is planned: both say the same change."""
    change = [employee(1, PLAN="HMO-2"), employee(1, COVERAGE="DENTAL", PLAN="DEN-1")]
    assert driver.planned(driver.deliver([*change, *without(1, rows=FEW)], THU)).state == "held"
    assert driver.planned(driver.deliver([*change, *without(1)], FRI)).state == "planned"


def _three_days(driver: Driver, _: SftpPartner) -> None:
    """Three files, the second with a row that was refused."""
    broken = employee(5, COVEFF="02/30/2026")
    for day, rows in ((THU, [*BASE[1:], BASE[0], broken]), (FRI, [*BASE[2:], *BASE[:2]])):
        assert driver.day(rows, day).state == "published"


def _two_days(driver: Driver, _: SftpPartner) -> None:
    """Both planned: somebody opened the second by hand."""
    days = [driver.deliver(file(*ORDINARY), THU), driver.deliver([*ORDINARY, employee(14)], FRI)]
    assert [driver.planned(one).state for one in days] == ["planned", "planned"]


def _planned(driver: Driver, _: SftpPartner) -> None:
    assert driver.planned(driver.deliver(file(*ORDINARY), THU)).state == "planned"


def _applied(driver: Driver, _: SftpPartner) -> None:
    run = driver.planned(driver.deliver(file(*ORDINARY), THU))
    assert steps.apply(driver.feed, run.delivery_id, 1, driver.site)["state"] == "applied"


def _left_applied(driver: Driver, partner: SftpPartner) -> None:
    """A killed fetch of another file left its part as well."""
    _applied(driver, partner)
    parts = Path(driver.site.settings.landing_url.removeprefix("file://")) / "parts"
    (parts / "0abcdefg.1.0123456789ab.part").write_bytes(b"ciphertext")


def _refused(driver: Driver, _: SftpPartner) -> None:
    """Thursday's is in the tables, but for rows of a code that the contract did not know then."""
    driver.feed = lax()
    rows = [*without(3), employee(3, PLAN="HMO-2", TIER="EE+1"), employee(11, TIER="EE+1"), child(11, "02")]
    assert driver.day([*rows, employee(12, TIER="EE+1", STATE="?")], THU).state == "published"


def _stray(driver: Driver, partner: SftpPartner) -> None:
    """A killed fetch came between object and manifest, as its key among the parts shows."""
    _applied(driver, partner)
    landing = Path(driver.site.settings.landing_url.removeprefix("file://"))
    sha256 = "ab" * 32
    (landing / "objects" / "ab").mkdir(mode=0o700, exist_ok=True)
    (landing / "objects" / "ab" / f"{sha256}.{'0f' * 16}").write_bytes(b"ciphertext")
    (landing / "parts" / "0abcdefg.1.0123456789ab.part.key").write_bytes(b"{}")


def _long_held(driver: Driver, _: SftpPartner) -> None:
    assert driver.planned(driver.deliver(FEW, THU)).state == "held"
    driver.do("UPDATE ops.plan SET created_at = created_at - interval '2 days'")


def _second_day(driver: Driver, ehr: Ehr) -> None:
    """The first export is in the tables; since then resources were added, changed and deleted."""
    hospital = ehr.at(driver.feed, driver.site)
    (run,) = hospital.day(1, "approve")
    assert run.state == "published"
    ehr.server.day = 2


def _running(driver: Driver, ehr: Ehr) -> None:
    """The server works on the second day's, and is about to be ready."""
    _second_day(driver, ehr)
    ehr.at(driver.feed, driver.site).ask()
    ehr.make_ready()


def _exported(driver: Driver, ehr: Ehr) -> None:
    """It is ready, and nothing of it is here."""
    _second_day(driver, ehr)
    hospital = ehr.at(driver.feed, driver.site)
    (delivery_id,) = hospital.ask()
    assert hospital.wait(delivery_id)["state"] == "ready"


def _miscounted(driver: Driver, ehr: Ehr) -> None:
    """The server says of a type that it is more than comes: of the last, so that others have landed by then."""
    _second_day(driver, ehr)
    ehr.server.faults.wrong_count = frozenset({"Coverage"})


def _patients(driver: Driver, _: Ehr) -> None:
    """Two patients, the first of whom is employee 1 by all that is known."""
    (member,) = driver.all("SELECT * FROM core.member WHERE subscriber_id = 'E0000001' AND person_code = '01'")
    number = {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}}
    same = {
        "name": [{"use": "official", "family": member["last_name"], "given": [member["first_name"]]}],
        "birthDate": member["birth_date"].isoformat(),
        "identifier": [number | {"value": "E0000001"}],
    }
    assert driver.day(ndjson(patient(1, **same), patient(2)), THU, "approve").state == "published"


NIGHTS: dict[str, Night] = {
    "arriving": Night(_waiting, watched=True),
    "gathering": Night(_in_parts, gathered(), watched=True),
    "opening again": Night(_refused_envelope, gathered(), deed="open again"),
    "vanished": Night(_vanished, watched=True),
    "landed": Night(_landed),
    "queued": Night(_queued),
    "held": Night(_few, HOLDING),
    "declined": Night(_few, HOLDING, habits={"verdict": "decline"}),
    "unanswered": Night(_few, HOLDING, habits={"unanswered": 1}),
    "rejected": Night(_broken),
    "dead end": Night(_landed, habits={"dead_end": "apply"}),
    "staged": Night(_staged, begin_at="plan"),
    "planned": Night(_planned, begin_at="apply"),
    "reworded": Night(_reworded, begin_at="apply"),
    "passed": Night(_passed, HOLDING, begin_at="apply"),
    "two days": Night(_two_days, begin_at="apply"),
    "applied": Night(_applied, begin_at="settle"),
    "lost": Night(_planned),
    "unsettled": Night(_left_applied),
    "rotating": Night(_few, HOLDING, rotates=True),
    "retaining": Night(_three_days, retains=True),
    "replaying": Night(_refused, mended(lax()), deed="replay"),
    "waiving": Night(_refused, deed="waive"),
    "stray": Night(_stray, begin_at="settle"),
    "long held": Night(_long_held, HOLDING),
    "exporting": Night(_second_day, exporting(), watched=True, exports=1),
    "running": Night(_running, exporting(), watched=True, exports=1),
    "exported": Night(_exported, exporting(), watched=True, exports=1),
    "refusing": Night(_miscounted, exporting(), watched=True, exports=1),
    "cancelling": Night(_running, exporting(), deed="cancel", exports=2),
    "crawling": Night(lambda *_: None, crawling(), watched=True),
    "answering": Night(_enrolled, answered(), deed="answer"),
    "linking": Night(_patients, exporting(), deed="link"),
}


def access(partner: SftpPartner) -> SftpAccess:
    return SftpAccess("127.0.0.1", partner.port, "concord", partner.host_key_line, password="open sesame", timeout_s=10)


@dataclass
class Nights:
    """All nights at one database, one archive, one partner with files and one with exports."""

    playground: Playground
    partner: SftpPartner
    ehr: Ehr
    folder: Path
    clean: dict[str, Result] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def landing(self) -> Path:
        return Path(self.playground.settings.landing_url.removeprefix("file://"))

    @property
    def site(self) -> Site:
        return steps.open_site(self.playground.settings)

    def settings(self, name: str, *, only_new: bool = False) -> Settings:
        """The installation's settings in night ``name``: where keys are rotated, with new ones in front."""
        settings = self.playground.settings
        if not NIGHTS[name].rotates:
            return settings
        seal, token = ({}, {}) if only_new else (settings.seal_keys, settings.token_keys)
        return replace(settings, seal_keys={"next": b"n" * 32, **seal}, token_keys={"next": b"t" * 32, **token})

    # ── evenings ──

    def begin(self, name: str) -> None:
        """As it is in the evening of night ``name``; prepared when it is lived for the first time."""
        state = name.replace(" ", "_")
        if "first_day" not in self.playground.kept:
            self._keep("first_day", _first_day, lax())
        if state not in self.playground.kept:
            self._put_back("first_day")
            self._keep(state, NIGHTS[name].prepare, NIGHTS[name].feed)
        self._put_back(state)

    def _keep(self, state: str, prepare: Prepare, feed: Feed) -> None:
        if state == "first_day":
            self.playground.empty()
        site = quick(self.site)
        prepare(Driver(feed, site), self.partner if isinstance(feed.source, SftpDrop) else self.ehr)
        site.close()
        self.playground.keep(state)
        self.ehr.keep(state)
        shutil.copytree(self.landing, self.folder / state / "landing")
        for name in FOLDERS:
            shutil.copytree(self.partner.root / name, self.folder / state / name)

    def _put_back(self, state: str) -> None:
        self.playground.put_back(state)
        self.ehr.put_back(state)
        for place in (self.landing, *(self.partner.root / name for name in FOLDERS)):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self.folder / state / place.name, place)

    # ── nights ──

    def clockwork(self, name: str, folder: Path, **faults: Any) -> Clockwork:
        """What drives night ``name``; ``folder`` takes what it writes down."""
        night = NIGHTS[name]
        entry = self.entry(night) if night.watched or night.deed in ("cancel", "answer") else None
        return Clockwork(night.feed, self.settings(name), folder, entry, **(night.habits | faults))

    def entry(self, night: Night) -> SftpAccess | FhirAccess:
        """How the watch logs in."""
        return access(self.partner) if isinstance(night.feed.source, SftpDrop) else self.ehr.access

    def evening(self, name: str, folder: Path, **faults: Any) -> Clockwork:
        """The evening of night ``name``, its runs open."""
        self.begin(name)
        clock = self.clockwork(name, folder, **faults)
        if NIGHTS[name].watched:
            clock.watch()
        elif begin_at := NIGHTS[name].begin_at:
            clock.begin_at = begin_at
            clock.open([run_of(delivery) for delivery in self.unfinished()])
        clock.due()
        return clock

    def live(self, name: str, folder: Path, **faults: Any) -> Clockwork:
        """Lives night ``name`` to its end, and hours beyond it."""
        clock = self.evening(name, folder, **faults)
        clock.work()
        if NIGHTS[name].rotates:
            clock.rotate()
        if NIGHTS[name].retains:
            clock.retain()
        if NIGHTS[name].deed:
            self.do(NIGHTS[name].deed, clock)
        self.live_on(clock)
        return clock

    def do(self, deed: str, clock: Clockwork) -> None:
        """What somebody does when the runs are over."""
        if deed == "link":
            assert clock.task("link").ok
        elif deed == "answer":
            assert clock.task("answer", access=clock.access).ok
        elif deed == "cancel":
            clock.cancel(self.on_its_way())
        elif deed == "open again":
            clock.open_again(self.rejected())
        else:
            clock.with_refused_rows(deed)

    def on_its_way(self) -> str:
        """The delivery that an export brings."""
        statement = "SELECT delivery_id FROM ops.export WHERE state <> 'over'"
        return str(self.playground.connection.execute(statement).fetchone()["delivery_id"])

    def rejected(self) -> str:
        """The delivery that was rejected."""
        statement = "SELECT delivery_id FROM ops.delivery WHERE state = 'rejected'"
        return str(self.playground.connection.execute(statement).fetchone()["delivery_id"])

    def unfinished(self) -> list[Delivery]:
        """Deliveries that a run works on."""
        with self.site.database() as connection:
            return ledger.deliveries(connection, lax().name, frozenset({"staged", "planned", "held", "applied"}))

    def live_on(self, clock: Clockwork) -> None:
        """The reconciler, hours later, until there is nothing left to do."""
        for _ in range(ROUNDS):
            self.age()
            went_on = self.watch_on(clock)
            if not clock.reconcile() and not went_on:
                return
        raise AssertionError("the reconciler found something to do every time")

    def watch_on(self, clock: Clockwork) -> bool:
        """The next watch run, where one left an export behind; the time of a job that nobody knows is over by then."""
        open_ = "SELECT state FROM ops.export WHERE state IN ('wanted', 'running', 'ready')"
        left = self.playground.connection.execute(open_).fetchall()
        if not left:
            return False
        if left == [{"state": "wanted"}]:
            self.ehr.forget_jobs()
        clock.watch()
        clock.due()
        clock.work()
        return True

    def age(self) -> None:
        """Everything was left hours ago."""
        values = {"later": LATER}
        self.playground.connection.execute("UPDATE ops.delivery SET state_at = state_at - %(later)s", values)
        self.playground.connection.execute("UPDATE ops.stage_attempt SET started_at = started_at - %(later)s", values)
        for path in filter(Path.is_file, self.landing.rglob("*")):
            long_ago = path.stat().st_mtime - LATER.total_seconds()
            os.utime(path, (long_ago, long_ago))

    # ── mornings ──

    def result(self) -> Result:
        return result_of(self.playground.connection, self.landing, self.partner.root / "from_concord")

    def findings(self, name: str = "landed") -> list[Finding]:
        """What ``concord check`` finds; after a rotation without the old keys."""
        return check.run(steps.open_site(self.settings(name, only_new=True)), deep=True)

    def expected(self, name: str) -> Result:
        """What night ``name`` comes to without a fault."""
        if name not in self.clean:
            clock = self.live(name, self.new_folder(f"clean-{name}"))
            assert (found := self.findings(name)) == [], found
            self.clean[name], self.seconds[name] = self.result(), clock.seconds
        return self.clean[name]

    def new_folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path


def _first_day(driver: Driver, _: SftpPartner) -> None:
    driver.begin(BASE, WED)


@contextmanager
def partner_at(root: Path) -> Iterator[SftpPartner]:
    """The partner's server, with an empty folder."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    with SftpPartner(root) as partner:
        partner.add_user("concord", password="open sesame")
        yield partner
