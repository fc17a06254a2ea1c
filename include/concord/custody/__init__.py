"""What is kept: under which key, for how long, and why longer.

``places.py`` where sealed values are in the database · ``resealing.py`` those values under
the newest key · ``rewrapping.py`` the archive's data keys under it · ``retokening.py`` the
tokens of SSNs and file names · ``census.py`` what is still under which key ·
``retention.py`` what is due, and its destruction · ``legal_holds.py`` what must stay.

Nothing here needs the feeds to stop: readers find the old or the new, both of which open
while both keys are in the ring.
"""

from concord.custody.census import Census, Use
from concord.custody.places import PLACES, Place

__all__ = ["PLACES", "Census", "Place", "Use"]
