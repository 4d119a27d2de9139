"""Judging a file: articles in the order in which they came, each with its verdict and the story that it tells."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from streams.errors import UnreadableError
from workers.clean.cleaner import clean, detect_input_type
from workers.dedupe.classify import ArticleMemory, Classification, Status, classify
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.index import StoryAssignment, StoryIndex
from workers.dedupe.near_duplicates.signature import TextSignature, signature_of
from workers.text.dates import parse_date
from workers.urls.canonical import canonicalise

BATCH = 100
Row = Mapping[str, Any]


class FileRow(NamedTuple):
    """A row on its way: its name in the file, its article, and the verdict."""

    name: str
    article: str
    verdict: Classification
    signed: TextSignature


async def classify_rows(stories: StoryIndex, rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Yield for each row `id`, `verdict`, `revision`, `story_id`, `duplicate_of`, `similarity`; ids are the rows' own.

    A row has `title` and `text` (a text, HTML, or a list of paragraphs), and what there is of `id`, `url`, `publisher`
    (or `outlet`), `feed` (without one the publisher counts as one feed) and `time` (or `published`). Raises
    UnreadableError naming the row that has no title and no text.
    """
    memory: dict[str, ArticleMemory] = {}
    names: dict[str, str] = {}  # article → the first row that showed it
    numbered = enumerate(rows, 1)
    while batch := list(islice(numbered, BATCH)):
        judged = [_judged(number, row, memory) for number, row in batch]
        for one in judged:
            names.setdefault(one.article, one.name)
        asked: dict[str, TextSignature] = {}
        for one in judged:
            asked.setdefault(one.article, one.signed)
        told = dict(zip(asked, await stories.assign(list(asked.items())), strict=True))
        for one in judged:
            yield _row(one, told[one.article], names)


def _judged(number: int, row: Row, memory: dict[str, ArticleMemory]) -> FileRow:
    title, text = row.get("title") or "", row.get("text") or row.get("html") or ""
    if not isinstance(title, str) or not (title or text):
        raise UnreadableError(f"row {number}: it has neither a title nor a text")
    name = str(row.get("id") or number)
    paragraphs = _paragraphs(title, text)
    when = _time_s(row, number)
    article = article_id(canonicalise(str(row.get("url") or "")).key or f"#{name}")
    verdict = classify(memory.get(article), fingerprint((title, *paragraphs)), when)
    memory[article] = verdict.memory
    publisher = str(row.get("publisher") or row.get("outlet") or "")
    feed = str(row.get("feed") or publisher)
    signed = signature_of(title, "\n".join(paragraphs), publisher, when, feed)
    return FileRow(name, article, verdict, signed)


def _paragraphs(title: str, text: Any) -> Sequence[str]:
    """Return the paragraphs of a row. HTML is cleaned; what is text is taken for clean."""
    if not isinstance(text, str):
        return [str(paragraph) for paragraph in text]
    kind = detect_input_type(text)
    return text.splitlines() if kind == "text" else clean(text, kind, title=title).paragraphs


def _time_s(row: Row, number: int) -> float:
    """Return when a row was shown; rows without a time come a second after each other."""
    value = row.get("time") or row.get("fetched_at") or row.get("published")
    if isinstance(value, int | float):
        return float(value)
    when: datetime | None = parse_date(value) if isinstance(value, str) else None
    return when.timestamp() if when else float(number)


def _row(one: FileRow, told: StoryAssignment, names: Mapping[str, str]) -> Row:
    known = one.verdict.status is not Status.NEW
    copy_of = names.get(told.duplicate_of, told.duplicate_of)
    return {
        "id": one.name,
        "verdict": str(one.verdict.status),
        "revision": one.verdict.revision,
        "story_id": names.get(told.story, told.story),
        "duplicate_of": copy_of or (names[one.article] if one.verdict.status is Status.DUPLICATE else ""),
        "similarity": 1.0 if known and not copy_of else told.similarity,
    }
