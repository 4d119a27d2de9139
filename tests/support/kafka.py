"""Real Kafka clusters for tests: Apache's jars from Maven, KRaft nodes on loopback, stopped with the session."""

import base64
import fcntl
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from streams.valkey.server import die_with_parent
from tests.support.ports import free_port

CURRENT, BEFORE = (
    "4.4.0",
    "3.9.2",
)  # docker-compose.yml runs CURRENT; BEFORE is the last release of the previous major version
POM = Path(__file__).parent / "pom.xml"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
START_S = 300.0  # as DEADLINE_S in tests/conftest.py: parallel tests share the cores with a starting broker
DOWNLOAD_S = 240.0
ARCHIVE = "classes.jsa"  # application class-data sharing (JEP 350)
ARCHIVE_S = 60.0
JAVA = ["java", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
USER, PASSWORD = "copydesk", "invented"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]  # made in a tenth of the time of an RSA key
JAAS = "org.apache.kafka.common.security.{module} required{options};"
PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{secure_listener}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{secure_listener}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MUTUAL:SSL
log.dirs={folder}/data
offsets.topic.replication.factor={replication}
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
# An idle node writes a record each 500 ms by default.
metadata.max.idle.interval.ms=10000
# Failures are noticed in seconds, so that tests that cause them are short.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1500
replica.lag.time.max.ms=3000
"""
SECURE = """
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
ssl.keystore.location={folder}/keys.p12
ssl.keystore.type=PKCS12
ssl.keystore.password=changeit
listener.name.sasl_ssl.plain.sasl.jaas.config={plain}
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.truststore.location={folder}/clients-ca.pem
listener.name.mutual.ssl.truststore.type=PEM
"""


def die_with_tests() -> None:
    """Exit together with the tests; runs in the broker's process."""
    die_with_parent(signal.SIGKILL)


class NoKafka(Exception):
    """No broker can run on this machine; the message names the missing part."""


def jars(version: str, pom: Path = POM, name: str = "copydesk-kafka") -> str:
    """Return the class path of *pom*, downloaded once per version. Raises: NoKafka with the missing part."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        raise NoKafka(f"no {' and no '.join(missing)} on this machine")
    folder = Path(tempfile.gettempdir()) / f"{name}-{version}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            download(version, folder, pom)
    return f"{folder}/*"


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold an exclusive lock during the block: parallel tests download a version once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def download(version: str, folder: Path, pom: Path) -> None:
    """Fetch the jars of *pom* by Maven. Raises: NoKafka with Maven's output."""
    options = [f"-Dkafka.version={version}", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    command = ["mvn", "-q", "-B", "-f", str(pom), COPY, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)
    if done.returncode:
        raise NoKafka(f"Maven couldn't fetch {pom.stem} {version}: {done.stdout[-300:]}")
    (folder / "complete").touch()


@dataclass
class Node:
    """A broker that is also a controller."""

    number: int
    port: int
    controller: int
    folder: Path
    secure_port: int = 0
    mutual_port: int = 0  # TLS with client certificates
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def new_archive(self) -> Path:
        return self.folder / ARCHIVE


class Cluster:
    """KRaft nodes on loopback; each can be killed, frozen and restarted."""

    def __init__(self, version: str = CURRENT, nodes: int = 1, *, secure: bool = False) -> None:
        self.version, self.secure = version, secure
        self.class_path = jars(version)
        self.jar_folder = Path(self.class_path).parent
        self.folder = Path(tempfile.mkdtemp(prefix="copydesk-kafka-"))
        self.nodes = [
            Node(n, free_port(), free_port(), self.folder / str(n), *((free_port(), free_port()) if secure else (0, 0)))
            for n in range(1, nodes + 1)
        ]

    @property
    def url(self) -> str:
        return "kafka://" + ";kafka://".join(f"127.0.0.1:{n.port}" for n in self.nodes)

    @property
    def secure_url(self) -> str:
        return f"kafka://localhost:{self.nodes[0].secure_port}"

    @property
    def mutual_url(self) -> str:
        return f"kafka://localhost:{self.nodes[0].mutual_port}"

    @property
    def archive(self) -> Path:
        return self.jar_folder / ARCHIVE

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def start(self) -> None:
        """Format the disks and start all nodes; return when all respond."""
        if self.secure:
            self._make_keys()
        cluster_id = base64.urlsafe_b64encode(b"copydesk" + os.urandom(8)).decode().rstrip("=")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: self._format(node, cluster_id), self.nodes))
        for node in self.nodes:
            self.run(node)
        for node in self.nodes:
            self.wait_for(node)

    def _format(self, node: Node, cluster_id: str) -> None:
        node.folder.mkdir()
        replication = min(3, len(self.nodes))
        text = PROPERTIES.format(
            node=node.number, port=node.port, controller=node.controller, folder=node.folder, replication=replication,
            voters=",".join(f"{n.number}@127.0.0.1:{n.controller}" for n in self.nodes), in_sync=max(1, replication - 1),
            secure_listener=f",SASL_SSL://localhost:{node.secure_port},MUTUAL://localhost:{node.mutual_port}"
            if self.secure
            else "",
        )  # fmt: skip
        extra = []
        if self.secure:
            users = f' username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}"'
            plain = JAAS.format(module="plain.PlainLoginModule", options=users)
            scram = JAAS.format(module="scram.ScramLoginModule", options="")
            text += SECURE.format(folder=self.folder, plain=plain, scram=scram)
            extra = ["--add-scram", f'SCRAM-SHA-512=[name="{USER}",password="{PASSWORD}"]']
        node.properties.write_text(text)
        archive = [f"-XX:SharedArchiveFile={self.archive}"] if self.archive.exists() else []
        tool = [*JAVA, *archive, "-cp", self.class_path, "kafka.tools.StorageTool", "format"]
        command = [*tool, "-t", cluster_id, "-c", str(node.properties), *extra]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]

    def _make_keys(self) -> None:
        """Make the keys of the server; keytool takes ten times the CPU time of openssl."""
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        key = [*NEW_KEY, "-nodes", "-days", "30", "-keyout", "keys.key"]
        store = ["-inkey", "keys.key", "-out", "keys.p12", "-name", "k", "-passout", "pass:changeit"]
        for command in (
            ["req", "-x509", *key, *name, "-out", "ca.pem"],
            ["pkcs12", "-export", "-in", "ca.pem", *store],
        ):
            subprocess.run(["openssl", *command], cwd=self.folder, check=True, capture_output=True)
        ssl.create_default_context(cafile=str(self.ca_file))  # fail early on a bad certificate
        make_client_certificate(self.folder, "clients-ca", "client")

    def run(self, node: Node) -> None:
        """Start a node without waiting."""
        is_archived = self.archive.exists()
        option = (
            f"-XX:SharedArchiveFile={self.archive}" if is_archived else f"-XX:ArchiveClassesAtExit={node.new_archive}"
        )
        with (node.folder / "kafka.log").open("ab") as log:
            node.process = subprocess.Popen(
                [*JAVA, option, "-cp", self.class_path, "kafka.Kafka", str(node.properties)], stdout=log, stderr=log,
                preexec_fn=die_with_tests,
            )  # fmt: skip

    def wait_for(self, node: Node) -> None:
        """Return when *node* accepts clients: after it caught up with the controllers."""
        end = time.monotonic() + START_S
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", node.port), timeout=1):
                return
            log = node.folder / "kafka.log"
            assert node.process is not None
            assert node.process.poll() is None, f"node {node.number} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < end, f"node {node.number} isn't up within {START_S:.0f} s"
            time.sleep(0.05)  # another program's process has no awaitable

    def kill(self, node: Node) -> None:
        """Send SIGKILL and wait until the node is gone."""
        assert node.process is not None
        node.process.kill()
        node.process.wait()

    def signal(self, node: Node, signum: int) -> None:
        assert node.process is not None
        node.process.send_signal(signum)

    def stop(self) -> None:
        """Stop all nodes and delete their data."""
        self._keep_archive(self.nodes[0])
        for node in self.nodes:
            if node.process is not None:
                with suppress(ProcessLookupError):
                    node.process.send_signal(signal.SIGCONT)
                self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep_archive(self, node: Node) -> None:
        """Keep the first class archive of a version: it halves the CPU time of a start, from 2.3 s to 1.2 s."""
        if self.archive.exists() or node.process is None or node.process.poll() is not None:
            return
        node.process.send_signal(signal.SIGCONT)  # a test may have frozen it
        node.process.terminate()  # an orderly exit writes the archive
        with suppress(subprocess.TimeoutExpired, FileNotFoundError):
            node.process.wait(ARCHIVE_S)
            node.new_archive.replace(self.archive)


def make_client_certificate(folder: Path, ca: str, name: str) -> None:
    """Make a certificate authority *ca*, and a client certificate of it: `<name>.pem` and `<name>.key`."""
    key = [*NEW_KEY, "-nodes", "-days", "30"]
    for command in (
        ["req", "-x509", *key, "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem"],
        ["req", *NEW_KEY, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"],
        ["x509", "-req", "-days", "30", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
         "-CAcreateserial", "-out", f"{name}.pem"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


@contextmanager
def cluster(version: str = CURRENT, nodes: int = 1, *, secure: bool = False) -> Generator[Cluster, None, None]:
    """Run a cluster during the block."""
    made = Cluster(version, nodes, secure=secure)
    try:
        made.start()
        yield made
    finally:
        made.stop()
