"""Messages that came before in the same delivery, told by sender and message control id (MSH-3, MSH-4, MSH-10)."""

from __future__ import annotations

from hashlib import blake2b

from concord.parse.hl7v2.message import Message
from concord.parse.hl7v2.refusal import Code, MessageRefused


class Repeats:
    """Remembers digests, not messages: about 200 bytes for each."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int]] = {}

    def first_line(self, message: Message, segments: list[bytes], line: int) -> int | None:
        """The line of an identical message before this one, None for a new one (or one without MSH-10).

        How segments end makes no difference. Raises :class:`MessageRefused`
        (``message.control_id_repeated``) where the content is another.
        """
        header = message.header
        if not header.text(10):
            return None
        sender = "\r".join((header.raw(3), header.raw(4), header.text(10)))
        key, content = _digest(sender.encode("utf-8", "surrogatepass")), _digest(b"\r".join(segments))
        before = self._seen.setdefault(key, (content, line))
        if before[1] == line:
            return None
        if before[0] != content:
            raise MessageRefused(Code.REPEATED)
        return before[1]


def _digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=16).digest(), "big")
