"""A real Kafka broker for tests: Apache's jars by Maven, one KRaft node on loopback, ended with the session."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

POM = Path(__file__).parent / "pom.xml"
START_S = 60.0
DOWNLOAD_S = 240.0
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class NoKafka(Exception):
    """Why there can be no broker here."""


def jars() -> str:
    """Return the class path of the broker, fetched once per version. Raises NoKafka, saying what is missing."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        raise NoKafka(f"no {' and no '.join(missing)} on this machine")
    [version] = re.findall(r"<version>([\d.]{3,})</version>", POM.read_text())
    folder = Path(tempfile.gettempdir()) / f"copydesk-kafka-{version}"
    if not (folder / "complete").exists():
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
        command = ["mvn", "-q", "-B", "-f", str(POM), *goal]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)
        if done.returncode:
            raise NoKafka(f"Maven couldn't fetch Kafka {version}: {done.stdout[-300:]}")
        (folder / "complete").touch()
    return f"{folder}/*"


@contextmanager
def broker() -> Generator[str, None, None]:
    """Run a broker for as long as the block lasts; gives its URL."""
    class_path = jars()
    folder = Path(tempfile.mkdtemp(prefix="copydesk-kafka-"))
    port, controller = free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(port=port, controller=controller, folder=folder))
    java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", class_path]
    tool = [*java, "kafka.tools.StorageTool"]
    cluster = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=True).stdout.split()[-1]
    subprocess.run([*tool, "format", "-t", cluster, "-c", str(properties)], capture_output=True, check=True)
    with (folder / "kafka.log").open("wb") as log:
        process = subprocess.Popen([*java, "kafka.Kafka", str(properties)], stdout=log, stderr=log)
    try:
        wait_until_listening(port, process)
        yield f"kafka://127.0.0.1:{port}"
    finally:
        process.kill()  # its data goes with it
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert process.poll() is None, "the broker ended at once; see its log"
            assert time.monotonic() < end, f"no broker within {START_S:.0f} s"
            time.sleep(0.05)  # a process of another program: there is nothing to await


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
