"""Errors of a search, by remedy; none carries an id, a URL or anything of a body."""

from __future__ import annotations

from concord.errors import DeliveryRejected, SourceUnavailable


class SearchsetRejected(DeliveryRejected):
    """What the server gave as a page of a search is none, or not of what was asked for."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__("acquire.searchset", f"{what}: {rule}")


class TotalBroken(DeliveryRejected):
    """The server says that there are more, or fewer, than it gave: somebody lost something."""

    def __init__(self, what: str, said: int, given: int) -> None:
        super().__init__("search.total", f"{what}: the server says {said} and gave {given}")


class SearchShifted(SourceUnavailable):
    """The pages of one search do not fit together: something changed at the server meanwhile. Search again."""


class PageGone(SourceUnavailable):
    """The server has forgotten the search in the middle of its pages: search again."""
