"""Stages of a program in samples of its stack. Pure.

A sample belongs to the stage of its innermost frame that a rule names, so the cost of a library belongs to its caller.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

# Of `py-spy record --format raw --full-filenames`: frames from the outermost to the innermost, then the number of samples.
_FRAME = re.compile(r"(?P<function>[^;(]+) \((?P<path>[^;():]+)(?::\d+)?\)")
OTHER = "other"
IMPORT = "_find_and_load "  # frame of an import: a program imports once, however long it runs


class Rule(NamedTuple):
    """A stage, the end of the path of its modules, and their functions (all if empty)."""

    stage: str
    path: str
    functions: frozenset[str] = frozenset()


def _rules(*rows: tuple[str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(stage, path, frozenset(functions.split())) for stage, path, functions in rows)


SHARED = (
    ("decoding and encoding", "streams/codec.py", ""),
    ("log", "streams/logger.py", ""), ("log", "workers/logging_setup.py", ""), ("log", "logging/__init__.py", ""),
    ("requests to Valkey", "streams/state/redis_client.py", ""), ("requests to Valkey", "redis/asyncio/client.py", ""),
    ("requests to Valkey", "redis/asyncio/connection.py", ""), ("requests to Valkey", "redis/commands/core.py", ""),
    ("requests to Valkey", "streams/state/auto_pipeline.py", ""),
    ("event loop and waiting", "asyncio/runners.py", ""), ("event loop and waiting", "asyncio/base_events.py", ""),
    ("event loop and waiting", "threading.py", ""),
    ("publishing", "streams/brokers/redis_streams/broker.py", "_publish publish publish_and_commit entry_fields script"),
    ("reading of topics", "streams/brokers/redis_streams/broker.py", "fetch"),
)  # fmt: skip
RULES: Mapping[str, Sequence[Rule]] = {
    "desk": _rules(
        ("blocks", "workers/desk/article.py", "item_blocks feed_blocks"),
        ("cleaning", "workers/desk/article.py", "clean_item"),
        ("cleaning", "workers/clean/cleaner.py", "clean_unrendered"),
        ("rendering", "workers/clean/render.py", ""), ("rendering", "workers/clean/cleaner.py", "rendered"),
        ("digest of known items", "workers/dedupe/known_items.py", ""),
        ("fingerprint", "workers/dedupe/fingerprint.py", "fingerprint"),
        ("sentences", "workers/dedupe/near_duplicates/word_arrays.py", ""), ("sentences", "workers/dedupe/near_duplicates/characters.py", ""),
        ("sentences", "workers/dedupe/near_duplicates/compared_texts.py", ""),
        ("signatures", "workers/dedupe/near_duplicates/signature.py", ""),
        ("comparison of pairs", "workers/dedupe/near_duplicates/model.py", ""),
        ("stories", "workers/dedupe/near_duplicates/stories.py", ""),
        ("stories", "workers/dedupe/near_duplicates/index.py", ""),
        ("site history", "workers/dedupe/site_history.py", ""),
        ("seen articles and their texts", "workers/dedupe/seen.py", ""), ("seen articles and their texts", "workers/dedupe/recent_texts.py", ""),
        ("seen articles and their texts", "streams/state/segments.py", ""),
        ("merging of commands", "streams/state/commands.py", ""),
        ("articles and messages", "workers/desk/article.py", "to_article article_messages"),
        ("diffs", "workers/dedupe/diff.py", ""),
        ("exchange with cleaning processes", "workers/desk/fork_server.py", ""),
        ("exchange with cleaning processes", "workers/desk/cleaning_pool.py", ""),
        ("other work of the desk", "workers/desk/desk.py", ""), ("other work of the desk", "workers/desk/batch.py", ""),
        ("agent", "streams/faust/agents.py", ""),
        ("Faust", "streams/faust/redis_consumer.py", ""), ("Faust", "faust/", ""), ("Faust", "mode/", ""),
        *SHARED,
    ),
    "poller": _rules(
        ("parser processes: exchange", "workers/poller/parser_pool.py", ""),
        ("robots.txt", "workers/poller/robots.py", ""),
        ("request", "workers/http/", ""), ("request", "aiohttp/", ""),
        ("registry", "workers/poller/registry.py", ""),
        ("schedule", "workers/poller/schedule.py", ""),
        ("poll", "workers/poller/poll.py", ""), ("poll", "workers/poller/poller.py", ""),
        *SHARED,
    ),
    "parser": _rules(
        ("decoding of the document", "workers/text/encoding.py", ""),
        ("feedparser", "feedparser/", ""),
        ("XML", "workers/poller/formats/expat_xml.py", ""), ("XML", "workers/poller/formats/feedparser_xml.py", ""),
        ("dates", "workers/text/dates.py", ""),
        ("URLs", "workers/urls/", ""),
        ("fingerprints", "workers/dedupe/fingerprint.py", ""),
        ("new items", "workers/poller/new_items.py", ""),
        ("items", "workers/poller/formats/", ""),
        *SHARED,
    ),
}  # fmt: skip


def stage_of(stack: str, rules: Sequence[Rule]) -> str:
    """Return the stage of a stack, whose frames are separated by semicolons."""
    for frame in reversed(stack.split(";")):
        match = _FRAME.fullmatch(frame)
        for rule in rules if match else ():
            assert match is not None
            if _is_in(match["path"], rule.path) and (not rule.functions or match["function"] in rule.functions):
                return rule.stage
    return OTHER


def _is_in(path: str, rule: str) -> bool:
    return f"/{rule}" in f"/{path}" if rule.endswith("/") else f"/{path}".endswith(f"/{rule}")


def shares(lines: Iterable[str], rules: Sequence[Rule]) -> dict[str, float]:
    """Return the share of each stage in the samples of *lines*, the greatest first. Imports are left out."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, number = line.rpartition(" ")
        if stack and IMPORT not in stack:
            counts[stage_of(stack, rules)] += int(number)
    total = sum(counts.values())
    return {stage: count / total for stage, count in counts.most_common()}
