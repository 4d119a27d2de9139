"""Fetch a group's committed offset that no open transaction can change.

aiokafka 0.14 supports OffsetFetch up to version 3; `require_stable` needs version 7 (KIP-447).
"""

from typing import Any

from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from streams.errors import UnavailableError
from streams.topics import Partition, partition_name

UNSTABLE_OFFSET_COMMIT = 88  # a transaction is open: retry
NO_OFFSET = -1


class OffsetFetchResponse(Response):  # type: ignore[misc]
    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("topics", CompactArray(
            ("name", CompactString("utf-8")),
            ("partitions", CompactArray(
                ("partition", Int32), ("offset", Int64), ("leader_epoch", Int32), ("metadata", CompactString("utf-8")),
                ("error_code", Int16), ("tags", TaggedFields),
            )),
            ("tags", TaggedFields),
        )),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )  # fmt: skip


class OffsetFetchRequest(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 9
    API_VERSION = 7
    RESPONSE_TYPE = OffsetFetchResponse
    SCHEMA = Schema(
        ("group", CompactString("utf-8")),
        ("topics", CompactArray(
            ("name", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
        )),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )  # fmt: skip


class OffsetFetch(Request[OffsetFetchRequest]):  # type: ignore[misc]
    """OffsetFetch version 7 in the form that aiokafka's client sends."""

    API_KEY = 9

    def __init__(self, group: str, tp: Partition) -> None:
        self.group, self.tp = group, tp

    def build(self, request_struct_class: type[OffsetFetchRequest]) -> OffsetFetchRequest:
        topic, partition = self.tp
        return request_struct_class(self.group, [(topic, [partition], {})], True, {})


async def fetch_stable_offset(client: Any, group: str, tp: Partition) -> int | None:
    """Return the committed offset of *group*; None without one.

    Raises:
        UnavailableError: a transaction is open.
        KafkaError: any other error of the broker.
    """
    node = await client.coordinator_lookup(CoordinationType.GROUP, group)
    response = await client.send(node, OffsetFetch(group, tp), group=ConnectionGroup.COORDINATION)
    offset, error = NO_OFFSET, response.error_code
    if response.topics:
        _, partitions, _ = response.topics[0]  # one topic and one partition, as requested
        _, offset, _, _, partition_error, _ = partitions[0]
        error = partition_error or error
    if error == UNSTABLE_OFFSET_COMMIT:
        raise UnavailableError(f"committed offset not stable: {partition_name(*tp)}, group {group} (open transaction)")
    if error:
        raise for_code(error)()
    return None if offset == NO_OFFSET else int(offset)
