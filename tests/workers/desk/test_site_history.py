"""What the stream knows of a site: the facts as tables, the memory on a real Valkey."""

import asyncio
from datetime import UTC, datetime

import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item
from streams.topics import ITEMS
from tests.support.feed_server import FeedServer
from tests.support.pipeline import everything, newsdesk, settled
from workers.clean.cleaner import clean
from workers.clean.site_facts import SiteFacts, line_key
from workers.desk.site_history import SEGMENTS, SiteHistory, SiteQuery, site_of
from workers.services import connect

STORY = (
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it.",
    "“We had almost forgotten the smell of it,” said Ida Marrow, who was first through the gate.",
)
HEADLINE = "Can the night-tram company still be saved?"
TEMPLATE = "The Lanthe Courier is read in every house between Dunscar and the sea"


def feed(*lines: str, facts: SiteFacts | None = None) -> tuple[str, ...]:
    body = "".join(f"<p>{line}</p>" for line in (*STORY, *lines))
    return clean(body, "html", title="Salt canal reopens", facts=facts).paragraphs


def facts(repeats: int = 0, articles: int = 10, lines: tuple[str, ...] = (TEMPLATE,)) -> SiteFacts:
    return SiteFacts({line_key(HEADLINE)}, {line_key(line): repeats for line in lines}, articles)


def test_another_story_s_headline_goes_and_the_reason_says_so() -> None:
    assert feed(HEADLINE) == (*STORY, HEADLINE)
    assert feed(HEADLINE.upper(), facts=facts()) == STORY
    [gone] = clean(f"<p>{STORY[0]}</p><p>{HEADLINE}</p>", "html", facts=facts()).removed
    assert gone.reason == "the headline of another story of this site"


@pytest.mark.parametrize(
    ("repeats", "articles", "goes"),
    [(0, 10, False), (1, 10, False), (2, 10, True), (2, 100, False), (9, 100, True), (150, 160, True)],
)
def test_a_line_that_many_articles_have_goes(repeats: int, articles: int, goes: bool) -> None:
    assert (TEMPLATE not in feed(TEMPLATE, facts=facts(repeats, articles))) == goes


def test_a_copy_of_an_article_that_is_known_loses_nothing() -> None:
    assert feed(TEMPLATE, facts=facts(5, 10, (*STORY, TEMPLATE))) == (*STORY, TEMPLATE)


def test_a_story_s_own_title_and_short_headings_are_no_other_story() -> None:
    known = SiteFacts({line_key("Salt canal reopens"), line_key("Analysis")})
    assert feed("Analysis", facts=known) == (*STORY, "Analysis")


def test_a_running_story_s_background_stays_though_it_was_told_before() -> None:
    background = "The canal had been closed since the flood of that year tore both of its gates away."
    assert feed(background, facts=facts(3, lines=(background,))) == (*STORY, background)
    assert feed(background, facts=facts(4, lines=(background,))) == STORY


def test_what_the_stream_learns_makes_no_revision_of_templates() -> None:
    before = clean(f"<p>{STORY[0]}</p><p>{TEMPLATE}</p>", "html")
    after = clean(f"<p>{STORY[0]}</p><p>{TEMPLATE}</p>", "html", facts=facts(5))
    assert after.paragraphs == STORY[:1]
    assert before.stable_lines == after.stable_lines == (STORY[0], TEMPLATE)


@pytest.mark.parametrize(
    ("link", "site"),
    [("https://www.courier.example/a", "courier.example"), ("https://news.courier.example:8080/a", "news.courier.example"),
     ("", "https://f.example/feed"), ("http://[broken", "https://f.example/feed")],
)  # fmt: skip
def test_site(link: str, site: str) -> None:
    now = datetime.now(UTC)
    item = Item(feed="https://f.example/feed", identity_key="k", link=link, fetched_at=now, fingerprint="00" * 8)
    assert site_of(item) == site


async def told(broker: Broker, evidence: SiteHistory, site: str, title: str, *lines: str) -> SiteFacts:
    """Return what is known of an article's lines, then remember it."""
    [known] = await evidence.lookup([SiteQuery(site, frozenset(line_key(line) for line in (title, *lines)))])
    await broker.publish([], evidence.record_commands(site, title, lines))
    return known


def test_memory_counts_articles_not_sites_and_keeps_headlines(settings: Settings) -> None:
    async def go() -> None:
        broker = await connect(settings, settings.broker_url)
        evidence = SiteHistory(broker.state)
        for n in range(3):
            known = await told(
                broker, evidence, "a.example", f"Story number {n} of the day", STORY[0] + str(n), TEMPLATE
            )
            assert (known.articles, known.repeats.get(line_key(TEMPLATE), 0)) == (n, n)
        known = await told(broker, SiteHistory(broker.state), "a.example", "Story number 1 of the day", TEMPLATE)
        assert known.is_headline(line_key("Story number 1 of the day"))
        assert known.is_repeated(line_key(TEMPLATE))
        assert await told(broker, evidence, "b.example", "T", TEMPLATE) == SiteFacts()
        await broker.close()

    asyncio.run(go())


def test_memory_is_bounded_and_lets_old_templates_go(settings: Settings) -> None:
    async def go() -> None:
        broker = await connect(settings, settings.broker_url)
        evidence, size = SiteHistory(broker.state, part_articles=4), []
        for n in range(24):
            lines = [f"A line that only story number {n} has"] + ([TEMPLATE] if n < 4 else [])
            known = await told(broker, evidence, "a.example", f"Story number {n}", *lines, TEMPLATE + "!")
            assert known.articles < 4 * SEGMENTS
            size.append(
                sum([await broker.state.hlen(k) async for k in broker.state.scan_iter("copydesk:evidence:a*[0-9]")])
            )
        assert known.repeats[line_key(TEMPLATE)] >= 4  # "!" doesn't tell lines apart
        assert max(size) <= 4 * (SEGMENTS + 1) * 3
        await broker.close()

    asyncio.run(go())


def test_the_desk_learns_a_site_s_template_and_headlines(settings: Settings) -> None:
    """A footer that no lexicon knows, and links to other stories that nothing marks as such."""

    def item(n: int) -> OutgoingMessage:
        other = f"Story number {n - 1} of the harbour board"
        body = f"<p>{STORY[0][:-1]} for the {n}th time.</p><p>It took {n} years, and nobody remembers the smell of it.</p><p>{other}</p><p>{TEMPLATE}</p>"
        url = f"https://courier.example/{n}"
        record = Item(
            feed="https://courier.example/feed", identity_key=url, link=url, canonical_url=url, title=f"Story number {n} of the harbour board",
            content=(Content(body),), fetched_at=datetime.now(UTC), fingerprint=f"{n:016x}",
        )  # fmt: skip
        return OutgoingMessage(ITEMS.name, url.encode(), encode(record))

    async def go() -> None:
        async with FeedServer() as server, newsdesk(settings, server) as broker:
            for n in range(5):
                await broker.publish([item(n)])
                await settled(broker, {"new": n + 1})
            articles = sorted(await everything(settings, "articles"), key=lambda a: a.title)
            assert [TEMPLATE in a.paragraphs for a in articles] == [True, True, False, False, False]
            assert [any("of the harbour board" in line for line in a.paragraphs) for a in articles] == [
                True,
                *[False] * 4,
            ]
            assert all(len(a.paragraphs) >= 2 for a in articles)
            assert {r.reason.split(" ")[0] for r in articles[4].removed} == {"the", "4"}

    asyncio.run(go())
