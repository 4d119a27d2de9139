"""Texts of hostile length: the desk compares their beginning only."""

from streams.config.settings import Settings
from tests.support.stories import NOW_S, story
from workers.dedupe.near_duplicates.compared_texts import (
    MAX_COMPARED_CHARS,
    ComparedText,
    ComparedTexts,
    text_signatures,
)
from workers.services import connect


async def test_text_is_signed_up_to_its_limit(settings: Settings) -> None:
    title, text = story(1, 12)
    beginning = (text + "\n") * (1 + MAX_COMPARED_CHARS // len(text))
    broker = await connect(settings, settings.broker_url)
    read = await ComparedTexts(broker.state).read([
        ComparedText("00" * 16, title, text, "Courier", "https://a.example/feed", NOW_S)
        for text in (beginning[:MAX_COMPARED_CHARS], beginning + "Other words follow. " * 10_000)
    ])  # fmt: skip
    await broker.close()
    (_, short), (_, long) = text_signatures(read)
    assert short == long
