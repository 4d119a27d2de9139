"""A message that ends its worker is given up after a few attempts; the others are processed once."""

import asyncio
import subprocess
import sys

from streams.brokers.base import OffsetRange
from streams.config.settings import Settings
from streams.faust.attempts import MAX_ATTEMPTS, Attempt, Attempts
from tests.conftest import ROOT, until
from tests.contract.brokers.crashing_worker import GIVEN_UP
from tests.contract.brokers.test_contract import Stage, _lag_is, end, stage

DEADLY = b"000017"


def start(s: Stage) -> "subprocess.Popen[bytes]":
    arguments = [s.settings.broker_url, s.settings.state_url, s.source.name, s.target.name, s.group, DEADLY.decode()]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.brokers.crashing_worker", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )


def test_message_that_kills_its_worker_is_given_up(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            values = await s.fill(60)
            starts = 0
            while not await _lag_is(s, 0):
                worker, starts = start(s), starts + 1
                assert starts <= MAX_ATTEMPTS + 2, "once in a batch, then alone"
                try:
                    await until(lambda: _is_over(s, worker))  # noqa: B023 - awaited within the loop
                finally:
                    end(worker)
            expected = sorted([*(v for v in values if v != DEADLY), GIVEN_UP + DEADLY])
            assert sorted(m.value for m in await s.published()) == expected

    asyncio.run(go())


async def _is_over(s: Stage, worker: "subprocess.Popen[bytes]") -> bool:
    return worker.poll() is not None or await _lag_is(s, 0)


def test_attempts_count_processes_and_not_repetitions(settings: Settings) -> None:
    async def go() -> None:
        async with stage(settings) as s:
            batch, alone = OffsetRange("t", 0, 5, 15), OffsetRange("t", 0, 5, 6)
            first, second, third = (Attempts(s.broker.state, s.group) for _ in range(3))
            for _ in range(3):
                assert await first.begin([batch, OffsetRange("t", 1, 0, 3)]) == [Attempt(False, 0)] * 2
            assert await second.begin([batch]) == [Attempt(True, 0)]
            assert await second.begin([alone]) == [Attempt(True, 0)]
            assert await third.begin([alone]) == [Attempt(True, 1)]
            assert await third.begin([OffsetRange("t", 0, 6, 15)]) == [Attempt(True, 0)], (
                "suspect to the end of the batch"
            )
            assert await third.begin([OffsetRange("t", 0, 15, 30)]) == [Attempt(False, 0)]

    asyncio.run(go())


def test_attempt_is_exhausted_after_the_limit() -> None:
    assert not Attempt(True, MAX_ATTEMPTS - 1).is_exhausted
    assert Attempt(True, MAX_ATTEMPTS).is_exhausted
