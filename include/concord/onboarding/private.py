"""An installation that lasts as long as a question: Postgres, archive and keys of its own, in a folder that goes."""

from __future__ import annotations

import base64
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from concord.settings import Settings

if TYPE_CHECKING:
    from concord.steps import Site


ENDS = (signal.SIGTERM, signal.SIGHUP)
"""What a process is told when it shall go, or its terminal has gone."""


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Signals that would end the process at once unwind it instead, as Ctrl-C does: what it wrote holds members."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    before = {each: signal.signal(each, _leave) for each in ENDS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def private_site() -> Iterator[Site]:
    """A whole Concord without Airflow; nothing of it is left afterwards, also when it was interrupted."""
    from concord.migrations import migrate
    from concord.sandbox.postgres import EmbeddedServer
    from concord.sandbox.roles import bootstrap
    from concord.steps import open_site

    with _ending_in_order():
        folder = Path(tempfile.mkdtemp(prefix="concord-try-"))
        try:
            folder.chmod(0o711)  # the server may run as another account; what it holds stays closed
            server = EmbeddedServer(folder / "postgres", durable=False)
            try:
                server.start()
                urls = bootstrap(server.admin_url)
                migrate(urls["concord_owner"])
                yield open_site(_settings(urls, folder / "landing"))
            finally:
                server.remove()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _settings(urls: dict[str, str], landing: Path) -> Settings:
    landing.mkdir(mode=0o700)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return Settings.from_environment(
        {
            "CONCORD_LOADER_URL": urls["concord_loader"],
            "CONCORD_OWNER_URL": urls["concord_owner"],
            "CONCORD_LANDING_URL": landing.as_uri(),
            "CONCORD_SEAL_KEYS": f"try:{key}",
            "CONCORD_TOKEN_KEYS": f"try:{key}",
        }
    )
