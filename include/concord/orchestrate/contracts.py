"""Which contracts a DAG file builds: the sound ones, and the broken ones by name.

One contract that cannot be built must not take the DAGs of all other partners with
it (an import error of a DAG file does): the others load, and the broken one gets a
DAG that says so (see ``broken``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from concord.catalogue import refuse_shared_names, refuse_shared_scopes
from concord.contract import Feed
from concord.errors import ContractError


@dataclass(frozen=True)
class Contracts:
    """Sound feeds in name order, and what is wrong with each other module, by its name."""

    sound: tuple[Feed, ...]
    broken: dict[str, str]


def readable(only: str | None = None) -> Contracts:
    """The contracts of the ``feeds`` package; ``only`` reads no other module than that one.

    A module is called like its feed. What two contracts contradict each other in is
    judged only where all are read, and put down to the later one.
    """
    names = [info.name for info in iter_modules(import_module("feeds").__path__) if only in (None, info.name)]
    sound: list[Feed] = []
    broken: dict[str, str] = {}
    for name in sorted(names):
        try:
            feed = _feed(name)
            _fits(feed, sound)
        except ContractError as error:
            broken[name] = str(error)
        except Exception as error:  # noqa: BLE001 — whatever a contract's module does, the others go on
            broken[name] = f"the module cannot be imported: {type(error).__name__}"
        else:
            sound.append(feed)
    return Contracts(tuple(sound), broken)


def _feed(module: str) -> Feed:
    feed = getattr(import_module(f"feeds.{module}"), "FEED", None)
    if not isinstance(feed, Feed):
        raise ContractError(module, "FEED", "the module has none")
    if feed.name != module:
        raise ContractError(feed.name, "name", f"must be the module's name, {module!r}")
    return feed


def _fits(feed: Feed, others: Iterable[Feed]) -> None:
    refuse_shared_names([*others, feed])
    refuse_shared_scopes([*others, feed])
