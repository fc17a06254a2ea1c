"""Who the patients of health systems and the members of partners are: persons, and the crosswalk to them.

``rules.py`` the deterministic cascade, strongest first · ``tokens.py`` numbers compared across partners, without a
number · ``plan.py`` what would be linked, unlinked and asked, stored with a digest · ``guard.py`` when that waits for
a person · ``apply.py`` one fenced transaction · ``deciding.py`` answers to held plans and to reviews · ``checks.py``
what must hold at rest.

Every member and every patient is exactly one person (``core.crosswalk``). A patient takes the person of the one
member whom a rule finds; where rules find several, disagree or doubt, somebody is asked (``core.link_review``) and
nothing is linked. A link stands until birth or first name contradicts it, and then goes at somebody's word only.
"""

from concord.identity.apply import Applied, apply_links
from concord.identity.checks import Flaw, check
from concord.identity.deciding import Answer, answered, decide_links, decide_review, reopen_review, reviews
from concord.identity.guard import Limits
from concord.identity.plan import LinkPlan, newest_plan, plan_links, take_fence
from concord.identity.rules import RULES, Rule

__all__ = [
    "RULES", "Answer", "Applied", "Flaw", "Limits", "LinkPlan", "Rule", "answered", "apply_links", "check",
    "decide_links", "decide_review", "newest_plan", "plan_links", "reopen_review", "reviews", "take_fence",
]  # fmt: skip
