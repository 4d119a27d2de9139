"""Distribution of tests over parallel workers (pytest-xdist).

Each worker has its own Valkey and Redis. A Kafka cluster takes seconds of CPU time and 400 MB of memory, so the tests of
a version share one worker. Groups are distributed first, single tests next, and unit tests last.
"""

from typing import Any

import pytest

from tests.support.kafka import BEFORE, CURRENT

OWN_CLUSTERS = "tests/contract/brokers/test_kafka.py"  # has clusters of three nodes, too


def group(nodeid: str) -> str:
    """Return the group of a test; a test outside the groups forms its own.

    The main process of pytest-xdist has only the test ids. Without its group, a test passes too, on one more cluster.
    """
    path, _, name = nodeid.partition("::")
    if "kafka" in nodeid.lower():
        version = BEFORE if BEFORE in name or "kafka-3" in name else CURRENT
        return f"Kafka {version} {path if path == OWN_CLUSTERS else ''}".strip()
    return "corpus" if "corpus" in name else nodeid


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler of groups; `--dist loadgroup` has no effect with pytest 9.2 (pytest-xdist#1386)."""
    from xdist.scheduler import LoadScopeScheduling  # lazy: tests run without pytest-xdist, too

    class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return GroupScheduling(config, log)


def move_unit_tests_last(items: list[pytest.Item]) -> None:
    """Move the unit tests to the end, where short tests let all workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("unit") is not None)
