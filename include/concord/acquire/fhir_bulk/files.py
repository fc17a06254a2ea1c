"""Many files at once, by a few threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Event

from concord.acquire.fhir_bulk.client import Bulk
from concord.acquire.fhir_bulk.manifest import ExportFile
from concord.acquire.fhir_bulk.ndjson import Downloaded
from concord.acquire.fhir_bulk.sinks import Sink
from concord.errors import SourceUnavailable

WORKERS = 4


def download_all(
    bulk: Bulk, files: Sequence[ExportFile], make_sink: Callable[[ExportFile], Sink], *, workers: int = WORKERS
) -> list[Downloaded]:
    """Downloads ``files``, ``workers`` at a time; the results in their order.

    ``make_sink`` is called from those threads, once for each file that looks as it should.
    The first error stops the others, at their next piece, and is raised when all have ended.
    """
    stop, errors = Event(), list[BaseException]()

    def fetch(file: ExportFile) -> Downloaded:
        try:
            return _fetched(bulk, file, make_sink, stop)
        except BaseException as error:
            errors.append(error)  # before the others are stopped: theirs come after it
            stop.set()
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="export") as pool:
        coming = [pool.submit(fetch, file) for file in files]
        _waited(coming, stop)
    if errors:
        raise errors[0]
    return [future.result() for future in coming]


def _fetched(bulk: Bulk, file: ExportFile, make_sink: Callable[[ExportFile], Sink], stop: Event) -> Downloaded:
    if stop.is_set():
        raise SourceUnavailable(f"{file.what}: not begun, as another file failed")
    return bulk.download(file, partial(make_sink, file), stop=stop)


def _waited(coming: Sequence[Future[Downloaded]], stop: Event) -> None:
    """Until all have ended; who interrupts us (a task's time-out) does not wait for gigabytes."""
    try:
        wait(coming)
    finally:
        stop.set()
