"""The opened installation: settings, keys, landing, database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from concord.audit.anchors import Anchors
from concord.landing import Landing
from concord.postgres import Connection, connect
from concord.protect import KeyRing
from concord.settings import Settings


@dataclass(frozen=True)
class Site:
    """What every step works with. Nothing in it is open: connections live as long as a step needs them."""

    settings: Settings
    keys: KeyRing
    landing: Landing

    @property
    def anchors(self) -> Anchors:
        """The heads of the audit trail, as they were kept outside the database."""
        return Anchors(self.settings.landing_url, self.keys)

    @contextmanager
    def database(self, actor: str = "concord") -> Iterator[Connection]:
        """A connection as the loader; ``actor`` is who the ledger names for changes of state."""
        with connect(self.settings.loader_url, application=f"concord {actor}") as connection:
            connection.execute("SELECT set_config('concord.actor', %s, false)", (actor,))
            connection.commit()
            yield connection


def open_site(settings: Settings) -> Site:
    """The installation of ``settings``; raises SettingMissing or ProtectError when keys are missing."""
    keys = KeyRing.from_settings(settings)
    return Site(settings, keys, Landing(settings.landing_url, keys))
