"""HL7 v2 ADT messages from files and batches: rows of ``patient`` and ``encounter``, and who was merged with whom.

``lines.py`` finds physical lines · ``framing.py`` finds messages, batch headers and trailers ·
``batches.py`` counts against the trailers · ``charsets.py``, ``separators.py`` and
``message.py`` read one message into segments and fields · ``repeats.py`` knows messages
that came before · ``events.py`` is the table of triggers · ``context.py``, ``identifiers.py``,
``persons.py``, ``moments.py``, ``rows.py``, ``patient.py`` and ``encounter.py`` read fields into
columns · ``interpret.py`` applies the event · ``frames.py`` and ``chunk.py`` are what comes
out · ``file.py`` puts them together · ``folding.py`` makes one row of several messages
about the same record.

A message tells changes, not a whole record: a column that a row does not have (null) is one
that nobody spoke of, and what is held stays; a column in ``cleared`` was emptied by the sender
(``""``, HL7 v2.8 §2.5.3). So rows must be folded, not replaced.
"""

from __future__ import annotations

from concord.parse.hl7v2.chunk import AdtChunk, Merge, Repeated
from concord.parse.hl7v2.context import Options
from concord.parse.hl7v2.file import AdtFile
from concord.parse.hl7v2.folding import fold

__all__ = ["AdtChunk", "AdtFile", "Merge", "Options", "Repeated", "fold"]
