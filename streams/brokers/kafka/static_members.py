"""Static members of consumer groups (KIP-345): a member with an instance id keeps its partitions over a restart.

Kafka keeps the partitions of such a member until its session ends, and gives them to the next process with its id.
It fences the former process. A member that stops in order leaves the group, so that the others need not wait for the
end of its session. aiokafka 0.14 lacks four parts:

- Its heartbeats do not contain the instance id, so Kafka responds "unknown member". A fenced process then joins again
  and fences its successor: two processes with one id replace each other for ever.
- It knows no error code 82, which says that the process is fenced.
- It does not notice that a restarted member leads the group. To versions of JoinGroup before 9, Kafka names the
  leader's former member id, so that the leader computes no assignment. Without a leader, nobody assigns new partitions.
- Its request to leave the group does not contain the instance id, so it sends none for static members.
"""

from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError, NoError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import (
    HeartbeatRequest,
    HeartbeatResponse_v1,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

from streams.exit_codes import ExitCode, abort
from streams.logger import get_logger

log = get_logger(__name__)

FENCED_INSTANCE_ID = 82
MEMBERSHIP = {request.API_KEY for request in (HeartbeatRequest, JoinGroupRequest, SyncGroupRequest)}


class HeartbeatResponseV3(HeartbeatResponse_v1):  # type: ignore[misc]
    """Has the fields of version 1."""

    API_VERSION = 3


class HeartbeatRequestV3(RequestStruct):  # type: ignore[misc]
    """The first version with an instance id, since Kafka 2.3."""

    API_KEY = HeartbeatRequest.API_KEY
    API_VERSION = 3
    RESPONSE_TYPE = HeartbeatResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class StaticHeartbeat(Request[HeartbeatRequestV3]):  # type: ignore[misc]
    """A heartbeat of a static member."""

    API_KEY = HeartbeatRequest.API_KEY

    def __init__(self, coordinator: Any) -> None:
        self.coordinator = coordinator

    def build(self, request_struct_class: type[HeartbeatRequestV3]) -> HeartbeatRequestV3:
        member = self.coordinator
        return request_struct_class(member.group_id, member.generation, member.member_id, member._group_instance_id)


class LeaveGroupResponseV3(Response):  # type: ignore[misc]
    """Has an error code for each member."""

    API_KEY = LeaveGroupRequest.API_KEY
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")), ("error_code", Int16)),
        ),
    )


class LeaveGroupRequestV3(RequestStruct):  # type: ignore[misc]
    """The first version with instance ids, since Kafka 2.4."""

    API_KEY = LeaveGroupRequest.API_KEY
    API_VERSION = 3
    RESPONSE_TYPE = LeaveGroupResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("members", Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))),
    )


class StaticLeave(Request[LeaveGroupRequestV3]):  # type: ignore[misc]
    """The end of a static member. Kafka ignores it if another process has its instance id."""

    API_KEY = LeaveGroupRequest.API_KEY

    def __init__(self, coordinator: Any) -> None:
        self.coordinator = coordinator

    def build(self, request_struct_class: type[LeaveGroupRequestV3]) -> LeaveGroupRequestV3:
        member = self.coordinator
        return request_struct_class(member.group_id, [(member.member_id, member._group_instance_id)])


def keep_static_members() -> None:
    """Patch aiokafka so that the consumers of this process are complete static members if they have an instance id."""
    send, leave = GroupCoordinator._send_req, GroupCoordinator._maybe_leave_group

    async def send_as_member(coordinator: Any, request: Any) -> Any:
        if not coordinator._group_instance_id:
            return await send(coordinator, request)
        is_heartbeat = isinstance(request, HeartbeatRequest)
        response = await send(coordinator, StaticHeartbeat(coordinator) if is_heartbeat else request)
        if response.API_KEY in MEMBERSHIP and response.error_code == FENCED_INSTANCE_ID:
            end_fenced(coordinator)
        if isinstance(request, JoinGroupRequest) and response.error_code == NoError.errno:
            watch_partitions(coordinator, response)
        return response

    async def leave_as_member(coordinator: Any) -> None:
        if coordinator._group_instance_id and coordinator.generation > 0:
            try:
                await coordinator._send_req(StaticLeave(coordinator))
            except KafkaError as exc:
                log.warning("group not left", group=coordinator.group_id, error=exc, next_step="its session will end")
        await leave(coordinator)

    GroupCoordinator._send_req, GroupCoordinator._maybe_leave_group = send_as_member, leave_as_member


def end_fenced(coordinator: Any) -> None:
    """End this process: another one has joined the group under the same name. Steps in progress are fenced, too."""
    abort(
        ExitCode.USAGE, "duplicate worker name", worker=coordinator._group_instance_id, group=coordinator.group_id,
        reason="a later process has it", next_step="stopping; give each worker a --name of its own",
    )  # fmt: skip


def watch_partitions(coordinator: Any, response: Any) -> None:
    """Make a restarted leader watch its topics: it joins again if they get partitions, and assigns them."""
    is_former_leader = response.leader_id.startswith(f"{coordinator._group_instance_id}-")
    if is_former_leader and response.leader_id != response.member_id:
        coordinator._group_subscription = set(coordinator._subscription.topics)
        coordinator._metadata_snapshot = coordinator._get_metadata_snapshot()
