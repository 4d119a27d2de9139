"""Two revisions of one article in a batch: they do not hide copies of it, or of others."""

import random

import pytest

from streams.brokers import open_broker
from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from tests.support.stories import DAY_S, NOW_S, reworded, signed, story
from workers.dedupe.near_duplicates.index import StoryIndex
from workers.dedupe.near_duplicates.signature import TextSignature


def revised(seed: int) -> list[tuple[str, TextSignature]]:
    """Return articles with up to three revisions each, and copies of some revisions under other ids."""
    rnd, out = random.Random(seed), []
    for n in range(8):
        title, text = story(1000 * seed + n, 6)
        for revision in range(rnd.randint(1, 3)):
            body = text if revision == 0 else f"{text} {story(5000 + 10 * n + revision, 6 * revision)[1]}"
            out.append(signed(f"{seed}/{n}", title, body, "Tidewire", NOW_S + 60 * revision))
            if rnd.random() < 0.6:
                out.append(signed(f"{seed}/{n}/{revision}", title, reworded(body), "The Saltby Courier", NOW_S + 90))
    rnd.shuffle(out)
    return out


@pytest.mark.parametrize("seed", range(8))
async def test_revisions_in_batch_hide_no_copy(settings: Settings, seed: int) -> None:
    broker = open_broker(settings)
    articles = revised(seed)
    await server_commands(broker.state).flushall()
    stories = StoryIndex(broker.state, 7 * DAY_S)
    singly = [(await stories.assign([article]))[0] for article in articles]
    await server_commands(broker.state).flushall()
    batch = await StoryIndex(broker.state, 7 * DAY_S).assign(articles)
    assert [a._replace(near_identical=False) for a in batch] == [a._replace(near_identical=False) for a in singly]
    assert any(a.duplicate_of for a in batch)
    await broker.close()
