"""Jumps of the broker's clock on a real Valkey. A jump forward equals stored times that are so much older."""

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.leases import Leases
from streams.brokers.redis_streams.retention import Retention
from streams.clock import Moment, boottime_s
from streams.config.settings import Settings
from streams.topics import ARTICLES, DAY_S, ITEMS, Partition
from tests.support.server_commands import server_commands

PARTITIONS: list[Partition] = [(ITEMS.name, n) for n in range(4)]
LEASE_S, JUMP_S = 15.0, 90.0


async def jump(broker: RedisStreamsBroker, seconds: float) -> None:
    """Set the broker's clock forward by *seconds*, as the leases of the group `g` see it."""
    redis, members, clocks = server_commands(broker.state), broker.key("members", "g"), broker.key("lease-clocks", "g")
    for member, expiry_ms in await redis.zrange(members, 0, -1, withscores=True):
        await redis.zadd(members, {member: expiry_ms - seconds * 1000})
    for boot, difference_ms in (await broker.state.hgetall(clocks)).items():
        await broker.state.hset(clocks, boot, int(int(difference_ms) - seconds * 1000))


async def share(settings: Settings, jump_s: float) -> tuple[set[Partition], set[Partition]]:
    """Return the partitions of two members after a jump, at the heartbeat of the second."""
    broker = RedisStreamsBroker(settings.broker_url)
    first, second = Leases(broker, "g", LEASE_S, "a"), Leases(broker, "g", LEASE_S, "b")
    await first.heartbeat(PARTITIONS)
    await second.heartbeat(PARTITIONS)
    await first.heartbeat(PARTITIONS)
    await first.release(first.to_release)
    await second.heartbeat(PARTITIONS)
    before = set(second.owned)
    await jump(broker, jump_s)
    await second.heartbeat(PARTITIONS)
    await broker.close()
    return before, set(second.owned)


async def test_lease_survives_forward_jump(settings: Settings) -> None:
    before, after = await share(settings, JUMP_S)
    assert len(before) == 2
    assert after == before


async def test_lease_survives_backward_jump(settings: Settings) -> None:
    before, after = await share(settings, -100 * LEASE_S)
    assert after == before


async def test_silent_member_loses_lease_after_backward_jump(settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url)
    silent, member = Leases(broker, "g", LEASE_S, "a"), Leases(broker, "g", LEASE_S, "b")
    await silent.heartbeat(PARTITIONS)
    await jump(broker, -100 * LEASE_S)
    await member.heartbeat(PARTITIONS)
    expiries = await server_commands(broker.state).zrange(broker.key("members", "g"), 0, -1, withscores=True)
    assert max(expiry_ms for _, expiry_ms in expiries) <= (await broker.time_s() + LEASE_S) * 1000
    await broker.close()


async def test_jump_before_first_retention_removes_nothing(settings: Settings) -> None:
    """The start records the clock, so that the first round of retention finds the jump."""
    broker = RedisStreamsBroker(settings.broker_url)
    await broker.create_topics([ARTICLES])

    async def now() -> Moment:
        return Moment(await broker.time_s() + 400 * DAY_S, boottime_s() + 1)

    cutoffs = []
    retention = Retention(broker, now)
    for _ in range(2):
        moment, jumps = await retention._read_clock()
        cutoffs.append(moment.time_s - sum(jump.size_s for jump in jumps))
    real_s = await broker.time_s()
    assert all(abs(cutoff_s - real_s) < DAY_S for cutoff_s in cutoffs)
    await broker.close()
