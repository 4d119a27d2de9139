"""Learned evidence in the desk: counted in the site history, used in both ways of cleaning, reported, bounded."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import FullTextPage, Item
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import copydesk
from tests.support.cleaning import CLEANERS, make_item
from tests.support.pipeline import desk, settled
from tests.support.server_commands import server_commands
from workers.clean.document import to_blocks
from workers.clean.element_paths import path_key
from workers.clean.site_facts import BODY_VOTE, CLUTTER_VOTE, Evidence, SiteFacts, hash_key
from workers.clean.site_rules.collection import RuleSource, compile_rules
from workers.dedupe.site_history import PREFIX, SEGMENTS, SiteHistory, SiteQuery
from workers.dedupe.site_report import read_site
from workers.dedupe.site_templates import CHANGED_ARTICLES, MIN_FITTING
from workers.desk.article import clean_item, item_blocks
from workers.desk.cleaning import PooledCleaning
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.desk import create_desk
from workers.desk.slow_items import SlowItems
from workers.services import connect
from workers.status import read_status

TEASER = "Night tram returns to the old bridge"
FEED = "https://courier.example/feed"


def page_html(n: int, *, box: str = "story") -> str:
    """Return a page with a story of its own and a link box; *box* is the class of the story's element."""
    story = "".join(
        f"<p>The harbour board counted {n} swans {place} on day {n}, and {n + 7} of them left again before noon.</p>"
        for place in ("at the lock", "below the old bridge", "in the salt canal", "near the mill")
    )
    links = "".join(f'<li><a href="/t/{n}/{k}">Story {n} of the {k} tide</a></li>' for k in ("low", "high", "spring"))
    return (
        f"<!doctype html><html><head><title>Swans of day {n}</title></head><body><h1>Swans of day {n}</h1>"
        f'<div class="{box}">{story}</div><div class="more"><h3>Most read</h3><ul>{links}</ul></div></body></html>'
    )


def page_item(n: int, box: str = "story") -> Item:
    url = f"https://courier.example/{n}"
    return Item(
        feed=FEED, identity_key=url, link=url, canonical_url=url, title=f"Swans of day {n}", fetched_at=datetime.now(UTC),
        fingerprint=f"{n:016x}", page=FullTextPage(url, page_html(n, box=box)),
    )  # fmt: skip


async def publish_one_by_one(broker: Broker, items: list[Item], before: int = 0) -> None:
    """Publish each item after the desk has handled the one before, so that it sees its votes."""
    for n, item in enumerate(items, before + 1):
        await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item))])
        await settled(broker, {"new": n})


@asynccontextmanager
async def pooled_desk(settings: Settings) -> AsyncGenerator[Broker, None]:
    """Run a desk that cleans in a process of its own."""
    broker = await connect(settings, settings.broker_url)
    async with CleaningPool(1, settings.item_timeout_s) as pool:
        pooled = PooledCleaning(pool, SlowItems(broker, time.time))
        app = create_desk(settings, broker, url=settings.broker_url, name="desk-1", pooled=pooled)
        await app.start()
        try:
            yield broker
        finally:
            await app.stop()
    await broker.close()


async def test_desk_learns_paths_and_reports_template_change(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = 8 + MIN_FITTING  # the first eight articles are too few for a vote
    async with desk(settings) as broker:
        await publish_one_by_one(broker, [page_item(n) for n in range(first)])
        before = await read_status(broker, DESK_GROUP, settings)
        report = await read_site(broker.state, "courier.example")
        changed = [page_item(n, "column") for n in range(first, first + CHANGED_ARTICLES)]
        await publish_one_by_one(broker, changed, first)
        after = await read_status(broker, DESK_GROUP, settings)
    assert before["template_changes"] == {"count": 0, "sites": []}
    assert (report.articles, report.template_changed_s) == (first, None)
    rows = {row.text: row for row in report.evidence}
    assert rows["html > body > div.story > p"].body == first and rows["html > body > div.story > p"].clutter == 0
    assert rows["body > div.more > ul > li"].clutter == first
    assert rows["Most read"].clutter == first
    assert after["template_changes"]["count"] == 1
    assert [site["site"] for site in after["template_changes"]["sites"]] == ["courier.example"]
    assert any("copydesk site courier.example" in warning for warning in after["warnings"])
    assert [r.message for r in caplog.records if "site template changed" in r.getMessage()]
    flags = ("--broker-url", settings.broker_url, "--data-dir", str(tmp_path / "data"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "courier.example.txt").write_text("body: //div[@class='column']\n")
    text = copydesk("site", "www.courier.example", "--site-rules", "rules", *flags, cwd=tmp_path).stdout
    assert (
        "html > body > div.story > p" in text and "last template change: 20" in text and "courier.example.txt" in text
    )
    unknown = copydesk("site", "other.example", *flags, cwd=tmp_path, check=1)
    assert unknown.stderr.startswith("copydesk: site unknown")
    assert not unknown.stdout


async def test_both_ways_of_cleaning_learn_equally(settings: Settings) -> None:
    items = [page_item(n) for n in range(10)]
    reports = []
    for run, start in enumerate((desk, pooled_desk)):
        publisher = f"courier {run}"
        async with start(settings) as broker:
            own = [
                msgspec.structs.replace(
                    i, publisher=publisher, identity_key=f"{i.identity_key}/{run}", link=f"{i.link}/{run}"
                )
                for i in items
            ]
            await publish_one_by_one(broker, own, run * len(items))
            reports.append(await read_site(broker.state, publisher))
    assert reports[0].evidence
    assert msgspec.structs.replace(reports[0], site="") == msgspec.structs.replace(reports[1], site="")


async def test_cleaning_process_uses_evidence() -> None:
    item = make_item(1, page=FullTextPage("https://a.example/9", page_html(1)))
    blocks = item_blocks(item).blocks
    elements = [block.element for block in blocks if block.text and block.element is not None]
    counts = dict.fromkeys((path_key(element) for element in elements), 9 * CLUTTER_VOTE)
    facts = SiteFacts(counts=counts, articles=9)
    async with CleaningPool(1, 2.5, CLEANERS) as pool:
        job = pool.prepare(encode(item))
        await pool.settle(job)
        assert set(counts) <= job.line_keys()
        pool.clean(job, facts)
        await pool.settle(job)
    expected = clean_item(item, item_blocks(item), facts).rendered()
    assert job.content() == expected and expected.evidence.votes and expected.evidence.fits is False


def test_explicit_rule_overrides_evidence() -> None:
    """The rule selects lines that all other articles have as clutter, or repeat."""
    rule = compile_rules([RuleSource("ftr", "courier.example.txt", "body: //div[@class='more']")])
    document = to_blocks(page_html(1), "page", rule=rule)
    keys = document.line_keys
    facts = SiteFacts(keys, dict.fromkeys(keys, 9 + 9 * CLUTTER_VOTE), 10)
    item = make_item(1)
    content = clean_item(item, document, facts)
    assert content.paragraphs == clean_item(item, document, SiteFacts()).paragraphs != ()
    assert not content.evidence.votes


async def test_site_history_counts_votes_and_resets(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    history, key, other = SiteHistory(broker.state), hash_key("a"), hash_key("b")
    for _ in range(3):
        evidence = Evidence({key: CLUTTER_VOTE, other: BODY_VOTE}, {key: "Most read"})
        await broker.publish([], history.record_commands("a.example", "T", ["A line of the story"], evidence))
    [facts] = await history.get([SiteQuery("a.example", frozenset({key, other}))])
    assert (facts.votes(key), facts.votes(other)) == ((0, 3, 0), (0, 0, 3))
    await broker.publish([], history.record_commands("a.example", "T", [], Evidence({other: BODY_VOTE}), [key]))
    [facts] = await history.get([SiteQuery("a.example", frozenset({key, other}))])
    assert (facts.votes(key), facts.votes(other)) == ((0, 0, 0), (0, 0, 4))
    await broker.close()


async def test_evidence_is_bounded_and_forgotten(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    history, sizes = SiteHistory(broker.state, segment_articles=4), []
    old = hash_key("old")
    for n in range(24):
        votes = {hash_key(f"{n}"): CLUTTER_VOTE} | ({old: BODY_VOTE} if n < 4 else {})
        await broker.publish(
            [], history.record_commands("a.example", "T", [], Evidence(votes, {hash_key(f"{n}"): "x"}))
        )
        keys = [k async for k in server_commands(broker.state).scan_iter(f"{PREFIX}:a.example:*:*")]
        sizes.append(sum([await server_commands(broker.state).hlen(k) for k in keys]))
    [facts] = await history.get([SiteQuery("a.example", frozenset({old}))])
    assert facts.votes(old).body == 0
    assert 0 < max(sizes) <= 4 * (SEGMENTS + 1) * 4
    await broker.close()
