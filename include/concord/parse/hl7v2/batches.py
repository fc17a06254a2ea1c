"""Batch headers and trailers, and what they promise (HL7 §2.10.3): FHS, BHS, BTS, FTS."""

from __future__ import annotations

from concord.errors import DeliveryRejected


class BatchCounts:
    """Counts the messages of a delivery and compares them with BTS-1 (messages) and FTS-1 (batches).

    Lines without a message may be one whose MSH was damaged: such a run counts as none or
    one, and the trailer is believed when it fits. ``trailers_required``: a header whose
    trailer never comes means that the file was cut off.
    """

    def __init__(self, *, trailers_required: bool) -> None:
        self._required = trailers_required
        self._sure = self._unsure = 0
        self._batches = 0
        self._in_file = self._in_batch = self._closed = False
        self._file_sure = self._file_unsure = 0
        self.messages = 0
        self.declared_empty = False

    def message(self) -> None:
        """One message, refused and repeated ones too; raises ``batch.order`` after the file's trailer."""
        self._refuse_after_trailer()
        self.messages += 1
        self._sure += 1
        self._file_sure += 1

    def stray(self) -> None:
        """A run of lines without a message."""
        self._unsure += 1
        self._file_unsure += 1

    def control(self, content: bytes) -> None:
        """A line FHS, BHS, BTS or FTS; raises :class:`DeliveryRejected` ``batch.count``, ``.trailer``, ``.order``."""
        fields = content.decode("latin-1").split(content[3:4].decode("latin-1") or "|")
        declared = _count(fields[1]) if len(fields) > 1 and fields[0] in ("BTS", "FTS") else None
        {"FHS": self._file_header, "BHS": self._header, "BTS": self._trailer, "FTS": self._file_trailer}[
            content[:3].decode("latin-1")
        ](declared)

    def finish(self) -> None:
        """The end of the stream; raises ``batch.trailer`` and ``structure.no_rows``."""
        self._refuse_open(batch=True, file=True)
        if not self.messages and not self.declared_empty:
            raise DeliveryRejected("structure.no_rows", "the file has no message")

    def _file_header(self, _: int | None) -> None:
        self._refuse_open(batch=True, file=True)
        self._in_file, self._closed, self._batches = True, False, 0
        self._file_sure = self._file_unsure = self._sure = self._unsure = 0

    def _header(self, _: int | None) -> None:
        self._refuse_after_trailer()
        self._refuse_open(batch=True, file=False)
        self._in_batch, self._sure, self._unsure = True, 0, 0
        self._batches += 1

    def _trailer(self, declared: int | None) -> None:
        self._refuse_after_trailer()
        if not self._in_batch:
            self._batches += 1  # a batch without BHS is one
        if declared is not None and not self._sure <= declared <= self._sure + self._unsure:
            raise DeliveryRejected("batch.count", f"BTS-1 says {declared} messages, {self._sure} are there")
        self.declared_empty |= declared == 0
        self._in_batch, self._sure, self._unsure = False, 0, 0

    def _file_trailer(self, declared: int | None) -> None:
        self._refuse_after_trailer()
        self._refuse_open(batch=True, file=False)
        if declared is not None and not self._fits(declared):
            raise DeliveryRejected("batch.count", f"FTS-1 says {declared} batches, {self._batches} are there")
        self.declared_empty |= declared == 0
        self._in_file, self._closed = False, True

    def _fits(self, declared: int) -> bool:
        """Without a batch in it, a file is one batch; some count its messages then."""
        if self._batches:
            return declared == self._batches
        implied = declared == 1 and self._file_sure + self._file_unsure > 0
        return implied or self._file_sure <= declared <= self._file_sure + self._file_unsure

    def _refuse_after_trailer(self) -> None:
        if self._closed:
            raise DeliveryRejected("batch.order", "messages or batches follow the file's trailer")

    def _refuse_open(self, *, batch: bool, file: bool) -> None:
        if self._required and ((batch and self._in_batch) or (file and self._in_file)):
            raise DeliveryRejected("batch.trailer", "a batch or file header has no trailer: the file was cut off")


def _count(text: str) -> int | None:
    """The count of a trailer, None where it has none; raises ``batch.count`` for what is no count."""
    text = text.strip()
    if not text or text == '""':
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise DeliveryRejected("batch.count", "a trailer's count is not a number")
    return int(text)
