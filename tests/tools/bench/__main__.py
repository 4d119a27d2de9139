"""`make bench`: costs of copydesk as JSON, with ratios to a baseline measured in the same run.

make bench                     all but the last two
make bench ARGS="transport"    one of: transport, kafka, desk, up, failover, replay, schedule
"""

import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.tools.bench import desk, failover, kafka, replay, schedule, transport, up

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "transport": transport.measure,
    "kafka": kafka.measure,
    "desk": desk.measure,
    "up": up.measure,
    "failover": failover.measure,
    "replay": replay.measure,
    "schedule": schedule.measure,
}


def main(wanted: list[str]) -> None:
    """Run the selected parts and write bench-results/<time>.json."""
    results: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    for name in wanted or [n for n in PARTS if n not in ("replay", "schedule")]:
        results[name] = PARTS[name]()
        print(json.dumps({name: results[name]}, indent=1), flush=True)
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    (folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
