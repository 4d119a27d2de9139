"""The commands that store a poll and release its host, for the step that publishes the poll. Pure."""

from streams.brokers.base import RedisCommand
from workers.poller.registry import (
    CLAIMED_HOSTS,
    DUE_HOSTS,
    HOST_DELAYS,
    HOST_FEEDS,
    KNOWN_ITEMS,
    FeedState,
    feed_id,
    host_key,
)

MAX_HOST_DELAY_S = 60.0


def release_host_commands(
    url: str, status: int, delay_s: float, usual_delay_s: float, now_s: float, retry_after_until_s: float
) -> list[RedisCommand]:
    """Return the commands that release a host until its next poll, and store the delay between its polls.

    Status 429 doubles the delay, and no feed of the host is polled until *retry_after_until_s*.
    A successful poll shortens the delay by 5 %, down to *usual_delay_s*.
    """
    host, new_delay_s = host_key(url), delay_s
    if status == 429:
        new_delay_s = min(MAX_HOST_DELAY_S, max(2 * delay_s, 1.0))
    elif 200 <= status < 400 and delay_s > usual_delay_s:
        new_delay_s = max(usual_delay_s, delay_s * 0.95)
    due_s = max(now_s + new_delay_s, retry_after_until_s if status == 429 else 0.0)
    commands: list[RedisCommand] = [("ZADD", DUE_HOSTS, f"{due_s:.3f}", host), ("HDEL", CLAIMED_HOSTS, host)]
    if new_delay_s > usual_delay_s and new_delay_s != delay_s:
        commands.append(("HSET", HOST_DELAYS, host, f"{new_delay_s:.3f}"))
    elif new_delay_s != delay_s:
        commands.append(("HDEL", HOST_DELAYS, host))
    return commands


def poll_commands(state: FeedState, known_items: bytes | None) -> list[RedisCommand]:
    """Return the commands that store the result of a poll, except the state, which the poll's condition stores.

    *known_items* None leaves the known items unchanged.
    """
    id_ = feed_id(state.url)
    commands: list[RedisCommand] = [("ZADD", HOST_FEEDS + host_key(state.url), f"{state.due_s:.3f}", id_)]
    if known_items is not None:
        commands.append(("HSET", KNOWN_ITEMS, id_, known_items))
    return commands
