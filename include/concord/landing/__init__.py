"""The encrypted, immutable archive of what arrived, on local disk or an object store.

``manifest.py`` what an object is, authenticated · ``chunks.py`` its ciphertext ·
``store.py`` (``disk.py``, ``bucket.py``) files by path · ``writer.py`` one object
on its way in · ``scratch.py`` bytes needed twice · ``keeper.py`` keys wrapped anew, and destroyed · ``archive.py`` the
archive as its users see it.

Layout below the landing URL; no name carries anything of a partner's file name::

    parts/<delivery id>.<attempt>.<random>.part       ciphertext that is still being written
    parts/<delivery id>.<attempt>.<random>.part.key   its wrapped data key, durable before the first byte of it
    objects/<aa>/<sha256>.<object id>                 sealed ciphertext; sha256 is the plaintext's, aa its first two
    objects/<aa>/<sha256>.manifest                    written last and once: without it there is no object
"""

from concord.landing.archive import Landing
from concord.landing.keeper import Keeper
from concord.landing.manifest import Checkpoint, Manifest
from concord.landing.scratch import Scratch
from concord.landing.store import available
from concord.landing.writer import LandingWriter

__all__ = ["Checkpoint", "Keeper", "Landing", "LandingWriter", "Manifest", "Scratch", "available"]
