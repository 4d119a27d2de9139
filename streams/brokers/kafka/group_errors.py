"""Errors of a whole group in replies to OffsetFetch.

Since version 2, a broker that is no longer the coordinator, or still loads the group, names no partition and sets an
error for the group (KIP-88). aiokafka 0.14 reads the errors of partitions only, so that the group seems to have no
committed offset: it starts at the first offset again, and asks the former coordinator forever.
"""

from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import NotCoordinatorForGroupError, for_code

OFFSET_FETCH = 9

_send = GroupCoordinator._send_req


async def send_checked(coordinator: Any, request: Any) -> Any:
    """Send *request* to the coordinator. Raises: KafkaError for an error of the group, which aiokafka retries."""
    response = await _send(coordinator, request)
    code = getattr(response, "error_code", 0) if response.API_KEY == OFFSET_FETCH else 0
    if code:
        error = for_code(code)
        if error is NotCoordinatorForGroupError:
            coordinator.coordinator_dead()  # aiokafka then looks it up
        raise error
    return response


def check_group_errors() -> None:
    """Let all consumers of this process check them."""
    GroupCoordinator._send_req = send_checked
