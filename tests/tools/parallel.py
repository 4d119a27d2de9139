"""Distribution of tests over parallel workers (pytest-xdist, `--dist loadgroup`).

Each worker has its own Valkey and Redis. A Kafka cluster takes seconds of CPU time to start, so all tests of a cluster
form one group, which runs in one worker. Groups are distributed first, single tests next, and unit tests last.
"""

import pytest

from tests.support.kafka import BEFORE, CURRENT

KAFKA_FIXTURES = frozenset({"clusters", "kafka_url", "kafka_before_url"})
VERSIONS = {"kafka": CURRENT, "kafka-3": BEFORE, CURRENT: CURRENT, BEFORE: BEFORE}
THREE_NODES = "three"  # the fixture of the three-node cluster
CORPUS_FIXTURE = "feeds_corpus"  # unpacks an archive


def kafka_cluster(item: pytest.Function) -> str:
    """Return the name of the Kafka cluster that a test uses, or "" without one."""
    parameters = getattr(item, "callspec", None)
    values = list(parameters.params.values()) if parameters else []
    versions = [VERSIONS[value] for value in values if isinstance(value, str) and value in VERSIONS]
    if not versions and not KAFKA_FIXTURES & {*item.fixturenames}:
        return ""
    nodes = 3 if THREE_NODES in item.fixturenames or (parameters and parameters.params.get("nodes") == 3) else 1
    return f"kafka-{versions[0] if versions else CURRENT}-{nodes}"


def group(item: pytest.Item) -> str:
    """Return the group of a test, or "" for a test that any worker can run."""
    if not isinstance(item, pytest.Function):
        return ""
    return kafka_cluster(item) or (CORPUS_FIXTURE if CORPUS_FIXTURE in item.fixturenames else "")


def distribute(items: list[pytest.Item]) -> None:
    """Mark the groups, and move the unit tests to the end, where short tests let all workers end together."""
    for item in items:
        if name := group(item):
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: item.get_closest_marker("unit") is not None)
