"""A group's committed offset that no open transaction can still change, which aiokafka 0.14 can't ask for.

Its OffsetFetch ends at version 3; `require_stable` came with version 7 (KIP-447).
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
from streams.state.redis_client import Partition

UNSTABLE_OFFSET_COMMIT = 88  # a transaction is open: ask again
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
    """The request, for aiokafka's client to send."""

    API_KEY = 9

    def __init__(self, group: str, tp: Partition) -> None:
        self.group, self.tp = group, tp

    def build(self, request_struct_class: type[OffsetFetchRequest]) -> OffsetFetchRequest:
        topic, partition = self.tp
        return request_struct_class(self.group, [(topic, [partition], {})], True, {})


async def fetch_stable_offset(client: Any, group: str, tp: Partition) -> int | None:
    """Return the committed offset of *group*, None when there is none.

    Raises UnavailableError while a transaction is open, and aiokafka's errors for the rest.
    """
    node = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer = await client.send(node, OffsetFetch(group, tp), group=ConnectionGroup.COORDINATION)
    [(_, [(_, offset, _, _, error, _)], _)] = answer.topics or [("", [(0, 0, 0, "", answer.error_code, {})], {})]
    code = error or answer.error_code
    if code == UNSTABLE_OFFSET_COMMIT:
        raise UnavailableError(f"group {group}: a transaction on {tp[0]}/{tp[1]} isn't finished yet")
    if code:
        raise for_code(code)()
    return None if offset == NO_OFFSET else int(offset)
