"""Classification of the rows of a file: articles in the order of their arrival."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from streams.errors import UnreadableError
from workers.clean.cleaner import clean
from workers.clean.document import detect_input_type
from workers.dedupe.classify import ArticleMemory, Classification, Status, classify
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.compared_texts import ComparedText, ComparedTexts
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.stories import StoryAssignment
from workers.dedupe.near_duplicates.titles import is_other_article
from workers.text.dates import parse_date
from workers.urls.canonical import canonicalise, slug_key

BATCH_ROWS = 100
Row = Mapping[str, Any]
Report = Callable[[UnreadableError], None]


class KnownArticle(NamedTuple):
    """The memory and the text of an article's last row."""

    memory: ArticleMemory
    title: str
    text: str


class FileRow(NamedTuple):
    """A classified row. `name`: its id in the file, else its number."""

    name: str
    article_id: str
    classification: Classification
    text: ComparedText


def raise_error(error: UnreadableError) -> None:
    """Raise *error*: the first unreadable row ends the classification."""
    raise error


async def classify_rows(
    stories: StoryIndex, rows: Iterable[Row | None], report: Report = raise_error
) -> AsyncIterator[Row]:
    """Yield for each row `id`, `verdict`, `revision`, `story_id`, `duplicate_of`, `duplicate_kind`, `similarity`.

    Ids are the rows' own.

    None stands for an unreadable row: it only takes a number. *report* gets the errors of other unreadable rows.
    A row has `title` and `text` (plain text, HTML, or a list of paragraphs). Optional: `id`, `url`, `publisher` (or
    `outlet`), `feed` (default: the publisher) and `time` (or `published`).

    Raises:
        UnreadableError: a row has no title and no text, and *report* raises.
    """
    memories: dict[str, KnownArticle] = {}
    names: dict[str, str] = {}  # article id → name of its first row
    numbered, compared = enumerate(rows, 1), ComparedTexts(stories.state)
    while batch := list(islice(numbered, BATCH_ROWS)):
        file_rows = [
            r for number, fields in batch if fields is not None for r in _classify(number, fields, memories, report)
        ]
        texts: dict[str, ComparedText] = {}
        for row in file_rows:
            names.setdefault(row.article_id, row.name)
            texts.setdefault(row.article_id, row.text)
        assignments = await compared.assign(stories, list(texts.values()))
        for row in file_rows:
            yield _result(row, assignments[row.article_id], names)


def _classify(number: int, row: Row, memories: dict[str, KnownArticle], report: Report) -> list[FileRow]:
    """Return the classified row; none if it is unreadable."""
    try:
        name, text = read_row(number, row)
    except UnreadableError as exc:
        report(exc)
        return []
    paragraphs = text.text.split("\n")
    slug, known = slug_key(str(row.get("url") or "")), memories.get(text.id)
    if known and slug and is_other_article((known.title, known.text), (text.title, text.text)):
        text = text._replace(id=article_id(slug))
        known = memories.get(text.id)
    classification = classify(known and known.memory, fingerprint((text.title, *paragraphs)), text.time_s)
    memories[text.id] = KnownArticle(classification.memory, text.title, text.text)
    return [FileRow(name, text.id, classification, text)]


def read_row(number: int, row: Row) -> tuple[str, ComparedText]:
    """Return the name of a row (its id, else its number), and its text.

    Raises:
        UnreadableError: it has no title and no text.
    """
    title, text = row.get("title") or "", row.get("text") or row.get("html") or ""
    if not isinstance(title, str) or not isinstance(text, str | list) or not (title or text):
        raise UnreadableError(f"row unreadable: {number} (neither a title nor a text)")
    name = str(row.get("id") or number)
    id_ = article_id(canonicalise(str(row.get("url") or "")).key or f"#{name}")
    publisher = str(row.get("publisher") or row.get("outlet") or "")
    feed = str(row.get("feed") or publisher)
    body = "\n".join(_paragraphs(title, text))
    return name, ComparedText(id_, title, body, publisher, feed, _time_s(row, number))


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
        "verdict": str(status),
        "revision": row.classification.revision,
        "story_id": names.get(story.story, story.story),
        "duplicate_of": duplicate_of or (names[row.article_id] if status is Status.DUPLICATE else ""),
        "duplicate_kind": story.kind if duplicate_of else "",
        "similarity": 1.0 if status is not Status.NEW and not duplicate_of else story.similarity,
    }
