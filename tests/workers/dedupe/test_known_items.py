"""Digests of items without their link lists, and the memory of them."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from streams.records import Content, FullTextPage, Item
from workers.dedupe.known_items import MAX_AGE_S, MAX_TEXT_CHARS, KnownItem, KnownItems, item_digest

NOW = datetime(2026, 11, 27, tzinfo=UTC)
STORY = "<p>The harbour board reopened the canal on Monday, nine years after the flood.</p>"
KNOWN = KnownItem("00" * 10, b"12345678", NOW.timestamp())


def item(*bodies: str, title: str = "Canal reopens") -> Item:
    return Item(feed="https://a.example/f", identity_key="a.example/1", link="https://a.example/1", title=title,
                fetched_at=NOW, fingerprint="00" * 8, content=tuple(map(Content, bodies)))  # fmt: skip


def explore(*titles: str) -> str:
    rows = "".join(f'<li class="x"><a href="/{n}/{len(title)}">{title}</a></li>\n' for n, title in enumerate(titles))
    return f"<h3>Explore</h3><ul>{rows}</ul>"


def digest(item: Item) -> bytes:
    found = item_digest(item)
    assert found is not None
    return found.digest


@pytest.mark.parametrize(
    "other",
    [
        STORY + explore("A tram in the sea", "Swans counted", "Vote on a bridge"),
        STORY + explore("Vote on a bridge"),
        STORY + explore("A <b>tram</b> in the <em>sea</em>", "Swans &amp; geese counted"),
        STORY
        + explore("A tram", "Swans")
        + "<p><strong>ALSO READ:</strong> <a href='/7'>Storm spares the town</a></p>",
        STORY + explore("A tram") + "<p class='share'><a href='/8'>Night ferry</a> | <a href='/9'>Day ferry</a></p>",
    ],
)
def test_digest_rotated_links_is_equal(other: str) -> None:
    first = STORY + explore("Storm spares the town", "Ferry is late")
    also = "<p><strong>ALSO READ:</strong> <a href='/1'>Ferry is late</a></p>"
    if "ALSO" in other:
        first += also
    elif "share" in other:
        first += "<p><a href='/1'>Ferry</a> | <a href='/2'>Tram</a></p>"
    later = replace(item(other), fetched_at=NOW + timedelta(minutes=9), fingerprint="11" * 8, poll_id="p")
    assert digest(item(first)) == digest(later)


@pytest.mark.parametrize(
    "changed",
    [
        item(STORY.replace("nine", "ten") + explore("A tram")),
        item(STORY + explore("A tram"), title="Canal opens again"),
        item(STORY + explore("A tram") + "<p>Correction: it was ten years.</p>"),
        item(STORY + explore("A tram").replace("Explore", "More news of today")),
        item(STORY + '<p>A <a href="/1">tram</a> and a ferry of the town met in the sea.</p>' + explore("A tram")),
        item(STORY + '<p><a href="/p"><img src="/p.jpg"></a></p>' + explore("A tram")),
        item(STORY + explore("A tram"), STORY),
        replace(item(STORY + explore("A tram")), authors=("Ida Marrow",)),
        replace(item(STORY + explore("A tram")), link="https://a.example/2"),
        replace(item(STORY + explore("A tram")), feed="https://b.example/f"),
        replace(item(STORY + explore("A tram")), summary=Content("Canal open")),
    ],
)
def test_digest_changed_item_differs(changed: Item) -> None:
    assert digest(changed) != digest(item(STORY + explore("A tram")))


def test_digest_sentence_with_changed_link_text_differs() -> None:
    sentences = [f'<p>The board said on Monday that <a href="/1">{word}</a> would pay.</p>' for word in ("he", "she")]
    assert digest(item(sentences[0])) != digest(item(sentences[1]))


def test_pages_dumps_and_withdrawals_have_no_digest() -> None:
    page = FullTextPage(url="https://a.example/1", html="<p>x</p>")
    for other in ({"page": page}, {"text_dump": "x"}, {"withdrawn": "error"}):
        assert item_digest(replace(item(STORY), **other)) is None


def test_long_item_has_no_digest() -> None:
    """A hostile feed sends items of 600,000 characters, of which the digest would take as long as cleaning."""
    limit = item("x" * MAX_TEXT_CHARS)
    assert item_digest(limit) is not None
    assert item_digest(replace(limit, summary=Content("y"))) is None


def test_memory_forgets_by_age_and_number() -> None:
    memory, digests = KnownItems(2), [item_digest(item(STORY, title=str(n))) for n in range(3)]
    for n, found in enumerate(digests):
        assert found is not None
        memory.add(found, KNOWN._replace(fetched_s=float(n)), ())
    assert [memory.get(found, 2.0) is not None for found in digests] == [False, True, True]
    assert memory.get(digests[2], 2.0 + MAX_AGE_S) is not None
    assert memory.get(digests[2], 3.0 + MAX_AGE_S) is None
    assert memory.get(None, 2.0) is None


def test_memory_ignores_item_with_kept_link() -> None:
    """The cleaner kept a block that is a link, so a change of this link counts."""
    memory = KnownItems()
    found = item_digest(item(STORY + '<p><a href="/1">Read the board&#8217;s <i>statement</i></a></p>'))
    assert found is not None and len(found.links) == 1
    memory.add(found, KNOWN, ["The harbour board reopened the canal.", "Read the board’s statement"])
    assert memory.get(found, NOW.timestamp()) is None
    memory.add(found, KNOWN, ["The harbour board reopened the canal."])
    assert memory.get(found, NOW.timestamp()) == KNOWN


def test_memory_of_zero_items_is_empty() -> None:
    memory, found = KnownItems(0), item_digest(item(STORY))
    assert found is not None
    memory.add(found, KNOWN, ())
    assert memory.get(found, NOW.timestamp()) is None


def test_outdated_items_are_removed() -> None:
    """At a steady rate, memory grows for an hour only."""
    memory = KnownItems()
    for n in range(3_000):
        found = item_digest(item(STORY, title=str(n)))
        assert found is not None
        memory.add(found, KNOWN._replace(fetched_s=NOW.timestamp() + n * 10), [])
    assert len(memory) == MAX_AGE_S / 10 + 1
