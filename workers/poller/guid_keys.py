"""Identity keys of the entries of feeds with tombstones: a tombstone names an entry by its guid only.

copydesk:feeds:guids    hash: id of the feed → identity key by guid, MessagePack, compressed
"""

import zlib
from collections.abc import Sequence

import msgspec

from streams.brokers.base import RedisCommand
from streams.state.store import StateStore
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats.tombstones import resolve
from workers.poller.registry import GUID_KEYS, feed_id

MAX_GUIDS = 1_000  # per feed, the newest


async def with_known_guids(
    state: StateStore, feed: str, update: FeedUpdate
) -> tuple[FeedUpdate, Sequence[RedisCommand]]:
    """Return *update* with its tombstones resolved, and the commands that store the guids of its document."""
    if not update.guid_keys and not any(item.withdrawn for item in update.new_items):
        return update, ()
    stored = _decode(await state.hget(GUID_KEYS, feed_id(feed)))
    keys = dict(list((stored | dict(update.guid_keys)).items())[-MAX_GUIDS:])
    resolved = msgspec.structs.replace(update, new_items=resolve(update.new_items, stored | dict(update.guid_keys)))
    return resolved, [("HSET", GUID_KEYS, feed_id(feed), _encode(keys))] if keys != stored else ()


def _encode(keys: dict[str, str]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(keys), 1)


def _decode(value: bytes | None) -> dict[str, str]:
    return msgspec.msgpack.decode(zlib.decompress(value), type=dict[str, str]) if value else {}
