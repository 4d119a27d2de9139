"""A message that ends its worker is given up after a few attempts; the others are processed once."""

from streams.brokers.base import OffsetRange
from streams.config.settings import Settings
from streams.faust.attempts import MAX_ATTEMPTS, Attempt, Attempts
from tests.conftest import until
from tests.contract.brokers.crashing_worker import GIVEN_UP
from tests.support.fork_server import Command, start_module
from tests.support.stage import Stage, end, lag_is, stage

DEADLY = b"000017"


def start(s: Stage) -> Command:
    arguments = [s.settings.broker_url, s.settings.state_url, s.source.name, s.target.name, s.group, DEADLY.decode()]
    return start_module("tests.contract.brokers.crashing_worker", *arguments)


async def test_message_that_kills_its_worker_is_given_up(either: Settings) -> None:
    async with stage(either) as s:
        values = await s.fill(60)
        starts = 0
        while not await lag_is(s, 0):
            worker, starts = start(s), starts + 1
            assert starts <= MAX_ATTEMPTS + 2, "once in a batch, then alone"
            try:
                await until(lambda: _is_over(s, worker))  # noqa: B023 - awaited within the loop
            finally:
                end(worker)
        expected = sorted([*(v for v in values if v != DEADLY), GIVEN_UP + DEADLY])
        assert sorted(m.value for m in await s.published()) == expected


async def _is_over(s: Stage, worker: Command) -> bool:
    return worker.poll() is not None or await lag_is(s, 0)


async def test_attempts_count_processes_and_not_repetitions(settings: Settings) -> None:
    async with stage(settings) as s:
        batch, alone, other = OffsetRange("t", 0, 5, 15), OffsetRange("t", 0, 5, 6), OffsetRange("t", 1, 0, 3)
        first, second, third = (Attempts(s.broker.state, s.group) for _ in range(3))
        for _ in range(3):
            assert await first.begin([other, batch]) is None
        assert await second.begin([batch]) == (0, Attempt(0))
        assert await second.begin([alone]) == (0, Attempt(0))
        assert await third.begin([alone]) == (0, Attempt(1))
        assert await third.begin([OffsetRange("t", 0, 6, 15)]) == (0, Attempt(0)), "suspect to the end of the batch"
        assert await third.begin([OffsetRange("t", 0, 15, 30)]) is None


async def test_attempts_of_waiting_partition_are_not_counted(settings: Settings) -> None:
    """Each process ends with the first message of partition 0, while partition 1 waits for its turn."""

    async with stage(settings) as s:
        ranges = [OffsetRange("t", 0, 5, 15), OffsetRange("t", 1, 0, 3)]
        assert await Attempts(s.broker.state, s.group).begin(ranges) is None
        for former in range(MAX_ATTEMPTS + 1):
            last = Attempts(s.broker.state, s.group)
            assert await last.begin(ranges) == (0, Attempt(former))
        assert await last.begin([OffsetRange("t", 0, 6, 15), ranges[1]]) == (0, Attempt(0))
        assert await last.begin([ranges[1]]) == (0, Attempt(0))


def test_attempt_is_exhausted_after_the_limit() -> None:
    assert not Attempt(MAX_ATTEMPTS - 1).is_exhausted
    assert Attempt(MAX_ATTEMPTS).is_exhausted
