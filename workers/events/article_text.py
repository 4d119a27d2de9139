"""The text of an article as the event model needs it: vector, terms, numbers, places and names."""

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.records import Article
from workers.events.encoder import LANGUAGES, TextEncoder
from workers.events.pair_model import Projection, load_projection
from workers.events.places import load_gazetteer
from workers.events.reports import base_language
from workers.events.signature import DIMS, NUMBERS, PLACES, TERMS
from workers.events.terms import name_phrases, number_keys, terms_of, words_of

TITLE_CHARS, LEAD_CHARS = 200, 450  # beginnings of the title, and of title and text, that the text model reads
LEAD_WEIGHT = 2.0  # of the vector of title and text, relative to the vector of the title; decision 0148
OPENING_CHARS = 60  # beginning of a text that stands for its title if it has none
UNSPACED_SHARE = 3  # a text without spaces has as many pieces in a third of the characters
MAX_CHARS = 2_000  # beginning of the text in which numbers and places are looked up
MAX_NAMES = 20
Vector = npt.NDArray[np.float32]
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class Names(NamedTuple):
    """The names and places of a text, for readers. *has_vector*: the text model knows its language."""

    names: tuple[str, ...]
    places: tuple[str, ...]
    has_vector: bool


class ArticleText(NamedTuple):
    """The text of an article as the model needs it. Keys are digests."""

    language: str
    vector: Vector
    terms: list[int]
    numbers: list[int]
    place_keys: list[int]
    names: tuple[str, ...]
    places: tuple[str, ...]
    has_vector: bool


class TextReader:
    """Reads articles. Create one per process: it holds the text model and the places.

    *projection*: replaces the one of the event model, for its training.
    """

    def __init__(self, projection: Projection | None = None) -> None:
        self.encoder, self.gazetteer = TextEncoder(), load_gazetteer()
        self.projection = projection or load_projection()

    def read(self, article: Article) -> ArticleText:
        """Return the text of *article* as the model needs it."""
        title, body = article.title[:TITLE_CHARS], _body(article)
        text = f"{title}. {body}" if title else body
        is_unspaced = _UNSPACED.search(text[:LEAD_CHARS]) is not None
        lead = text[: LEAD_CHARS // UNSPACED_SHARE if is_unspaced else LEAD_CHARS]
        encoded, title_text = self.encoder.encode([lead, title or body[:OPENING_CHARS]])
        language, names = base_language(article.language), self.read_names(article)
        vector = np.zeros(DIMS, np.float32)
        if names.has_vector:
            vector = self.projection.apply(text_vector(encoded.vector, title_text.vector), language)
        terms = terms_of(words_of(title_text.pieces), words_of(encoded.pieces))
        return ArticleText(
            language, vector, [term.key for term in terms[:TERMS]], number_keys(text)[:NUMBERS],
            [place.key for place in self.gazetteer.find(text)[:PLACES]], *names,
        )  # fmt: skip

    def read_names(self, article: Article) -> Names:
        """Return the names and places in an article's text."""
        text = f"{article.title[:TITLE_CHARS]}\n{_body(article)}"
        names = tuple(dict.fromkeys(name_phrases(text)))[:MAX_NAMES]
        places = tuple(place.name for place in self.gazetteer.find(text))
        language = base_language(article.language)
        return Names(names, places, not language or language in LANGUAGES)


def text_vector(lead: Vector, title: Vector) -> Vector:
    """Return the weighted mean of the vectors of a text's beginning and of its title."""
    vector: Vector = (LEAD_WEIGHT * lead + title) / (LEAD_WEIGHT + 1)
    return vector


def _body(article: Article) -> str:
    return "\n".join((article.dek, *article.paragraphs[:20]))[:MAX_CHARS].strip()
