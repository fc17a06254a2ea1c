"""One database per worker for the tests of the steps: emptied, or put back to its first day, before each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.playground import Playground, playground

if TYPE_CHECKING:
    from tests.rosters import Driver


@pytest.fixture(scope="session")
def blank(template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """The worker's database, nothing in it yet."""
    with playground(template, tmp_path_factory.mktemp("landing")) as place:
        yield place


@pytest.fixture(scope="session")
def first_day(blank: Playground) -> Playground:
    """:data:`tests.rosters.BASE` delivered on Wednesday, approved and published."""
    from concord.steps import open_site
    from tests.rosters import BASE, Driver, lax

    blank.empty()
    first = Driver(lax(), open_site(blank.settings))
    first.begin(BASE)
    assert first.told, "people were told that the first full is held; later tests hear what is new"
    blank.keep("first_day")
    return blank


@pytest.fixture
def new_acme(blank: Playground) -> Iterator[Driver]:
    """Acme before its first day, guards lax."""
    blank.empty()
    yield from driver(blank)


@pytest.fixture
def acme(first_day: Playground) -> Iterator[Driver]:
    """Acme after its first day, guards lax."""
    first_day.put_back("first_day")
    yield from driver(first_day)


def driver(playground: Playground) -> Iterator[Driver]:
    """Acme's driver; its connection is closed afterwards, so that no test inherits an open transaction."""
    from concord.steps import open_site
    from tests.rosters import Driver, lax, quick

    site = quick(open_site(playground.settings))
    yield Driver(lax(), site)
    site.close()
