"""Where and when a delivery is, what puts it in order, and what the bytes of records look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from concord.contract.envelope import Pgp, Wrapping


@dataclass(frozen=True)
class ControlFile:
    """A small file beside a delivery that says what it is made of (``.ctl``, ``.trg``); a companion's ``name``.

    Each of its lines that is not blank reads as one of ``lines``, in which ``{file}``, ``{bytes}``, ``{records}`` and
    ``{parts}`` are what it says and ``*`` is anything: ``("{file}|{bytes}|{records}",)``, ``("ROWS={records}", "*")``.
    What a line says is about the file it names, else about the whole delivery. ``records`` are those that the format
    reads, refused ones among them: lines of names and control records are none.
    """

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class SftpDrop:
    """Files in one directory of a partner's SFTP server.

    ``pattern`` is a file name with ``{date:%Y%m%d}`` and optionally ``{sequence}``
    (digits); ``*`` matches anything else. A file counts as complete when its size
    and mtime stood still for ``stable_for`` and its companions are there.
    Names ending in one of ``temporary`` are still being written.

    A *companion* is named after its file: ``.done`` is put behind the whole name (``x.csv.done``), ``{stem}.done``
    takes the place of the extension (``x.done``), and ``ELIG_{date}.ctl`` is one for all files of a delivery, with
    date and sequence as they stand in their names. ``done_suffix`` is one whose being there is all it says;
    ``checksum`` one with the MD5, SHA-256 or SHA-512 of the file as it lies there (``HASH``, ``HASH  name``).

    A pattern with ``{part}`` has a delivery in several files: as many as ``{parts}`` in their names, ``parts``, or the
    control file says. All else in their names is equal. Parts last changed more than ``parts_within`` apart belong
    to different deliveries.

    ``envelope`` is what is wrapped around each file, the outermost first.
    """

    conn_id: str
    directory: str
    pattern: str
    stable_for: timedelta = timedelta(seconds=60)
    done_suffix: str | None = None
    control: ControlFile | None = None
    checksum: str | None = None
    parts: int | None = None
    parts_within: timedelta = timedelta(hours=12)
    envelope: tuple[Wrapping, ...] = ()
    temporary: tuple[str, ...] = (".tmp", ".part", ".filepart", ".partial", ".writing", ".swp")
    max_bytes: int = 20_000_000_000

    @property
    def pgp(self) -> Pgp | None:
        """The layer of PGP in its envelope, which needs keys; where there are more, they have one connection."""
        return next((layer for layer in self.envelope if isinstance(layer, Pgp)), None)

    @property
    def in_parts(self) -> bool:
        """Whether a delivery comes in several files."""
        return "{part}" in self.pattern

    @property
    def counts_parts_by_control(self) -> bool:
        """Whether only the control file says of how many files a delivery is made."""
        return self.in_parts and self.control is not None and "{parts}" not in self.pattern and self.parts is None

    @property
    def keeps_files(self) -> bool:
        """Whether its files are landed one by one before they are a delivery: there is more to one than a file."""
        return bool(self.in_parts or self.control or self.checksum or self.envelope)

    @property
    def phrase(self) -> str:
        """Where files are and what stands beside them, as Markdown."""
        control = self.control.name if self.control else None
        beside = {"a companion": self.done_suffix, "a control file": control, "checksums": self.checksum}
        parts = [
            f"SFTP, connection `{self.conn_id}`, `{self.directory}/{self.pattern}`",
            f"in {self.parts or 'several'} files, all or nothing" if self.in_parts else "",
            *(f"with {what} `{form}`" for what, form in beside.items() if form),
            f"in an envelope: {', '.join(layer.phrase for layer in self.envelope)}" if self.envelope else "",
        ]
        return "; ".join(filter(None, parts))


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday at ``at`` in ``tz``; the delivery is late after ``expected_by`` on the same day."""

    at: str
    tz: str
    expected_by: str
    promised_on: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Days of the week that bring a delivery; Monday is 0. It may be looked for more often."""
    holidays: tuple[date, ...] = ()
    """Days on which nothing is expected. One that passed is entered too, when the partner had nothing to send."""
    dated_days_before: int = 0
    """Days from the date in a file's name to the business day on which it comes."""
    stale_after: int = 3
    """Business days that the tables may be behind while deliveries come and do not get in."""

    @property
    def cron(self) -> str:
        """The schedule as a five-field cron expression, in ``tz``."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * 1-5"

    def expects(self, day: date) -> bool:
        """Whether a delivery is promised for ``day``: whether it is a business day."""
        return day.weekday() in self.promised_on and day not in self.holidays


@dataclass(frozen=True)
class Daily(Weekdays):
    """Every day at ``at`` in ``tz``."""

    promised_on: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)

    @property
    def cron(self) -> str:
        """The schedule as a five-field cron expression, in ``tz``."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * *"


@dataclass(frozen=True)
class OrderBy:
    """What puts two deliveries in order before their arrival does (reconcile §3)."""

    file_date: bool = True
    sequence: bool = False


@dataclass(frozen=True)
class FhirBulk:
    """A FHIR server's bulk export (HL7 FHIR Bulk Data Access IG, STU2): an export is a delivery.

    ``level`` is ``system`` (``/$export``), ``patient`` (``/Patient/$export``) or ``group``
    (``/Group/[id]/$export``, one export for each of ``groups``). ``types`` are asked for as ``_type``.
    With ``incremental`` an export asks for what changed ``_since`` the transaction time of the last one that
    got in (Epic does not do that). ``repeated`` repeats a parameter instead of joining its values by commas;
    ``by_post`` sends a Parameters resource. A job is given up after ``patience``.
    """

    conn_id: str
    level: str
    types: tuple[str, ...]
    groups: tuple[str, ...] = ()
    incremental: bool = True
    type_filters: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    repeated: bool = False
    by_post: bool = False
    patience: timedelta = timedelta(days=14)
    max_bytes: int = 200_000_000_000


@dataclass(frozen=True)
class FhirSearch:
    """A FHIR server's searches, patient by patient (R4, "Search"): what is left where bulk exports are unusable.

    A crawl is a delivery. Whom it asks for is its ``roster``: ``held``, the patients that ``core.patient`` holds from
    this feed and from ``seeded_by`` (feeds of the partner whose ids are the server's), or ``group``, the members of
    ``Group/[id]``, one crawl for each of ``groups``. Of each of ``types`` a patient has, ``patient=[id]`` is asked for;
    what belongs to no patient (Practitioner, Organization, Location) is asked for whole. Searches tell no deletions.

    With ``incremental`` patients of the last crawl that got in are asked for by ``_lastUpdated=ge``, the others whole.
    ``by_post`` keeps the ids of patients out of the server's URLs. ``totals`` believes ``Bundle.total``.
    A crawl is given up after ``patience``.
    """

    conn_id: str
    types: tuple[str, ...]
    roster: str
    groups: tuple[str, ...] = ()
    seeded_by: tuple[str, ...] = ()
    incremental: bool = False
    by_post: bool = True
    totals: bool = True
    page_size: int = 100
    at_a_time: int = 2
    """Searches that run at once: many servers answer the next one with 429."""
    patience: timedelta = timedelta(days=7)
    max_bytes: int = 200_000_000_000

    @property
    def phrase(self) -> str:
        """Where and how, for a table of facts."""
        whose = f"members of {', '.join(self.groups)}" if self.groups else "the patients that are held"
        return f"searches at a FHIR server, connection `{self.conn_id}`: {', '.join(self.types)}, of {whose}"


@dataclass(frozen=True)
class FhirNdjson:
    """FHIR resources, one a line (Bulk Data IG, "Output Files"): R4, and the shapes of STU3 and R5."""

    max_resource_bytes: int = 16_777_216


@dataclass(frozen=True)
class Hl7v2:
    """HL7 version 2 ADT messages in a file, by themselves or in batches (HL7 v2.5.1, 2.10.3).

    ``encoding`` counts where MSH-18 says nothing; ``tz`` where a timestamp has no offset.
    """

    encoding: str = "utf-8"
    tz: str = "UTC"
    max_message_bytes: int = 1_048_576
