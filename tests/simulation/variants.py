"""Brokers with other methods for one program, and the parts of their commits; for planted bugs."""

from collections.abc import Callable, Sequence
from typing import Any

from streams.brokers.base import Broker, Condition
from streams.topics import partition_name


class Variant:
    """A broker with other methods for one program."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)


def for_program(program: str, variant: type[Variant]) -> Callable[[Broker, str], Any]:
    return lambda broker, name: variant(broker) if name == program else broker


def commit_conditions(context: Any, ranges: Sequence[Any], *, leases: bool) -> list[Condition]:
    """Return the conditions of a commit: on the leases, or on the offsets."""
    out = []
    for offsets in ranges:
        name, lease = partition_name(*offsets.topic_partition), context.lease_of(*offsets.topic_partition)
        if leases:
            out.append(Condition(f"copydesk:leases:{context.group}", name, lease, lease))
        else:
            out.append(Condition(f"copydesk:offsets:{context.group}", name, str(offsets.first), str(offsets.end)))
    return out


def offset_writes(context: Any, ranges: Sequence[Any]) -> list[Any]:
    key = f"copydesk:offsets:{context.group}"
    return [("HSET", key, partition_name(*offsets.topic_partition), offsets.end) for offsets in ranges]
