"""Site rules and entry rules in the desk and in its cleaning processes."""

import pytest

from streams.codec import encode
from streams.records import FullTextPage
from tests.support.cleaning import CLEANERS, make_item
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.collection import RuleSource
from workers.desk.cleaning_pool import CleaningPool

FTR = RuleSource("ftr", "a.example.txt", "body: //div[@id='story']\nauthor: //em\nstrip_id_or_class: promo")
SCRAPER = RuleSource("scraper_rules", "feed", "div#story, p.end")
REWRITE = RuleSource("rewrite_rules", "feed", 'replace("swans"|"geese")')
HTML = """<!doctype html><html><body><em>By Ann Lee</em><div id="story"><p>Nine swans left the harbour.</p>
<p class="promo">Get the app now</p></div><p>The council of a quite different town met on Monday, and talked for hours about
its long budget.</p><p class="end">Nobody followed them.</p></body></html>"""


@pytest.mark.parametrize(
    ("rules", "paragraphs"),
    [
        ((FTR,), ("Nine swans left the harbour.",)),
        ((SCRAPER, REWRITE), ("Nine geese left the harbour.", "Nobody followed them.")),
    ],
)
async def test_cleaning_process_applies_rules(rules: tuple[RuleSource, ...], paragraphs: tuple[str, ...]) -> None:
    item = make_item(1, page=FullTextPage("https://a.example/9", HTML))
    async with CleaningPool(1, 2.5, CLEANERS) as pool:
        job = pool.prepare(encode(item), rules)
        await pool.settle(job)
        job.line_keys()
        pool.clean(job, SiteFacts())
        await pool.settle(job)
        assert job.content().paragraphs == paragraphs
