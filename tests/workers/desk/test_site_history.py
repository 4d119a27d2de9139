"""Site history: rules for repeated lines as tables, the memory on a real Valkey."""

from datetime import UTC, datetime

import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item
from streams.topics import ITEMS
from tests.support.feed_server import FeedServer
from tests.support.pipeline import everything, newsdesk, settled
from tests.support.server_commands import server_commands
from workers.clean.cleaner import clean
from workers.clean.site_facts import SiteFacts, line_key
from workers.dedupe.site_history import MAX_SITES, PREFIX, SEGMENTS, SentenceHistory, SiteHistory, SiteQuery, site_of
from workers.services import connect

STORY = (
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it.",
    "“We had almost forgotten the smell of it,” said Ida Marrow, who was first through the gate.",
)
HEADLINE = "Can the night-tram company still be saved?"
TEMPLATE = "The tower clock of Dunscar strikes seven at noon, as it has since the storm of 1911"


def clean_feed(*lines: str, facts: SiteFacts | None = None) -> tuple[str, ...]:
    body = "".join(f"<p>{line}</p>" for line in (*STORY, *lines))
    return clean(body, "html", title="Salt canal reopens", facts=facts).paragraphs


def make_facts(repeats: int = 0, articles: int = 10, lines: tuple[str, ...] = (TEMPLATE,)) -> SiteFacts:
    return SiteFacts({line_key(HEADLINE)}, {line_key(line): repeats for line in lines}, articles)


def test_headline_of_another_story_is_removed() -> None:
    assert clean_feed(HEADLINE) == (*STORY, HEADLINE)
    assert clean_feed(HEADLINE.upper(), facts=make_facts()) == STORY
    [removed] = clean(f"<p>{STORY[0]}</p><p>{HEADLINE}</p>", "html", facts=make_facts()).removed
    assert "headline of another article" in removed.reason


@pytest.mark.parametrize(
    ("repeats", "articles", "removed"),
    [(0, 10, False), (1, 10, False), (2, 10, True), (2, 100, False), (9, 100, True), (150, 160, True)],
)
def test_line_repeated_on_site_is_removed(repeats: int, articles: int, removed: bool) -> None:
    assert (TEMPLATE not in clean_feed(TEMPLATE, facts=make_facts(repeats, articles))) == removed


def test_reprint_is_not_cleaned_by_history() -> None:
    assert clean_feed(TEMPLATE, facts=make_facts(5, 10, (*STORY, TEMPLATE))) == (*STORY, TEMPLATE)


def test_own_title_and_short_headings_stay() -> None:
    facts = SiteFacts({line_key("Salt canal reopens"), line_key("Analysis")})
    assert clean_feed("Analysis", facts=facts) == (*STORY, "Analysis")


def test_repeated_background_sentence_stays_below_limit() -> None:
    background = "The canal had been closed since the flood of that year tore both of its gates away."
    assert clean_feed(background, facts=make_facts(3, lines=(background,))) == (*STORY, background)
    assert clean_feed(background, facts=make_facts(4, lines=(background,))) == STORY


def test_site_history_does_not_create_revisions() -> None:
    before = clean(f"<p>{STORY[0]}</p><p>{TEMPLATE}</p>", "html")
    after = clean(f"<p>{STORY[0]}</p><p>{TEMPLATE}</p>", "html", facts=make_facts(5))
    assert after.paragraphs == STORY[:1]
    assert before.stable_lines == after.stable_lines == (STORY[0], TEMPLATE)


@pytest.mark.parametrize(
    ("publisher", "link", "site"),
    [("", "https://www.courier.example/a", "courier.example"), ("", "https://news.courier.example:8080/a", "news.courier.example"),
     ("", "", "https://f.example/feed"), ("", "http://[broken", "https://f.example/feed"),
     ("Odd Quay Television", "https://video.example/1", "odd quay television")],
)  # fmt: skip
def test_site_key_from_publisher_or_link(publisher: str, link: str, site: str) -> None:
    now = datetime.now(UTC)
    item = Item(
        feed="https://f.example/feed",
        identity_key="k",
        link=link,
        fetched_at=now,
        fingerprint="00" * 8,
        publisher=publisher,
    )
    assert site_of(item) == site


async def test_channels_of_one_host_have_own_history(settings: Settings) -> None:
    """A description of 70 words is the template of its channel, not of the video site."""
    description = " ".join(f"{TEMPLATE} ({word})" for word in ("one", "two", "three", "four", "five", "six", "seven"))
    broker = await connect(settings, settings.broker_url)
    history = SiteHistory(broker.state)
    for n in range(5):
        facts = await look_up_and_record(broker, history, "odd quay television", f"Story number {n}", description)
    assert facts.is_repeated(line_key(description), sentence=True)
    assert await look_up_and_record(broker, history, "odd quay world", "Story", description) == SiteFacts()
    await broker.close()


async def look_up_and_record(broker: Broker, history: SiteHistory, site: str, title: str, *lines: str) -> SiteFacts:
    """Return the facts of an article's lines, then record the article."""
    [facts] = await history.get([SiteQuery(site, frozenset(line_key(line) for line in (title, *lines)))])
    await broker.publish([], history.record_commands(site, title, lines))
    return facts


async def test_site_history_counts_articles_of_one_site(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    history = SiteHistory(broker.state)
    for n in range(3):
        title = f"Story number {n} of the day"
        facts = await look_up_and_record(broker, history, "a.example", title, STORY[0] + str(n), TEMPLATE)
        assert (facts.articles, facts.counts.get(line_key(TEMPLATE), 0)) == (n, n)
    other = SiteHistory(broker.state)
    facts = await look_up_and_record(broker, other, "a.example", "Story number 1 of the day", TEMPLATE)
    assert facts.is_headline(line_key("Story number 1 of the day"))
    assert facts.is_repeated(line_key(TEMPLATE))
    assert await look_up_and_record(broker, history, "b.example", "T", TEMPLATE) == SiteFacts()
    await broker.close()


async def test_site_history_is_bounded(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    history, sizes = SiteHistory(broker.state, segment_articles=4), []
    for n in range(24):
        lines = [f"A line that only story number {n} has"] + ([TEMPLATE] if n < 4 else [])
        title = f"Story number {n}"
        facts = await look_up_and_record(broker, history, "a.example", title, *lines, TEMPLATE + "!")
        assert facts.articles < 4 * SEGMENTS
        keys = [key async for key in server_commands(broker.state).scan_iter(f"{PREFIX}:a*[0-9]")]
        sizes.append(sum([await server_commands(broker.state).hlen(key) for key in keys]))
    assert facts.counts[line_key(TEMPLATE)] >= 4  # line keys ignore "!"
    assert 0 < max(sizes) <= 4 * (SEGMENTS + 1) * 3
    await broker.close()


async def test_desk_learns_templates_and_headlines(settings: Settings) -> None:
    """The footer is in no lexicon, and no markup marks the links to other stories."""

    def make_message(n: int) -> OutgoingMessage:
        other = f"Story number {n - 1} of the harbour board"
        body = f"<p>{STORY[0][:-1]} for the {n}th time.</p><p>It took {n} years, and nobody remembers the smell of it.</p><p>{other}</p><p>{TEMPLATE}</p>"
        url = f"https://courier.example/{n}"
        record = Item(
            feed="https://courier.example/feed", identity_key=url, link=url, canonical_url=url, title=f"Story number {n} of the harbour board",
            content=(Content(body),), fetched_at=datetime.now(UTC), fingerprint=f"{n:016x}",
        )  # fmt: skip
        return OutgoingMessage(ITEMS.name, url.encode(), encode(record))

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        for n in range(5):
            await broker.publish([make_message(n)])
            await settled(broker, {"new": n + 1})
        articles = sorted(await everything(settings, "articles"), key=lambda a: a.title)
        assert [TEMPLATE in a.paragraphs for a in articles] == [True, True, False, False, False]
        has_other = [any("of the harbour board" in line for line in a.paragraphs) for a in articles]
        assert has_other == [True, *[False] * 4]
        assert all(len(a.paragraphs) >= 2 for a in articles)
        assert len({r.reason for r in articles[4].removed}) == 2


async def test_sentence_history_is_bounded_and_keeps_recurring(settings: Settings) -> None:
    """A sentence in every fourth article keeps its number, although a segment has four articles."""
    broker = await connect(settings, settings.broker_url)
    history, key, sizes = SentenceHistory(broker.state, segment_articles=4), line_key(TEMPLATE), []
    for n in range(24):
        keys = frozenset({line_key(f"A sentence that only story {n} has"), *([key] if n % 4 == 0 else [])})
        [facts] = await history.get([SiteQuery("odd quay television", keys)])
        counts = {k: facts.counts.get(k, 0) + 1 for k in keys}
        await broker.publish([], history.count_commands([("odd quay television", counts)]))
        hashes = [k async for k in server_commands(broker.state).scan_iter(f"{SentenceHistory.PREFIX}:odd*[0-9]")]
        sizes.append(sum([await server_commands(broker.state).hlen(k) for k in hashes]))
    [facts] = await history.get([SiteQuery("odd quay television", frozenset({key}))])
    assert facts.counts[key] == 6
    assert 0 < max(sizes) <= 4 * (SEGMENTS + 1) * 2
    await broker.close()


async def test_counts_of_many_sites_are_bounded(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    history = SiteHistory(broker.state)
    for start in range(0, MAX_SITES + 1_000, 1_000):
        await history.get([SiteQuery(f"site-{n}.example", frozenset()) for n in range(start, start + 1_000)])
    assert len(history.counts) == MAX_SITES
    await broker.close()
