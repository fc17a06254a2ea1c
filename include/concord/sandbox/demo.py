"""``make demo``, ``make up``, ``make down``: an employer's story on one machine.

python -m concord.sandbox demo    in the foreground, in a temporary folder
python -m concord.sandbox up      in the background, in .concord/
python -m concord.sandbox down    stops what `up` started; the data stays
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.markup import escape

from concord.errors import ConcordError
from concord.sandbox.become import harden
from concord.sandbox.state import KEPT, State

if TYPE_CHECKING:
    from concord.sandbox.installation import Installation

DAYS = "days"
"""The story that is told unless another is asked for."""
READY = "Concord is up"
WATCH_EVERY_S = 2.0


class Stopped(BaseException):
    """Somebody asked us to stop (SIGTERM, SIGHUP, Ctrl-C); not an error, so that no handler of errors eats it."""


class Progress:
    """Says what was done, each line with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self.console, self._began = console, time.monotonic()

    def __call__(self, text: str) -> None:
        """Says it."""
        self.console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {escape(text)}")


def main(arguments: list[str] | None = None) -> int:
    """Runs one of the words; returns the exit code."""
    given = _parser().parse_args(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    harden()
    if given.story != DAYS and not _is_known(given.story, console):
        return 2
    words: dict[str, Callable[[], int]] = {
        "demo": lambda: demo(console, given.story, given.members),
        "up": lambda: up(console, given.story, given.members),
        "down": lambda: down(console),
        "serve": lambda: serve(console, given.story, given.members),
    }
    try:
        with _stoppable():
            return words[given.word]()
    except Stopped:
        console.print("stopped")
        return 130
    except ConcordError as error:
        Console(stderr=True, highlight=False).print(f"[red]{escape(str(error))}[/red]")
        return 1


def demo(console: Console, name: str, members: int | None) -> int:
    """The story; stays up in a terminal until Ctrl-C, and otherwise stops everything."""
    with _temporary_state() as state:
        live(state, name, members, Progress(console), stay=sys.stdin.isatty() and sys.stdout.isatty())
    console.print("everything is stopped and removed")
    return 0


def serve(console: Console, name: str, members: int | None) -> int:
    """What `up` runs in the background: until SIGTERM."""
    live(State.create(KEPT), name, members, Progress(console), stay=True)
    return 0


def up(console: Console, name: str, members: int | None) -> int:
    """Starts :func:`serve` in the background and follows it until it is ready."""
    state = State.create(KEPT)
    if state.running():
        console.print("it is up already; `make down` stops it")
        return 0
    state.stop()
    state.log.unlink(missing_ok=True)
    state.log.touch(mode=0o600)
    with state.log.open("ab") as log:
        command = [sys.executable, "-m", "concord.sandbox", "serve", "--story", name]
        command += ["--members", str(members)] if members else []
        background = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    try:
        return _follow(state, background, console)
    except Stopped:
        background.terminate()
        background.wait(90)
        raise


def down(console: Console) -> int:
    """Stops what `up` started; its data stays in ``.concord/``."""
    ran = State.create(KEPT).stop() if KEPT.exists() else False
    console.print("stopped; the data stays in .concord/" if ran else "nothing was running")
    return 0


def live(state: State, name: str, members: int | None, say: Progress, *, stay: bool) -> None:
    """Starts everything, tells the story unless the ledger has one already, and may stay until it is stopped."""
    say("loading")
    from concord.sandbox import report, stories, story
    from concord.sandbox.installation import Installation

    told = stories.STORIES[name]
    with Installation(state, say=say) as installation:
        state.write_running(installation.running())
        covered = members or told.members
        chapters = told.chapters(covered, date.today())  # noqa: DTZ011 - the weekday where we are
        say(f"the employer has {covered:,} covered persons")
        installation.get_ready(told.feed, *told.others)
        if story.begun(installation, told.feed):
            say(f"the ledger has deliveries of {told.feed} already: their story is not told again")
        else:
            file_dates = [chapter.roster.manifest.file_date for chapter in chapters]
            try:
                for chapter in chapters:
                    story.live_through(chapter, installation, say)
            finally:
                report.show(say.console, installation.settings, told.feed, file_dates)
            if told.afterwards is not None:
                told.afterwards(installation, say, say.console, chapters)
        say.console.print(f"\nStories, {len(stories.STORIES)} of them:\n{stories.listed()}", highlight=False)
        _addresses(installation.airflow.home.url, installation.airflow.home.passwords, say.console)
        if stay:
            sys.stdout.write("Ctrl-C stops everything.\n" if sys.stdin.isatty() else "")
            sys.stdout.flush()
            watch(installation)


def _is_known(name: str, console: Console) -> bool:
    """Whether there is such a story; lists them where there is not."""
    from concord.sandbox.stories import STORIES, listed

    if name in STORIES:
        return True
    console.print(f"there is no story {name!r}; there are:\n{listed()}", markup=False, soft_wrap=True)
    return False


def _addresses(url: str, passwords: dict[str, str], console: Console) -> None:
    console.print(f"\n[bold]{READY}[/bold]: Airflow at {url}")
    for user, role in (("admin", "may do everything"), ("analyst", "may look")):
        console.print(f"  user [bold]{user}[/bold]  password [bold]{passwords[user]}[/bold]  ({role})")


def watch(installation: Installation) -> NoReturn:
    """Starts again whatever ends by itself, until somebody stops us."""
    while True:
        if installation.restart_ended():
            installation.state.write_running(installation.running())
        time.sleep(WATCH_EVERY_S)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turns the first SIGTERM, SIGHUP or Ctrl-C into :class:`Stopped`; further ones do not disturb the cleaning up."""
    watched = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        for each in watched:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _temporary_state() -> Iterator[State]:
    folder = Path(tempfile.mkdtemp(prefix="concord-demo-"))
    try:
        yield State.create(folder, temporary=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _follow(state: State, background: subprocess.Popen[bytes], console: Console) -> int:
    """Copies the log to the terminal until the background process is ready (0) or has ended (1)."""
    with state.log.open(encoding="utf-8", errors="replace") as log:
        ready = False
        while True:
            line = log.readline()
            if line:
                console.print(line.rstrip("\n"), markup=False, soft_wrap=True)
                ready = ready or line.startswith(READY)
            elif ready:
                return 0
            elif background.poll() is not None:
                return 1
            else:
                time.sleep(0.2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m concord.sandbox", description=__doc__)
    parser.add_argument("word", nargs="?", default="demo", choices=("demo", "up", "down", "serve"))
    parser.add_argument("--story", default=DAYS, help="which employer's story; an unknown name lists them")
    parser.add_argument("--members", type=int, default=os.environ.get("CONCORD_DEMO_MEMBERS") or None)
    return parser


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        raise SystemExit(main())
