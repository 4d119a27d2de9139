"""Batches: signatures and stories of a batch are those of its articles one by one; round trips; memory."""

import asyncio
import random

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from tests.support.stories import DAY_S, NOW_S, reworded, signed, story
from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.index import PREFIX, StoryIndex
from workers.dedupe.near_duplicates.signature import SignatureInput, TextSignature, signature_of, signatures_of


def mixed(seed: int, stories: int = 12) -> list[tuple[str, TextSignature]]:
    """Return articles of *stories* in any order: verbatim copies, reworded copies and single articles."""
    rnd, out = random.Random(seed), []
    for n in range(stories):
        title, text = story(1000 * seed + n, rnd.randint(2, 14))
        for copy in range(rnd.randint(1, 5)):
            body = text if rnd.random() < 0.5 else reworded(text)
            heading = title if rnd.random() < 0.6 else "Quay engineers look back on a long day"
            publisher = rnd.choice(("Tidewire", f"Courier {copy}"))
            out.append(signed(f"{seed}/{n}/{copy}", heading, body, publisher, NOW_S + 60 * copy))
    rnd.shuffle(out)
    return out


async def test_batch_assigns_stories_as_single_articles(settings: Settings) -> None:
    broker = open_broker(settings)
    for seed in range(8):
        articles = mixed(seed)
        await server_commands(broker.state).flushall()
        stories = StoryIndex(broker.state, 7 * DAY_S)
        singly = [(await stories.assign([article]))[0] for article in articles]
        await server_commands(broker.state).flushall()
        stories = StoryIndex(broker.state, 7 * DAY_S)
        middle = len(articles) // 3
        batch = [*await stories.assign(articles[:middle]), *await stories.assign(articles[middle:])]
        assert [a._replace(near_identical=False) for a in batch] == [a._replace(near_identical=False) for a in singly]
        assert any(a.duplicate_of for a in batch)
    await broker.close()


async def test_batch_takes_three_scripts(settings: Settings) -> None:
    broker = open_broker(settings)
    stories = StoryIndex(broker.state, 7 * DAY_S)
    await stories.assign(mixed(100))
    await broker.state.execute_command("CONFIG", "RESETSTAT")
    await stories.assign(mixed(101, 40))
    await stories.assign(mixed(102, 40))
    stats = await broker.state.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] <= 6
    await broker.close()


async def test_desks_with_common_articles_agree(settings: Settings) -> None:
    """Each article has one story, also if eight desks claim overlapping batches at once."""
    brokers = [open_broker(settings) for _ in range(8)]
    desks = [StoryIndex(broker.state, 7 * DAY_S) for broker in brokers]
    for seed in range(6):
        articles = mixed(200 + seed)
        batches = [random.Random(n).sample(articles, len(articles) * 2 // 3) for n in range(len(desks))]
        results = await asyncio.gather(*(desk.assign(batch) for desk, batch in zip(desks, batches, strict=True)))
        story_of: dict[str, set[str]] = {}
        for batch, assignments in zip(batches, results, strict=True):
            for (id_, _), assignment in zip(batch, assignments, strict=True):
                story_of.setdefault(id_, set()).add(assignment.story)
        assert all(len(names) == 1 for names in story_of.values())
    for broker in brokers:
        await broker.close()


async def test_hashes_of_index_are_compact(settings: Settings) -> None:
    """A value beyond `hash-max-listpack-value` would double the memory of the index."""
    broker = open_broker(settings)
    stories = StoryIndex(broker.state, 7 * DAY_S)
    await stories.assign(mixed(300, 60))
    keys = [key async for key in server_commands(broker.state).scan_iter(f"{PREFIX}:*:*:*")]
    assert {await broker.state.execute_command("OBJECT", "ENCODING", key) for key in keys} == {b"listpack"}
    await broker.close()


texts = st.builds(
    SignatureInput, st.text(max_size=80), st.text(max_size=400), st.sampled_from(["", "Tidewire"]), st.floats(0, 2e9),
    st.sampled_from(["", "f"]), st.floats(0, 2e9), st.booleans(),
)  # fmt: skip


@given(st.lists(texts, max_size=6))
@hypothesis_settings(deadline=None)
def test_signatures_of_batch_equal_single_signatures(batch: list[SignatureInput]) -> None:
    batch = [*batch, *(SignatureInput(*story(n, n), "Tidewire", NOW_S) for n in range(4))]
    singly = [signature_of(*text[:-1], repeats=text.repeats) for text in batch]
    assert signatures_of(batch) == singly
    assert signatures_of(batch[::-1]) == singly[::-1]


async def test_article_twice_in_batch_has_one_story(settings: Settings) -> None:
    broker = open_broker(settings)
    stories = StoryIndex(broker.state, 7 * DAY_S)
    title, text = story(5)
    first, *rest = await stories.assign([
        signed("a", title, text), signed("b", title, reworded(text), "The Saltby Courier"), signed("b", *story(6)),
    ])  # fmt: skip
    assert [a.story for a in rest] == [first.story] * 2
    assert first.story == article_id("a")
    await broker.close()
