"""An EHR's FHIR server on this machine, from a thread: a context manager like the employers' SFTP server.

    with FhirSandbox(profile=ORACLE) as sandbox:
        sandbox.base_url, sandbox.client_id, sandbox.key.private_pem, sandbox.key.kid
        sandbox.faults.transient = 2
        sandbox.day = 2
        sandbox.stats.kick_offs

``python -m concord.sandbox.fhir`` does the same until it is told to stop.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import tempfile
import threading
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from concord.sandbox.fhir.faults import Faults
from concord.sandbox.fhir.hospital import Hospital
from concord.sandbox.fhir.keys import ClientKey, new_key, public_jwk
from concord.sandbox.fhir.population import Population
from concord.sandbox.fhir.profiles import ORACLE, Profile
from concord.sandbox.fhir.stats import Stats
from concord.sandbox.private import write_private
from concord.sandbox.roster import Employer

if TYPE_CHECKING:
    import uvicorn

START_TIMEOUT_S = 20.0
CLIENT = "concord-sandbox"


def usual_population(profile: Profile = ORACLE, *, members: int = 200) -> Population:
    """200 patients who are members of the employer of the demo, and 30 who are nobody's."""
    return Population(1, Employer(20, 4_000, start=date(2026, 11, 18)), profile=profile, members=members)


class FhirSandbox:
    """Serves ``population`` on 127.0.0.1 and its store on a second port (0 takes a free one).

    ``state`` keeps keys, jobs and files over a restart; without one they go with the
    server. ``day`` defaults to the kept one, or 1. Raises OSError when a port is taken.
    """

    def __init__(
        self,
        population: Population | None = None,
        *,
        profile: Profile = ORACLE,
        faults: Faults | None = None,
        port: int = 0,
        store_port: int = 0,
        state: Path | None = None,
        day: int | None = None,
        lines_per_file: int = 5_000,
    ) -> None:
        self.population = population or usual_population(profile)
        self._temporary = state is None
        self.state = state or Path(tempfile.mkdtemp(prefix="concord-fhir-"))
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.hospital = Hospital(
            self.population, self.state, faults=faults or Faults(), lines_per_file=lines_per_file, day=day
        )
        self.client_id = CLIENT
        self.keys = _kept_keys(self.state, self.population.profile.algorithm)
        self._ports = (port, store_port)
        self._servers: list[uvicorn.Server] = []
        self._failure: BaseException | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fhir-sandbox", daemon=True)

    @property
    def key(self) -> ClientKey:
        """The client's newest key."""
        return self.keys[-1]

    @property
    def base_url(self) -> str:
        """FHIR base URL, without a slash at its end."""
        return self.hospital.base_url

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:port``, under which ``/_sandbox`` is."""
        return self.base_url.removesuffix(self.population.profile.path)

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return self.hospital.desk.url

    @property
    def faults(self) -> Faults:
        """What goes wrong; set its fields."""
        return self.hospital.faults

    @property
    def stats(self) -> Stats:
        """What was asked."""
        return self.hospital.stats

    @property
    def day(self) -> int:
        """The day that exports show."""
        return self.hospital.day

    @day.setter
    def day(self, number: int) -> None:
        self.hospital.day = number

    def add_key(self, algorithm: str | None = None) -> ClientKey:
        """A further key of the client, beside those it has."""
        self.keys.append(new_key(algorithm or self.population.profile.algorithm))
        self._register()
        return self.key

    def remove_key(self, kid: str) -> None:
        """The server does not know key ``kid`` any more."""
        self.keys = [key for key in self.keys if key.kid != kid]
        self._register()

    def _register(self) -> None:
        self.hospital.desk.register(self.client_id, {"keys": [key.jwk for key in self.keys]})
        told = [{"kid": key.kid, "algorithm": key.algorithm, "private_pem": key.private_pem} for key in self.keys]
        write_private(self.state / "keys.json", json.dumps(told))

    def __enter__(self) -> FhirSandbox:
        try:
            sockets = [_bound(port) for port in self._ports]
        except OSError:
            self._clean()
            raise
        port, store_port = (each.getsockname()[1] for each in sockets)
        self.hospital.base_url = f"http://127.0.0.1:{port}{self.population.profile.path}"
        self.hospital.store_url = f"http://127.0.0.1:{store_port}"
        self.hospital.desk.url = f"http://127.0.0.1:{port}/oauth2/token"
        self._register()
        self._sockets = sockets
        self._thread.start()
        if not self._up.wait(START_TIMEOUT_S) or self._failure is not None:
            raise self._failure or TimeoutError("the FHIR server did not start")
        write_private(self.state / "client.json", json.dumps(self.client()))
        return self

    def client(self) -> dict[str, Any]:
        """What a client needs to know; the private key stands in ``keys.json``."""
        return {
            "base_url": self.base_url,
            "token_url": self.token_url,
            "store_url": self.hospital.store_url,
            "client_id": self.client_id,
            "kid": self.key.kid,
            "algorithm": self.key.algorithm,
            "private_pem": self.key.private_pem,
        }

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join(START_TIMEOUT_S)
        self._clean()

    def _clean(self) -> None:
        (self.state / "client.json").unlink(missing_ok=True)
        if self._temporary:
            shutil.rmtree(self.state, ignore_errors=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            self._failure = error
        finally:
            self._up.set()

    async def _serve(self) -> None:
        from concord.sandbox.fhir.app import create_app
        from concord.sandbox.fhir.files import create_store

        self._servers = [_server(create_app(self.hospital)), _server(create_store(self.hospital))]
        pairs = zip(self._servers, self._sockets, strict=True)
        tasks = [asyncio.create_task(server.serve(sockets=[each])) for server, each in pairs]
        # uvicorn has a flag and no event that says it listens.
        while not all(server.started for server in self._servers) and not any(task.done() for task in tasks):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        self._up.set()
        await asyncio.gather(*tasks)


def _server(app: Any) -> uvicorn.Server:
    """Without a log: addresses and tracebacks would be the first to name somebody."""
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        date_header=False,  # the hospital's day is not ours: metadata tells it
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _bound(port: int) -> socket.socket:
    # With its protocol named: asyncio sets TCP_NODELAY only then, and each answer would wait 40 ms.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", port))
    except OSError:
        found.close()
        raise
    return found


def _kept_keys(state: Path, algorithm: str) -> list[ClientKey]:
    """The keys of an earlier start, or a new one."""
    path = state / "keys.json"
    if not path.exists():
        return [new_key(algorithm)]
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [ClientKey(**each, jwk=public_jwk(each["private_pem"], each["kid"], each["algorithm"])) for each in kept]
