"""What an OperationOutcome says, as far as it may be repeated: the codes of its issues.

``diagnostics`` and ``details`` are free text of the server's and may name a patient.
"""

from __future__ import annotations

import json
from typing import Any

CODES = frozenset(
    {
        "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
        "forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found",
        "deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict",
        "limited-filter", "transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled",
        "informational", "success",
    }
)  # fmt: skip
"""http://hl7.org/fhir/issue-type, R4 and R5: a code that is not among them is not repeated."""
PASSES = frozenset({"transient", "lock-error", "no-store", "timeout", "throttled"})
"""``transient`` and those below it after which the job lives on (Bulk Data IG, "Response - Error Status"). Not
``exception`` and ``incomplete``: servers give them for whatever went wrong."""


def issue_codes(body: bytes) -> tuple[str, ...]:
    """Codes of the issues of an OperationOutcome, each once, in order; empty for any other body."""
    try:
        outcome: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return ()
    issues = outcome.get("issue")
    codes = [issue.get("code") for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return tuple(dict.fromkeys(code for code in codes if isinstance(code, str) and code in CODES)) or ("unknown",)


def is_transient(codes: tuple[str, ...]) -> bool:
    """Whether the server says that the export goes on and only this answer failed."""
    return not PASSES.isdisjoint(codes)
