"""Merged commands have the effect of the commands one by one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.brokers.memory.state import MemoryState
from streams.state.commands import MAX_ARGUMENTS, merge_commands, split_command
from streams.state.lookup import RedisCommand

hashes, counters, fields = (st.sampled_from(names) for names in (["h1", "h2"], ["c1", "c2"], ["f", "g"]))
numbers = st.integers(1, 9)
commands = st.one_of(
    st.tuples(st.just("HSET"), hashes, fields, numbers),
    st.tuples(st.just("HSET"), hashes, fields, numbers, fields, numbers),
    st.tuples(st.just("HINCRBY"), hashes, fields, numbers),
    st.tuples(st.just("INCR"), counters),
    st.tuples(st.just("INCRBY"), counters, numbers),
    st.tuples(st.just("EXPIRE"), st.one_of(hashes, counters), st.just(600)),
    st.tuples(st.just("UNLINK"), st.one_of(hashes, counters)),
    st.tuples(st.just("HDEL"), hashes, fields),
    st.tuples(st.just("SET"), counters, numbers),
)


def state_after(batch: list[Any]) -> dict[bytes, Any]:
    state = MemoryState("memory://")
    for command in batch:
        state.run(*command)
    return {key: value for key, value in state.data.values.items() if value}


@given(st.lists(commands, max_size=20))
def test_merged_commands_have_same_effect(batch: list[RedisCommand]) -> None:
    merged = merge_commands(batch)
    assert state_after(merged) == state_after(batch)
    assert len(merged) <= len(batch)


def test_merged_commands_are_one_per_target() -> None:
    batch: list[RedisCommand] = [
        ("HSET", "h", "f", 1), ("HINCRBY", "n", "f", 1), ("EXPIRE", "h", 9), ("HSET", "h", "g", 2), ("INCR", "c"),
        ("HINCRBY", "n", "f", 2), ("INCRBY", "c", 3), ("EXPIRE", "h", 9),
    ]  # fmt: skip
    assert merge_commands(batch) == [
        ("HSET", "h", "f", 1, "g", 2), ("HINCRBY", "n", "f", 3), ("INCRBY", "c", 4), ("EXPIRE", "h", 9),
    ]  # fmt: skip


@given(st.sampled_from(["HSET", "HDEL", "UNLINK"]), st.integers(1, 2 * MAX_ARGUMENTS))
def test_long_commands_are_split(name: str, count: int) -> None:
    values = [part for n in range(count) for part in ((f"f{n}", n) if name == "HSET" else (f"f{n}",))]
    command = (name, "h", *values)
    parts = list(split_command(command))
    assert max(map(len, parts)) <= MAX_ARGUMENTS
    before = [("HSET", "h", *(part for n in range(count) for part in (f"f{n}", "old")))] if name == "HDEL" else []
    assert state_after([*before, *parts]) == state_after([*before, command])
