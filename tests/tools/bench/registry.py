"""Memory of 200,000 feeds in Valkey: just added, and with history, validators and the items of the last document."""

import secrets
import time
from typing import Any

from streams.config.settings import Settings
from tests.tools.bench.common import run, server
from workers.poller.formats import parse_feed
from workers.poller.new_items import DIGEST_BYTES
from workers.poller.poll_commands import poll_commands, release_host_commands
from workers.poller.registry import FeedRegistry, FeedState
from workers.poller.schedule import initial_history, update_history
from workers.services import connect

FEEDS, SAMPLE = 200_000, 20_000
HOSTS = SAMPLE // 4


def address(n: int) -> str:
    return f"https://www.publisher-{n % HOSTS}.example/section-{n}/rss.xml"


async def held(settings: Settings) -> dict[str, Any]:
    from datetime import UTC, datetime

    from tests.tools.bench.poll import document

    broker = await connect(settings, settings.broker_url)
    feeds, state = FeedRegistry(broker.state, 10.0), broker.state

    async def used() -> int:
        return int((await state.info("memory"))["used_memory"])

    empty, now_s = await used(), time.time()
    await feeds.add([(address(n), "world") for n in range(SAMPLE)])
    added = await used()
    items = parse_feed(document(), "https://a.example/f", fetched_at=datetime.now(UTC)).items
    for n in range(SAMPLE):
        history = initial_history(now_s - 86_400, [now_s - 90_000 - 1_800 * k for k in range(33)])
        for k in range(40):
            history = update_history(
                history, now_s - 86_400 + 2_000 * k, [now_s - 86_400 + 2_000 * k - 60] if k % 3 else []
            )
        polled = FeedState(
            address(n), "world", title=f"Publisher {n}: the news of section {n}", etag=f'"{secrets.token_hex(12)}"',
            last_modified="Mon, 23 Nov 2026 12:00:00 GMT", body_hash=secrets.token_hex(8), polled_s=now_s, fetched_s=now_s,
            due_s=now_s + n / 100, status=200, polls=40, items_published=60, document_items=33, history=history,
        )  # fmt: skip
        known_items = secrets.token_bytes(2 * DIGEST_BYTES * len(items))
        loaded = await feeds.load(polled.url)
        assert loaded is not None
        commands = [*poll_commands(polled, known_items), *release_host_commands(polled.url, 200, 1.0, 1.0, now_s, 0.0)]
        assert await broker.publish([], commands, [loaded.condition(polled)])
    full = await used()
    began = time.process_time(), time.perf_counter()
    claimed = len(await feeds.claim(1_000))
    await broker.close()
    scale = FEEDS / SAMPLE / 1e6
    return {
        "feeds": FEEDS, "measured_with": SAMPLE, "feeds_a_host": SAMPLE // HOSTS, "added_mb": round((added - empty) * scale, 1),
        "polled_mb": round((full - empty) * scale, 1), "known_items_mb": round(33 * 2 * DIGEST_BYTES * FEEDS / 1e6, 1),
        "claim_of_1000_ms": round(1000 * (time.perf_counter() - began[1]), 1), "claimed": claimed,
    }  # fmt: skip


def measure() -> dict[str, Any]:
    """Return megabytes for 200,000 feeds, extrapolated from fewer."""
    with server() as settings:
        result: dict[str, Any] = run(lambda: held(settings))
    return result


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
