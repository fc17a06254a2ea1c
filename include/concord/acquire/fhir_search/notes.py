"""Which of the remarks that a server puts among its matches are errors. PURE.

An OperationOutcome in a searchset says what the server left out, or would rather have been
asked (R4 search.html, "Outcome entries"). What says that something is missing has to be
seen by a person, and what only informs would hide it.
"""

from __future__ import annotations

from typing import Any

EPIC = ("urn:oid:1.2.840.114350.", ".7.2.657369")
"""Begin and end of the code system of Epic's remarks; between them is the site."""
EPIC_STANDING = frozenset({"4101", "4119"})
"""Warnings that stand in answers with nothing wrong: "Resource request returns no results" (cqframework/cql-engine
#9), and "may not contain the entire record available in the system" (onc-healthit/inferno-program #229)."""


def is_error(outcome: dict[str, Any]) -> bool:
    """Whether any of its issues is more than information; one that cannot be read is."""
    issues = outcome.get("issue")
    return not isinstance(issues, list) or not issues or any(not _only_informs(issue) for issue in issues)


def _only_informs(issue: Any) -> bool:
    if not isinstance(issue, dict):
        return False
    severity = issue.get("severity")
    return severity == "information" or (severity == "warning" and _is_standing(issue))


def _is_standing(issue: dict[str, Any]) -> bool:
    details = issue.get("details")
    codings = details.get("coding") if isinstance(details, dict) else None
    return isinstance(codings, list) and any(_is_epics(coding) for coding in codings if isinstance(coding, dict))


def _is_epics(coding: dict[str, Any]) -> bool:
    system = str(coding.get("system"))
    return system.startswith(EPIC[0]) and system.endswith(EPIC[1]) and coding.get("code") in EPIC_STANDING
