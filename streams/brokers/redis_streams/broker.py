"""Topics as Redis Streams with Kafka's offsets, and one atomic script to publish, write state and commit.

    topic partition   one stream; offset n is entry id 0-(n+1)
    committed offset  hash per group; the next offset to read, as in Kafka
    lease             hash per group: partition → "member|epoch"

The Lua scripts use only `redis.call`, which Redis ≥ 7 and Valkey both support.
"""

import asyncio
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from typing import Any

from streams.brokers.base import (
    AgentContext,
    Condition,
    ConsumedMessage,
    OffsetRange,
    OutgoingMessage,
    Progress,
    RedisCommand,
)
from streams.brokers.redis_streams.clock import record_clock
from streams.brokers.redis_streams.reader import RedisStreamsReader, to_message
from streams.brokers.redis_streams.store import Bounds, start_argument, stream_bounds, topic_of
from streams.brokers.redis_streams.usage import MemoryUsage
from streams.config.sources import redact_url
from streams.errors import SettingsError, UnavailableError
from streams.records import MessageId
from streams.start import Offsets, Start, StartPosition
from streams.state.commands import split_command
from streams.state.redis_client import ALLOW_OOM, TRANSIENT, connect
from streams.topics import (
    DAY_S,
    Partition,
    Topic,
    owner_partition,
    parse_partition,
    partition_name,
)

NAMESPACE = "copydesk"
# Version of all keys and their contents; ARCHITECTURE.md lists the duties of a change. Version 3 renamed keys and
# fields before the first release; data of earlier versions is refused.
SCHEMA_VERSION = 3
READER_LEASE_S = 6.0
GROUP_KEYS = ("offsets", "epochs", "leases", "lease-clocks", "members", "member-topics")
FORGOTTEN_S = 90 * DAY_S  # of the offsets of an unregistered group: the longest retention of a topic
MAX_FETCH = 500  # entries per partition and read: about 1 MB of articles
MAX_FETCH_BYTES = 8 * 1024 * 1024  # of all partitions together; a larger entry is read alone
# The server ends a blocking read by its wall clock (valkey/src/timeout.c). A clock set back delays that end.
READ_GRACE_S = 2.0


class RedisStreamsBroker(MemoryUsage):
    """Topics and state in one Valkey or Redis. `Broker` documents the methods that have no docstring here."""

    def __init__(
        self, url: str, *, partitions: int = 8, namespace: str = NAMESPACE, lease_s: float = READER_LEASE_S
    ) -> None:
        self.url = url
        self.lease_s = lease_s  # lease of a reader in a group
        self.namespace = namespace
        self.default_partitions = partitions
        self.state = connect(url)
        self.state.set_response_callback("XREAD", lambda reply, **_: reply)
        self._partitions: dict[str, int] = {}
        self._scripts: dict[tuple[str, bool], Any] = {}

    def sibling(self) -> "RedisStreamsBroker":
        """Return a broker with its own connections, for use in another thread."""
        return RedisStreamsBroker(self.url, partitions=self.default_partitions, namespace=self.namespace)

    # -- keys -------------------------------------------------------------------------------------------------

    def key(self, *parts: str) -> str:
        return ":".join((self.namespace, *parts))

    def stream(self, topic: str, partition: int) -> str:
        return f"{self.namespace}:stream:{topic}:{partition}"

    def partition_of(self, topic: str, key: bytes | None) -> int:
        """Return the partition of *key*; the topic must have been created or read before."""
        return zlib.crc32(key) % self._partitions[topic] if key else 0

    def cached_partition_count(self, topic: str) -> int | None:
        return self._partitions.get(topic)

    async def script(self, name: str, keys: Sequence[str], args: Sequence[Any], *, reserve: bool = True) -> Any:
        """Run `lua/<name>.lua`. With *reserve*, it may write above the server's memory limit."""
        script = self._scripts.get((name, reserve))
        if script is None:
            source = files("streams.brokers.redis_streams").joinpath("lua", f"{name}.lua").read_text("utf-8")
            script = self.state.register_script(ALLOW_OOM + source if reserve else source)
            self._scripts[name, reserve] = script
        return await script(keys=keys, args=args)

    # -- topics -----------------------------------------------------------------------------------------------

    async def create_topics(self, topics: Sequence[Topic]) -> None:
        args: list[Any] = [SCHEMA_VERSION, self.default_partitions]
        for topic in topics:
            args += [topic.name, topic.retention_s, owner_partition((topic.name, 0))[0]]
        # In the memory reserve: a desk that restarts with full memory must reach its memory relief.
        keys = [self.key(name) for name in ("schema-version", "topics", "retention")]
        version, *counts = await self.script("declare", keys, args)
        if version > SCHEMA_VERSION:
            raise SettingsError(
                f"schema version too new: broker {redact_url(self.url)} "
                f"(found {version}, supported {SCHEMA_VERSION}); upgrade copydesk"
            )
        if version < SCHEMA_VERSION:
            raise SettingsError(
                f"schema version too old: broker {redact_url(self.url)} (found {version}, supported {SCHEMA_VERSION}); "
                "start with an empty data_dir or database, and import the feeds again"
            )
        self._partitions.update(zip((t.name for t in topics), counts, strict=True))
        await record_clock(self)

    async def check_schema_version(self) -> None:
        """Store our schema version with the keys; raise SettingsError if they have another one."""
        await self.create_topics([])

    async def partitions(self, topic: str, default: int | None = None) -> int:
        """Return the partition count of *topic*; create the topic if it is new."""
        count = self._partitions.get(topic)
        if count is None:
            stored = await self.state.hget(self.key("topics"), topic)
            if stored is None:
                await self.state.hsetnx(self.key("topics"), topic, default or self.default_partitions)
                stored = await self.state.hget(self.key("topics"), topic)
            if stored is None:
                raise UnavailableError(f"topic removed meanwhile: {topic} (broker {redact_url(self.url)}); retry")
            count = self._partitions[topic] = int(stored)
        return count

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, Bounds]:
        partitions = list(partitions)
        ids = await self.script("bounds", [self.stream(*tp) for tp in partitions], [], reserve=False)
        rows = zip(partitions, ids[::3], ids[1::3], ids[2::3], strict=True)
        return {tp: stream_bounds(generated, first, last) for tp, generated, first, last in rows}

    # -- publishing -------------------------------------------------------------------------------------------

    async def publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand] = (),
        conditions: Sequence[Condition] = (),
    ) -> bool:
        return await self._publish(messages, state_writes, conditions, reserve=False)

    async def _publish(
        self,
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
        conditions: Sequence[Condition],
        *,
        reserve: bool,
    ) -> bool:
        args: list[Any] = [len(conditions)]
        for condition in conditions:
            args += condition
        now = b"%.3f" % time.time()
        for message in messages:
            if message.topic not in self._partitions:
                await self.create_topics([topic_of(message.topic)])
            fields = self.entry_fields(message.key, message.value, now, message.headers)
            stream = self.stream(message.topic, self.partition_of(message.topic, message.key))
            args += (3 + len(fields), "XADD", stream, "0-*", *fields)
        for command in chain.from_iterable(map(split_command, state_writes)):
            args += (len(command), *command)
        keys = [self.key("clock"), self.key("clock", "jumps")]
        return bool(await self.script("publish", keys, args, reserve=reserve) >= 0)

    @staticmethod
    def entry_fields(
        key: bytes | None, value: bytes | None, now: bytes, headers: Iterable[tuple[str, bytes]] = ()
    ) -> list[str | bytes]:
        """Return the fields of a stream entry: v value, t Unix time in s, k key, h:NAME headers."""
        fields: list[str | bytes] = [b"t", now]
        if value is not None:
            fields += [b"v", value]
        if key is not None:
            fields += [b"k", key]
        for name, content in headers:
            fields += ["h:" + name, content]
        return fields

    supports_multi_partition_commit = True

    async def owns(self, context: AgentContext, offsets: OffsetRange) -> bool:
        return True  # `publish_and_commit` checks the lease without an additional request

    async def publish_and_commit(
        self,
        context: AgentContext,
        ranges: Sequence[OffsetRange],
        messages: Sequence[OutgoingMessage],
        state_writes: Sequence[RedisCommand],
    ) -> bool:
        conditions = [condition for offsets in ranges for condition in self._commit_conditions(context, offsets)]
        # In the memory reserve: a commit lets items be removed, so it frees memory in the end.
        return await self._publish(messages, state_writes, conditions, reserve=True)

    def _commit_conditions(self, context: AgentContext, offsets: OffsetRange) -> tuple[Condition, Condition]:
        name, owner = partition_name(*offsets.topic_partition), owner_partition(offsets.topic_partition)
        lease = context.lease_of(*owner)
        return (
            Condition(self.key("leases", context.group), partition_name(*owner), lease, lease),
            Condition(self.key("offsets", context.group), name, str(offsets.first), str(offsets.end)),
        )

    async def append_entries(self, entries: Sequence[tuple[Partition, list[Any]]]) -> list[Any]:
        """Add raw entries in one pipeline; return an entry id or the server's error for each."""
        async with self.state.pipeline(transaction=False) as pipe:
            for tp, fields in entries:
                pipe.execute_command("XADD", self.stream(*tp), "0-*", *fields)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, TRANSIENT):
                raise UnavailableError(f"broker unavailable: {redact_url(self.url)} ({reply})")
        return replies

    async def rewind_to_committed(self, context: AgentContext, offsets: OffsetRange) -> None:
        committed = await self.committed(context.group, [offsets.topic_partition])
        await context.rewind({tp: offset or 0 for tp, offset in committed.items()})

    # -- reading ----------------------------------------------------------------------------------------------

    async def register(self, group: str, partitions: Iterable[Partition], start: StartPosition) -> dict[Partition, int]:
        """Register the group and return its committed offsets; new partitions begin at *start*."""
        partitions = list(partitions)
        bounds = {} if isinstance(start, Start) else await self.bounds(partitions)
        args: list[Any] = [group]
        for tp in partitions:
            args += [partition_name(*tp), self.stream(*tp), start_argument(start, tp, bounds)]
        offsets = await self.script("register", [self.key("offsets", group), self.key("groups")], args)
        return dict(zip(partitions, map(int, offsets), strict=True))

    async def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        partitions = list(partitions)
        if not partitions:
            return {}
        values = await self.state.hmget(self.key("offsets", group), [partition_name(*tp) for tp in partitions])
        return {tp: None if v is None else int(v) for tp, v in zip(partitions, values, strict=True)}

    async def fetch(
        self,
        positions: Mapping[Partition, int],
        wait_s: float,
        count: int = MAX_FETCH,
        max_bytes: int = MAX_FETCH_BYTES,
    ) -> dict[Partition, list[Any]]:
        """Return raw entries `[id, [field, value, …]]` from each position on; none after *wait_s* seconds.

        *count* bounds the entries of a partition, and an equal share of *max_bytes* their bytes. XREAD has no limit of
        bytes, so it only waits, for the first entry of each partition.
        """
        tps = list(positions)
        names = [self.stream(*tp) for tp in tps]
        args = [count, max(1, max_bytes // max(1, len(tps))), *positions.values()]
        reply = await self.script("fetch", names, args)
        if reply or wait_s <= 0:
            return {tps[n - 1]: entries for n, entries in zip(reply[::2], reply[1::2], strict=True)}
        ids = [f"0-{offset}" for offset in positions.values()]  # XREAD is exclusive, and ids are one ahead
        wait = ("BLOCK", max(1, int(wait_s * 1000)))
        try:
            async with asyncio.timeout(wait_s + READ_GRACE_S):
                reply = await self.state.execute_command("XREAD", "COUNT", 1, *wait, "STREAMS", *names, *ids)
        except TimeoutError:
            return {}
        by_name = dict(zip(map(str.encode, names), tps, strict=True))
        return {by_name[name]: entries for name, entries in reply or ()}

    async def commit(self, group: str, offsets: Mapping[Partition, int], leases: Mapping[Partition, str]) -> int:
        """Commit *offsets*, forward only; return the number with a valid lease. A missing lease is not checked."""
        args: list[Any] = []
        for tp, offset in offsets.items():
            args += [partition_name(*tp), offset, leases.get(tp, "")]
        return int(await self.script("commit", [self.key("offsets", group), self.key("leases", group)], args))

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> RedisStreamsReader:
        count = await self.partitions(topic.name)
        reader = RedisStreamsReader(self, [(topic.name, n) for n in range(count)], group)
        await reader.open(start)
        return reader

    async def open_partitions(self, group: str, partitions: Sequence[Partition]) -> RedisStreamsReader:
        committed = await self.register(group, partitions, Start.EARLIEST)
        reader = RedisStreamsReader(self, list(partitions), "")
        await reader.open(Offsets({number: offset for (_, number), offset in committed.items()}))
        return reader

    async def read_message(self, message: MessageId) -> ConsumedMessage | None:
        tp = message.topic, message.partition
        next_entries = (await self.fetch({tp: message.offset}, 0.0, 1)).get(tp, [])
        next_messages = [to_message(tp, entry) for entry in next_entries]
        return next((m for m in next_messages if m.offset == message.offset), None)

    async def partition_for(self, topic: str, key: bytes) -> int:
        await self.partitions(topic)
        return self.partition_of(topic, key)

    async def progress(self, topic: str, group: str) -> dict[Partition, Progress]:
        partitions = [(topic, n) for n in range(await self.partitions(topic))]
        committed = await self.committed(group, partitions)
        bounds = await self.bounds(partitions)
        return {tp: Progress(max(committed[tp] or 0, b.first), b.end) for tp, b in bounds.items()}

    async def lag(self, topic: str, group: str) -> int:
        return sum(progress.lag for progress in (await self.progress(topic, group)).values())

    def removal_commands(self, message: MessageId) -> Sequence[RedisCommand]:
        return [("XDEL", self.stream(message.topic, message.partition), f"0-{message.offset + 1}")]

    async def has_topic(self, topic: str) -> bool:
        return await self.state.hget(self.key("topics"), topic) is not None

    async def message_count(self, topic: str) -> int:
        async with self.state.pipeline(transaction=False) as pipe:
            for n in range(await self.partitions(topic)):
                pipe.xlen(self.stream(topic, n))
            return int(sum(await pipe.execute()))

    async def group_lags(self) -> Mapping[str, int]:
        groups = list(await self.groups())
        async with self.state.pipeline(transaction=False) as pipe:
            for group in groups:
                pipe.hgetall(self.key("offsets", group))
            offsets = dict(zip(groups, await pipe.execute(), strict=True))
        names = {name.decode() for committed in offsets.values() for name in committed}
        bounds = {partition_name(*tp): b for tp, b in (await self.bounds(map(parse_partition, names))).items()}
        return {
            group: sum(bounds[n.decode()].end - max(int(o), bounds[n.decode()].first) for n, o in committed.items())
            for group, committed in offsets.items()
        }

    # -- maintenance ------------------------------------------------------------------------------------------

    async def write_state(self, *commands: RedisCommand) -> None:
        """Run *commands* atomically, also above the server's memory limit."""
        await self._publish((), commands, (), reserve=True)

    async def time_s(self) -> float:
        """Return the broker's Unix time."""
        seconds, micros = await self.state.time()
        return int(seconds) + int(micros) / 1e6

    async def retentions(self) -> dict[str, float]:
        """Return the retention of each topic in seconds."""
        retention = await self.state.hgetall(self.key("retention"))
        return {topic.decode(): float(seconds) for topic, seconds in retention.items()}

    async def groups(self) -> dict[str, float]:
        """Return each registered group and the broker's time of its last heartbeat."""
        groups = await self.state.hgetall(self.key("groups"))
        return {group.decode(): float(seen_s) for group, seen_s in groups.items()}

    async def forget_groups(self, groups: Sequence[str]) -> None:
        """Unregister *groups*: trimming ignores them until they register again. Their offsets expire later."""
        if groups:
            keys = [self.key(suffix, group) for group in groups for suffix in GROUP_KEYS]
            await self.state.execute_many(
                [("HDEL", self.key("groups"), *groups), *(("EXPIRE", key, FORGOTTEN_S) for key in keys)]
            )

    async def trim_topic(
        self, topic: str, limit: int, *, before_s: float | None = None, required_group: str = "", unread: bool = False
    ) -> tuple[int, int, int]:
        """Remove up to *limit* of a topic's oldest messages; return the counts of removable, stored and removed ones.

        A message is removable if it is older than *before_s*, and if every registered group has committed it.
        *required_group* must have committed it too, registered or not. *unread*: ignore the commits of all groups.
        """
        numbers = range(await self.partitions(topic))
        keys = [self.key("groups"), *(self.stream(topic, n) for n in numbers)]
        before = "" if before_s is None else f"{before_s:.3f}"
        args = [self.key("offsets", ""), before, limit, required_group, int(unread)]
        args += [partition_name(topic, n) for n in numbers]
        removable, stored, removed = await self.script("trim", keys, args)
        return removable, stored, removed

    async def topic_bytes(self, topic: str) -> int:
        """Return the approximate memory of a topic in bytes."""
        async with self.state.pipeline(transaction=False) as pipe:
            for n in range(await self.partitions(topic)):
                pipe.memory_usage(self.stream(topic, n))
            return sum(size or 0 for size in await pipe.execute())

    async def close(self) -> None:
        await self.state.aclose()
