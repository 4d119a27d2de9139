"""Plans the events of one article without a change of the window.

It reads the text of the article, computes its signature, and asks `decisions`.
"""

import time
from typing import Any

import numpy as np

from streams.records import Article
from workers.events.article_text import ArticleText, TextReader
from workers.events.decisions import Decider, Plan, Probabilities
from workers.events.pair_model import PairModel, load_default
from workers.events.signature import HAS_VECTOR, LAYOUT, padded, publisher_key, quantise, unix_time
from workers.events.window import Window


class Grouper:
    """Plans the changes by articles, on one window."""

    def __init__(self, reader: TextReader, window: Window, model: PairModel | None = None) -> None:
        self.reader, self.window, self.model = reader, window, model or load_default()

    def plan(self, article: Article, text: ArticleText, partition: int = 0, offset: int = 0) -> Plan:
        """Return the changes by *article*, which stands at *offset* of its topic's *partition*."""
        decider = Decider(self.window, self._compare)
        if article.withdrawn:
            slot = self.window.slot_of.get(bytes.fromhex(article.id))
            return decider.withdraw(slot) if slot is not None else Plan(self.window.count)
        record = signature(article, text)
        record["partition"], record["offset"] = partition, offset
        copied = bytes.fromhex(article.duplicate_of)
        return decider.decide(record, copied)

    def _compare(self, one: Any, others: Any) -> Probabilities:
        """Return the probability of one event, by terms that are rare in the window."""
        rare = self.window.without_common_terms
        return self.model.compare(rare(one), rare(others))


def signature(article: Article, text: ArticleText) -> Any:
    """Return the signature of an article, without its event and its position."""
    record = np.zeros((), LAYOUT)
    record["article"], record["publisher"] = bytes.fromhex(article.id), publisher_key(article.publisher)
    record["time_s"] = unix_time(article.published or article.fetched_at) or int(time.time())
    record["language"], record["flags"] = text.language.encode()[:2], HAS_VECTOR * text.has_vector
    record["vector"] = quantise(text.vector)
    for name, keys in (("term", text.terms), ("number", text.numbers), ("place", text.place_keys)):
        record[name] = padded(keys, len(record[name]))
    return record
