"""What goes wrong at the sandbox's FHIR server, switchable while it runs.

A fault *at files* is aimed: ``{"Observation": 2}`` meets the next two downloads of
Observation files, ``-1`` all of them, and ``*`` stands for every type. A list of types
means ``-1`` for each.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _aimed(given: Any) -> Any:
    return dict.fromkeys(given, -1) if isinstance(given, list | tuple | set | frozenset) else given


Aim = Annotated[dict[str, int], BeforeValidator(_aimed)]
"""How many downloads are met, by type of resource."""

HOSTILE = {
    "file": "file:///etc/passwd",
    "other_host": "http://files.elsewhere.example/Patient.ndjson",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "userinfo": "http://somebody:secret@127.0.0.1/Patient.ndjson",
    "loopback_name": "http://localhost.:1/Patient.ndjson",
}
"""Named URLs for ``hostile_url``, ``hostile_status_url`` and ``hostile_next``; any other text is taken as the URL."""


class Faults(BaseModel):
    """Every field may be set at any time; unknown names and wrong types are refused (ValidationError).

    Fields that count down (``throttled=2``: the next two) are 0 when they are used up.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    # The pace of a healthy server.
    polls_until_ready: int = 1
    """So many polls are answered 202 before an export is complete."""
    progress: str = "in progress"
    retry_after: str | None = "1"
    """Literal header of 202 and 429: seconds, an HTTP-date, or nonsense; None leaves it out."""
    expires_in: int = 300
    """What the token answer promises, in seconds."""

    # Answers.
    delay_s: float = 0.0
    """Before every answer."""
    throttled_kickoffs: int = 0
    throttled: int = 0
    """Polls and searches answered 429."""
    transient: int = 0
    """Polls and searches answered 500 with an OperationOutcome of code ``transient``."""
    failed: bool = False
    """The export has failed: polls are answered 500 with code ``exception``."""
    html_status: int = 0
    """Polls and searches answered 200 with a web page."""
    token_errors: int = 0
    """Token requests answered 503."""
    transient_files: int = 0
    """Downloads answered 503."""
    token_lives_s: float | None = None
    token_lives_requests: int | None = None
    """Tokens die earlier than ``expires_in`` promised: after seconds, or after so many requests."""

    # The manifest.
    empty: bool = False
    missing_types: frozenset[str] = frozenset()
    wrong_count: frozenset[str] = frozenset()
    """Types whose ``count``, or ``total`` of a search, says one more than there is."""
    without_count: bool = False
    partial_manifests: int = 0
    """The output is spread over so many manifests, joined by ``link.next``."""
    error_entries: int = 0
    """So many OperationOutcomes in a file of ``error`` (``outcome_name``: of ``outcome``, STU4) or on each page."""
    outcome_name: bool = False
    deleted_entries: int = 0
    """So many deletions of patients that never were, in ``deleted``."""
    public_files: bool = False
    """``requiresAccessToken`` is false: the files lie in the store, which refuses a token."""
    hostile_url: str = ""
    """Stands for the first output file."""
    hostile_status_url: str = ""
    hostile_next: str = ""

    # Files.
    gone: Aim = Field(default_factory=dict)
    """410."""
    html: Aim = Field(default_factory=dict)
    """200 with a web page."""
    redirect_loop: Aim = Field(default_factory=dict)
    cut: Aim = Field(default_factory=dict)
    """The connection is cut in mid-file."""
    half_gzip: Aim = Field(default_factory=dict)
    """A complete answer with half of the compressed bytes."""
    short: Aim = Field(default_factory=dict)
    """The last line is missing, or the last match on a page of a search."""
    duplicate_lines: Aim = Field(default_factory=dict)
    """The first line comes twice."""
    bad_syntax: Aim = Field(default_factory=dict)
    nan: Aim = Field(default_factory=dict)
    duplicate_keys: Aim = Field(default_factory=dict)
    wrong_type: Aim = Field(default_factory=dict)
    wrong_charset: Aim = Field(default_factory=dict)
    huge: Aim = Field(default_factory=dict)
    """These spoil the first line; ``huge`` makes it ``huge_mb`` megabytes."""
    huge_mb: float = 20.0

    def hits(self, name: str, kind: str) -> bool:
        """Whether aimed fault ``name`` meets this download of ``kind``; counts it down. Hold a lock."""
        aim: dict[str, int] = getattr(self, name)
        target = kind if kind in aim else "*"
        left = aim.get(target, 0)
        if left > 0:
            aim[target] = left - 1
        return left != 0

    def used(self, name: str) -> bool:
        """Whether counting fault ``name`` meets this answer; counts it down. Hold a lock."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def change(self, given: dict[str, Any]) -> None:
        """Sets the given fields, all or none; raises ValidationError."""
        checked = Faults.model_validate(self.model_dump() | given)
        for name in given:
            setattr(self, name, getattr(checked, name))


LINE_FAULTS = ("short", "duplicate_lines", "bad_syntax", "nan", "duplicate_keys", "wrong_type", "wrong_charset", "huge")


def url_of(given: str) -> str:
    """The URL that a hostile field names."""
    return HOSTILE.get(given, given)
