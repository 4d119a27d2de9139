"""Errors of a whole group in replies to OffsetFetch.

Since version 2, a reply may hold an error of the group and no partition (KIP-88). A broker sends it if it is no longer
the coordinator, or still loads the group. aiokafka 0.14 only reads the errors of partitions. To aiokafka the group then
has no committed offset: it restarts at the first offset. It also keeps asking the former coordinator.
"""

from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import NotCoordinatorForGroupError, for_code

OFFSET_FETCH = 9

_send = GroupCoordinator._send_req


async def send_checked(coordinator: Any, request: Any) -> Any:
    """Send *request* to the coordinator; return its response.

    Raises:
        KafkaError: the response holds an error of the group. aiokafka retries the request.
    """
    response = await _send(coordinator, request)
    code = getattr(response, "error_code", 0) if response.API_KEY == OFFSET_FETCH else 0
    if code:
        error = for_code(code)
        if error is NotCoordinatorForGroupError:
            coordinator.coordinator_dead()  # aiokafka then looks it up
        raise error
    return response


def check_group_errors() -> None:
    """Patch aiokafka so that all consumers of this process raise the errors of a group."""
    GroupCoordinator._send_req = send_checked
