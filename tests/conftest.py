"""Shared fixtures: a real Valkey, real Kafka clusters, feeds on loopback, and waits for conditions."""

import asyncio
import gc
import os
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import hypothesis
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.testing import InMemoryBroker
from streams.topics import TOPIC_PREFIX
from streams.valkey.server import EmbeddedValkey
from tests.support.fork_server import run_module
from tests.support.kafka import BEFORE, CURRENT, Cluster, NoKafka, jars, locked
from tests.tools import parallel, rings
from tests.tools.forked_workers import pytest_xdist_setupnodes  # noqa: F401  # hook
from tests.tools.rings import pytest_configure  # noqa: F401  # hook of the unit ring
from tests.tools.skips import NO_CORPUS, SHARED, corpus_is_absent, pytest_sessionfinish  # noqa: F401  # hook

gc.disable()  # until the tests are collected: see pytest_collection_finish
# Shells start background jobs with SIGINT ignored (POSIX, 2.11 Signals), `nohup` ignores SIGHUP, and processes that tests
# start inherit this.
for _signum, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_signum) == signal.SIG_IGN:
        signal.signal(_signum, _handler)

ROOT = Path(__file__).parent.parent
DEADLINE_S = 300.0  # of every wait: a step of one second may take minutes on a busy machine
FIRST_PAUSE_S, LAST_PAUSE_S = 0.01, 0.1  # between two checks of a condition
LONGEST_PAUSE_S = 1.0  # behind a long check: some start a process or read all of /proc

# How long examples take to make depends on the machine.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    for name in [n for n in os.environ if n.startswith("COPYDESK_") and not n.startswith("COPYDESK_TEST_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The corpus beside the project; in CI it must be there, unless COPYDESK_TEST_CORPUS is "absent"."""
    if not SHARED.is_dir():
        if os.environ.get("CI") and not corpus_is_absent():
            pytest.fail("../shared is missing in CI")
        pytest.skip(NO_CORPUS)
    return SHARED


@pytest.fixture(scope="session")
def feeds_corpus(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feeds of the corpus, unpacked once for all parallel workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "feeds"
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            part = folder.with_suffix(".part")
            part.mkdir()
            subprocess.run(["tar", "xJf", str(shared / "corpus" / "feeds.tar.xz"), "-C", str(part)], check=True)
            part.rename(folder)
    return folder


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(Settings(data_dir=tmp_path_factory.mktemp("valkey"), valkey_fsync="everysec"))
    server.start()
    yield server
    server.stop()


def emptied(url: str) -> str:
    """The Valkey or Redis at the socket of *url*, with nothing in it; without a client, which takes 20 times as long."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(unquote(urlsplit(url).path))
        client.sendall(b"FLUSHALL SYNC\r\n")  # SYNC: else the memory is freed later, during the test
        assert client.recv(100) == b"+OK\r\n"
    return url


@pytest.fixture
def settings(valkey_server: EmbeddedValkey, tmp_path: Path) -> Settings:
    """Settings over an empty Valkey."""
    return Settings(
        broker_url=emptied(valkey_server.url), data_dir=tmp_path, partitions=4, lease_timeout_s=2.0, shutdown_timeout_s=5.0,
        allowed_private_hosts="127.0.0.1:*", adaptive_polling=False, host_delay_s=0.0,
    )  # fmt: skip


def is_listening(path: Path) -> bool:
    """Return whether a server accepts connections at *path*: the file exists before its server listens."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis, where the machine has one; all else runs on Valkey."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on this machine")
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", str(folder)]
    with subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL) as server:
        end = time.monotonic() + DEADLINE_S
        while not is_listening(folder / "s"):
            assert time.monotonic() < end, "redis-server didn't start"
            time.sleep(0.01)  # a process of another program: there is nothing to await
        yield f"redis://{folder / 's'}"
        server.terminate()


class Clusters:
    """Kafka clusters, each started when a test first asks for it and kept for the session."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Cluster] = {}

    def get(self, version: str, nodes: int = 1) -> Cluster:
        kept = self._kept.get((version, nodes))
        if kept is None:
            kept = self._kept[(version, nodes)] = Cluster(version, nodes, secure=nodes == 1)
            kept.start()
        return kept

    def stop(self) -> None:
        for cluster in self._kept.values():
            cluster.stop()
        self._kept.clear()


STARTED: list[Clusters] = []


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """Real Kafka clusters, where there are Java and Maven."""
    try:
        jars(CURRENT)
    except NoKafka as exc:
        pytest.skip(f"no Kafka: {exc}")
    made = Clusters()
    STARTED.append(made)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> str:
    """A real Kafka of the current version: the one at COPYDESK_TEST_KAFKA, else one that is started here."""
    given = os.environ.get("COPYDESK_TEST_KAFKA", "")
    return given or str(request.getfixturevalue("clusters").get(CURRENT).url)


@pytest.fixture(scope="session")
def kafka_before_url(clusters: Clusters) -> str:
    """A real Kafka of the last version before 4."""
    return clusters.get(BEFORE).url


KAFKAS = {"kafka": "kafka_url", "kafka-3": "kafka_before_url"}


SERVERS = ("valkey", "redis", *KAFKAS)
REPEATED_SERVERS = ("redis", "kafka-3")  # Valkey's and Kafka's client and scripts work on them
ON_EACH_SERVER = ("tests/contract/", "tests/test_pipeline.py")


@pytest.fixture(params=SERVERS)
def either(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings over each broker in turn; state is in Valkey in both."""
    return settings_of(request, settings)


@pytest.fixture(params=["memory", *SERVERS])
def any_broker(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings over each server and the in-memory broker, which carries no Faust agents and no other processes."""
    return settings_of(request, settings)


@pytest.fixture(params=["memory", "valkey"])
def local_broker(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings over Valkey and the in-memory broker."""
    return settings_of(request, settings)


def settings_of(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Return *settings* with the broker that the fixture's parameter names, emptied."""
    if request.param == "valkey":
        return settings
    if request.param == "memory":
        broker = InMemoryBroker()
        request.addfinalizer(broker.clear)
        return replace(settings, broker_url=broker.url)
    if request.param == "redis":
        return replace(settings, broker_url=emptied(request.getfixturevalue("redis_url")))
    url = asyncio.run(emptied_kafka(request.getfixturevalue(KAFKAS[request.param])))
    return replace(settings, broker_url=url, state_url=settings.broker_url)


async def emptied_kafka(url: str) -> str:
    """The Kafka at *url*, with none of copydesk's topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(url)))
    await admin.start()
    ours = [name for name in await admin.list_topics() if name.startswith(TOPIC_PREFIX)]
    if ours:
        await admin.delete_topics(ours)

    async def gone() -> bool:
        return not set(ours) & set(await admin.list_topics())

    await until(gone, what="topics deleted")
    await admin.close()
    return url


async def until(
    condition: Callable[[], Any], deadline_s: float = DEADLINE_S, what: str | Callable[[], str] = ""
) -> Any:
    """Return the result of *condition*, a function or coroutine function, once it is true. Fail after *deadline_s*.

    *what*: the state that the failure names; a function is called after the deadline.
    """
    end, pause_s = time.monotonic() + deadline_s, FIRST_PAUSE_S
    while True:
        begin = time.monotonic()
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if (now := time.monotonic()) > end:
            pytest.fail(f"not within {deadline_s:g} s: {(what() if callable(what) else what) or condition}")
        await asyncio.sleep(max(pause_s, min(2 * (now - begin), LONGEST_PAUSE_S)))  # no more checks than waiting
        pause_s = min(1.5 * pause_s, LAST_PAUSE_S)


def copydesk(
    *arguments: str,
    cwd: Path,
    check: int | None = 0,
    env: dict[str, str] | None = None,
    input: str | None = None,
    timeout: float = DEADLINE_S,
) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end; returns the finished process with text output."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = run_module("workers.cli", *arguments, cwd=cwd, environ=environ, timeout=timeout, input=input)
    if check is not None:
        assert done.returncode == check, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the clusters of a parallel worker behind their last test: an idle node takes CPU time and 400 MB."""
    if "PYTEST_XDIST_WORKER" in os.environ and nextitem and parallel.ends_kafka(item.nodeid, nextitem.nodeid):
        for clusters in STARTED:
            clusters.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Collect the garbage of a Kafka test behind it, without the warnings of aiokafka's connections.

    aiokafka 0.14 leaves a connection open that is being made while its client closes: 1 of 5,255 tests at a load of 14.
    """
    try:
        return (yield)
    finally:
        if uses_kafka(item):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


def uses_kafka(item: pytest.Item) -> bool:
    return "kafka" in item.nodeid.lower()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return parallel.scheduler(config, log)


def pytest_collection_finish() -> None:
    """Leave modules and tests out of later garbage collections: one of them took 0.2 s of CPU time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the unit tests before pytest selects by `-m`."""
    rings.pytest_collection_modifyitems(items)
    for item in filter(uses_kafka, items):
        for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
            item.add_marker(pytest.mark.filterwarnings(f"default::{warning}"))
    for item in filter(is_repetition, items):
        item.add_marker("exhaustive")
    parallel.order(items)


def is_repetition(item: pytest.Item) -> bool:
    """Return whether a test of another part runs again on a server with the client and the scripts of another one."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    server = parameters.get("either") or parameters.get("any_broker")
    return server in REPEATED_SERVERS and not item.nodeid.startswith(ON_EACH_SERVER)
