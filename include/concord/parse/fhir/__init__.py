"""FHIR resources, one a line (NDJSON), to rows of clinical entities; no database, nothing guessed.

``json_lines.py`` a line to a tree · ``reading.py`` elements into columns, whatever stands in
them · ``dates.py`` ``codings.py`` ``references.py`` ``identifiers.py`` ``extensions.py``
``persons.py`` ``quantities.py`` ``units.py`` the data types of FHIR · one module for each
resource type · ``flatten.py`` picks it · ``bundle.py`` reads deletes · ``frames.py`` and
``chunk.py`` are what comes out · ``file.py`` puts them together.

R4 is what is read; where STU3 and R5 put the same thing elsewhere, there too.
"""

from __future__ import annotations

from concord.parse.fhir.chunk import ResourceChunk
from concord.parse.fhir.file import FhirFile
from concord.parse.fhir.flatten import Flat, flatten

__all__ = ["FhirFile", "Flat", "ResourceChunk", "flatten"]
