"""Texts of recently published articles, on a real Valkey."""

import zlib

from streams.config.settings import Settings
from workers.dedupe.diff import count_changes
from workers.dedupe.recent_texts import RecentTexts
from workers.services import connect

ID = "00" * 10
VERSE = ["Swans of the canal", "", "The swans came back,\nand nobody\nhad counted them.", "A last line."]


async def test_line_breaks_of_paragraph_are_kept(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    texts = RecentTexts(broker.state)
    await broker.publish((), texts.set_commands({ID: VERSE}))
    stored = (await texts.get([ID]))[ID]
    assert stored == VERSE
    assert count_changes("", stored, "", VERSE).words_added == 0
    await broker.close()


async def test_text_of_earlier_version_is_read(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    texts = RecentTexts(broker.state)
    [command, *rest] = texts.set_commands({ID: VERSE})
    earlier = zlib.compress(b"Swans of the canal\n\nA last line.")
    await broker.publish((), [(*command[:-1], earlier), *rest])
    assert (await texts.get([ID]))[ID] == ["Swans of the canal", "", "A last line."]
    await broker.close()
