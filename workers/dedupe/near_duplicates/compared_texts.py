"""Signatures of texts without the sentences that their source repeats.

    text ──▶ sentences ──▶ sentences that few earlier articles of the source contain ──▶ signature

The source of an article is its publisher, else its feed. An article counts after it was compared, unless it copies an
article of its source under a similar title.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.brokers.base import RedisCommand
from streams.state.lookup import Lookup, look_up
from workers.clean.site_facts import SiteFacts
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.signature import SignatureInput, TextSignature, signatures_of_words
from workers.dedupe.near_duplicates.stories import StoryAssignment
from workers.dedupe.near_duplicates.word_arrays import TextWords, read_words, sentence_texts
from workers.dedupe.site_history import MAX_NAME_CHARS, SentenceHistory, SiteQuery, in_era

MAX_COMPARED_CHARS = 100_000  # 15,000 words; a longer text is compared by its beginning, which bounds the time
MIN_REPEATS = 3  # earlier articles of the source that contain a sentence that no longer counts


class ComparedText(NamedTuple):
    """A text to compare. Times in Unix seconds; `published_s`: 0 if unknown.

    `era`: year of an old article from an archive. Its source has a sentence history of its own.
    """

    id: str
    title: str
    text: str
    publisher: str
    feed: str
    time_s: float
    published_s: float = 0.0
    era: str = ""

    @property
    def source(self) -> str:
        """Name of the source in the sentence history, empty if it is unknown."""
        return in_era((self.publisher or self.feed).casefold()[:MAX_NAME_CHARS], self.era)


class ReadText(NamedTuple):
    """A text in words and sentences, with the keys of those that its source repeats.

    `counts`: key of each sentence → number of articles of the source with it, this one included.
    """

    text: ComparedText
    words: TextWords
    repeated: frozenset[bytes] = frozenset()
    counts: Mapping[bytes, int] = {}

    @property
    def keys(self) -> frozenset[bytes]:
        """Keys of all sentences; none if the source is unknown."""
        return frozenset(filter(None, self.words.keys)) if self.text.source else frozenset()

    @property
    def excluded(self) -> list[str]:
        """Sentences that do not count."""
        sentences = zip(sentence_texts(self.text.text), self.words.keys, strict=True)
        return [text for text, key in sentences if key in self.repeated]

    def signature_input(self) -> SignatureInput:
        """Return the input of the signature without the text; `text_signatures` supplies its words."""
        text, has_repeats = self.text, bool(self.repeated)
        return SignatureInput(text.title, "", text.publisher, text.time_s, text.feed, text.published_s, has_repeats)


def text_signatures(read: Sequence[ReadText]) -> list[tuple[str, TextSignature]]:
    """Return the id and the signature of each text, computed from the sentences that count."""
    words = [text.words.without(text.repeated) for text in read]
    signatures = signatures_of_words([text.signature_input() for text in read], words)
    return [(text.text.id, signature) for text, signature in zip(read, signatures, strict=True)]


class ComparedTexts:
    """Reads texts, and counts the sentences of each source."""

    def __init__(self, state: Any) -> None:
        self.history = SentenceHistory(state)

    async def read(self, texts: Sequence[ComparedText]) -> list[ReadText]:
        """Return *texts* in sentences. Earlier texts of the call count like texts of earlier calls."""
        [read] = await look_up(self.history.state, self.lookup(texts))
        return list(read)

    def lookup(self, texts: Sequence[ComparedText]) -> Lookup[list[ReadText]]:
        """Return the look-up of `read`."""
        words = read_words([text.text[:MAX_COMPARED_CHARS] for text in texts])
        read = [ReadText(text, of_text) for text, of_text in zip(texts, words, strict=True)]
        queries = [SiteQuery(r.text.source, r.keys) for r in read]
        return self.history.lookup(queries).map(lambda facts: _with_counts(read, queries, facts))

    async def assign(self, stories: StoryIndex, texts: Sequence[ComparedText]) -> dict[str, StoryAssignment]:
        """Return the story of each text by its id, and store the texts. For callers without an atomic step."""
        read = await self.read(texts)
        assignments = await stories.assign(text_signatures(read))
        await stories.state.execute_many(self.record_commands(read, assignments))
        return dict(zip((text.id for text in texts), assignments, strict=True))

    def record_commands(self, read: Sequence[ReadText], assignments: Sequence[StoryAssignment]) -> list[RedisCommand]:
        """Return the commands that count the sentences of texts, which `read` has just returned."""
        return self.history.count_commands(
            (r.text.source, r.counts)
            for r, assignment in zip(read, assignments, strict=True)
            if r.counts and (not (assignment.duplicate_of and assignment.same_publisher) or assignment.retitled)
        )


def _with_counts(read: Sequence[ReadText], queries: Sequence[SiteQuery], facts: Sequence[SiteFacts]) -> list[ReadText]:
    """Return the texts with the number of articles with each sentence."""
    out: list[ReadText] = []
    earlier: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
    counted: set[tuple[str, str, frozenset[bytes]]] = set()
    for r, (source, keys), known in zip(read, queries, facts, strict=True):
        in_call, counts = earlier[source], dict.fromkeys(keys, 1)  # most sentences are new
        common = [(key, numbers[key]) for numbers in (known.counts, in_call) for key in keys & numbers.keys()]
        for key, count in common:
            counts[key] += count
        repeated = frozenset(key for key, _ in common if counts[key] > MIN_REPEATS)
        out.append(r._replace(repeated=repeated, counts=counts))
        if (identity := (source, r.text.title, keys)) not in counted:  # a copy does not count
            counted.add(identity)
            in_call.update(keys)
    return out
