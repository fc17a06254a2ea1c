"""Opens what partners wrap around files: ``contract/envelope.py`` says in which order, this what comes out.

``opening.py`` layer by layer · ``pgp.py`` OpenPGP, decrypted in a process of its own (``decrypting.py``) after a look
at its outermost packets (``packets.py``) · ``directory.py`` what a zip archive says of itself · ``zipped.py`` its
members · ``names.py`` their names · ``gzipped.py`` · ``inflating.py`` · ``limits.py`` how much may come out ·
``values.py``.
Plaintext is in memory, in pipes, and in what the caller gives: never in a file.
"""

from concord.unwrap.opening import unwrap
from concord.unwrap.values import PgpAccess, Scratch, Sealing, Unwrapped

__all__ = ["PgpAccess", "Scratch", "Sealing", "Unwrapped", "unwrap"]
