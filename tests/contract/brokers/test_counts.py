"""Counting and removing messages on every broker."""

from streams.config.settings import Settings
from streams.records import MessageId
from streams.topics import ARTICLES, DEAD_LETTERS
from tests.support.subscribers import article
from workers import dead_letters
from workers.dead_letters import build
from workers.services import connect


async def test_message_count_counts_stored_messages(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    assert await broker.message_count(ARTICLES.name) == 0
    await broker.publish([article("a"), article("b"), article("c")])
    assert await broker.message_count(ARTICLES.name) == 3
    assert not await broker.group_lags()
    await broker.close()


async def test_resolved_letters_are_not_pending(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await broker.publish([build(None, b"", b"x", (), "unreadable", f"error {n}", feed=f"f{n}") for n in range(5)])
    letters = await dead_letters.select(broker, [])
    assert await dead_letters.count_pending(broker) == len(letters) == 5
    for letter in letters[1:4]:
        assert await dead_letters.discard(broker, letter)
    assert await dead_letters.count_pending(broker) == 2
    pending = await dead_letters.select(broker, [])
    assert sorted(letter.name for letter in pending) == sorted((letters[0].name, letters[4].name))
    is_removed = bool(broker.removal_commands(MessageId(DEAD_LETTERS.name, 0, 0)))  # from memory, not from disk
    assert await broker.message_count(DEAD_LETTERS.name) == (2 if is_removed else 5)
    await broker.close()
