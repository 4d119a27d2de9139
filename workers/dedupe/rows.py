"""Judging a file: articles in the order in which they came, each with its verdict and the story that it tells."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from streams.errors import UnreadableError
from workers.clean.article import clean, sniff
from workers.clean.dates import parse_date
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.signature import Signed, sign
from workers.dedupe.stories import Stories, Told
from workers.dedupe.urls import spell
from workers.dedupe.verdict import Kind, Memory, Verdict, judge

BATCH = 100
Row = Mapping[str, Any]


class Judged(NamedTuple):
    """A row on its way: its name in the file, its article, and the verdict."""

    name: str
    article: str
    verdict: Verdict
    signed: Signed


async def judge_rows(stories: Stories, rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Yield for each row `id`, `verdict`, `revision`, `story_id`, `duplicate_of`, `similarity`; ids are the rows' own.

    A row has `title` and `text` (a text, HTML, or a list of paragraphs), and what there is of `id`, `url`, `publisher`
    (or `outlet`), `feed` (without one the publisher counts as one feed) and `time` (or `published`). Raises
    UnreadableError naming the row that has no title and no text.
    """
    memory: dict[str, Memory] = {}
    names: dict[str, str] = {}  # article → the first row that showed it
    numbered = enumerate(rows, 1)
    while batch := list(islice(numbered, BATCH)):
        judged = [_judged(number, row, memory) for number, row in batch]
        for one in judged:
            names.setdefault(one.article, one.name)
        asked: dict[str, Signed] = {}
        for one in judged:
            asked.setdefault(one.article, one.signed)
        told = dict(zip(asked, await stories.tell(list(asked.items())), strict=True))
        for one in judged:
            yield _row(one, told[one.article], names)


def _judged(number: int, row: Row, memory: dict[str, Memory]) -> Judged:
    title, text = row.get("title") or "", row.get("text") or row.get("html") or ""
    if not isinstance(title, str) or not (title or text):
        raise UnreadableError(f"row {number}: it has neither a title nor a text")
    name = str(row.get("id") or number)
    paragraphs = _paragraphs(title, text)
    when = _time_s(row, number)
    article = article_id(spell(str(row.get("url") or "")).key or f"#{name}")
    verdict = judge(memory.get(article), fingerprint((title, *paragraphs)), when)
    memory[article] = verdict.memory
    publisher = str(row.get("publisher") or row.get("outlet") or "")
    feed = str(row.get("feed") or publisher)
    signed = sign(title, "\n".join(paragraphs), publisher, when, feed)
    return Judged(name, article, verdict, signed)


def _paragraphs(title: str, text: Any) -> Sequence[str]:
    """Return the paragraphs of a row. HTML is cleaned; what is text is taken for clean."""
    if not isinstance(text, str):
        return [str(paragraph) for paragraph in text]
    kind = sniff(text)
    return text.splitlines() if kind == "text" else clean(text, kind, title=title).text


def _time_s(row: Row, number: int) -> float:
    """Return when a row was shown; rows without a time come a second after each other."""
    value = row.get("time") or row.get("fetched_at") or row.get("published")
    if isinstance(value, int | float):
        return float(value)
    when: datetime | None = parse_date(value) if isinstance(value, str) else None
    return when.timestamp() if when else float(number)


def _row(one: Judged, told: Told, names: Mapping[str, str]) -> Row:
    known = one.verdict.kind is not Kind.NEW
    copy_of = names.get(told.copy_of, told.copy_of)
    return {
        "id": one.name,
        "verdict": str(one.verdict.kind),
        "revision": one.verdict.revision,
        "story_id": names.get(told.story, told.story),
        "duplicate_of": copy_of or (names[one.article] if one.verdict.kind is Kind.DUPLICATE else ""),
        "similarity": 1.0 if known and not copy_of else told.similarity,
    }
