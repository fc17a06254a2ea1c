"""The cascade: by what a patient is found to be a member, strongest first.

Each rule is a statement that adds pairs to ``link_pair``: a match, or a doubt where it points at somebody whom it
must not link (``birth_date_differs``, ``first_name_differs`` …). ``sql/identity/create_choices.sql`` weighs them: one
person and no stronger doubt is a link; anything else is asked. So two rules that disagree link nobody.

Probabilistic matching has its place behind these, before ``standing``: a rule with a rank of its own whose statement
compares what is left over (Fellegi and Sunter's weights, by blocks of birth date or postal code). Above its upper
threshold it may say a match; between its thresholds it says a doubt (``score``), which is asked like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from concord.postgres import statement


@dataclass(frozen=True)
class Rule:
    """One rule; ``rank`` 1 is the strongest. ``agrees`` names the columns that must agree, for people to read."""

    name: str
    rank: int
    statement: str
    agrees: tuple[str, ...]


RULES = (
    Rule("identifier", 1, "identity/match_identifier", ("member_identifier", "birth_date", "first_name")),
    Rule("ssn", 2, "identity/match_ssn", ("ssn", "birth_date", "first_name")),
    Rule(
        "name", 3, "identity/match_name",
        ("last_name", "first_name", "birth_date", "gender_code", "address_line_1 and postal_code, or phone"),
    ),
    Rule("standing", 9, "identity/match_standing", ("an earlier link that nothing contradicts",)),
)  # fmt: skip


def rules_hash() -> str:
    """Names the cascade: a plan of other rules is planned again."""
    texts = "\0".join(f"{rule.name} {rule.rank}\n{statement(rule.statement)}" for rule in RULES)
    return sha256(texts.encode()).hexdigest()
