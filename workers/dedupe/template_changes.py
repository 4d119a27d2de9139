"""Template changes of all sites, for the status report.

copydesk:template-changes    hash: slot of a site → time of its last change, and the site; count → changes so far
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from streams.brokers.base import RedisCommand

KEY = "copydesk:template-changes"
COUNT, SLOTS = "count", 256  # a later change replaces that of another site in the same slot, which bounds the hash


class TemplateChange(NamedTuple):
    """The last change of a site's template."""

    site: str
    changed_s: float


def change_commands(site: str, changed_s: float) -> list[RedisCommand]:
    """Return the commands that store a template change of *site*."""
    slot = crc32(site.encode("utf-8", "replace")) % SLOTS
    return [("HSET", KEY, slot, f"{changed_s:.0f}|{site}"), ("HINCRBY", KEY, COUNT, 1)]


async def read_changes(state: Any) -> tuple[Sequence[TemplateChange], int]:
    """Return the last change of each site, newest first, and the number of all changes so far."""
    raw = await state.hgetall(KEY)
    count = int(raw.pop(COUNT.encode(), 0))
    pairs = (value.decode("utf-8", "replace").split("|", 1) for value in raw.values())
    changes = [TemplateChange(site, float(changed_s)) for changed_s, site in pairs]
    return sorted(changes, key=lambda change: -change.changed_s), count
