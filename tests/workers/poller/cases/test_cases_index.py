"""Index of the cases in ../shared: case → test."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HTTP = "tests.workers.http.test_leniency"
POLLER = "tests.workers.poller"
CASES = f"{POLLER}.cases.test_cases"
# Case → module and test, for cases that are in no table.
TESTS = {
    "079": f"{CASES}_meaning:test_media_of_case_are_absolute",
    "081": f"{CASES}_meaning:test_content_of_case_uses_its_base",
    "082": f"{CASES}_meaning:test_content_of_case_uses_its_base",
    "083": f"{CASES}_meaning:test_content_of_case_uses_its_base",
    "145": f"{CASES}_decoding_http:test_opml_case",
    "162": f"{CASES}_meaning:test_spellings_share_key",
    "163": f"{CASES}_meaning:test_spellings_share_key",
    "195": f"{CASES}_other:test_document_of_case_is_refused",
    "200": f"{CASES}_server:test_response_of_imperfect_server_is_read",
    "201": f"{HTTP}:test_content_codings_are_undone",
    "202": f"{HTTP}:test_content_codings_are_undone",
    "204": f"{HTTP}:test_content_codings_are_undone",
    "205": f"{CASES}_server:test_newest_etag_is_sent",
    "206": f"{CASES}_server:test_constant_etag_hides_no_item",
    "207": f"{HTTP}:test_cookies_live_for_one_redirect_chain",
    "209": f"{CASES}_server:test_incomplete_response_publishes_nothing",
    "211": f"{CASES}_server:test_retry_after_delays_one_feed_of_host",
    "215": f"{CASES}_server:test_response_of_imperfect_server_is_read",
    "217": f"{CASES}_server:test_broken_chunks_fail",
    "218": f"{HTTP}:test_body_ends_at_its_length",
    "221": f"{POLLER}.test_discovery:test_feed_links_of_page",
    "222": f"{POLLER}.test_discovery:test_feed_links_order_and_kinds",
    "223": f"{POLLER}.test_discovery:test_feed_links_order_and_kinds",
    "224": f"{POLLER}.test_discovery:test_feed_links_order_and_kinds",
    "226": f"{POLLER}.test_discovery:test_discover_follows_link_header",
    "235": f"{POLLER}.test_ambiguous_items:test_items_with_shared_names_are_published_once",
    "237": f"{POLLER}.test_ambiguous_items:test_items_with_shared_names_are_published_once",
    "238": f"{CASES}_server:test_item_with_new_updated_time_is_one_article",
    "242": f"{CASES}_server:test_edited_item_is_revision",
    "243": f"{CASES}_server:test_item_of_redirector_and_site_is_one_story",
}


# Tables of test modules whose keys are cases, pairs of case and file, or names that begin with the case.
TABLES = (
    *(f"{CASES}_meaning:{table}" for table in ("PUBLISHED", "LINKS", "TITLES", "AUTHORS", "DISTINCT")),
    *(f"{CASES}_decoding_http:{table}" for table in ("STORY_CASES", "FEED_CASES")),
    *(f"{CASES}_other:{table}" for table in ("FEEDS", "STORIES", "OPML")),
    f"{CASES}_server:POLLS",
)


def named(name: str) -> Any:
    """Return the object `module:attribute`."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def cases_of(table: str) -> set[str]:
    keys = [key if isinstance(key, str) else key[0] for key in named(table)]
    return {key[:3] for key in keys}


@pytest.mark.parametrize("case", TESTS)
def test_index_names_existing_test(case: str) -> None:
    assert callable(named(TESTS[case]))


@pytest.mark.corpus
def test_each_case_has_a_test(shared: Path) -> None:
    covered = set(TESTS) | {case for table in TABLES for case in cases_of(table)}
    assert {path.name[:3] for path in (shared / "cases").glob("[0-9][0-9][0-9]-*")} - covered == set()
