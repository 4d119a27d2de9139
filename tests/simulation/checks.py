"""The output of a simulation, and its violations. `docs/explanation/simulation.md` explains each figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.brokers.base import Broker
from streams.codec import decode
from streams.records import Article, DeadLetter
from streams.start import Start
from streams.topics import ARTICLES, DEAD_LETTERS, ITEMS, SINK_REPLAYS, Topic
from tests.faults.checker import Out, _conserve, check, is_replayed
from tests.faults.ledger_server import digest
from tests.simulation.brokers import retry
from tests.simulation.feeds import SimulatedFeeds
from tests.simulation.programs import READERS, SINK, Delivery
from workers import dead_letters
from workers.counters import read_counters
from workers.urls.canonical import canonicalise

GROUPS = (READERS, f"sink.{SINK}")
REPLAYS_GROUP = f"sink.{SINK}.replays"
MORE_FIGURES = ("live", "group_lost", "group_repeated", "group_order", "tail", "replay", "stuck", "bug")
OVERLAP_S = 5.0  # duration of a poll
Violations = dict[str, list[Any]]


@dataclass
class Output:
    """The topics and counters at the end. `fetched_s`: of each article on the wire, the start of its poll.

    `excess_replays` is the number of messages for the sink beyond one for each dead letter. It includes messages that
    retention has removed.
    """

    wire: list[Out] = field(default_factory=list)
    fetched_s: list[float] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    excess_replays: int = 0
    items: int = 0
    counters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


async def read_output(broker: Broker) -> Output:
    replays = sum(progress.end for progress in (await broker.progress(SINK_REPLAYS.name, REPLAYS_GROUP)).values())
    marks = [await broker.state.hgetall(key) for key in (dead_letters.RESOLVED_KEY, dead_letters.REMOVED_KEY)]
    articles = [(message, decode(message.value, Article)) for message in await _all(broker, ARTICLES)]
    return Output(
        [_out(message, article) for message, article in articles],
        [article.fetched_at.timestamp() if article.fetched_at else 0.0 for _, article in articles],
        [decode(message.value, DeadLetter) for message in await _all(broker, DEAD_LETTERS)],
        replays - sum(status == b"replayed" for mark in marks for status in mark.values()),
        len(await _all(broker, ITEMS)),
        await read_counters(broker.state),
    )


async def _all(broker: Broker, topic: Topic) -> list[Any]:
    reader = await retry(lambda: broker.open_reader(topic, "", Start.EARLIEST))
    out: list[Any] = []
    while True:
        messages = await reader.read(0.05)
        out += messages
        if not messages and await reader.at_end():
            return out


def _out(message: Any, article: Article) -> Out:
    assert article.source is not None
    source, words = article.source, digest(article.title, article.paragraphs)
    offsets = (source.partition, source.offset)
    return Out(article.canonical_url, words, article.id, article.revision, message.partition, offsets)


def check_output(
    output: Output, feeds: SimulatedFeeds, poison: Sequence[str], deliveries: Sequence[Delivery], violations: Violations
) -> tuple[dict[str, int], dict[str, Any]]:
    """Add the violations to *violations*; return the figures of the fault suite's checker, and its examples."""
    _live(output, feeds, violations)
    if output.excess_replays:  # each dead letter is sent once
        violations["replay"].append(output.excess_replays)
    for group in GROUPS:
        _group(output, group, [delivery for delivery in deliveries if delivery.group == group], violations)
    _tail(output, [delivery for delivery in deliveries if not delivery.group], violations)
    return _published(output, feeds, poison)


def _published(output: Output, feeds: SimulatedFeeds, poison: Sequence[str]) -> tuple[dict[str, int], dict[str, Any]]:
    urls = {canonicalise(url).key: url for url in (*feeds.ledger, *feeds.live)}
    failed = [letter for letter in output.letters if not letter.sink]
    first = [letter for letter in failed if not is_replayed(letter) and not _is_superseded(letter, output.wire, urls)]
    dead = [urls.get(key, key) for key in (letter.key.decode() for letter in first)]
    report = check(feeds.ledger, [out for out in output.wire if out.url not in feeds.live], dead, poison)
    wrong = _conserve(output.counters, len(output.wire), len(failed), output.items)
    examples = dict(report.examples) | ({"conserve": wrong[0]} if wrong else {})
    return {**report.figures, "conserve": len(wrong)}, examples


def _is_superseded(letter: DeadLetter, wire: Sequence[Out], urls: Mapping[str, str]) -> bool:
    """Return whether the item of *letter* came again and was published.

    Repeated faults can end the desk of any item so often that it is given up (`workers.desk.batch.give_up`).
    """
    key, place = letter.key.decode(), (letter.partition, letter.offset)
    return letter.error_kind == "crash" and any(out.url == urls.get(key, key) and out.source > place for out in wire)


def _live(output: Output, feeds: SimulatedFeeds, violations: Violations) -> None:
    """Check that the revisions of live stories never go back, and end with the newest.

    The responses of two feeds whose polls overlap have no order: the later poll may bring the older revision.
    """
    last: dict[str, tuple[int, float]] = {}
    for out, fetched_s in zip(output.wire, output.fetched_s, strict=True):
        if out.url in feeds.live:
            digests = feeds.live[out.url]
            place = digests.index(out.digest) if out.digest in digests else -1
            newest, newest_fetched_s = last.get(out.url, (-1, 0.0))
            if place <= newest and not (place >= 0 and 0 <= fetched_s - newest_fetched_s < OVERLAP_S):
                violations["live"].append(("order", out.url, newest, place))
            last[out.url] = max((place, fetched_s), last.get(out.url, (-1, 0.0)))
    for url, digests in feeds.live.items():
        newest, _ = last.get(url, (-1, 0.0))
        if newest != len(digests) - 1:
            violations["live"].append(("newest missing", url, newest, len(digests) - 1))


def _group(output: Output, group: str, deliveries: Sequence[Delivery], violations: Violations) -> None:
    # A replayed article comes from another topic, and after later revisions.
    got = [delivery for delivery in deliveries if delivery.topic == ARTICLES.name]
    rejected: set[tuple[str, int]] = set()
    if group != READERS:
        rejected = {_name_of(letter) for letter in output.letters if letter.sink}
        rejected |= {(d.id, d.revision) for d in deliveries if d.topic == SINK_REPLAYS.name}
    missing = {(out.id, out.revision) for out in output.wire} - {(d.id, d.revision) for d in got} - rejected
    violations["group_lost"] += sorted((group, *name) for name in missing)
    violations["group_repeated"] += [d for d in got if d.offset < d.committed]
    violations["group_order"] += disordered(got, repeats=group != READERS)


def _tail(output: Output, deliveries: Sequence[Delivery], violations: Violations) -> None:
    violations["tail"] += disordered(deliveries, repeats=False)
    last = max((delivery.process for delivery in deliveries), default=0)
    names = {(d.id, d.revision) for d in deliveries if d.process == last}
    violations["tail"] += sorted({(out.id, out.revision) for out in output.wire} - names)


def disordered(deliveries: Sequence[Delivery], *, repeats: bool) -> list[Delivery]:
    """Return the deliveries to a process that come after a newer revision, or after the same one without *repeats*."""
    newest: dict[tuple[int, str], int] = {}
    wrong = []
    for delivery in deliveries:
        key = delivery.process, delivery.id
        if delivery.revision < newest.get(key, 0) + (not repeats):
            wrong.append(delivery)
        newest[key] = max(delivery.revision, newest.get(key, 0))
    return wrong


def _name_of(letter: DeadLetter) -> tuple[str, int]:
    article = decode(letter.payload, Article)
    return article.id, article.revision
