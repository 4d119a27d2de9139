"""Classification of the rows of a file: articles in the order of their arrival."""

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

BATCH_ROWS = 100
Row = Mapping[str, Any]


class FileRow(NamedTuple):
    """A classified row. `name`: its id in the file, else its number."""

    name: str
    article_id: str
    classification: Classification
    signature: TextSignature


async def classify_rows(stories: StoryIndex, rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Yield for each row `id`, `status`, `revision`, `story_id`, `duplicate_of`, `similarity`; ids are the rows' own.

    A row has `title` and `text` (plain text, HTML, or a list of paragraphs). Optional: `id`, `url`, `publisher` (or
    `outlet`), `feed` (default: the publisher) and `time` (or `published`).

    Raises:
        UnreadableError: a row has no title and no text.
    """
    memories: dict[str, ArticleMemory] = {}
    names: dict[str, str] = {}  # article id → name of its first row
    numbered = enumerate(rows, 1)
    while batch := list(islice(numbered, BATCH_ROWS)):
        file_rows = [_classify(number, fields, memories) for number, fields in batch]
        signatures: dict[str, TextSignature] = {}
        for row in file_rows:
            names.setdefault(row.article_id, row.name)
            signatures.setdefault(row.article_id, row.signature)
        assignments = dict(zip(signatures, await stories.assign(list(signatures.items())), strict=True))
        for row in file_rows:
            yield _result(row, assignments[row.article_id], names)


def _classify(number: int, row: Row, memories: dict[str, ArticleMemory]) -> FileRow:
    title, text = row.get("title") or "", row.get("text") or row.get("html") or ""
    if not isinstance(title, str) or not (title or text):
        raise UnreadableError(f"row {number}: it has neither a title nor a text")
    name = str(row.get("id") or number)
    paragraphs = _paragraphs(title, text)
    time_s = _time_s(row, number)
    id_ = article_id(canonicalise(str(row.get("url") or "")).key or f"#{name}")
    classification = classify(memories.get(id_), fingerprint((title, *paragraphs)), time_s)
    memories[id_] = classification.memory
    publisher = str(row.get("publisher") or row.get("outlet") or "")
    feed = str(row.get("feed") or publisher)
    return FileRow(name, id_, classification, signature_of(title, "\n".join(paragraphs), publisher, time_s, feed))


def _paragraphs(title: str, text: Any) -> Sequence[str]:
    """Return the paragraphs of a row. HTML is cleaned; plain text is split into lines."""
    if not isinstance(text, str):
        return [str(paragraph) for paragraph in text]
    input_type = detect_input_type(text)
    return text.splitlines() if input_type == "text" else clean(text, input_type, title=title).paragraphs


def _time_s(row: Row, number: int) -> float:
    """Return the row's time in Unix seconds; rows without a time are one second apart."""
    value = row.get("time") or row.get("fetched_at") or row.get("published")
    if isinstance(value, int | float):
        return float(value)
    time: datetime | None = parse_date(value) if isinstance(value, str) else None
    return time.timestamp() if time else float(number)


def _result(row: FileRow, story: StoryAssignment, names: Mapping[str, str]) -> Row:
    status = row.classification.status
    duplicate_of = names.get(story.duplicate_of, story.duplicate_of)
    return {
        "id": row.name,
        "status": str(status),
        "revision": row.classification.revision,
        "story_id": names.get(story.story, story.story),
        "duplicate_of": duplicate_of or (names[row.article_id] if status is Status.DUPLICATE else ""),
        "similarity": 1.0 if status is not Status.NEW and not duplicate_of else story.similarity,
    }
