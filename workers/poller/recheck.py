"""Rechecks: fetch the pages of published articles again, to find withdrawn and changed ones.

    item with its page ──▶ queue ──▶ due ──▶ claim ──▶ fetch ──▶ 410, or 404 twice: withdrawal
                             ▲                           │      changed page: the item again
                             └────── next interval ◀─────┘      moved to another article: nothing

copydesk:rechecks          sorted set: id of a waiting recheck by the Unix time when it is due
copydesk:rechecks:items    hash: id → the recheck with its item, MessagePack, compressed

The queue is bounded by count. A claim moves the due time by CLAIM_S, so that another poller repeats the recheck
of a killed one. The step that publishes has the claimed value as its condition: a page counts once.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from streams.brokers.base import Broker, Condition, RedisCommand
from streams.config.settings import Settings
from streams.errors import CopydeskError, UnavailableError
from streams.logger import get_logger
from streams.records import FullTextPage, Item
from streams.retry import Backoff
from workers.http.client import Credentials
from workers.intake.publish import publish
from workers.poller.full_text import FullTextFetcher
from workers.urls.canonical import canonicalise

log = get_logger(__name__)

QUEUE, ITEMS_KEY = "copydesk:rechecks", "copydesk:rechecks:items"
MAX_WAITING = 20_000  # about 20 MB
MAX_ITEM_BYTES = 20_000  # compressed, without the page
CLAIM_S = 120.0
BATCH = 8  # fetched at the same time
IDLE_S = 1.0
RETRY_S = 900.0  # after a temporary failure; the next waits double
LAST_RETRIES_S = 14_400.0  # after the last interval; then the rechecks end
NOT_FOUND_RETRY_S = 3_600.0  # after the first 404; only a second one withdraws the article
GONE, NOT_FOUND = 410, 404

CredentialsOf = Callable[[str], Credentials]


class Recheck(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A page to fetch again.

    `first_s`: Unix time of the first fetch. `done`: number of intervals that have passed. `digest`: of the HTML.
    `missing`: consecutive responses with 404.
    """

    item: bytes
    intervals_s: tuple[float, ...]
    first_s: float
    url: str
    digest: bytes
    done: int = 0
    missing: int = 0
    claims: int = 0

    @property
    def due_s(self) -> float:
        return self.first_s + self.intervals_s[self.done]


class Decision(msgspec.Struct, frozen=True):
    """The consequence of a response: an item to publish, and the next recheck with its time, None after the last."""

    item: Item | None
    following: Recheck | None
    due_s: float = 0.0


def new_recheck(item: Item, intervals_s: Sequence[float]) -> Recheck | None:
    """Return the first recheck of an item with its page; None without a page, or for a too large item."""
    if item.page is None or item.withdrawn or not intervals_s:
        return None
    packed = zlib.compress(msgspec.json.encode(replace(item, page=None)), 6)
    if len(packed) > MAX_ITEM_BYTES:
        return None
    now_s = item.fetched_at.timestamp()
    return Recheck(packed, tuple(sorted(intervals_s)), now_s, item.page.url, page_digest(item.page))


def page_digest(page: FullTextPage) -> bytes:
    """Return a digest of the page's HTML."""
    return hashlib.blake2b(page.html.encode("utf-8", "replace"), digest_size=8).digest()


def decide(recheck: Recheck, status: int, page: FullTextPage | None, now: datetime) -> Decision:
    """Return the consequence of the response to *recheck*. Pure.

    A page at the URL of another article isn't a revision: many sites redirect removed articles to their front page.
    """
    item = replace(msgspec.json.decode(zlib.decompress(recheck.item), type=Item), fetched_at=now)
    missing = recheck.missing + 1 if status == NOT_FOUND else 0
    if status == GONE or missing > 1:
        reason = f"page removed by the publisher (HTTP {status})"
        return Decision(replace(item, withdrawn=reason, content=(), summary=None), None)
    if status == NOT_FOUND:
        return Decision(None, replace(recheck, missing=missing), now.timestamp() + NOT_FOUND_RETRY_S)
    following, changed = _following(replace(recheck, missing=0), now.timestamp()), None
    if page is not None and _same_article(page.url, recheck.url) and page_digest(page) != recheck.digest:
        changed = replace(item, page=page)
        following = following and replace(following, digest=page_digest(page))
    return Decision(changed, following, following.due_s if following else 0.0)


def decide_retry(recheck: Recheck, now_s: float) -> Decision:
    """Return the consequence of a page that was not fetched. Pure.

    The waits double until the next interval. After the last one, the rechecks end within LAST_RETRIES_S.
    """
    retry_s = now_s + max(RETRY_S, now_s - recheck.due_s)
    following = _following(recheck, now_s)
    if following is not None and following.due_s <= retry_s:
        return Decision(None, following, following.due_s)
    end_s = recheck.first_s + recheck.intervals_s[-1] + LAST_RETRIES_S
    return Decision(None, recheck, retry_s) if following or now_s < end_s else Decision(None, None)


def _following(recheck: Recheck, now_s: float) -> Recheck | None:
    """Return the recheck of the next interval that has not passed."""
    left = range(recheck.done + 1, len(recheck.intervals_s))
    done = next((n for n in left if recheck.first_s + recheck.intervals_s[n] > now_s), None)
    return None if done is None else replace(recheck, done=done)


def _same_article(url: str, other: str) -> bool:
    return canonicalise(url).key == canonicalise(other).key


def recheck_id(item: Item) -> str:
    """Return the id of an item's recheck: a newer version of the item replaces the older one."""
    return hashlib.blake2b(f"{item.feed}\n{item.identity_key}".encode("utf-8", "replace"), digest_size=10).hexdigest()


def waiting_rechecks(items: Sequence[Item], intervals_s: Sequence[float]) -> list[tuple[str, Recheck]]:
    """Return (id, first recheck) of each item that has a page."""
    return [(recheck_id(item), recheck) for item in items if (recheck := new_recheck(item, intervals_s))]


def _set(id_: str, recheck: Recheck, due_s: float) -> list[RedisCommand]:
    return [("HSET", ITEMS_KEY, id_, msgspec.msgpack.encode(recheck)), ("ZADD", QUEUE, f"{due_s:.0f}", id_)]


def _remove(id_: str) -> list[RedisCommand]:
    return [("HDEL", ITEMS_KEY, id_), ("ZREM", QUEUE, id_)]


class Rechecks:
    """The queue, and the loop that fetches due pages. Any number of pollers share the queue."""

    def __init__(
        self, broker: Broker, page_fetcher: FullTextFetcher, settings: Settings, credentials_of: CredentialsOf
    ) -> None:
        self.broker, self.page_fetcher, self.credentials_of = broker, page_fetcher, credentials_of
        self.is_used = any(feed.recheck for feed in settings.feeds)

    async def commands(self, items: Sequence[Item], intervals_s: Sequence[float]) -> list[RedisCommand]:
        """Return the commands that queue the rechecks of *items*, as far as there is room."""
        waiting = waiting_rechecks(items, intervals_s)
        if not waiting:
            return []
        free = max(0, MAX_WAITING - int(await self.broker.state.execute_command("ZCARD", QUEUE)))
        if free < len(waiting):
            log.warning("rechecks not queued", count=len(waiting) - free, reason=f"{MAX_WAITING} are waiting",
                        next_step="use fewer or shorter intervals")  # fmt: skip
        return [command for id_, recheck in waiting[:free] for command in _set(id_, recheck, recheck.due_s)]

    async def run(self, now_s: Callable[[], float]) -> None:
        """Fetch due pages until cancelled. *now_s* returns the Unix time."""
        backoff = Backoff()
        while self.is_used:
            try:
                claimed = await self._claim(now_s())
                await asyncio.gather(*(self._recheck(id_, value, now_s) for id_, value in claimed.items()))
                backoff.reset()
                await asyncio.sleep(0 if claimed else IDLE_S)
            except UnavailableError as exc:
                log.warning("rechecks interrupted", error=exc, next_step="will retry")
                await asyncio.sleep(backoff.next_delay_s())
            except Exception:
                log.exception("rechecks failed", error_kind="bug", next_step="will retry")
                await asyncio.sleep(backoff.next_delay_s())

    async def _claim(self, now_s: float) -> Mapping[str, Recheck]:
        """Return due rechecks that no other poller claims."""
        args = ("ZRANGEBYSCORE", QUEUE, 0, now_s, "LIMIT", 0, BATCH)
        claimed: dict[str, Recheck] = {}
        for id_ in [member.decode() for member in await self.broker.state.execute_command(*args)]:
            value = await self.broker.state.hget(ITEMS_KEY, id_)
            if value is None:
                await self.broker.publish((), [("ZREM", QUEUE, id_)])
                continue
            recheck = msgspec.msgpack.decode(value, type=Recheck)
            mine = replace(recheck, claims=recheck.claims + 1)
            condition = Condition(ITEMS_KEY, id_, value, msgspec.msgpack.encode(mine))
            if await self.broker.publish((), [("ZADD", QUEUE, f"{now_s + CLAIM_S:.0f}", id_)], [condition]):
                claimed[id_] = mine
        return claimed

    async def _recheck(self, id_: str, recheck: Recheck, now_s: Callable[[], float]) -> None:
        item = msgspec.json.decode(zlib.decompress(recheck.item), type=Item)
        try:
            status, page = await self.page_fetcher.fetch_again(item.link, self.credentials_of(item.feed), item.feed)
        except CopydeskError as exc:
            decision, url = decide_retry(recheck, now := now_s()), item.link
            if decision.following is None:
                log.info("page not rechecked", feed=item.feed, url=url, error=exc, next_step="no more rechecks")
            else:
                log.info("page not rechecked", feed=item.feed, url=url, error=exc, retry_s=round(decision.due_s - now))
            await self._store(id_, recheck, decision)
            return
        decision = decide(recheck, status, page, datetime.fromtimestamp(now_s(), UTC))
        if decision.item is not None:
            log.info("page rechecked", feed=item.feed, url=item.link, status=status,
                     reason=decision.item.withdrawn or "changed page")  # fmt: skip
        await self._store(id_, recheck, decision)

    async def _store(self, id_: str, claimed: Recheck, decision: Decision) -> None:
        """Publish the item of *decision* and store the next recheck, if no poller has done so since the claim."""
        following, value = decision.following, msgspec.msgpack.encode(claimed)
        writes = _remove(id_) if following is None else _set(id_, following, decision.due_s)
        items = [decision.item] if decision.item else []
        await publish(self.broker, items, state_writes=writes, conditions=[Condition(ITEMS_KEY, id_, value, value)])
