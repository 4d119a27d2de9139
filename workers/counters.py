"""Counters of inputs and outcomes per stage, written in the same step as the results.

received = new + unchanged + failed                           (poll: entries of documents)
received = new + failed                                       (intake: items of files and of pushes)
received = new + revised + duplicate + filtered + failed      (desk: items)

`failed` has one meaning in all stages: the entry or item became a dead letter.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from streams.brokers.base import RedisCommand

KEY = "copydesk:counters"
POLLS_KEY = "copydesk:polls"
POLL_OUTCOMES = ("ok", "unchanged", "failed")
RECEIVED = "received"
STAGES = {
    "poll": ("new", "unchanged", "failed"),
    "intake": ("new", "failed"),
    "desk": ("new", "revised", "duplicate", "filtered", "failed"),
}


def increment_commands(stage: str, counts: Mapping[str, int]) -> list[RedisCommand]:
    """Return the commands that add *counts* to *stage*. `received` is their sum, so the identities always hold."""
    unknown = set(counts) - set(STAGES[stage])
    assert not unknown, f"unknown outcomes: {sorted(unknown)} (stage {stage})"
    counts = {RECEIVED: sum(counts.values()), **counts}
    return [("HINCRBY", KEY, f"{stage}:{name}", n) for name, n in counts.items() if n]


def count_poll(outcome: str) -> RedisCommand:
    """Return the command that counts a poll."""
    return "HINCRBY", POLLS_KEY, outcome, 1


async def read_polls(state: Any) -> dict[str, int]:
    """Return the number of polls by outcome."""
    raw = await state.hgetall(POLLS_KEY)
    return dict.fromkeys(POLL_OUTCOMES, 0) | {name.decode(): int(value) for name, value in raw.items()}


async def read_counters(state: Any) -> dict[str, dict[str, int]]:
    """Return all counters: stage → outcome → count."""
    raw = await state.hgetall(KEY)
    counters: dict[str, Counter[str]] = {
        stage: Counter({RECEIVED: 0, **dict.fromkeys(names, 0)}) for stage, names in STAGES.items()
    }
    for name, value in raw.items():
        stage, _, outcome = name.decode().partition(":")
        counters.setdefault(stage, Counter())[outcome] = int(value)
    return {stage: dict(counts) for stage, counts in counters.items()}


def is_consistent(counters: Mapping[str, Mapping[str, int]]) -> bool:
    """Return whether `received` equals the sum of the outcomes in every stage."""
    return all(counters[s].get(RECEIVED, 0) == sum(counters[s].get(n, 0) for n in names) for s, names in STAGES.items())
