"""The tools of the MCP server: search, get, list since, story and diff.

The lead of an answer has numbers, ids, times and positions only. All text of an article is between the delimiters.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from streams.config.settings import Settings
from streams.errors import CopydeskError
from streams.records import Article
from streams.start import Last, Offsets, StartPosition
from streams.subscribe import Subscription
from streams.topics import ARTICLES, resolve_topic
from workers.dedupe.diff import DiffOp, diff
from workers.mcp.delimiters import (
    DELIMITER_TOKENS,
    WARNING,
    Record,
    cut_to_bytes,
    delimit,
    encode_record,
    estimate_tokens,
    quote,
    take_fitting,
)
from workers.mcp.library import Library
from workers.mcp.reading import opened
from workers.replay import parse_since
from workers.search.articles import Filters, to_row
from workers.text.counts import format_count
from workers.web.broadcast import format_position, parse_position

MIN_TOKENS, DEFAULT_TOKENS, MAX_TOKENS = 300, 4_000, 50_000
LEAD_TOKENS = 60
FIELD_BYTES = 300  # of a title, link or standfirst in a list
CONTEXT_WORDS = 8  # unchanged words on each side of a change
ID = re.compile(r"[0-9a-f]{20}")
POSITION = re.compile(r"\d{1,15}:\d{1,15}(?:\.\d{1,15}:\d{1,15})*+")

Budget = Annotated[
    int,
    Meta(ge=MIN_TOKENS, le=MAX_TOKENS, description="maximum number of tokens in the answer, estimated at 3 bytes each"),
]
Limit = Annotated[int, Meta(ge=1, le=100, description="maximum number of articles")]
ArticleId = Annotated[str, Meta(pattern="^[0-9a-f]{20}$", description="id of the article")]


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of a tool."""

    max_tokens: Budget = DEFAULT_TOKENS


class SearchArguments(Arguments, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Search the retained articles, the latest published first. Without words, list the newest."""

    words: Annotated[
        str,
        Meta(max_length=300, description='at most 16 words, all to occur; "a phrase", harb* and -excluded work too'),
    ] = ""
    publisher: Annotated[str, Meta(max_length=200, description="part of the publisher's name")] = ""
    language: Annotated[str, Meta(max_length=35, description="BCP 47 tag, such as en or pt-BR")] = ""
    since: Annotated[str, Meta(max_length=40, description="earliest publication: 2026-11-20, 7d, 12h or 30m")] = ""
    limit: Limit = 10


class GetArguments(Arguments, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Return one article with its text."""

    id: ArticleId
    revision: Annotated[int, Meta(ge=0, description="revision; 0: the newest")] = 0
    first_paragraph: Annotated[int, Meta(ge=1, description="number of the first paragraph to return")] = 1


class ListSinceArguments(Arguments, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """List the articles of a topic after a position, and the next position. None is left out."""

    since: Annotated[
        str, Meta(max_length=10_000, description="position from the answer before; empty: the latest articles")
    ] = ""
    topic: Annotated[str, Meta(max_length=100, description="articles, or articles.<route>")] = "articles"
    limit: Limit = 20


class StoryArguments(Arguments, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Return all articles of a story: the first publisher, and copies with their similarity."""

    story_id: Annotated[str, Meta(pattern="^[0-9a-f]{20}$", description="`story_id` of an article")]


class DiffArguments(Arguments, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Return the changed words between two revisions of an article."""

    id: ArticleId
    before: Annotated[int, Meta(ge=0, description="earlier revision; 0: the one before `after`")] = 0
    after: Annotated[int, Meta(ge=0, description="later revision; 0: the newest")] = 0


class ToolError(CopydeskError):
    """An error for the client. Its text repeats words of the client only."""


class Tools:
    """The tools over one copydesk."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self.settings, self.library = settings, library

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Return the answer of the tool *name*. Raises ToolError, and UnavailableError without a broker."""
        tool = TOOLS.get(name)
        if tool is None:
            raise ToolError(f"unknown tool: {quote(name)}; use one of {', '.join(TOOLS)}")
        try:
            parsed = msgspec.convert(dict(arguments), tool.arguments)
        except msgspec.ValidationError as exc:
            raise ToolError(f"invalid arguments: {exc}; see the schema of {name}") from exc
        return await tool.run(self, parsed)

    async def search(self, query: SearchArguments) -> str:
        """Return headlines of matching articles."""
        since = parse_since(query.since, datetime.now(UTC)) if query.since else None
        filters = Filters(
            words=query.words, publisher_part=query.publisher, language=query.language, since=since
        )  # fmt: skip
        articles = await self.library.search(filters, query.limit)
        lines = take_fitting(map(headline, articles), _room(query.max_tokens))
        return delimit(f"{len(lines)} of {len(articles)} matching articles{_hint(len(lines), len(articles))}.", lines)

    async def get(self, query: GetArguments) -> str:
        """Return an article: its fields, then its paragraphs as far as the budget allows."""
        article = self._revision(await self._revisions(query.id), query.revision)
        last = len(article.paragraphs)
        if query.first_paragraph > max(1, last) and not article.withdrawn:
            raise ToolError(f"paragraph not found: {query.first_paragraph} (the article has {last})")
        room = _room(query.max_tokens)
        lines = take_fitting([details(article)], room) if query.first_paragraph == 1 else []
        room -= sum(estimate_tokens(line + "\n") for line in lines)
        paragraphs, extent = _fit_paragraphs(article, query, room)
        return delimit(f"Article {article.id}, revision {article.revision}: {extent}", [*lines, *paragraphs])

    async def list_since(self, query: ListSinceArguments) -> str:
        """Return headlines after a position, and the position after the last of them."""
        name = article_topic(query.topic)
        records, position, more = await self._read(name, query)
        hint = f" Next position: {position}." + (" More articles follow." if more else "")
        return delimit(f"{format_count(len(records), 'article')} of {name}.{hint}", records)

    async def story(self, query: StoryArguments) -> str:
        """Return the headlines of a story, with similarity and original of each copy."""
        articles = await self.library.story(query.story_id)
        if not articles:
            raise ToolError(f"story not found: {query.story_id} (never published, or past its retention)")
        originals = sum(not article["duplicate_of"] for article in articles)
        lines = take_fitting(map(story_member, articles), _room(query.max_tokens))
        counts = f"{format_count(len(articles), 'article')}, {len(articles) - originals} of them copies"
        return delimit(
            f"Story {query.story_id}: {counts}, the first received first{_hint(len(lines), len(articles))}.", lines
        )

    async def diff(self, query: DiffArguments) -> str:
        """Return the word diff of two revisions."""
        revisions = await self._revisions(query.id)
        after = self._revision(revisions, query.after)
        if after.revision == revisions[0].revision:
            raise ToolError(f"no earlier revision: {after.id} (retained from revision {after.revision})")
        before = self._revision(revisions, query.before or after.revision - 1)
        changes = [
            {"part": part, "op": {"=": "unchanged", "-": "deleted", "+": "inserted"}[op.op], "words": op.text}
            for part, old, new in (
                ("title", [before.title], [after.title]),
                ("text", [before.dek, *before.paragraphs], [after.dek, *after.paragraphs]),
            )
            for op in with_context(diff(old, new))
        ]
        lines = take_fitting(changes, _room(query.max_tokens))
        lead = f"Article {after.id}, from revision {before.revision} to {after.revision}"
        return delimit(f"{lead}: {format_count(len(lines), 'part')}{_hint(len(lines), len(changes))}.", lines)

    async def _revisions(self, id_: str) -> list[Article]:
        revisions = await self.library.revisions(id_)
        if not revisions:
            raise ToolError(f"article not found: {id_} (never published, or past its retention)")
        return revisions

    @staticmethod
    def _revision(revisions: Sequence[Article], number: int) -> Article:
        article = next((a for a in revisions if a.revision == number), None) if number else revisions[-1]
        if article is None:
            numbers = ", ".join(str(a.revision) for a in revisions)
            raise ToolError(f"revision not found: {number} (retained: {numbers})")
        return article

    async def _read(self, topic: str, query: ListSinceArguments) -> tuple[list[str], str, bool]:
        """Return encoded headlines, the position after the last one, and whether more articles follow.

        Raises ToolError if *max_tokens* is too small for the first one: the position would stay the same.
        """
        start: StartPosition = Last(query.limit)
        if query.since:
            start = Offsets(to_position(query.since))
        lines = list[str]()
        async with opened(Subscription(topic, start=start, follow=False, settings=self.settings)) as articles:
            position = dict(articles.position)
            room = _room(query.max_tokens) - estimate_tokens(format_position(position))
            async for _, article in articles.messages():
                line = encode_record(headline(to_row(article, 0.0)))
                room -= estimate_tokens(line + "\n")
                if len(lines) == query.limit or room < 0:
                    if not lines:
                        raise ToolError(
                            f"max_tokens too small: {query.max_tokens} "
                            f"(the next article needs {query.max_tokens - room}); raise max_tokens"
                        )
                    return lines, format_position(position), True
                lines.append(line)
                position = dict(articles.position)
            return lines, format_position(articles.position), False


class Tool(NamedTuple):
    """A tool: its arguments, whose docstring describes it, and its function."""

    arguments: type[Arguments]
    run: Callable[[Tools, Any], Awaitable[str]]

    @property
    def description(self) -> str:
        """Return the description for the model."""
        return f"{self.arguments.__doc__} {WARNING}"

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        _, schemas = msgspec.json.schema_components([self.arguments])
        return dict(schemas[self.arguments.__name__])


TOOLS = {
    "search_articles": Tool(SearchArguments, Tools.search),
    "get_article": Tool(GetArguments, Tools.get),
    "list_since": Tool(ListSinceArguments, Tools.list_since),
    "get_story": Tool(StoryArguments, Tools.story),
    "diff_revisions": Tool(DiffArguments, Tools.diff),
}


def article_topic(name: str) -> str:
    """Return the full name of a topic of articles. Raises ToolError."""
    try:
        topic = resolve_topic(name)
    except ValueError as exc:
        raise ToolError(f"unknown topic: {quote(name)}; use articles or articles.<route>") from exc
    if not topic.has_articles:
        raise ToolError(f"not a topic of articles: {topic.name}; use {ARTICLES.name} or a route of it")
    return topic.name


def to_position(text: str) -> dict[int, int]:
    """Return the offsets of a position. Raises ToolError."""
    if not POSITION.fullmatch(text):
        raise ToolError(
            f"invalid position: {quote(text)}; use the one of the answer before, or none for the latest articles"
        )
    return parse_position(text)


def headline(row: Mapping[str, Any]) -> Record:
    """Return the fields of a list. *row*: a row of the article index."""
    return {
        "id": row["id"],
        "revision": row["revision"] if row["revision"] > 1 else "",
        "title": cut_to_bytes(row["title"], FIELD_BYTES),
        "lede": cut_to_bytes(row["lede"], FIELD_BYTES),
        "publisher": cut_to_bytes(row["publisher"], 100),
        "published": _time(datetime.fromisoformat(row["published"])) if row["published"] else "",
        "language": cut_to_bytes(row["language"], 20),
        "words": row["word_count"] or "",
        "story_id": row["story_id"] if row["story_id"] != row["id"] else "",
        "withdrawn": cut_to_bytes(row["withdrawn"], 100),
        "url": cut_to_bytes(row["canonical_url"] or row["url"], FIELD_BYTES),
    }


def story_member(row: Mapping[str, Any]) -> Record:
    """Return the fields of an article within its story. *row*: a row of the article index."""
    return {
        **headline(row),
        "copy_of": row["duplicate_of"],
        "similarity": round(row["similarity"], 2) if row["duplicate_of"] else "",
    }


def details(article: Article) -> Record:
    """Return the fields of one article without its paragraphs."""
    return {
        **story_member(to_row(article, 0.0)),
        "lede": "",
        "dek": cut_to_bytes(article.dek, FIELD_BYTES),
        "story_id": article.story_id,
        "byline": [cut_to_bytes(name, 100) for name in article.byline[:10]],
        "dateline": cut_to_bytes(article.dateline, 100),
        "updated": _time(article.updated),
        "tags": [cut_to_bytes(tag, 50) for tag in article.tags[:20]],
        "credit": cut_to_bytes(article.source_credit, 100),
        "correction": cut_to_bytes(article.correction.note, FIELD_BYTES) if article.correction else "",
    }


def with_context(operations: Sequence[DiffOp]) -> list[DiffOp]:
    """Return *operations* with CONTEXT_WORDS of unchanged words beside each change."""
    short: list[DiffOp] = []
    for n, (op, text) in enumerate(operations):
        words = text.split(" ")
        if op == "=" and len(words) > 2 * CONTEXT_WORDS:
            first = words[:CONTEXT_WORDS] if n > 0 else []
            last = words[-CONTEXT_WORDS:] if n < len(operations) - 1 else []
            text = " ".join((*first, "…", *last))
        short.append(DiffOp(op, text))
    return short


def _fit_paragraphs(article: Article, query: GetArguments, room: int) -> tuple[list[str], str]:
    """Return the paragraphs that fit into *room* tokens as lines, and the words of the lead about them."""
    first, last = query.first_paragraph, len(article.paragraphs)
    if article.withdrawn or not last:
        return [], "withdrawn by its publisher, without text." if article.withdrawn else "without text."
    numbered = [{"paragraph": n, "text": text} for n, text in enumerate(article.paragraphs, 1) if n >= first]
    if whole := take_fitting(numbered, room):
        next_ = first + len(whole)
        hint = f" Continue with first_paragraph={next_}." if next_ <= last else ""
        return whole, f"paragraphs {first} to {next_ - 1} of {last}.{hint}"
    cut = list(filter(None, [_cut_paragraph(numbered[0], room)]))
    shown = f"paragraph {first} of {last}, cut." if cut else f"no paragraph of {last}."
    if query.max_tokens < MAX_TOKENS:
        return cut, f"{shown} Continue with first_paragraph={first} and a higher max_tokens."
    return cut, shown + (f" Continue with first_paragraph={first + 1}." if first < last else "")


def _cut_paragraph(record: Mapping[str, Any], room: int) -> str:
    """Return a paragraph that is larger than the answer, cut to it; "" without room."""
    text = str(record["text"])
    while len(text) > 20:
        text = text[: len(text) * 3 // 4]
        line = encode_record({**record, "text": text + "…", "cut": "raise max_tokens to read all of it"})
        if estimate_tokens(line + "\n") <= room:
            return line
    return ""


def _room(max_tokens: int) -> int:
    return max_tokens - DELIMITER_TOKENS - LEAD_TOKENS


def _hint(shown: int, total: int) -> str:
    return "; raise max_tokens to see all" if shown < total else ""


def _time(value: datetime | None) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if value else ""
