"""The audit trail: chained, anchored outside the database; what was done to it by hand is found and named.

Tampering is done as the superuser, with triggers off: nothing in the database stops that.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from typer.testing import CliRunner

from concord import audit, check, steps
from concord.audit import chain
from concord.audit.anchors import TrailBroken
from concord.cli import app
from concord.postgres import connect, statement
from concord.protect import KeyRing
from concord.steps import Site
from tests.tally import count

if TYPE_CHECKING:
    from tests.playground import Playground

ENTRIES = 6
WRITERS, EACH = 8, 25


@pytest.fixture
def site(blank: Playground) -> Site:
    """An installation with an empty database."""
    blank.empty()
    return steps.open_site(blank.settings)


@pytest.fixture
def trail(site: Site) -> Site:
    """Six entries in one stream and six in another, anchored."""
    with site.database("test") as connection:
        connection.execute("INSERT INTO ops.lease (feed, partner) VALUES ('a_feed', 'p')")
    with connect(site.settings.loader_url) as connection:
        for number in range(ENTRIES):
            for name in ("a_feed", "elsewhere"):
                audit.record(
                    connection, actor="ann", action="look", object_id=name, count=number, purpose="a test", n=number
                )
            connection.commit()
    assert steps.anchor_audit(site) == {"anchored": 2}
    return site


def spoil(blank: Playground, text: LiteralString) -> None:
    """As the superuser, with triggers off."""
    blank.connection.execute(text)


@contextmanager
def replaced(blank: Playground, function: str, *changes: tuple[str, str]) -> Iterator[None]:
    """A function of the database, changed for a while."""
    source = blank.connection.execute(f"SELECT pg_get_functiondef('{function}'::regproc) AS it").fetchone()["it"]
    changed = source
    for old, new in changes:
        assert old in changed
        changed = changed.replace(old, new)
    blank.connection.execute(changed)
    try:
        yield
    finally:
        blank.connection.execute(source)


def flaws(site: Site) -> list[tuple[str, int]]:
    """Streams and numbers that the auditor's verification names."""
    with connect(str(site.settings.auditor_url)) as connection:
        return [(flaw.stream, flaw.seq) for flaw in chain.verify(connection, site.anchors.kept().genuine).flaws]


def found(site: Site) -> dict[str, tuple[str, ...]]:
    """Findings of ``concord check`` about the trail."""
    with site.database("check") as connection:
        return {finding.code: finding.ids for finding in check.trail.check(connection, site.anchors.newest())}


ANEW: LiteralString = """
UPDATE ops.audit a SET seq = -n.seq
FROM (SELECT audit_id, row_number() OVER (PARTITION BY stream ORDER BY seq, audit_id) AS seq FROM ops.audit) n
WHERE n.audit_id = a.audit_id;
UPDATE ops.audit SET seq = -seq;
DO $$ DECLARE entry ops.audit; head bytea; BEGIN
    FOR entry IN SELECT * FROM ops.audit ORDER BY stream, seq LOOP
        head := ops.audit_hash(CASE WHEN entry.seq = 1 THEN ops.audit_genesis() ELSE head END, entry);
        UPDATE ops.audit SET hash = head WHERE audit_id = entry.audit_id;
    END LOOP;
END $$;
DELETE FROM ops.audit_head;
INSERT INTO ops.audit_head SELECT DISTINCT ON (stream) stream, seq, hash FROM ops.audit ORDER BY stream, seq DESC
"""
"""What a superuser who knows the chain does afterwards: everything numbered and linked anew, and the heads set."""


# ── what is sound ──────────────────────────────────────────────────────────────


def test_every_stream_is_a_chain_without_gaps_and_two_programs_agree_on_it(trail: Site) -> None:
    with connect(str(trail.settings.auditor_url)) as connection:
        seen = chain.verify(connection, trail.anchors.kept().genuine)
        inside = connection.execute("SELECT * FROM ops.find_audit_flaws()").fetchall()
    assert (seen.entries, dict(seen.heads), seen.flaws) == (2 * ENTRIES, {"a_feed": ENTRIES, "site": ENTRIES}, ())
    assert inside == []
    assert found(trail) == {}


def test_an_entry_that_is_appended_while_the_chain_is_read_is_no_tampering(
    trail: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads and entries are read by two statements."""

    def heads_and_then_one_more(connection: Any, name: str, *rest: Any) -> Any:
        rows = whole(connection, name, *rest)
        with connect(trail.settings.loader_url) as writer:
            audit.record(writer, actor="ann", action="look", object_id="a_feed", count=1, purpose="a test")
        return rows

    whole = chain.run
    monkeypatch.setattr(chain, "run", heads_and_then_one_more)
    assert flaws(trail) == []


def test_an_entry_of_a_transaction_that_rolled_back_is_not_there_and_leaves_no_gap(trail: Site) -> None:
    def fail() -> None:
        with trail.database("test") as connection:
            audit.record(connection, actor="ann", action="look", object_id="nothing")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with trail.database("test") as connection:
        audit.record(connection, actor="ann", action="look", object_id="elsewhere")
    assert flaws(trail) == []


def test_the_words_of_an_entry_cannot_slip_from_one_field_into_the_next() -> None:
    assert chain.link(chain.GENESIS, ["ab", "c"]) != chain.link(chain.GENESIS, ["a", "bc"])
    assert chain.link(chain.GENESIS, ["-"]) != chain.link(chain.GENESIS, [None])
    assert chain.link(chain.GENESIS, [""]) != chain.link(chain.GENESIS, [None])


@pytest.mark.parametrize("setting", ["TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German'", "extra_float_digits = -15"])
def test_the_chain_does_not_depend_on_a_setting_of_the_session(trail: Site, setting: LiteralString) -> None:
    with connect(trail.settings.loader_url) as connection:
        connection.execute(f"SET {setting}")
        assert connection.execute("SELECT * FROM ops.find_audit_flaws()").fetchall() == []


# ── writers at once ────────────────────────────────────────────────────────────


def write_at_once(site: Site, work: Callable[[psycopg.Connection[Any], int], None]) -> None:
    """Eight sessions begin together; an error of one is an error of all."""
    barrier, failures = threading.Barrier(WRITERS), []

    def writer(number: int) -> None:
        try:
            with psycopg.connect(site.settings.loader_url, autocommit=True) as connection:
                barrier.wait(30)
                for turn in range(EACH):
                    with connection.transaction():
                        work(connection, number + turn)
        except Exception as error:  # noqa: BLE001 — judged below
            failures.append(error)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_eight_writers_of_two_streams_in_any_order_make_two_chains_and_no_deadlock(site: Site) -> None:
    """Every transaction writes to both streams, half of them in the other order."""

    def both(connection: psycopg.Connection[Any], number: int) -> None:
        first, second = ("a_feed", "elsewhere") if number % 2 else ("elsewhere", "a_feed")
        for name in (first, second):
            connection.execute("SELECT ops.append_audit('ann', 'look', %s)", [name])

    with site.database("test") as connection:
        connection.execute("INSERT INTO ops.lease (feed, partner) VALUES ('a_feed', 'p')")
    write_at_once(site, both)
    assert flaws(site) == []
    with connect(str(site.settings.auditor_url)) as auditor:
        heads = {row["stream"]: row["seq"] for row in auditor.execute("SELECT * FROM ops.audit_head").fetchall()}
    assert heads == {"a_feed": WRITERS * EACH, "site": WRITERS * EACH}


def test_a_long_transaction_that_wrote_an_entry_keeps_nobody_waiting(trail: Site) -> None:
    url = trail.settings.loader_url
    with psycopg.connect(url) as slow, psycopg.connect(url) as quick:
        slow.execute("SELECT ops.append_audit('slow', 'look', 'a_feed')")
        quick.execute("SET lock_timeout = '50ms'")
        quick.execute("SELECT ops.append_audit('quick', 'look', 'a_feed')")
        quick.commit()
        slow.commit()
    assert flaws(trail) == []


def test_without_taking_turns_the_chain_would_fork(blank: Playground, site: Site) -> None:
    """Negative control: the head read without its lock."""
    unlocked = (("FOR UPDATE", ""), ("link := NULL", "PERFORM pg_sleep(0.002); link := NULL"))
    with replaced(blank, "ops.chain_audit", *unlocked), pytest.raises(AssertionError, match="UniqueViolation"):
        write_at_once(site, lambda c, _: c.execute("SELECT ops.append_audit('ann', 'look', 'x')") and None)


# ── tampering ──────────────────────────────────────────────────────────────────

TAMPERING: dict[str, tuple[LiteralString, tuple[str, int]]] = {
    "an edit": ("UPDATE ops.audit SET actor = 'bob' WHERE (stream, seq) = ('a_feed', 3)", ("a_feed", 3)),
    "a deletion": ("DELETE FROM ops.audit WHERE (stream, seq) = ('a_feed', 3)", ("a_feed", 3)),
    "an insertion": (
        """UPDATE ops.audit SET seq = seq + 100 WHERE stream = 'a_feed' AND seq > 2;
        INSERT INTO ops.audit (actor, db_role, action, object, stream, seq, hash)
        SELECT 'bob', 'x', 'look', 'y', stream, 3, hash FROM ops.audit WHERE (stream, seq) = ('a_feed', 2);
        UPDATE ops.audit SET seq = seq - 99 WHERE stream = 'a_feed' AND seq > 100""",
        ("a_feed", 3),
    ),
    "a change of order": (
        """UPDATE ops.audit SET seq = -seq WHERE stream = 'a_feed' AND seq IN (3, 4);
        UPDATE ops.audit SET seq = 7 + seq WHERE stream = 'a_feed' AND seq < 0""",
        ("a_feed", 3),
    ),
    "a cut tail": ("DELETE FROM ops.audit WHERE stream = 'a_feed' AND seq > 4", ("a_feed", 5)),
}
"""What is done, and the first entry that must be named."""


@pytest.mark.parametrize("deed", TAMPERING)
def test_tampering_is_found_and_the_first_entry_named(deed: str, trail: Site, blank: Playground) -> None:
    text, named = TAMPERING[deed]
    spoil(blank, text)
    assert named in flaws(trail)
    assert {stream for stream, _ in flaws(trail)} == {"a_feed"}
    assert "audit.chain" in found(trail)


@pytest.mark.parametrize("deed", TAMPERING)
def test_tampering_is_found_when_the_chain_was_made_anew_after_it(deed: str, trail: Site, blank: Playground) -> None:
    text, (stream, _) = TAMPERING[deed]
    spoil(blank, text)
    spoil(blank, ANEW)
    assert {stream for stream, _ in flaws(trail)} == {stream}
    assert found(trail)["audit.anchor"] == (f"a_feed:{ENTRIES}",)
    with pytest.raises(TrailBroken, match="a_feed"):
        steps.anchor_audit(trail)


def test_a_broken_stream_is_not_anchored_again_and_the_others_are(trail: Site, blank: Playground) -> None:
    spoil(blank, "DELETE FROM ops.audit WHERE stream = 'a_feed' AND seq > 4")
    spoil(blank, ANEW)
    with trail.database("test") as connection:
        for name in ("a_feed", "a_feed", "a_feed", "elsewhere"):
            audit.record(connection, actor="ann", action="look", object_id=name)
    with pytest.raises(TrailBroken, match="a_feed"):
        steps.anchor_audit(trail)
    assert {a.stream: a.seq for a in trail.anchors.newest().genuine} == {"a_feed": ENTRIES, "site": ENTRIES + 1}
    assert ("a_feed", ENTRIES) in flaws(trail)


def test_a_stream_that_is_gone_whole_is_missed(trail: Site, blank: Playground) -> None:
    spoil(blank, "DELETE FROM ops.audit WHERE stream = 'a_feed'; DELETE FROM ops.audit_head WHERE stream = 'a_feed'")
    assert flaws(trail) == [("a_feed", 1)]
    assert found(trail)["audit.anchor"] == (f"a_feed:{ENTRIES}",)
    with pytest.raises(TrailBroken, match="a_feed"):
        steps.anchor_audit(trail)


def test_an_entry_that_was_never_chained_is_found(trail: Site, blank: Playground) -> None:
    spoil(blank, "SELECT ops.append_audit('ann', 'look', 'a_feed')")
    assert found(trail) == {"audit.chain": ("a_feed:pending",)}


def test_without_anchors_a_chain_made_anew_would_pass(trail: Site, blank: Playground) -> None:
    """Negative control of the anchors: nothing inside the database sees it."""
    spoil(blank, "DELETE FROM ops.audit WHERE stream = 'a_feed' AND seq > 4")
    spoil(blank, ANEW)
    assert flaws(trail) != []
    for path in (Path(trail.settings.landing_url.removeprefix("file://")) / "audit").rglob("*.anchor"):
        path.unlink()
    assert flaws(trail) == []
    assert found(trail) == {}


COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute
WHERE attrelid = 'ops.audit'::regclass AND attnum > 0 AND NOT attisdropped
"""
ALTERED = {
    "bigint": "coalesce({name}, 0) + 1000", "text": "coalesce({name}, '') || 'x'", "jsonb": "{name} || '{{\"x\": 1}}'",
    "bytea": "sha256({name})", "timestamp with time zone": "{name} + interval '1 microsecond'",
}  # fmt: skip


def test_no_column_can_be_altered_unnoticed(trail: Site, blank: Playground) -> None:
    """Whatever columns there are: one that a later migration adds and nobody hashes turns this red."""
    columns = {row["attname"]: row["kind"] for row in blank.connection.execute(COLUMNS).fetchall()}
    assert len(columns) == 12
    for name, kind in columns.items():
        with blank.connection.transaction(force_rollback=True):
            spoil(blank, "ALTER TABLE ops.audit ALTER audit_id DROP IDENTITY")
            altered = f"UPDATE ops.audit SET {name} = {ALTERED[kind].format(name=name)}"
            blank.connection.execute(f"{altered} WHERE (stream, seq) = ('a_feed', 2)")
            assert blank.connection.execute("SELECT FROM ops.find_audit_flaws()").fetchall(), name
    assert flaws(trail) == []


@pytest.mark.full
def test_a_column_that_is_not_hashed_could_be_altered(
    trail: Site, blank: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: both programs made to overlook ``purpose``; its alteration is found no more."""
    alteration: LiteralString = "UPDATE ops.audit SET purpose = 'other' WHERE (stream, seq) = ('a_feed', 2)"
    anchor_file(trail).unlink()
    with replaced(blank, "ops.audit_hash", ("entry.purpose", "NULL")):
        whole = statement
        spoil(blank, ANEW)
        monkeypatch.setattr(chain, "statement", lambda name: whole(name).replace("purpose", "NULL"))
        spoil(blank, alteration)
        blind = [flaw for flaw in flaws(trail) if flaw[0] == "a_feed"] + list(found(trail).get("audit.chain", ()))
    count("negative controls", tried=1, red=int(not blind))
    assert blind == []


# ── anchors ────────────────────────────────────────────────────────────────────


def anchor_file(site: Site, stream: str = "a_feed") -> Path:
    root = Path(site.settings.landing_url.removeprefix("file://"))
    (file,) = (root / "audit" / stream).glob("*.anchor")
    return file


def test_an_anchor_that_was_written_by_somebody_else_is_not_believed(trail: Site, blank: Playground) -> None:
    file = anchor_file(trail)
    told = json.loads(file.read_bytes())
    file.write_text(json.dumps(told | {"anchor": told["anchor"][:-1] + ("1" if told["anchor"].endswith("0") else "0")}))
    assert found(trail)["audit.doubtful"] == (f"audit/a_feed/{ENTRIES:012d}.anchor",)
    file.write_text("not an anchor")
    assert found(trail)["audit.doubtful"] == (f"audit/a_feed/{ENTRIES:012d}.anchor",)


def test_what_did_not_grow_is_not_anchored_again(trail: Site) -> None:
    assert steps.anchor_audit(trail) == {"anchored": 0}


def test_entries_that_nobody_anchored_for_a_day_are_a_finding(trail: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concord.check.trail.UNANCHORED", timedelta(0))
    assert found(trail) == {}
    with trail.database("test") as connection:
        audit.record(connection, actor="ann", action="look", object_id="a_feed")
    assert found(trail) == {"audit.unanchored": (f"a_feed:{ENTRIES + 1}",)}


def test_a_token_key_can_go_once_the_newest_anchors_are_under_another(trail: Site) -> None:
    settings = trail.settings

    with trail.database("test") as connection:
        audit.record(connection, actor="ann", action="look", object_id="a_feed")
    steps.anchor_audit(trail)

    def under(**token_keys: bytes) -> Site:
        return replace(trail, keys=KeyRing(settings.seal_keys, token_keys))

    old, new = dict(settings.token_keys)["test"], b"n" * 32
    assert len(under(new=new).anchors.kept().doubtful) == 3, "too early: nothing vouches for the stream"
    assert steps.anchor_audit(under(new=new, test=old)) == {"anchored": 2}
    assert under(new=new).anchors.kept().doubtful == ()
    assert found(under(new=new)) == {}


# ── the command ────────────────────────────────────────────────────────────────


@pytest.fixture
def shell(trail: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``concord``, at the trail's installation."""
    settings = trail.settings
    for role in ("loader", "auditor", "revealer"):
        monkeypatch.setenv(f"CONCORD_{role.upper()}_URL", getattr(settings, f"{role}_url"))
    monkeypatch.setenv("CONCORD_LANDING_URL", settings.landing_url)
    for name, keys in (("SEAL", settings.seal_keys), ("TOKEN", settings.token_keys)):
        monkeypatch.setenv(f"CONCORD_{name}_KEYS", f"test:{b64encode(keys['test']).decode()}")
    return lambda *arguments: CliRunner().invoke(app, ["audit", *arguments])


def test_the_command_verifies_and_names_what_is_wrong(
    shell: Callable[..., Any], trail: Site, blank: Playground
) -> None:
    sound = shell("verify")
    assert (sound.exit_code, "12 entries, unbroken" in sound.stdout) == (0, True), sound.output
    spoil(blank, "UPDATE ops.audit SET actor = 'bob' WHERE (stream, seq) = ('a_feed', 3)")
    broken = shell("verify")
    assert (broken.exit_code, "stream a_feed, entry 3 was altered" in broken.stdout) == (1, True), broken.output


def test_the_command_lists_and_anchors(shell: Callable[..., Any]) -> None:
    listed = shell("list", "--actor", "ann", "--limit", "3")
    assert (listed.exit_code, listed.stdout.count("a test")) == (0, 3), listed.output
    assert "0 streams anchored" in shell("anchor").stdout
