"""Tools of the MCP server over each broker: results, positions, budgets and withdrawals."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.support.mcp import Answer, read_answer, require_sdk
from tests.support.site import NOW, article, publish
from workers.services import connect

require_sdk()

from workers.mcp.delimiters import estimate_tokens  # noqa: E402 - the module is skipped without the SDK
from workers.mcp.library import Library  # noqa: E402
from workers.mcp.tools import DEFAULT_TOKENS, ToolError, Tools  # noqa: E402

REPEAT = "Continue with first_paragraph=1 and a higher max_tokens."


@asynccontextmanager
async def tools_of(settings: Settings) -> AsyncGenerator[tuple[Broker, Tools], None]:
    """Yield a broker, and the tools over it."""
    broker = await connect(settings, settings.broker_url)
    library = Library(settings)
    try:
        yield broker, Tools(settings, library)
    finally:
        await library.close()
        await broker.close()


async def ask(tools: Tools, name: str, **arguments: Any) -> Answer:
    text = await tools.call(name, arguments)
    assert estimate_tokens(text) <= arguments.get("max_tokens", DEFAULT_TOKENS)
    return read_answer(text)


def next_position(answer: Answer) -> str:
    return answer.outside.partition("Next position: ")[2].partition(". ")[0].split("\n")[0].rstrip(".")


async def test_tools_read_each_broker(any_broker: Settings) -> None:
    async with tools_of(any_broker) as (broker, tools):
        copy = replace(
            article(2), publisher="Vessmark Gazette", story_id=article(1).id, duplicate_of=article(1).id, similarity=0.94,
            published=NOW + timedelta(hours=1),
        )  # fmt: skip
        await publish(broker, replace(article(1), story_id=article(1).id), copy)
        found = await ask(tools, "search_articles", words="harbour board", publisher="gazette")
        assert [record["id"] for record in found.records] == [copy.id]
        story = await ask(tools, "get_story", story_id=article(1).id)
        assert [(r["publisher"], r.get("similarity")) for r in story.records] == [
            ("The Courier", None),
            ("Vessmark Gazette", 0.94),
        ]
        listed = await ask(tools, "list_since")
        assert {record["id"] for record in listed.records} == {article(1).id, copy.id}

        revised = replace(article(1), revision=2, paragraphs=("The harbour board met 3 times.",))
        await publish(broker, revised, article(3))
        later = await ask(tools, "list_since", since=next_position(listed))
        assert {(r["id"], r.get("revision", 1)) for r in later.records} == {(article(1).id, 2), (article(3).id, 1)}
        got = await ask(tools, "get_article", id=article(1).id)
        assert got.records[1] == {"paragraph": 1, "text": "The harbour board met 3 times."}
        diff = await ask(tools, "diff_revisions", id=article(1).id)
        assert [(r["op"], r["words"]) for r in diff.records if r["op"] != "unchanged"] == [
            ("deleted", "1"),
            ("inserted", "3"),
        ]


async def test_list_since_pages_without_gap(local_broker: Settings) -> None:
    """Small budgets and limits cut answers; the positions lead through all articles, each once."""
    async with tools_of(local_broker) as (broker, tools):
        start = next_position(await ask(tools, "list_since"))
        await publish(broker, *(article(n) for n in range(60)))
        ids: list[str] = []
        for _ in range(100):
            answer = await ask(tools, "list_since", since=start, limit=7, max_tokens=600)
            ids += [record["id"] for record in answer.records]
            start = next_position(answer)
            if "More articles follow" not in answer.outside:
                break
        assert sorted(ids) == sorted(article(n).id for n in range(60))


async def test_long_article_is_read_in_parts(local_broker: Settings) -> None:
    paragraphs = tuple(f"{n} " + "The harbour board met again. " * 10 for n in range(1, 30))
    async with tools_of(local_broker) as (broker, tools):
        await publish(broker, replace(article(1), paragraphs=paragraphs))
        parts: list[str] = []
        first = 1
        while first <= len(paragraphs):
            answer = await ask(tools, "get_article", id=article(1).id, first_paragraph=first, max_tokens=1_000)
            parts += [record["text"] for record in answer.records if "paragraph" in record]
            first = len(parts) + 1
        assert tuple(parts) == paragraphs


async def test_paragraph_above_budget_is_cut(local_broker: Settings) -> None:
    async with tools_of(local_broker) as (broker, tools):
        await publish(broker, replace(article(1), paragraphs=("word " * 5_000,)))
        answer = await ask(tools, "get_article", id=article(1).id, max_tokens=500)
        assert answer.records[-1]["cut"]


async def test_headline_above_budget_names_the_needed_tokens(local_broker: Settings) -> None:
    async with tools_of(local_broker) as (broker, tools):
        start = next_position(await ask(tools, "list_since"))
        await publish(broker, article(1), replace(article(2), title="Harbour " * 99, dek="Board " * 99))
        first = await ask(tools, "list_since", since=start, limit=1)
        arguments = {"since": next_position(first), "max_tokens": 300}
        with pytest.raises(ToolError, match="max_tokens too small: 300 ") as refused:
            await tools.call("list_since", arguments)
        needed = int(str(refused.value).partition("needs ")[2].partition(")")[0])
        answer = await ask(tools, "list_since", **arguments | {"max_tokens": needed})
        ids = {record["id"] for record in (*first.records, *answer.records)}
        assert ids == {article(1).id, article(2).id}


@pytest.mark.parametrize(
    ("max_tokens", "paragraphs", "hint"),
    [
        (300, ("word " * 500, "end"), f"paragraph 1 of 2, cut. {REPEAT}"),
        (700, ("word " * 500, "end"), f"paragraph 1 of 2, cut. {REPEAT}"),
        (50_000, ("word " * 50_000, "end"), "paragraph 1 of 2, cut. Continue with first_paragraph=2."),
        (50_000, ("word " * 50_000,), "paragraph 1 of 1, cut."),
        (4_000, (), "without text."),
    ],
)
async def test_get_repeats_a_cut_paragraph(
    max_tokens: int, paragraphs: tuple[str, ...], hint: str, settings: Settings
) -> None:
    async with tools_of(settings) as (broker, tools):
        await publish(broker, replace(article(1), paragraphs=paragraphs))
        answer = await ask(tools, "get_article", id=article(1).id, max_tokens=max_tokens)
        assert answer.outside.startswith(f"Article {article(1).id}, revision 1: {hint}\n")


async def test_get_without_room_shows_no_paragraph(settings: Settings) -> None:
    wide = replace(article(1), title="Harbour " * 40, byline=("Ida Marrow",) * 2, paragraphs=("word " * 500,) * 2)
    async with tools_of(settings) as (broker, tools):
        await publish(broker, wide)
        answer = await ask(tools, "get_article", id=article(1).id, max_tokens=300)
        assert ["id" in record for record in answer.records] == [True]
        assert f"no paragraph of 2. {REPEAT}" in answer.outside


async def test_paragraph_after_the_last_is_refused(settings: Settings) -> None:
    async with tools_of(settings) as (broker, tools):
        await publish(broker, article(1), replace(article(2), paragraphs=(), withdrawn="mistake"))
        with pytest.raises(ToolError, match=r"paragraph not found: 2 \(the article has 1\)"):
            await tools.call("get_article", {"id": article(1).id, "first_paragraph": 2})
        answer = await ask(tools, "get_article", id=article(2).id, first_paragraph=2)
        assert "withdrawn by its publisher" in answer.outside


async def test_withdrawn_article_shows_no_text(local_broker: Settings) -> None:
    async with tools_of(local_broker) as (broker, tools):
        await publish(broker, article(1))
        await ask(tools, "get_article", id=article(1).id)
        await publish(broker, replace(article(1), revision=2, paragraphs=(), html="", withdrawn="mistake"))
        answer = await ask(tools, "get_article", id=article(1).id)
        assert "withdrawn" in answer.outside
        assert not (await ask(tools, "search_articles", words="harbour")).records
        with pytest.raises(ToolError, match="revision not found: 1"):
            await tools.call("get_article", {"id": article(1).id, "revision": 1})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("delete_article", {}, 'unknown tool: "delete_article"; use one of search_articles, '),
        ("get_article", {"id": "x"}, "invalid arguments"),
        ("get_article", {"id": "0" * 20}, "article not found: 00000000000000000000"),
        ("list_since", {"topic": "items"}, "not a topic of articles: copydesk.items"),
        ("list_since", {"topic": "<nope>"}, r'unknown topic: "\\u003cnope\\u003e"; use articles'),
        ("list_since", {"since": "yester\nday"}, r'invalid position: "yester\\nday"; use'),
        ("search_articles", {"since": "soon"}, "invalid time"),
        ("search_articles", {"since": "99999999999d"}, "invalid time: '99999999999d'"),
        ("search_articles", {"since": "2000000d"}, "invalid time: '2000000d'"),
        ("search_articles", {"limit": 1_000}, "invalid arguments"),
        ("get_story", {"story_id": "0" * 20}, "story not found"),
    ],
)
async def test_invalid_calls_name_the_error(
    local_broker: Settings, name: str, arguments: dict[str, Any], message: str
) -> None:
    async with tools_of(local_broker) as (_, tools):
        with pytest.raises(Exception, match=message):
            await tools.call(name, arguments)


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ({"words": "harbour"}, {1, 2, 3}),
        ({"words": '"harbour NEAR( * OR'}, set()),
        ({"words": "harb"}, set()),
        ({"words": "水門"}, {3}),
        ({"words": "ete"}, {2}),
        ({"language": "PT"}, {2}),
        ({"publisher": "courier"}, {1, 2, 3}),
        ({"since": "2026-11-23T12:01"}, {3}),
        ({"limit": 1}, {3}),
    ],
)
async def test_search_selects_articles(settings: Settings, arguments: dict[str, Any], numbers: set[int]) -> None:
    async with tools_of(settings) as (broker, tools):
        await publish(
            broker, article(1), replace(article(2), title="Été", language="pt-BR"),
            replace(article(3), title="古い水門が開く", published=NOW + timedelta(hours=1)),
        )  # fmt: skip
        found = await ask(tools, "search_articles", **arguments)
        assert {int(record["id"], 16) for record in found.records} == numbers


async def test_search_reads_newest_revisions_only(settings: Settings) -> None:
    async with tools_of(settings) as (broker, tools):
        await publish(broker, article(1), replace(article(1), revision=2, paragraphs=("The ferry sank.",)), article(1))
        assert not (await ask(tools, "search_articles", words="harbour")).records
        assert [r["revision"] for r in (await ask(tools, "search_articles", words="ferry")).records] == [2]
        with pytest.raises(ToolError, match=r"revision not found: 3 \(retained: 1, 2\)"):
            await tools.call("get_article", {"id": article(1).id, "revision": 3})


async def test_cancelled_call_leaves_the_library_usable(settings: Settings) -> None:
    async with tools_of(settings) as (broker, tools):
        await publish(broker, article(1))
        with anyio.move_on_after(0):
            await tools.call("search_articles", {})
        assert len((await ask(tools, "search_articles")).records) == 1


async def test_library_continues_at_its_position(local_broker: Settings) -> None:
    async with tools_of(local_broker) as (broker, tools):
        for n in range(3):
            await publish(broker, article(n))
            assert len((await ask(tools, "search_articles")).records) == n + 1
