"""Distribution of tests over parallel workers (pytest-xdist).

Each worker has its own Valkey and Redis. A Kafka cluster takes seconds of CPU time and 400 MB of memory, so the tests of
a version share one worker. Groups are distributed first, then long tests, other single tests, and unit tests last.
"""

from typing import Any

import pytest

from tests.support.kafka import BEFORE, CURRENT

# Modules with tests of more than 30 s at a load of 15.
LONG = (
    "tests/contract/brokers/test_kafka_nodes.py",
    "tests/workers/poller/test_hostile.py",
    "tests/workers/intake/test_backfill_kills.py",
    "tests/workers/test_supervisor.py",
    "tests/workers/test_health.py",
    "tests/workers/web/test_page.py",
    "tests/streams/valkey/test_backup.py",
    "tests/test_howtos.py",
    "tests/workers/desk/test_time_limits.py",
    "tests/workers/events/test_worker.py",
    "tests/workers/web/test_views.py",
    "tests/simulation/test_simulation.py",
    "tests/workers/test_dead_letters.py",
    "tests/faults/test_faults.py",
    "tests/faults/test_large_items.py",
    "tests/faults/test_memory.py",
    "tests/test_docs.py",
    "tests/test_pipeline.py",
)
# Modules with a state that takes longer than their tests: a browser, attacks as articles, a damaged log, a text model.
SHARED = {
    "tests/faults/test_damage.py": "damage",
    "tests/workers/web/test_live_markup.py": "browser",
    "tests/workers/web/test_page.py": "browser",
    "tests/workers/web/test_views.py": "browser",
    "tests/workers/events/test_worker.py": "text model",
}
OWN_CLUSTERS = "tests/contract/brokers/test_kafka_nodes.py"  # of three nodes


def group(nodeid: str) -> str:
    """Return the group of a test; a test outside the groups forms its own.

    The main process of pytest-xdist has only the test ids. Without its group, a test passes too, on one more cluster.
    """
    path, _, name = nodeid.partition("::")
    if "kafka" in nodeid.lower():
        is_before = BEFORE in name or ("kafka-3" in name and CURRENT not in name)
        version = BEFORE if is_before else CURRENT
        return f"Kafka {version} {path if path == OWN_CLUSTERS else ''}".strip()
    return SHARED.get(path, nodeid)


def ends_kafka(nodeid: str, next_nodeid: str) -> bool:
    """Return whether a test is the last one of its group of Kafka tests. A worker runs each group without a break."""
    return group(nodeid).startswith("Kafka ") and group(next_nodeid) != group(nodeid)


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler of groups; `--dist loadgroup` has no effect with pytest 9.2 (pytest-xdist#1386)."""
    from xdist.scheduler import LoadScopeScheduling  # lazy: tests run without pytest-xdist, too

    class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            """Forget a group that has ended: after each test, the base class counts the pending tests of all groups."""
            super().mark_test_complete(node, item_index, duration)
            scope = group(self.registered_collections[node][item_index])
            if all(self.assigned_work[node][scope].values()):
                del self.assigned_work[node][scope]

    return GroupScheduling(config, log)


def rank(nodeid: str, is_unit: bool) -> int:
    """Return the place of a test in the order: long tests first, unit tests last, so that all workers end together."""
    return 2 if is_unit else int(not nodeid.startswith(LONG))


def order(items: list[pytest.Item]) -> None:
    """Sort the tests by rank, and keep the order within a rank."""
    items.sort(key=lambda item: rank(item.nodeid, item.get_closest_marker("unit") is not None))
