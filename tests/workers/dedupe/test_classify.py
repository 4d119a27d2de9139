import asyncio
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.brokers.base import OutgoingMessage
from streams.config.settings import Settings
from workers.counters import STAGES, increment_commands, is_balanced, read_counters
from workers.dedupe.classify import MAX_FINGERPRINTS, ArticleMemory, Status, classify
from workers.dedupe.fingerprint import fingerprint, normalise_visible, raw_fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.seen import SEGMENTS, SeenStore, decode, encode

A, B, C = b"a" * 8, b"b" * 8, b"c" * 8


@pytest.mark.parametrize(
    ("memory", "print_", "fetched_s", "kind", "revision"),
    [
        (None, A, 1.0, Status.NEW, 1),
        (ArticleMemory(1, 1.0, (A,)), A, 2.0, Status.DUPLICATE, 1),
        (ArticleMemory(1, 1.0, (A,)), B, 2.0, Status.REVISION, 2),
        (ArticleMemory(2, 2.0, (B, A)), A, 3.0, Status.DUPLICATE, 2),  # back to a former wording: nobody needs it again
        (ArticleMemory(2, 2.0, (B, A)), C, 1.0, Status.STALE, 2),
        (ArticleMemory(2, 2.0, (B, A)), B, 1.0, Status.DUPLICATE, 2),
    ],
)
def test_verdicts(memory: ArticleMemory | None, print_: bytes, fetched_s: float, kind: Status, revision: int) -> None:
    verdict = classify(memory, print_, fetched_s)
    assert (verdict.status, verdict.revision) == (kind, revision)


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.floats(0, 1e9)), max_size=40))
def test_revisions_rise_by_one_and_memory_stays_small(stream: list[tuple[bytes, float]]) -> None:
    memory, last = None, 0
    for print_, fetched_s in stream:
        verdict = classify(memory, print_, fetched_s)
        memory = verdict.memory
        if verdict.status in (Status.NEW, Status.REVISION):
            assert verdict.revision == last + 1
            last = verdict.revision
            assert classify(memory, print_, fetched_s).status is Status.DUPLICATE
        assert len(memory.fingerprints) <= MAX_FINGERPRINTS
        assert decode(encode(memory)) == memory


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The tide is high.", "The  tide is high .", True),
        ("The tide is high.", "The ti\u200bde is high.", True),
        ("ﬁne", "fine", True),
        ("The tide is high.", "The tide is low.", False),
        ("The tide is high.", "the tide is high.", False),
        ("3 killed", "4 killed", False),
    ],
)
def test_fingerprint_is_of_what_a_reader_notices(one: str, other: str, same: bool) -> None:
    assert (fingerprint([one]) == fingerprint([other])) is same


def test_markup_and_entities_make_no_difference() -> None:
    assert raw_fingerprint(["<p>Caf&eacute; <b>opens</b></p>"]) == raw_fingerprint(["<div>Café opens</div>"])


def test_counters_add_up_by_design(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        await broker.publish(
            [], [*increment_commands("desk", Counter(new=3, dead=1)), *increment_commands("poll", Counter(sent=4))]
        )
        counters = await read_counters(broker.state)
        assert counters["desk"] == {"in": 4, "new": 3, "revised": 0, "duplicate": 0, "filtered": 0, "dead": 1}
        assert is_balanced(counters)
        counters["desk"]["new"] -= 1
        assert not is_balanced(counters)
        await broker.close()

    asyncio.run(go())
    assert set(STAGES) == {"poll", "desk"}


def test_seen_memory_is_bounded_without_a_clock(settings: Settings) -> None:
    """Slices of ten articles: what was last seen SLICES slices ago is forgotten, and its keys are gone."""

    async def go() -> None:
        broker = open_broker(settings)
        seen = SeenStore(broker.state, slice_articles=10)
        ids = [article_id(str(n)) for n in range(10 * (SEGMENTS + 2))]
        for id_ in ids:
            assert await seen.get([id_]) == {}
            await broker.publish([], seen.set_commands(id_, ArticleMemory(1, 1.0, (A,))))
        found = await SeenStore(broker.state, slice_articles=10).get(ids)
        assert set(ids[-10 * (SEGMENTS - 1) :]) <= set(found)
        assert ids[0] not in found
        held = [key async for key in broker.state.scan_iter("copydesk:seen:[0-9]*:*")]
        assert len(held) <= 10 * (SEGMENTS + 1)
        await broker.close()

    asyncio.run(go())


def test_what_is_still_offered_moves_along(settings: Settings) -> None:
    async def go() -> None:
        broker = open_broker(settings)
        seen = SeenStore(broker.state, slice_articles=5)
        keep = article_id("keep")
        await seen.get([keep])
        await broker.publish([], seen.set_commands(keep, ArticleMemory(3, 1.0, (A,))))
        for n in range(5 * SEGMENTS * 3):
            other = article_id(str(n))
            found = await seen.get([keep, other])
            assert found[keep].revision == 3, n
            commands = seen.set_commands(other, ArticleMemory(1, 1.0, (B,)))
            if seen.expires_soon(keep):
                commands += seen.set_commands(keep, found[keep])
            await broker.publish([], commands)
        await broker.close()

    asyncio.run(go())


def test_a_guard_makes_a_step_happen_once(settings: Settings) -> None:
    from streams.brokers.base import Condition

    async def go() -> None:
        broker = open_broker(settings)
        step = ([OutgoingMessage("copydesk.polls", b"k", b"v")], [("INCR", "n")], [Condition("turns", "f", "", "1")])
        assert await broker.publish(*step)
        assert await broker.publish(*step)  # its answer got lost: done before, not again
        assert not await broker.publish([], [("INCR", "n")], [Condition("turns", "f", "0", "2")])
        half = [Condition("turns", "f", "", "1"), Condition("turns", "other", "", "1")]
        assert not await broker.publish([], [("INCR", "n")], half)  # one done, one not: no step of ours
        assert int(await broker.state.get("n")) == 1
        await broker.close()

    asyncio.run(go())


def test_format_characters_are_those_of_unicode() -> None:
    shown = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert [c for c in shown if normalise_visible(c)] == []
    assert normalise_visible("a\u200bb\u00e9") == "ab\u00e9"
    assert fingerprint(["a b"]).hex() == fingerprint(["a", "b"]).hex()
