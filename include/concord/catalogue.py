"""Finds the contracts: every module of the ``feeds`` package that has a ``FEED``."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from concord.contract import Feed, Mode
from concord.errors import ContractError


@cache
def feeds() -> dict[str, Feed]:
    """Every feed by name, in name order.

    Raises :class:`ContractError` where two feeds share a name, or two full feeds of
    one partner own the same scope (reconcile §2).
    """
    package = import_module("feeds")
    modules = (import_module(f"feeds.{info.name}") for info in iter_modules(package.__path__))
    found = [module.FEED for module in modules if hasattr(module, "FEED")]
    refuse_shared_names(found)
    refuse_shared_scopes(found)
    return {feed.name: feed for feed in sorted(found, key=lambda feed: feed.name)}


def feed(name: str) -> Feed:
    """The feed called ``name``; raises :class:`ContractError` where there is none."""
    try:
        return feeds()[name]
    except KeyError:
        raise ContractError(name, "name", f"no such feed; there are: {', '.join(feeds())}") from None


def refuse_shared_names(found: list[Feed]) -> None:
    """Raises :class:`ContractError` where a name is used twice."""
    for name, times in Counter(feed.name for feed in found).items():
        if times > 1:
            raise ContractError(name, "name", "is used by two contracts")


def refuse_shared_scopes(found: list[Feed]) -> None:
    """Raises :class:`ContractError` where two full feeds of a partner own one (group, line)."""
    owners: dict[tuple[str, str, str], str] = {}
    for feed in (feed for feed in found if feed.mode is Mode.FULL):
        for group in feed.scope.groups:
            for line in feed.scope.lines:
                owner = owners.setdefault((feed.partner, group, line), feed.name)
                if owner != feed.name:
                    raise ContractError(feed.name, "scope", f"({group}, {line}) belongs to feed {owner!r}")
