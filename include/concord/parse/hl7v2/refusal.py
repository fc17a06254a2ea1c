"""Why a message is not read: stable codes, shown in quarantine."""

from __future__ import annotations

from enum import StrEnum

from concord.errors import ConcordError


class Code(StrEnum):
    """Reasons of a refused message; ``<column>.unreadable`` stands beside them."""

    NO_MSH = "message.no_msh"
    """Segments that follow no MSH: nobody knows their separators, sender or time."""
    TOO_LONG = "message.too_long"
    NUL = "message.nul"
    FRAMING = "message.framing"
    """MLLP's bytes stand in a line: two messages may be glued together there."""
    ENCODING = "message.encoding"
    """Bytes that are no text in the message's charset; nothing is guessed."""
    CHARSET = "message.charset_unknown"
    """MSH-18 names a charset that is not read (or none of HL7 table 0211)."""
    SEPARATORS = "message.separators"
    VERSION = "message.version"
    """MSH-12 is not a 2.x."""
    TYPE = "message.type"
    """MSH-9 is not ADT."""
    TRIGGER = "message.trigger_unknown"
    PROCESSING = "message.processing_id"
    """MSH-11 says that it is for training or for debugging: no real person."""
    CONTINUED = "message.continued"
    """MSH-14 or DSC-1: a fragment of a message."""
    REPEATED = "message.control_id_repeated"
    """The same MSH-10 of the same sender as a message before, with another content."""
    SEGMENT = "segment.malformed"
    """A line that is no segment: a value with a line end in it, perhaps of a person's name."""
    SEGMENTS = "segment.count"
    """More segments than a message ever has."""
    REPETITIONS = "field.repetitions"
    """More repetitions of one field than are ever meant."""
    NO_PID = "segment.missing_pid"
    NO_MRG = "segment.missing_mrg"
    NO_PV1 = "segment.missing_pv1"
    TWO_EVN = "segment.repeated_evn"
    TWO_PID = "segment.repeated_pid"
    """Two persons in an event of one: an MSH between them was lost."""
    TWO_PV1 = "segment.repeated_pv1"
    NO_IDENTIFIER = "patient.no_identifier"
    NO_VISIT = "visit.no_number"
    """An event that is about a visit and nothing else does not say which."""
    SAME = "merge.same_identifier"
    """Who is replaced and by whom is the same."""


class MessageRefused(ConcordError):
    """This message is not read; ``code`` says why, and never a value."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = str(code)
