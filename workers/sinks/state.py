"""State of the sinks for health and metrics, in the hash `copydesk:sinks`: `NAME:FIELD` → value."""

import time
from typing import Any, NamedTuple

from streams.brokers.base import Broker, RedisCommand
from streams.errors import UnavailableError
from streams.logger import get_logger

KEY = "copydesk:sinks"
MAX_ERROR_CHARS = 300
log = get_logger(__name__)


class SinkState(NamedTuple):
    """Failed attempts and rejected articles of a sink since its first start, and its current failure."""

    failures: int = 0
    rejected: int = 0
    failing_since_s: float = 0.0
    error: str = ""


class SinkStateRecorder:
    """Records the outcomes of one sink's deliveries.

    A failed attempt makes the sink failing. A confirmation or a rejection ends that, because the destination responds.
    """

    def __init__(self, broker: Broker, name: str) -> None:
        self.broker, self.name = broker, name
        self._failing: set[str] = set()
        self._is_clear = False  # a former process may have left its failure

    async def failed(self, event_id: str, error: str) -> None:
        """Count a failed attempt of *event_id*."""
        self._is_clear = False
        commands: list[RedisCommand] = [
            ("HINCRBY", KEY, f"{self.name}:failures", 1),
            ("HSET", KEY, f"{self.name}:error", error[:MAX_ERROR_CHARS]),
        ]
        if not self._failing:
            commands.append(("HSETNX", KEY, f"{self.name}:failing_since_s", f"{time.time():.0f}"))
        self._failing.add(event_id)
        await self._write(commands)

    async def ended(self, event_id: str, *, is_dead_letter: bool = False, is_exhausted: bool = False) -> None:
        """Record the end of a delivery: confirmed, or a dead letter. *is_exhausted*: after the last retry."""
        self._failing.discard(event_id)
        commands: list[RedisCommand] = [("HINCRBY", KEY, f"{self.name}:rejected", 1)] if is_dead_letter else []
        if not self._failing and not self._is_clear and not is_exhausted:
            commands.append(("HDEL", KEY, f"{self.name}:failing_since_s", f"{self.name}:error"))
            self._is_clear = True
        await self._write(commands)

    async def _write(self, commands: list[RedisCommand]) -> None:
        try:
            if commands:
                await self.broker.publish((), commands)
        except UnavailableError as exc:  # health is no reason to stop a delivery
            log.debug("sink state not written", sink=self.name, error=exc)


async def read_sink_states(state: Any) -> dict[str, SinkState]:
    """Return the state of each sink by its name."""
    fields: dict[str, dict[str, Any]] = {}
    for key, value in (await state.hgetall(KEY)).items():
        name, _, field = key.decode().rpartition(":")
        kind = {"error": str, "failing_since_s": float}.get(field, int)
        fields.setdefault(name, {})[field] = kind(value.decode())
    return {name: SinkState(**values) for name, values in fields.items()}
