"""The membership of a Faust app in its consumer group."""

from collections.abc import Collection, Mapping
from typing import cast

import faust

from streams.topics import Partition


class FaustContext:
    """The membership of a Faust app in its consumer group; implements `AgentContext`."""

    def __init__(self, app: faust.App) -> None:
        self.app = app
        self.group = str(app.conf.id)

    def begin_step(self) -> None:
        """Do nothing. A subclass may store the leases at the start of a step."""

    def assignment(self) -> Collection[Partition]:
        return cast(Collection[Partition], self.app.consumer.assignment())

    def is_rebalancing(self) -> bool:
        """Return whether the group's rebalance has begun and this worker has not received its partitions."""
        return bool(self.app.rebalancing)

    def lease_of(self, topic: str, partition: int) -> str:
        return str(self.app.consumer.lease_of(topic, partition))

    async def rewind(self, offsets: Mapping[Partition, int]) -> None:
        await self.app.consumer.rewind(offsets)
