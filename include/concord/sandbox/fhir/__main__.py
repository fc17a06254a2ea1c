"""``python -m concord.sandbox.fhir --profile epic --state DIR``: serves until SIGTERM or SIGINT.

Prints ``base_url``, ``store_url``, ``client_id`` and ``kid``, one a line; the private key
is in ``DIR/client.json`` (0600) as long as it runs.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from datetime import date
from pathlib import Path

from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import PROFILES
from concord.sandbox.fhir.server import FhirSandbox
from concord.sandbox.roster import Employer


def main(arguments: list[str] | None = None) -> int:
    """Serves; returns the exit code."""
    given = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sandbox = FhirSandbox(
        _population(given),
        port=given.port,
        store_port=given.store_port,
        state=given.state,
        day=given.day,
        lines_per_file=given.lines_per_file,
    )
    with sandbox:
        told = sandbox.client()
        sys.stdout.write("".join(f"{name} {told[name]}\n" for name in ("base_url", "store_url", "client_id", "kid")))
        sys.stdout.flush()
        stop.wait()
    return 0


def _population(given: argparse.Namespace) -> Population:
    employer = Employer(given.employer_seed, given.employer_members, start=given.start)
    return Population(
        given.seed,
        employer,
        profile=PROFILES[given.profile],
        members=given.members,
        strangers=given.strangers,
        readings=given.readings,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="concord.sandbox.fhir", description="An EHR's FHIR bulk server.")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="oracle")
    parser.add_argument("--state", type=Path, help="keys, jobs and files are kept here; otherwise nowhere")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--store-port", type=int, default=0)
    parser.add_argument("--day", type=int, help="default: the one it was, or 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--members", type=int, default=200, help="patients who are members")
    parser.add_argument("--strangers", type=int, default=30, help="patients who are nobody's")
    parser.add_argument("--readings", type=int, default=0, help="more observations at each visit")
    parser.add_argument("--lines-per-file", type=int, default=5_000)
    parser.add_argument("--employer-seed", type=int, default=20)
    parser.add_argument("--employer-members", type=int, default=4_000)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2026, 11, 18), help="the employer's day 1")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
