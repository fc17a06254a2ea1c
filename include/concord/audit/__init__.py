"""Who did what to which object (45 CFR 164.312(b)): written once, chained, anchored, checked.

``trail.py`` entries are added · ``chain.py`` the chain is computed again, outside the database ·
``anchors.py`` its heads, kept where the database cannot reach.
"""

from concord.audit.trail import record

__all__ = ["record"]
