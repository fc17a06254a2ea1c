"""Errors in the shell: one clear line, exit code 2, and never a traceback, which would carry values."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console

from concord.errors import ConcordError

P = ParamSpec("P")
R = TypeVar("R")
USAGE = 2
"""Exit code of everything that did not work."""


def one_line(command: Callable[P, R]) -> Callable[P, R]:
    """``command``, with every error turned into one line on standard error and exit code 2."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except ConcordError as error:
            text = str(error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a value must not reach the screen
            text = unexpected(error)
        stop(text)

    return guarded


def stop(text: str) -> NoReturn:
    """Prints ``text`` on standard error and leaves with exit code 2."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"concord: {text}", style="red", markup=False)
    raise typer.Exit(USAGE)


def unexpected(error: Exception) -> str:
    """Type and place of an error that is not ours; its own text may hold values and is dropped."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "concord" in Path(frame.filename).parts] or frames
    return f"unexpected {type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
