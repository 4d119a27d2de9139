"""Notifications to systemd: readiness, watchdog, reload (sd_notify(3)). Without NOTIFY_SOCKET they do nothing."""

import asyncio
import os
import socket
import time

from streams.logger import get_logger

log = get_logger(__name__)

NOTIFY_SOCKET = "NOTIFY_SOCKET"


def notify(state: str) -> None:
    """Send *state*, such as `READY=1`, to systemd."""
    address = os.environ.get(NOTIFY_SOCKET, "")
    if not address:
        return
    if state == "RELOADING=1":
        state += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.connect("\0" + address[1:] if address.startswith("@") else address)
            connection.sendall(state.encode())
    except OSError as exc:
        log.warning("notification failed", error=exc, next_step="check NotifyAccess of the unit")


def watchdog_interval_s() -> float:
    """Return half of systemd's watchdog timeout, 0 if it watches another process or none."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) / 2e6 if usec.isdecimal() else 0.0


async def watchdog_task() -> None:
    """Tell systemd regularly that the event loop runs. Return at once without a watchdog."""
    interval_s = watchdog_interval_s()
    while interval_s:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)
