"""Signatures of texts without the sentences that their source repeats.

    text ──▶ sentences ──▶ sentences that few earlier articles of the source contain ──▶ signature

The source of an article is its publisher, else its feed. Its sentences are in the site history, under a name of their
own. An article counts after it was compared, and only if it copies no article of its source.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.brokers.base import RedisCommand
from workers.dedupe.near_duplicates.index import StoryAssignment, StoryIndex
from workers.dedupe.near_duplicates.sentences import MIN_REPEATS, Sentence, own_text, split_sentences
from workers.dedupe.near_duplicates.signature import TextSignature, signature_of
from workers.dedupe.site_history import MAX_NAME_CHARS, SiteHistory, SiteQuery

SOURCE_PREFIX = "\tfrom "  # the name of a site has no tab


class ComparedText(NamedTuple):
    """A text to compare. Times in Unix seconds; `published_s`: 0 if unknown."""

    id: str
    title: str
    text: str
    publisher: str
    feed: str
    time_s: float
    published_s: float = 0.0

    @property
    def source(self) -> str:
        """Name of the source in the site history, empty if it is unknown."""
        name = (self.publisher or self.feed).casefold()[:MAX_NAME_CHARS]
        return f"{SOURCE_PREFIX}{name}" if name else ""


class ReadText(NamedTuple):
    """A text in sentences, with the keys of those that its source repeats."""

    text: ComparedText
    sentences: tuple[Sentence, ...]
    repeated: frozenset[bytes]

    @property
    def keys(self) -> frozenset[bytes]:
        """Keys of all sentences; none if the source is unknown."""
        return frozenset(key for _, key in self.sentences if key and self.text.source)

    @property
    def excluded(self) -> list[str]:
        """Sentences that do not count."""
        return [text for text, key in self.sentences if key in self.repeated]

    def sign(self) -> TextSignature:
        """Return the signature of the sentences that count."""
        text, body = self.text, own_text(self.sentences, self.repeated)
        return signature_of(text.title, body, text.publisher, text.time_s, text.feed, text.published_s)


class ComparedTexts:
    """Reads texts; remembers the sentences of each source."""

    def __init__(self, state: Any) -> None:
        self.history = SiteHistory(state)

    async def read(self, texts: Sequence[ComparedText]) -> list[ReadText]:
        """Return *texts* in sentences. Earlier texts of the same call count as those of earlier calls do."""
        read = [ReadText(text, split_sentences(text.text), frozenset()) for text in texts]
        facts = await self.history.lookup([SiteQuery(r.text.source, r.keys) for r in read])
        earlier: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
        counted: set[tuple[str, str, frozenset[bytes]]] = set()
        for n, (r, known) in enumerate(zip(read, facts, strict=True)):
            in_call, keys = earlier[r.text.source], r.keys
            repeated = {key for key in keys if known.repeats.get(key, 0) + in_call[key] >= MIN_REPEATS}
            read[n] = r._replace(repeated=frozenset(repeated))
            if (identity := (r.text.source, r.text.title, keys)) not in counted:  # a copy does not count
                counted.add(identity)
                in_call.update(keys)
        return read

    async def assign(self, stories: StoryIndex, texts: Sequence[ComparedText]) -> dict[str, StoryAssignment]:
        """Return the story of each text by its id, and remember the texts. For callers without an atomic step."""
        read = await self.read(texts)
        assignments = await stories.assign([(r.text.id, r.sign()) for r in read])
        async with stories.state.pipeline(transaction=False) as pipe:
            for command in self.record_commands(read, assignments):
                pipe.execute_command(*command)
            await pipe.execute()
        return dict(zip((text.id for text in texts), assignments, strict=True))

    def record_commands(self, read: Sequence[ReadText], assignments: Sequence[StoryAssignment]) -> list[RedisCommand]:
        """Return the commands that count the sentences of texts, which `read` has just returned."""
        return [
            command
            for r, assignment in zip(read, assignments, strict=True)
            if r.keys and not (assignment.duplicate_of and assignment.same_publisher)
            for command in self.history.record_keys(r.text.source, tuple(r.keys))
        ]
