"""The processes of a simulation, the server, and the networks between them."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.errors import UnavailableError
from tests.simulation.brokers import LEASE_S, Host
from tests.simulation.programs import COMMANDS, PROGRAMS, Parts, Surroundings
from tests.simulation.server import Network, NetworkFaults, Server
from tests.simulation.world import Process, World


@dataclass
class Fleet:
    """The processes, the server and the networks between them."""

    world: World
    server: Server
    parts: Parts
    memory_name: str = ""
    faults: NetworkFaults = field(default_factory=NetworkFaults)
    hosts: dict[str, Host] = field(default_factory=dict)
    running: dict[str, Process] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    def open(self, url: str, settings: Settings) -> Broker:
        """Open the broker at `simulated://NAME` for the process of that name."""
        return self.parts.wrap(self.parts.open_broker(self.hosts[url.rpartition("/")[2]]), "subscriber")

    def start(self, around: Surroundings, name: str) -> None:
        def main(process: Process) -> Coroutine[Any, Any, None]:
            self.hosts[name] = host = Host(self.server, Network(self.server, process), self.faults, name)
            main: Coroutine[Any, Any, None] = {**PROGRAMS, **COMMANDS}[name](around, host, process)
            return main

        self.running[name] = self.world.spawn(name, main)

    def ensure(self, around: Surroundings) -> None:
        """Start all programs that have ended, as a supervisor does."""
        for name in (*PROGRAMS, *COMMANDS):
            process = self.running.get(name)
            if process is not None and process.main is not None and process.main.done():
                self._note_end(process)
                self.kill(name)
            if name in PROGRAMS and name not in self.running and name not in self.down:
                self.start(around, name)

    def _note_end(self, process: Process) -> None:
        assert process.main is not None
        if not process.main.cancelled() and not isinstance(error := process.main.exception(), UnavailableError | None):
            self.world.errors.append(f"{process.name}: {error!r}")

    def kill(self, name: str) -> None:
        if (process := self.running.pop(name, None)) is not None:
            self.world.kill(process)
            self.world.bury(process, self.hosts[name])  # its readers count as members until `expire`
            self.expire(name)

    def expire(self, name: str, after_s: float = LEASE_S) -> None:
        """End the leases of a silent process on the in-memory broker, which has no expiry of its own."""
        readers = self.hosts[name].readers if self.memory_name else []
        for reader in [reader for reader in readers if reader.group]:
            self.operator.call_later(after_s, reader.expire)

    @property
    def operator(self) -> asyncio.AbstractEventLoop:
        return self.world.processes[0].loop
