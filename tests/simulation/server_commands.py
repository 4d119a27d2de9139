"""The commands of Redis that copydesk uses, on the in-memory broker's keys. Source: https://valkey.io/commands/."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from streams.brokers.memory.state import COMMANDS, Keyspace, to_bytes


class Stream:
    """A stream of entries with the numbers `first` … `last`."""

    def __init__(self) -> None:
        self.entries: list[list[bytes] | None] = []  # None: deleted
        self.last = 0

    @property
    def first(self) -> int:
        return self.last - len(self.entries) + 1

    def add(self, fields: Sequence[bytes]) -> bytes:
        self.entries.append(list(fields))
        self.last += 1
        return b"0-%d" % self.last

    def after(self, number: int, count: int) -> list[list[Any]]:
        """Return up to *count* entries with a greater number, as Redis does."""
        start = max(0, number + 1 - self.first)
        rows = ((n, self.entries[n]) for n in range(start, len(self.entries)))
        return [[b"0-%d" % (self.first + n), row] for n, row in itertools.islice(((n, r) for n, r in rows if r), count)]

    def newest(self) -> list[Any] | None:
        """Return the last entry that is not deleted."""
        rows = ((n, row) for n, row in zip(range(self.last, 0, -1), reversed(self.entries), strict=False) if row)
        return next(([b"0-%d" % n, row] for n, row in rows), None)

    def delete(self, number: int) -> int:
        """Delete the entry *number*; return 1 if it was there."""
        place = number - self.first
        if not 0 <= place < len(self.entries) or self.entries[place] is None:
            return 0
        self.entries[place] = None
        return 1

    def trim(self, first: int) -> int:
        """Remove the entries before the number *first*."""
        count = max(0, min(first - self.first, len(self.entries)))
        del self.entries[:count]
        return count


def stream_at(data: Keyspace, key: bytes) -> Stream:
    """Return the stream at *key*, or an empty one that is not stored."""
    return data._typed(key, "stream", Stream())


def number_of(entry_id: bytes) -> int:
    return int(entry_id[2:])


def _xadd(data: Keyspace, key: bytes, entry_id: bytes, *fields: bytes) -> bytes:
    assert entry_id == b"0-*"
    stream = stream_at(data, key)
    added = stream.add(fields)
    data.store(key, "stream", stream)
    return added


def _xrange(data: Keyspace, key: bytes, start: bytes, end: bytes, *options: bytes) -> list[list[Any]]:
    assert end == b"+"
    stream = stream_at(data, key)
    count = int(options[1]) if options else len(stream.entries)
    after = 0 if start == b"-" else number_of(start.lstrip(b"(")) - (not start.startswith(b"("))
    return stream.after(after, count)


def _xrevrange(data: Keyspace, key: bytes, end: bytes, start: bytes, *options: bytes) -> list[list[Any]]:
    assert (end, start, options) == (b"+", b"-", (b"COUNT", b"1"))
    newest = stream_at(data, key).newest()
    return [newest] if newest else []


def _xinfo(data: Keyspace, what: bytes, key: bytes) -> dict[str, Any]:
    stream = stream_at(data, key)
    first = next(iter(stream.after(0, 1)), None)
    return {"last-generated-id": b"0-%d" % stream.last, "first-entry": first, "last-entry": stream.newest()}


def _zadd(data: Keyspace, key: bytes, *args: bytes) -> int:
    options = {arg for arg in args if arg in (b"NX", b"XX")}
    pairs = [arg for arg in args if arg not in options]
    members = data.sorted_set(key)
    wanted = [
        part
        for score, member in zip(pairs[::2], pairs[1::2], strict=True)
        if not (options and (member in members) == (b"NX" in options))
        for part in (score, member)
    ]
    return int(COMMANDS["ZADD"](data, key, *wanted)) if wanted else 0


def _ranked(data: Keyspace, key: bytes) -> list[tuple[bytes, float]]:
    return sorted(data.sorted_set(key).items(), key=lambda item: (item[1], item[0]))


def _zrange(data: Keyspace, key: bytes, first: bytes, last: bytes, *options: bytes) -> list[bytes]:
    members = COMMANDS["ZRANGE"](data, key, first, last)
    if not options:
        return list(members)
    return [part for member in members for part in (member, score_text(data.sorted_set(key)[member]))]


def _in_range(data: Keyspace, key: bytes, low: bytes, high: bytes) -> list[bytes]:
    least, most = (float(bound.replace(b"inf", b"Infinity")) for bound in (low, high))
    return [member for member, score in _ranked(data, key) if least <= score <= most]


def _zrangebyscore(data: Keyspace, key: bytes, low: bytes, high: bytes, *options: bytes) -> list[bytes]:
    members = _in_range(data, key, low, high)
    return members[int(options[1]) :][: int(options[2])] if options else members


def _zincrby(data: Keyspace, key: bytes, increment: bytes, member: bytes) -> float:
    score = data.sorted_set(key).get(member, 0.0) + float(increment)
    COMMANDS["ZADD"](data, key, to_bytes(score), member)
    return score


def _zremrangebyscore(data: Keyspace, key: bytes, low: bytes, high: bytes) -> int:
    members = _in_range(data, key, low, high)
    return int(COMMANDS["ZREM"](data, key, *members)) if members else 0


def _list(data: Keyspace, key: bytes) -> list[bytes]:
    rows: list[bytes] = data._typed(key, "list", [])
    return rows


def _lpush(data: Keyspace, key: bytes, *values: bytes) -> int:
    rows = [*reversed(values), *_list(data, key)]
    data.store(key, "list", rows)
    return len(rows)


def _ltrim(data: Keyspace, key: bytes, first: bytes, last: bytes) -> bool:
    data.store(key, "list", _list(data, key)[int(first) : int(last) + 1])
    return True


def _setnx(data: Keyspace, key: bytes, value: bytes) -> int:
    if data.exists(key):
        return 0
    COMMANDS["SET"](data, key, value)
    return 1


SERVER_COMMANDS: dict[str, Callable[..., Any]] = {
    **COMMANDS,
    "SETNX": _setnx,
    "ZADD": _zadd,
    "ZRANGE": _zrange,
    "ZRANGEBYSCORE": _zrangebyscore,
    "ZREMRANGEBYSCORE": _zremrangebyscore,
    "ZINCRBY": _zincrby,
    "HVALS": lambda data, key: list(data.hash(key).values()),
    "LPUSH": _lpush,
    "LTRIM": _ltrim,
    "LRANGE": lambda data, key, first, last: _list(data, key)[int(first) :],
    "LLEN": lambda data, key: len(_list(data, key)),
    "XADD": _xadd,
    "XRANGE": _xrange,
    "XREVRANGE": _xrevrange,
    "XLEN": lambda data, key: sum(row is not None for row in stream_at(data, key).entries),
    "XDEL": lambda data, key, entry_id: stream_at(data, key).delete(number_of(entry_id)),
    "XTRIM": lambda data, key, mode, first: stream_at(data, key).trim(number_of(first)),
    "XINFO": _xinfo,
}


def score_text(score: float) -> bytes:
    """Return a score as Redis sends it."""
    return b"%.17g" % score
