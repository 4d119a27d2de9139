"""A worker of Kafka Connect on loopback: Apache's jars from Maven, in a folder of its own."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from streams.config.settings import kafka_bootstrap_servers
from tests.conftest import until
from tests.support.kafka import JAVA, die_with_tests, jars
from tests.support.ports import free_port

POM = Path(__file__).parent / "connect.xml"
VERSION = "4.1.1"  # the file connector uses internals of its own version: it does not run on a worker of 4.4
PROPERTIES = """
bootstrap.servers={servers}
group.id={group}
listeners=http://127.0.0.1:{port}
plugin.discovery=service_load
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
config.storage.topic={group}-configs
offset.storage.topic={group}-offsets
status.storage.topic={group}-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
offset.flush.interval.ms=500
# A killed worker leaves its group in seconds.
session.timeout.ms=6000
heartbeat.interval.ms=1000
consumer.session.timeout.ms=6000
consumer.heartbeat.interval.ms=1000
"""


def connect_jars() -> str:
    """Return the class path of a worker. Raises: NoKafka with the missing part."""
    return jars(VERSION, POM, "copydesk-kafka-connect")


class Worker:
    """A running worker. Connectors write relative paths below *folder*."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self.http, self.url = http, f"http://127.0.0.1:{port}"

    async def is_ready(self) -> bool:
        try:
            async with self.http.get(f"{self.url}/connectors") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def register(self, configuration: str) -> None:
        """Register a connector with the text of a configuration file, as the how-to guide does."""
        headers = {"Content-Type": "application/json"}

        async def is_registered() -> bool:  # 409 while the worker joins its group
            async with self.http.post(f"{self.url}/connectors", data=configuration, headers=headers) as response:
                assert response.status in (201, 409), await response.text()
                return response.status == 201

        await until(is_registered)
        await self.wait_for(json.loads(configuration)["name"])

    async def state(self, name: str) -> list[dict[str, Any]]:
        """Return the states of a connector and of its tasks."""
        async with self.http.get(f"{self.url}/connectors/{name}/status") as response:
            status = await response.json()
            return [status["connector"], *status["tasks"]] if response.status == 200 else []

    async def wait_for(self, name: str) -> None:
        """Return when the connector and its tasks run."""

        async def is_running() -> bool:
            states = await self.state(name)
            assert not [state for state in states if state["state"] == "FAILED"], states
            return len(states) > 1 and all(state["state"] == "RUNNING" for state in states)

        await until(is_running)


@asynccontextmanager
async def running_worker(kafka_url: str, folder: Path, group: str) -> AsyncGenerator[Worker, None]:
    """Run a worker in *folder*, and kill it at the end."""
    class_path, port = await asyncio.to_thread(connect_jars), free_port()
    servers = ",".join(kafka_bootstrap_servers(kafka_url))
    properties = folder / "connect.properties"
    properties.write_text(PROPERTIES.format(servers=servers, group=group, port=port))
    command = [*JAVA, "-cp", class_path, "org.apache.kafka.connect.cli.ConnectDistributed", str(properties)]
    with (folder / "connect.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, preexec_fn=die_with_tests)
    try:
        async with aiohttp.ClientSession() as http:
            worker = Worker(http, port)

            async def is_ready() -> bool:
                assert process.poll() is None, (folder / "connect.log").read_text()[-3000:]
                return await worker.is_ready()

            await until(is_ready)
            yield worker
    finally:
        process.kill()
        process.wait()
