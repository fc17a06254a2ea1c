"""Errors of an export, by remedy; none carries a URL or anything of a body."""

from __future__ import annotations

from concord.errors import DeliveryRejected, SourceUnavailable


class ExportBusy(SourceUnavailable):
    """The server runs another export of this client and takes no second one: wait, or cancel the other."""


class ExportFailed(SourceUnavailable):
    """The server says that this export failed (5xx with an OperationOutcome that is not transient).

    Asking again may help where the server errs; where it says so again, a new export is needed.
    """


class LinkExpired(SourceUnavailable):
    """The store a file lies at no longer lets us in (its link had an end): poll again for fresh links."""


class ExportGone(DeliveryRejected):
    """The server does not know the export or the file any more (404, 410): a new export is needed."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__("acquire.export_gone", f"{what}: answered {status}: a new export is needed")


class RequestRejected(DeliveryRejected):
    """The server does not take the request as it is: the feed's contract, or what was agreed, has to change."""

    def __init__(self, what: str, status: int, codes: tuple[str, ...] = ()) -> None:
        said = f" ({', '.join(codes)})" if codes else ""
        super().__init__("acquire.request_rejected", f"{what}: answered {status}{said}")
        self.status, self.codes = status, codes


class ManifestRejected(DeliveryRejected):
    """What the server gave as a manifest is none."""

    def __init__(self, rule: str) -> None:
        super().__init__("acquire.manifest", f"manifest: {rule}")


class NotNdjson(DeliveryRejected):
    """What the server gave as a file of resources is something else: a page of HTML, an error, one document."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__("acquire.not_ndjson", f"{what}: {rule}")
